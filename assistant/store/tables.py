"""The tables of `passages.sqlite`: documents, passages, their words and vectors."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import IndexMismatch
from assistant.types import Passage, Span

COLUMNS = "source, start, end, text, sentences, title, heading, unit, place"
_TABLES = """
CREATE TABLE IF NOT EXISTS documents (source TEXT PRIMARY KEY, sha256 TEXT, notes TEXT);
CREATE TABLE IF NOT EXISTS passages (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, key TEXT, source TEXT, start INT, end INT,
    text TEXT, sentences TEXT, title TEXT, heading TEXT, unit TEXT, place INT);
CREATE INDEX IF NOT EXISTS by_key ON passages (key);
CREATE INDEX IF NOT EXISTS by_place ON passages (source, start);
CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    body, above, name, tokenize = "unicode61 remove_diacritics 0 tokenchars '.,'");
CREATE VIRTUAL TABLE IF NOT EXISTS vocabulary USING fts5vocab (words, row);
"""


def connect(path: Path) -> sqlite3.Connection:
    """A connection for writing; makes the tables where there are none."""
    db = sqlite3.connect(path)
    try:
        db.executescript(_TABLES)
    except sqlite3.Error:
        db.close()
        raise
    return db


def to_blob(vector: Sequence[float]) -> bytes:
    """A vector as it is stored: little-endian float32, of length 1."""
    array = np.asarray(vector, dtype="<f4")
    return bytes((array / (np.linalg.norm(array) or 1)).astype("<f4").tobytes())


def refuse_other_size(index: Path, stored: int, size: int) -> None:
    """Refuse a vector that cannot be compared with those that are stored, if any are."""
    if stored not in (0, size):
        raise IndexMismatch(
            index,
            f"vectors of {stored} numbers",
            str(size),
            "Rebuild it with the model that you have: assistant rebuild.",
        )


def passages_in(db: sqlite3.Connection, condition: str) -> Iterator[Passage]:
    """The passages of a database for which a condition in SQL holds."""
    return map(to_passage, db.execute(f"SELECT {COLUMNS} FROM passages WHERE {condition}"))  # noqa: S608


def from_fields(fields: Mapping[str, Any]) -> Passage:
    """A passage of its columns, by their names."""
    return to_passage([fields.get(name) for name in COLUMNS.split(", ")])


def to_passage(row: Sequence[Any]) -> Passage:
    """A passage of its columns, in the order of `COLUMNS`."""
    source, start, end, text, sentences, title, heading, unit, place = row
    spans = tuple(Span(*span) for span in json.loads(sentences))
    return Passage(source, start, end, text, spans, title, heading, unit, place)
