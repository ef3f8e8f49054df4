"""The passages of a generation as rows on a Chroma server: read for it, and copied from it.

A row's id is the passage's id, which says its words and place, and the start of the file's hash,
which says all else that is stored of it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import numpy as np

from assistant.store.draft import Draft
from assistant.store.generation import COLUMNS, SQLITE, to_passage
from assistant.types import Passage, Progress

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

PAGE = 300
"""Rows to a call: far fewer than fill the deadline."""
_IDS = 5_000  # ids alone to a call: a page costs Chroma more the further on it is, so there are few
_ROW = "passages.id || '-' || substr(documents.sha256, 1, 16)"
_OURS = ("number", "id", "key")  # columns that only the local tables need
_TYPES = {name: kind for name, kind in get_type_hints(Passage).items() if name != "sentences"}


class Row(NamedTuple):
    """A passage as a server holds it."""

    id: str
    fields: dict[str, Any]
    vector: Any


def read_rows(folder: Path) -> Iterator[list[Row]]:
    """The rows of a generation, a page at a time, by their ids."""
    query = (
        f"SELECT {_ROW} AS row, vectors.vector AS vector, documents.sha256, passages.* "  # noqa: S608
        "FROM passages JOIN documents USING (source) JOIN vectors USING (key) ORDER BY passages.id"
    )
    with closing(sqlite3.connect(f"{(folder / SQLITE).as_uri()}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        found = db.execute(query)
        while page := found.fetchmany(PAGE):
            rows = []
            for stored in page:
                fields = {name: value for name, value in dict(stored).items() if value is not None}
                for name in _OURS:
                    del fields[name]
                vector = np.frombuffer(fields.pop("vector"), "<f4")
                rows.append(Row(fields.pop("row"), fields, vector))
            yield rows


def digest(ids: Iterable[str]) -> str:
    """One hash for all the rows of a generation, whose ids come in order."""
    whole = sha256()
    for row in ids:
        whole.update(row.encode())
    return whole.hexdigest()


class Replica(Draft):
    """A draft that follows a generation on a server: passages and words, but no new vectors."""

    def copy(
        self, collection: "Collection", manifest: Mapping[str, Any], progress: Progress
    ) -> None:
        """Make it hold the rows of a collection; only those that are not here are fetched.

        Raises `ValueError` for what is not as a manifest of ours and its rows should be.
        """
        total = manifest["passages"]
        self._db.execute("CREATE TEMP TABLE wanted (row TEXT PRIMARY KEY)")
        for start in range(0, total, _IDS):
            ids = collection.get(limit=_IDS, offset=start, include=[])["ids"]
            if len(ids) != min(_IDS, total - start):
                raise ValueError("more rows, or fewer, than were asked for")
            self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((row,) for row in ids))
        missing = self._remove_unwanted()
        for done in range(0, missing, PAGE):
            progress("Fetching", done, missing)
            wanted = self._db.execute("SELECT row FROM wanted LIMIT ?", (PAGE,))
            ids = [row for (row,) in wanted]
            page = collection.get(ids=ids, include=["metadatas"])
            rows = dict(zip(page["ids"], page["metadatas"] or [], strict=True))
            for row in ids:
                self._add_row(row, rows[row])
        progress("Fetching", missing, missing)
        held = self._db.execute(
            f"SELECT {_ROW} FROM passages JOIN documents USING (source) ORDER BY passages.id"  # noqa: S608
        )
        if digest(row for (row,) in held) != manifest["digest"]:
            raise ValueError("rows are missing, or were changed")

    def _remove_unwanted(self) -> int:
        """Remove the documents of which a row is not wanted; how many wanted rows are missing."""
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

    def _add_row(self, row: str, stored: Mapping[str, Any]) -> None:
        passage = to_passage([stored.get(name) for name in COLUMNS.split(", ")])
        _refuse_unsound(passage)
        file_hash = stored["sha256"]
        if row != f"{passage.id}-{file_hash[:16]}":
            raise ValueError("a row is not what its id says")
        self._db.execute(
            "INSERT OR IGNORE INTO documents VALUES (?, ?, '[]')", (passage.source, file_hash)
        )
        self._insert(passage)
        self._db.execute("DELETE FROM wanted WHERE row = ?", (row,))


def _refuse_unsound(passage: Passage) -> None:
    """Raise `ValueError` unless the passage keeps the law of `Passage`."""
    start, end = passage.start, passage.end
    typed = all(isinstance(getattr(passage, name), kind) for name, kind in _TYPES.items())
    if not typed or not 0 <= start < end == start + len(passage.text) or not passage.sentences:
        raise ValueError("a row is no passage")
    numbers = all(isinstance(place, int) for span in passage.sentences for place in span)
    if not numbers or not all(start <= span.start < span.end <= end for span in passage.sentences):
        raise ValueError("a row has sentences outside its text")
