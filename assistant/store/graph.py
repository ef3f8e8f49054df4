"""Whether a generation holds what it should: asked before it is published, and by `verify`.

Chroma's part of a generation while it is written: the graph in which vectors are searched.
"""

import shutil
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import IndexDamaged, IndexUnwritable
from assistant.store.chroma import COLLECTION, open_chroma, refuse_foreign
from assistant.store.generation import CHROMA, Generation

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

# Distance at which a vector counts as found again; float32 noise is about 1e-6.
SAME = 1e-3
_BATCH = 5_000  # of 5,461 that Chroma takes at once
_LOST = {
    "passages of no document": "SELECT count(*) FROM passages WHERE source NOT IN "
    "(SELECT source FROM documents)",
    "passages that are not searched by words": "SELECT count(*) FROM passages WHERE number NOT IN "
    "(SELECT rowid FROM words)",
}


def problems(generation: Generation) -> list[str]:
    """What is wrong with a generation whose passages are as they were written."""
    found = [f"{name} is not as it was written" for name in generation.changed(CHROMA)]
    with closing(sqlite3.connect("")) as db:  # a copy: the lexical index can only check itself so
        try:
            generation.copy_passages(db)
            found += _inside(db)
            if counts(db) != {key: generation.manifest.get(key) for key in counts(db)}:
                found.append("passages.sqlite does not hold what the manifest says")
            if generation.is_searched_here and not found:
                found += _vectors(generation, db)
        except sqlite3.DatabaseError as error:
            found.append(f"passages.sqlite: {error}")
    return found


def counts(db: sqlite3.Connection) -> dict[str, Any]:
    """What the manifest says of the passages: how many, and a digest of their ids."""
    digest, passages = sha256(), 0
    for (id_,) in db.execute("SELECT id FROM passages ORDER BY id"):
        digest.update(id_.encode())
        passages += 1
    (documents,) = db.execute("SELECT count(*) FROM documents").fetchone()
    (vectors,) = db.execute("SELECT count(*) FROM vectors").fetchone()
    (unembedded,) = db.execute(
        "SELECT count(DISTINCT key) FROM passages WHERE key NOT IN (SELECT key FROM vectors)"
    ).fetchone()
    return {
        "documents": documents,
        "passages": passages,
        "vectors": vectors,
        "unembedded": unembedded,
        "digest": digest.hexdigest(),
    }


