"""The passages of a generation as rows on a Chroma server: read for it, and copied from it.

A row's id is the passage's id, which says its words and place, and the start of the file's hash,
which says all else that is stored of it.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from chromadb.api.models.Collection import Collection

from assistant.store.draft import Draft
from assistant.store.generation import COLUMNS, SQLITE, to_passage
from assistant.store.graph import digest
from assistant.types import Passage, Progress

PAGE = 300
"""Rows to a call: far fewer than fill the deadline."""
_IDS = 5_000  # ids alone to a call: a page costs Chroma more the further on it is, so there are few
_ROW = "passages.id || '-' || substr(documents.sha256, 1, 16)"
_FIELDS = ("sha256", *COLUMNS.split(", "))
_TYPES = {name: kind for name, kind in get_type_hints(Passage).items() if name != "sentences"}


class Row(NamedTuple):
    """A passage as a server holds it."""

    id: str
    fields: dict[str, Any]
    vector: Any


def read_rows(folder: Path) -> Iterator[list[Row]]:
    """The rows of a generation, a page at a time, by their ids."""
    query = (
        f"SELECT {_ROW}, vector, sha256, {COLUMNS} FROM passages "  # noqa: S608
        "JOIN documents USING (source) JOIN vectors USING (key) ORDER BY passages.id"
    )
    with closing(sqlite3.connect(f"{(folder / SQLITE).as_uri()}?mode=ro", uri=True)) as db:
        found = db.execute(query)
        while page := found.fetchmany(PAGE):
            yield [
                Row(id_, dict(zip(_FIELDS, values, strict=True)), np.frombuffer(vector, "<f4"))
                for id_, vector, *values in page
            ]


def copy_rows(
    draft: Draft, collection: Collection, manifest: Mapping[str, Any], progress: Progress
) -> None:
    """Make a draft hold the rows of a collection; only those that are not here are fetched.

    Raises `ValueError` for what is not as a manifest of ours and its rows should be.
    """
    total = manifest["passages"]
    draft.db.execute("CREATE TEMP TABLE wanted (row TEXT PRIMARY KEY)")
    for start in range(0, total, _IDS):
        ids = collection.get(limit=_IDS, offset=start, include=[])["ids"]
        if len(ids) != min(_IDS, total - start):
            raise ValueError("more rows, or fewer, than were asked for")
        draft.db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((row,) for row in ids))
    gone = draft.db.execute(
        f"SELECT DISTINCT source FROM documents LEFT JOIN passages USING (source) "  # noqa: S608
        f"WHERE passages.id IS NULL OR {_ROW} NOT IN (SELECT row FROM wanted)"
    ).fetchall()
    for (source,) in gone:
        draft.remove(source)
    held = f"SELECT {_ROW} FROM passages JOIN documents USING (source) ORDER BY passages.id"  # noqa: S608
    draft.db.execute(f"DELETE FROM wanted WHERE row IN ({held})")  # noqa: S608
    (missing,) = draft.db.execute("SELECT count(*) FROM wanted").fetchone()
    for done in range(0, missing, PAGE):
        progress("Fetching", done, missing)
        wanted = draft.db.execute("SELECT row FROM wanted LIMIT ?", (PAGE,))
        ids = [row for (row,) in wanted]
        page = collection.get(ids=ids, include=["metadatas"])
        rows = dict(zip(page["ids"], page["metadatas"] or [], strict=True))
        for row in ids:
            _add_row(draft, row, rows[row])
    progress("Fetching", missing, missing)
    if digest(row for (row,) in draft.db.execute(held)) != manifest["digest"]:
        raise ValueError("rows are missing, or were changed")


def _add_row(draft: Draft, row: str, stored: Mapping[str, Any]) -> None:
    """Add a row. Raises `ValueError` unless it keeps the law of `Passage`, and its id's."""
    passage = to_passage([stored.get(name) for name in _FIELDS[1:]])
    start, end, spans = passage.start, passage.end, passage.sentences
    typed = all(isinstance(getattr(passage, name), kind) for name, kind in _TYPES.items())
    if not typed or not 0 <= start < end == start + len(passage.text) or not spans:
        raise ValueError("a row is no passage")
    numbers = all(isinstance(place, int) for span in spans for place in span)
    if not numbers or not all(start <= span.start < span.end <= end for span in spans):
        raise ValueError("a row has sentences outside its text")
    file_hash = stored["sha256"]
    if row != f"{passage.id}-{file_hash[:16]}":
        raise ValueError("a row is not what its id says")
    draft.db.execute(
        "INSERT OR IGNORE INTO documents VALUES (?, ?, '[]')", (passage.source, file_hash)
    )
    draft.insert(passage)
    draft.db.execute("DELETE FROM wanted WHERE row = ?", (row,))
