"""Chroma's part of a generation while it is written, and the checks before it is published.

A graph does not find every vector it holds. So before publishing, some vectors are searched for in
it, and what it finds is compared with their nearest neighbours; the share found is in the manifest.
"""

import shutil
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import IndexDamaged, IndexUnwritable
from assistant.store.generation import CHROMA, GOOD_RECALL, Generation

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

SAME = 1e-3
"""Distance at which a vector counts as found again; float32 noise is about 1e-6."""
TORN = 0.1
"""A graph that finds a smaller share of what it should is torn, or not there."""
FLUSHES = 20
"""Chroma writes its graph whenever so many vectors came, and the ids of all with it: for many new
ones that takes longer than all else. So it is to write it only so often."""
_FLUSH = 1_000  # vectors, Chroma's default: what is left at the end is put in twice, so not too few
_BATCH = 5_000  # of 5,461 that Chroma takes at once
_PROBES = 64  # vectors of the new, and as many of the old, whose neighbours are searched for
_NEIGHBOURS = 10
_LOST = {
    "passages of no document": "SELECT count(*) FROM passages WHERE source NOT IN "
    "(SELECT source FROM documents)",
    "passages that are not searched by words": "SELECT count(*) FROM passages WHERE number NOT IN "
    "(SELECT rowid FROM words)",
}


