"""The next generation while it is written, in a folder of its own that nobody reads."""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assistant.errors import IndexDamaged, IndexUnwritable
from assistant.store.files import copy, flush, refuse_damaged, sizes
from assistant.store.generation import (
    CHROMA,
    COLLECTION,
    MANIFEST,
    SQLITE,
    connect,
    open_chroma,
    passages_in,
    refuse_foreign,
    to_blob,
)
from assistant.terms import terms
from assistant.types import Document, Passage, Skipped

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

_BATCH = 5_000  # of 5,461 that Chroma takes at once
# Vectors of the new and of the old that are searched for before a generation is published.
_PROBES = 256
# A graph does not find every vector it holds: 1.5 % of random ones were missed in trials.
_FOUND = 0.9
# Distance at which a vector counts as found again; float32 noise is about 1e-6.
_SAME = 1e-3


class Draft:
    """A copy of the current generation (or nothing), and the changes to it."""

    def __init__(self, folder: Path, base: Path | None) -> None:
        self.folder = folder
        self._base = base
        self.is_new = base is None
        self.documents: dict[str, str] = {}
        """sha256 of each source's bytes, as of the current generation."""
        self.skipped: list[Skipped] = []
        """What the last sync left out."""
        self.unembedded: dict[str, str] = {}
        """What has still to be embedded: the text for each key."""
        self._dead = 0
        """Vectors that were removed from Chroma, which keeps them in its files."""
        self.replaces: str | None = None
        """The generation that answered on the server when this was begun."""
        self._is_partial = False
        if base:
            with closing(sqlite3.connect(base / SQLITE)) as db:
                refuse_damaged(db)
                self.documents.update(db.execute("SELECT source, sha256 FROM documents"))
            manifest = json.loads((base / MANIFEST).read_bytes())
            self.skipped += [Skipped(*pair) for pair in manifest["skipped"]]
            self._dead = manifest.get("dead", 0)
            self._is_partial = manifest.get("unembedded", 0) > 0

    @cached_property
    def _db(self) -> sqlite3.Connection:
        """Made at the first change: a folder in which nothing changed costs no copy."""
        (self.folder / CHROMA).mkdir(parents=True)
        if self._base:
            copy(self._base, self.folder)
        db = connect(self.folder / SQLITE)
        db.execute("PRAGMA secure_delete = ON")  # what the user deletes is gone
        return db

    def close(self) -> None:
        """Let go of the files, published or not."""
        if "_db" in self.__dict__:
            self._db.close()

    def remove(self, source: str) -> None:
        """Forget a document and its passages."""
        self._db.execute(
            "DELETE FROM words WHERE rowid IN (SELECT number FROM passages WHERE source = ?)",
            (source,),
        )
        self._db.execute("DELETE FROM passages WHERE source = ?", (source,))
        self._db.execute("DELETE FROM documents WHERE source = ?", (source,))

    def add(self, document: Document, passages: Sequence[Passage]) -> None:
        """Take up a document, in the place of what stood under its name."""
        self.remove(document.source)
        self._db.execute(
            "INSERT INTO documents VALUES (?, ?, ?)",
            (document.source, document.sha256, json.dumps(document.notes)),
        )
        for passage in passages:
            self._insert(passage)
            if not self._has_vector(passage.key):
                self.unembedded[passage.key] = passage.embedded

    def _insert(self, passage: Passage) -> None:
        cursor = self._db.execute(
            "INSERT INTO passages (id, key, source, start, end, text, sentences, title, heading,"
            " unit, place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                passage.id,
                passage.key,
                passage.source,
                passage.start,
                passage.end,
                passage.text,
                json.dumps(passage.sentences),
                passage.title,
                passage.heading,
                passage.unit,
                passage.number,
            ),
        )
        searched = (passage.text, f"{passage.title} {passage.heading}", passage.source)
        self._db.execute(
            "INSERT INTO words (rowid, body, above, name) VALUES (?, ?, ?, ?)",
            (cursor.lastrowid, *(" ".join(terms(text)) for text in searched)),
        )

    def _has_vector(self, key: str) -> bool:
        return bool(self._db.execute("SELECT 1 FROM vectors WHERE key = ?", (key,)).fetchone())

    def add_vectors(self, keys: Iterable[str], vectors: Iterable[Sequence[float]]) -> None:
        """Store the vector of each key."""
        self._db.executemany(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
            ((key, to_blob(vector)) for key, vector in zip(keys, vectors, strict=True)),
        )

    def complete(self) -> None:
        """Have everything embedded that came from a server, and so without its vector."""
        if self._is_partial:
            self.is_new = True
            bare = passages_in(self._db, "key NOT IN (SELECT key FROM vectors)")
            self.unembedded.update((passage.key, passage.embedded) for passage in bare)

    def finish(
        self, recipe: Mapping[str, Any], skipped: Sequence[Skipped], *, chroma: bool = True
    ) -> None:
        """Bring Chroma in line, verify, write the manifest, and flush everything to disk.

        Without `chroma` the vectors are searched elsewhere.
        """
        self._db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM passages)")
        self._db.execute("INSERT INTO words (words) VALUES ('optimize')")
        self._db.commit()
        self._db.execute("VACUUM")
        self._db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        if chroma:
            self._make_chroma()
        else:
            shutil.rmtree(self.folder / CHROMA, ignore_errors=True)
            self._dead = 0
        counts = self._counts()
        self._db.close()
        manifest = {
            "recipe": dict(recipe),
            **counts,
            "dead": self._dead,
            "skipped": [[skip.source, skip.reason] for skip in skipped],
            "files": sizes(self.folder),
        }
        (self.folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        flush(*self.folder.rglob("*"), self.folder)

    def _make_chroma(self) -> None:
        from chromadb.errors import ChromaError

        try:
            sound = self._bring_chroma_in_line()
        except (IndexDamaged, ChromaError, ValueError):  # a copied collection not ours, or torn
            sound = False
        if not sound:  # made anew from the stored vectors: nothing is embedded again
            shutil.rmtree(self.folder / CHROMA)
            self._dead = 0
            if not self._bring_chroma_in_line():
                raise IndexUnwritable(self.folder.parent, "Chroma does not hold what it was given")

    def _counts(self) -> dict[str, Any]:
        ids = [row[0] for row in self._db.execute("SELECT id FROM passages ORDER BY id")]
        (documents,) = self._db.execute("SELECT count(*) FROM documents").fetchone()
        (vectors,) = self._db.execute("SELECT count(*) FROM vectors").fetchone()
        (unembedded,) = self._db.execute(
            "SELECT count(DISTINCT key) FROM passages WHERE key NOT IN (SELECT key FROM vectors)"
        ).fetchone()
        return {
            "documents": documents,
            "passages": len(ids),
            "vectors": vectors,
            "unembedded": unembedded,
            "digest": sha256("".join(ids).encode()).hexdigest(),
        }

    def _bring_chroma_in_line(self) -> bool:
        """Apply the difference to Chroma; whether its files then hold exactly our vectors."""
        wanted = {key for (key,) in self._db.execute("SELECT key FROM vectors")}
        with self._collection() as collection:
            stored = set(collection.get(include=[])["ids"])
            removed, added = sorted(stored - wanted), sorted(wanted - stored)
            self._dead += len(removed)
            if self._dead > len(wanted):
                return False  # more than half of its files would be what was removed
            for keys in _batches(removed):
                collection.delete(ids=keys)
            for keys in _batches(added):
                collection.add(ids=keys, embeddings=self._vectors(keys))
            self._found_again(collection, added[:1])  # a search makes it flush what is left
        # Chroma flushes without looking whether the disk is full. So look at what is on it.
        with self._collection() as collection:
            return (
                collection.count() == len(wanted)
                and all(self._is_stored(collection, keys) for keys in _batches(sorted(wanted)))
                and self._found_again(collection, [*_some(added), *_some(sorted(wanted & stored))])
            )

    @contextmanager
    def _collection(self) -> Iterator["Collection"]:
        with closing(open_chroma(self.folder / CHROMA)) as client:
            collection = client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
            refuse_foreign(collection, self.folder)
            yield collection

    def _is_stored(self, collection: "Collection", keys: list[str]) -> bool:
        """Whether Chroma holds the vectors of these keys, which are sorted."""
        found = collection.get(ids=keys, include=["embeddings"])
        if sorted(found["ids"]) != keys:
            return False
        vectors = np.asarray(found["embeddings"])[np.argsort(found["ids"])]
        return np.allclose(vectors, self._vectors(keys), atol=_SAME)

    def _found_again(self, collection: "Collection", keys: list[str]) -> bool:
        """Whether a search by these vectors leads to them."""
        if not keys:
            return True
        found = collection.query(
            query_embeddings=self._vectors(keys), n_results=1, include=["distances"]
        )
        same = sum(bool(row) and row[0] < _SAME for row in found["distances"] or [])
        return same >= _FOUND * len(keys)

    def _vectors(self, keys: Sequence[str]) -> Any:  # noqa: ANN401 (an array, as Chroma types it)
        query = "SELECT vector FROM vectors WHERE key = ?"
        blobs = [self._db.execute(query, (key,)).fetchone()[0] for key in keys]
        return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(keys), -1)


def _batches(keys: list[str]) -> Iterator[list[str]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))


def _some(keys: list[str]) -> list[str]:
    """About so many as there are probes, spread over all."""
    return keys[:: len(keys) // _PROBES + 1]
