"""What goes to a server and comes from it: a row for each passage.

A generation as a collection on a Chroma server: filled, verified, and described.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import numpy as np

from assistant.store.chroma import refuse_foreign
from assistant.store.draft import Draft
from assistant.store.generation import SQLITE
from assistant.store.graph import SAME
from assistant.store.tables import from_fields
from assistant.types import Passage, Progress, Skipped

if TYPE_CHECKING:
    from chromadb.api.fastapi import FastAPI
    from chromadb.api.models.Collection import Collection
    from chromadb.types import Collection as Model

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


PAGE = 300
"""Rows to a call: far fewer than fill the deadline."""
IDS = 5_000
"""Ids alone to a call: a page costs Chroma more the further on it is, so there are few."""

_FLUSHES = 20  # times that the server writes the whole graph anew while it is built
_MOST = 10_000_000  # passages; a manifest that claims more is not believed
_SKIPPED = 100  # files that were left out, of which a manifest tells
_PROBES = 256  # rows that are looked for before a generation is published
_FOUND = 0.1  # of the probes, as in graph.py: that they are stored is looked at by itself


def create(api: "FastAPI", name: str, base: str | None, total: int) -> "Collection":
    """A new collection for so many rows, to replace the generation `base`."""
    flush = max(1_000, total // _FLUSHES)
    model = api.create_collection(
        name,
        configuration={"hnsw": {"space": "cosine", "sync_threshold": flush}},
        metadata={"replaces": base or ""},
    )
    return sound(api, model, name)


def sound(api: "FastAPI", model: "Model", name: str) -> "Collection":
    """A collection that is safe to use: what another's configuration names would run.

    Raises `IndexDamaged` where it names an embedding function.
    """
    from chromadb.api.models.Collection import Collection

    collection = Collection(api, model, embedding_function=None)
    if model.name != name:
        raise ValueError("it gave another collection than was asked for")
    refuse_foreign(collection, Path(name))
    return collection


def upload(collection: "Collection", folder: Path, total: int, progress: Progress) -> str:
    """Add all rows of a draft, and look whether they are there; the digest of their ids.

    Raises `ValueError` where they are not.
    """
    digest, done, probes = sha256(), 0, list[Row]()
    for rows in read_rows(folder, PAGE):
        progress("Publishing", done, total)
        collection.add(
            ids=[row.id for row in rows],
            embeddings=[row.vector for row in rows],
            metadatas=[row.fields for row in rows],
        )
        digest.update("".join(row.id for row in rows).encode())
        probes += rows[:: total // _PROBES + 1]
        done += len(rows)
    progress("Publishing", total, total)
    if not collection.count() == done == total or not _holds(collection, probes):
        raise ValueError("it does not hold what it was given")
    return digest.hexdigest()


def described(manifest: Mapping[str, Any], digest: str, base: str | None) -> dict[str, Any]:
    """A manifest as a collection's metadata; there, it says "complete"."""
    return {
        "recipe": json.dumps(manifest["recipe"]),
        "documents": manifest["documents"],
        "passages": manifest["passages"],
        "digest": digest,
        "skipped": json.dumps(manifest["skipped"][:_SKIPPED]),
        "replaces": base or "",
    }


def read_manifest(collection: "Collection") -> dict[str, Any]:
    """The manifest that a collection carries; raises `ValueError` where it is not true."""
    fields = collection.metadata or {}
    if "recipe" not in fields or not collection.count() == fields["passages"] <= _MOST:
        raise ValueError(f"{collection.name} is unfinished, or was changed")
    recipe = dict(json.loads(fields["recipe"]))
    if not all(isinstance(each, int) or each.isprintable() for each in recipe.values()):
        raise ValueError(f"{collection.name} has no recipe of ours")
    return {
        **fields,
        "recipe": recipe | {"format": int(recipe["format"])},
        "skipped": [Skipped(str(name), str(why)) for name, why in json.loads(fields["skipped"])],
    }


def _holds(collection: "Collection", probes: Sequence[Row]) -> bool:
    """Whether rows are stored as they are, and a search by their vectors leads to them."""
    found = 0
    for start in range(0, len(probes), PAGE // 10):
        rows = {row.id: row for row in probes[start : start + PAGE // 10]}
        stored = collection.get(ids=list(rows), include=["embeddings", "metadatas"])
        for name, vector, fields in zip(
            stored["ids"], np.asarray(stored["embeddings"]), stored["metadatas"] or [], strict=True
        ):
            row = rows.pop(name)
            if fields != row.fields or not np.allclose(vector, row.vector, atol=SAME):
                return False
            near = collection.query(query_embeddings=vector, n_results=1, include=["distances"])
            found += (near["distances"] or [[2.0]])[0][0] < SAME
        if rows:
            return False
    return found >= _FOUND * len(probes)