class Graph:
    """The vectors by their keys, in a Chroma collection in a folder."""

    def __init__(self, folder: Path, tombstones: int = 0) -> None:
        self._folder = folder
        self.tombstones = tombstones
        """Vectors that were removed, but that Chroma's files keep."""
        self.recall = 0.0
        """The share of the nearest neighbours of some vectors that a search finds."""

    def update(self, db: sqlite3.Connection) -> None:
        """Hold exactly the vectors of a database. Raises `IndexUnwritable` where it does not."""
        from chromadb.errors import ChromaError

        is_new = not self._folder.exists()
        try:
            sound = self._apply(db) and (is_new or self.recall >= GOOD_RECALL)
        except (IndexDamaged, ChromaError, ValueError):  # a copied collection not ours, or torn
            sound = False
        if not sound:  # made again from the stored vectors: nothing is embedded again
            self.remove()
            if not self._apply(db):
                index = self._folder.parent.parent
                raise IndexUnwritable(index, "Chroma does not hold what it was given")

    def remove(self) -> None:
        """Hold nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.tombstones = 0

    def vectors(self) -> Iterator[tuple[str, Any]]:
        """Each key with its vector. Raises what Chroma raises where it is damaged."""
        with self._collection() as collection:
            found = collection.get(include=["embeddings"])
        return zip(found["ids"], np.asarray(found["embeddings"]), strict=True)

    def _apply(self, db: sqlite3.Connection) -> bool:
        """Apply the difference, and measure the recall; whether all is then there."""
        wanted = {key for (key,) in db.execute("SELECT key FROM vectors")}
        with self._collection() as collection:
            stored = set(collection.get(include=[])["ids"])
            removed, added = sorted(stored - wanted), sorted(wanted - stored)
            self.tombstones += len(removed)
            if self.tombstones > len(wanted):
                return False  # more than half of its files would be what was removed
            for keys in _batches(removed):
                collection.delete(ids=keys)
            flush = max(_FLUSH, len(added) // FLUSHES)
            if flush > _FLUSH:
                _flush_every(collection, flush)
            for keys in _batches(added):
                collection.add(ids=keys, embeddings=_vectors(db, keys))
            if flush > _FLUSH:
                _flush_every(collection, _FLUSH)
            if added:  # a search makes it flush what is left
                collection.query(query_embeddings=_vectors(db, added[:1]), n_results=1)
        # Chroma flushes without looking whether the disk is full. So look at what is on it.
        with self._collection() as collection:
            if collection.count() != len(wanted) or not _holds(collection, db, sorted(wanted)):
                return False
            probes = _vectors(db, [*_sample(added), *_sample(sorted(wanted & stored))])
            self.recall = _recall(collection, db, probes)
            return self.recall >= TORN

    @contextmanager
    def _collection(self) -> Iterator["Collection"]:
        from assistant.store.client import COLLECTION, open_local, refuse_foreign

        with closing(open_local(self._folder)) as client:
            collection = client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
            refuse_foreign(collection, self._folder.parent)
            yield collection


def is_held(
    collection: "Collection",
    ids: Sequence[str],
    vectors: Any,  # noqa: ANN401 (an array)
    fields: Sequence[Mapping[str, Any]] | None = None,
) -> bool:
    """Whether a collection holds these vectors by their ids, with these fields if any."""
    found = collection.get(ids=list(ids), include=["embeddings", "metadatas"])
    rows = {id_: place for place, id_ in enumerate(found["ids"])}
    if rows.keys() != set(ids):
        return False
    order = [rows[id_] for id_ in ids]
    if fields is not None and [(found["metadatas"] or [])[place] for place in order] != fields:
        return False
    return np.allclose(np.asarray(found["embeddings"])[order], vectors, atol=SAME)


def _recall(collection: "Collection", db: sqlite3.Connection, probes: Any) -> float:  # noqa: ANN401
    """The share of the probes' nearest neighbours that Chroma's query finds.

    One as near as the last of them counts: among equals any will do.
    """
    if not len(probes):
        return 1.0
    nearest = np.empty((len(probes), 0), "<f4")
    cursor = db.execute("SELECT vector FROM vectors")
    while blobs := cursor.fetchmany(_BATCH):
        stored = np.frombuffer(b"".join(blob for (blob,) in blobs), "<f4")
        cosines = probes @ stored.reshape(len(blobs), -1).T
        nearest = np.hstack([nearest, cosines])
        if nearest.shape[1] > _NEIGHBOURS:
            nearest = -np.partition(-nearest, _NEIGHBOURS - 1)[:, :_NEIGHBOURS]
    found = collection.query(
        query_embeddings=probes, n_results=nearest.shape[1], include=["distances"]
    )
    near = sum(
        1 - distance > least - SAME / 10
        for distances, least in zip(found["distances"] or [], nearest.min(axis=1), strict=True)
        for distance in distances
    )
    return float(near / nearest.size)


def problems(generation: Generation) -> list[str]:
    """What is wrong with a generation whose passages are as they were written."""
    found = [f"{name} is not as it was written" for name in generation.changed(CHROMA)]
    with closing(sqlite3.connect("")) as db:  # a copy: the lexical index can only check itself so
        try:
            generation.copy_passages(db)
            verdicts = [verdict for (verdict,) in db.execute("PRAGMA integrity_check(9)")]
            found += [f"passages.sqlite: {verdict}" for verdict in verdicts if verdict != "ok"]
            refuse_unsound_words(db)
            for what, query in _LOST.items():
                (lost,) = db.execute(query).fetchone()
                found += [f"passages.sqlite: {lost} {what}"] if lost else []
            if counts(db) != {key: generation.manifest.get(key) for key in counts(db)}:
                found.append("passages.sqlite does not hold what the manifest says")
            if generation.server_search is None and not found:
                collection = generation.collection
                keys = [key for (key,) in db.execute("SELECT key FROM vectors")]
                if collection is None:
                    found.append(
                        "Chroma cannot open its part, in which it must write; it is not searched"
                    )
                elif collection.count() != len(keys) or not _holds(collection, db, keys):
                    found.append("Chroma does not hold the vectors that it should")
        except sqlite3.DatabaseError as error:
            found.append(f"passages.sqlite: {error}")
    return found


def counts(db: sqlite3.Connection) -> dict[str, Any]:
    """What the manifest says of the passages: how many, and a digest of their ids."""
    queries = {
        "documents": "SELECT count(*) FROM documents",
        "passages": "SELECT count(*) FROM passages",
        "vectors": "SELECT count(*) FROM vectors",
        "unembedded": "SELECT count(DISTINCT key) FROM passages "
        "WHERE key NOT IN (SELECT key FROM vectors)",
    }
    ids = db.execute("SELECT id FROM passages ORDER BY id")
    found = {name: db.execute(query).fetchone()[0] for name, query in queries.items()}
    return found | {"digest": digest(id_ for (id_,) in ids)}


def digest(ids: Iterable[str]) -> str:
    """One hash for all the ids of a generation, which come in order."""
    whole = sha256()
    for each in ids:
        whole.update(each.encode())
    return whole.hexdigest()


def refuse_unsound_words(db: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` where the lexical index is not that of its passages."""
    db.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def _holds(collection: "Collection", db: sqlite3.Connection, keys: list[str]) -> bool:
    """Whether Chroma holds the stored vectors of these keys."""
    return all(is_held(collection, batch, _vectors(db, batch)) for batch in _batches(keys))


def _batches(keys: list[str]) -> Iterator[list[str]]:
    """As many at once as Chroma takes."""
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))


def _vectors(db: sqlite3.Connection, keys: Sequence[str]) -> Any:  # noqa: ANN401 (an array)
    """The stored vectors of these keys, one in each row."""
    if not keys:
        return np.empty((0, 0), "<f4")
    query = "SELECT vector FROM vectors WHERE key = ?"
    blobs = [db.execute(query, (key,)).fetchone()[0] for key in keys]
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(keys), -1)


def _flush_every(collection: "Collection", vectors: int) -> None:
    with warnings.catch_warnings():  # Chroma warns of itself, of what "no embedding function" is
        warnings.simplefilter("ignore", DeprecationWarning)
        collection.modify(configuration={"hnsw": {"sync_threshold": vectors}})


def _sample(keys: list[str]) -> list[str]:
    """About so many as there are probes, spread over all."""
    return keys[:: len(keys) // _PROBES + 1]
