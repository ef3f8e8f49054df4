"""What goes to a server and comes from it: a row for each passage."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from assistant.store.draft import Draft
from assistant.store.generation import SQLITE
from assistant.store.tables import from_fields
from assistant.types import Passage

# A passage's id says its words and place; the file's hash, all else that is stored of it.
_ROW = "passages.id || '-' || substr(documents.sha256, 1, 16)"
_OURS = ("number", "id", "key")  # columns that only the local tables need
_TYPES = {name: kind for name, kind in get_type_hints(Passage).items() if name != "sentences"}


class Row(NamedTuple):
    """A passage as a server holds it."""

    id: str
    fields: dict[str, Any]
    vector: Any


def read_rows(folder: Path, count: int) -> Iterator[list[Row]]:
    """The rows of a generation, `count` at a time, by their ids."""
    query = (
        f"SELECT {_ROW} AS row, vectors.vector AS vector, documents.sha256, passages.* "  # noqa: S608
        "FROM passages JOIN documents USING (source) JOIN vectors USING (key) ORDER BY passages.id"
    )
    with closing(sqlite3.connect(f"{(folder / SQLITE).as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        found = db.execute(query)
        while rows := found.fetchmany(count):
            yield [_row(row) for row in rows]


def _row(stored: sqlite3.Row) -> Row:
    fields = {name: stored[name] for name in stored.keys() if stored[name] is not None}  # noqa: SIM118
    for name in _OURS:
        del fields[name]
    return Row(fields.pop("row"), fields, np.frombuffer(fields.pop("vector"), "<f4"))


class Copy(Draft):
    """A draft that follows a generation elsewhere: passages and their words, but no new vectors.

    Raises `ValueError` for a row that is not one of ours.
    """

    def want(self, ids: Sequence[str]) -> None:
        """Name rows that the generation has."""
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (row TEXT PRIMARY KEY)")
        self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((row,) for row in ids))

    def forget_unwanted(self) -> int:
        """Remove the documents of which the generation lacks a row; how many rows are missing."""
        self.want(())  # there may be none
        gone = self._db.execute(
            f"SELECT DISTINCT source FROM documents LEFT JOIN passages USING (source) "  # noqa: S608
            f"WHERE passages.id IS NULL OR {_ROW} NOT IN (SELECT row FROM wanted)"
        ).fetchall()
        for (source,) in gone:
            self.remove(source)
        self._db.execute(
            f"DELETE FROM wanted WHERE row IN (SELECT {_ROW} FROM passages "  # noqa: S608
            "JOIN documents USING (source))"
        )
        (missing,) = self._db.execute("SELECT count(*) FROM wanted").fetchone()
        return int(missing)

    def missing(self, count: int) -> list[str]:
        """Rows that the generation has and the copy has not yet, at most so many."""
        found = self._db.execute("SELECT row FROM wanted LIMIT ?", (count,))
        return [row for (row,) in found]

    def take(self, ids: Sequence[str], rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Take up the rows with these ids."""
        for row in ids:
            fields = dict(rows[row])
            file_hash = fields.pop("sha256")
            passage = from_fields(fields)
            _refuse_unsound(passage)
            if row != f"{passage.id}-{file_hash[:16]}":
                raise ValueError("a row is not what its id says")
            self._db.execute(
                "INSERT OR IGNORE INTO documents VALUES (?, ?, '[]')", (passage.source, file_hash)
            )
            self._insert(passage)
            self._db.execute("DELETE FROM wanted WHERE row = ?", (row,))

    def digest(self) -> str:
        """What tells whether the copy has the rows it should have; see `digest`."""
        rows = self._db.execute(
            f"SELECT {_ROW} FROM passages JOIN documents USING (source) ORDER BY passages.id"  # noqa: S608
        )
        return digest(row for (row,) in rows)


def digest(ids: Iterator[str]) -> str:
    """One hash for all the rows of a generation, whose ids come in order."""
    whole = sha256()
    for row in ids:
        whole.update(row.encode())
    return whole.hexdigest()


def _refuse_unsound(passage: Passage) -> None:
    """Raise `ValueError` unless the passage keeps the law of `Passage`."""
    start, end = passage.start, passage.end
    typed = all(isinstance(getattr(passage, name), kind) for name, kind in _TYPES.items())
    if not typed or not 0 <= start < end == start + len(passage.text) or not passage.sentences:
        raise ValueError("a row is no passage")
    numbers = all(isinstance(place, int) for span in passage.sentences for place in span)
    if not numbers or not all(start <= span.start < span.end <= end for span in passage.sentences):
        raise ValueError("a row has sentences outside its text")
