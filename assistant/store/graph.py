"""Chroma's part of a generation while it is written: the graph in which vectors are searched."""

import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import IndexDamaged, IndexUnwritable
from assistant.store.chroma import COLLECTION, open_chroma, refuse_foreign
from assistant.store.soundness import SAME, batches, holds, vectors_of

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

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