def refuse_unsound_words(db: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` where the lexical index is not that of its passages."""
    db.execute("INSERT INTO words (words) VALUES ('integrity-check')")


def holds(collection: "Collection", db: sqlite3.Connection, keys: Sequence[str]) -> bool:
    """Whether Chroma holds the stored vectors of these keys."""
    return all(_are_stored(collection, db, batch) for batch in batches(sorted(keys)))


def batches(keys: list[str]) -> Iterator[list[str]]:
    """As many at once as Chroma takes."""
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))


def vectors_of(db: sqlite3.Connection, keys: Sequence[str]) -> Any:  # noqa: ANN401 (an array)
    """The stored vectors of these keys, one in each row."""
    query = "SELECT vector FROM vectors WHERE key = ?"
    blobs = [db.execute(query, (key,)).fetchone()[0] for key in keys]
    return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(keys), -1)


def _are_stored(collection: "Collection", db: sqlite3.Connection, keys: list[str]) -> bool:
    found = collection.get(ids=keys, include=["embeddings"])
    if sorted(found["ids"]) != keys:
        return False
    vectors = np.asarray(found["embeddings"])[np.argsort(found["ids"])]
    return np.allclose(vectors, vectors_of(db, keys), atol=SAME)


def _inside(db: sqlite3.Connection) -> list[str]:
    verdicts = [verdict for (verdict,) in db.execute("PRAGMA integrity_check(9)")]
    found = [f"passages.sqlite: {verdict}" for verdict in verdicts if verdict != "ok"]
    refuse_unsound_words(db)
    for what, query in _LOST.items():
        (lost,) = db.execute(query).fetchone()
        found += [f"passages.sqlite: {lost} {what}"] if lost else []
    return found


def _vectors(generation: Generation, db: sqlite3.Connection) -> list[str]:
    """What Chroma's part holds, against the vectors stored with the passages."""
    if generation.collection is None:
        return ["Chroma cannot open its part, in which it must write; it is not searched"]
    keys = [key for (key,) in db.execute("SELECT key FROM vectors")]
    if holds(generation.collection, db, keys) and generation.collection.count() == len(keys):
        return []
    return ["Chroma does not hold the vectors that it should"]


# Vectors of the new and of the old that are searched for before a generation is published.
_PROBES = 256
# A graph does not find every vector it holds: 1.5 % of random ones were missed in trials. Where
# all are equally far apart it missed six in ten; one that is torn, or not there, finds none.
_FOUND, _FOUND_IN_NEW = 0.9, 0.1
# Chroma writes its graph whenever so many vectors came, and the ids of all with it: for many new
# ones that takes longer than all else. What is left at the end is put in twice, so not too few.
_FLUSH, _FLUSHES = 1_000, 20


class Graph:
    """The vectors by their keys. `dead` of them were removed, but Chroma's files keep them."""

    def __init__(self, folder: Path, dead: int = 0) -> None:
        self._folder = folder
        self.dead = dead

    def follow(self, db: sqlite3.Connection) -> None:
        """Hold exactly the vectors of a database. Raises `IndexUnwritable` where it does not."""
        from chromadb.errors import ChromaError

        try:
            sound = self._brought_in_line(db, _FOUND)
        except (IndexDamaged, ChromaError, ValueError):  # a copied collection not ours, or torn
            sound = False
        if not sound:  # made anew from the stored vectors: nothing is embedded again
            self.remove()
            if not self._brought_in_line(db, _FOUND_IN_NEW):
                index = self._folder.parent.parent
                raise IndexUnwritable(index, "Chroma does not hold what it was given")

    def remove(self) -> None:
        """Hold nothing."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self.dead = 0

    def vectors(self) -> Iterator[tuple[str, Any]]:
        """Each key with its vector. Raises what Chroma raises where it is damaged."""
        with self._collection() as collection:
            found = collection.get(include=["embeddings"])
        return zip(found["ids"], np.asarray(found["embeddings"]), strict=True)

    def _brought_in_line(self, db: sqlite3.Connection, least: float) -> bool:
        """Apply the difference; whether the files then hold exactly what they should.

        A search must lead to `least` of the vectors, as a share.
        """
        wanted = {key for (key,) in db.execute("SELECT key FROM vectors")}
        with self._collection() as collection:
            stored = set(collection.get(include=[])["ids"])
            removed, added = sorted(stored - wanted), sorted(wanted - stored)
            self.dead += len(removed)
            if self.dead > len(wanted):
                return False  # more than half of its files would be what was removed
            for keys in batches(removed):
                collection.delete(ids=keys)
            with _flushed_less(collection, len(added)):
                for keys in batches(added):
                    collection.add(ids=keys, embeddings=vectors_of(db, keys))
            _found_again(collection, db, added[:1], 0)  # a search makes it flush what is left
        # Chroma flushes without looking whether the disk is full. So look at what is on it.
        with self._collection() as collection:
            probes = [*_some(added), *_some(sorted(wanted & stored))]
            return (
                collection.count() == len(wanted)
                and holds(collection, db, list(wanted))
                and _found_again(collection, db, probes, least)
            )

    @contextmanager
    def _collection(self) -> Iterator["Collection"]:
        with closing(open_chroma(self._folder)) as client:
            collection = client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
            refuse_foreign(collection, self._folder.parent)
            yield collection


def _found_again(
    collection: "Collection", db: sqlite3.Connection, keys: list[str], least: float
) -> bool:
    """Whether a search by these vectors leads to at least this share of them."""
    if not keys:
        return True
    found = collection.query(
        query_embeddings=vectors_of(db, keys), n_results=1, include=["distances"]
    )
    same = sum(bool(row) and row[0] < SAME for row in found["distances"] or [])
    return same >= least * len(keys)


@contextmanager
def _flushed_less(collection: "Collection", added: int) -> Iterator[None]:
    if (many := added // _FLUSHES) <= _FLUSH:
        yield
        return
    _flush_every(collection, many)
    yield
    _flush_every(collection, _FLUSH)


def _flush_every(collection: "Collection", vectors: int) -> None:
    with warnings.catch_warnings():  # Chroma warns of itself, of what "no embedding function" is
        warnings.simplefilter("ignore", DeprecationWarning)
        collection.modify(configuration={"hnsw": {"sync_threshold": vectors}})


def _some(keys: list[str]) -> list[str]:
    """About so many as there are probes, spread over all."""
    return keys[:: len(keys) // _PROBES + 1]
