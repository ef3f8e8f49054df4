"""The next generation while it is written, in a folder of its own that nobody reads."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import IndexDamaged
from assistant.store.generation import (
    CHROMA,
    COLLECTION,
    MANIFEST,
    SQLITE,
    connect,
    open_chroma,
    refuse_foreign,
    to_blob,
)
from assistant.terms import terms
from assistant.types import Document, Passage, Skipped

# Vectors that are looked up again before a generation is published.
_PROBES = 256
# Cosine distance at which a vector counts as found again; float32 noise is about 1e-6.
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
        if base:
            with closing(sqlite3.connect(base / SQLITE)) as db:
                self.documents.update(db.execute("SELECT source, sha256 FROM documents"))
            manifest = json.loads((base / MANIFEST).read_bytes())
            self.skipped += [Skipped(*pair) for pair in manifest["skipped"]]

    @cached_property
    def _db(self) -> sqlite3.Connection:
        """Made at the first change: a folder in which nothing changed costs no copy."""
        (self.folder / CHROMA).mkdir(parents=True)
        if self._base:
            _copy(self._base, self.folder)
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
            " page, line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                passage.page,
                passage.line,
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

    def finish(self, recipe: Mapping[str, Any], skipped: Sequence[Skipped]) -> None:
        """Bring Chroma in line, verify, write the manifest, and flush everything to disk."""
        self._db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM passages)")
        self._db.execute("INSERT INTO words (words) VALUES ('optimize')")
        self._db.commit()
        self._db.execute("VACUUM")
        self._db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        try:
            sound = self._bring_chroma_in_line()
        except ValueError:  # a copied collection that is not ours
            sound = False
        if not sound:  # made anew from the stored vectors: nothing is embedded again
            shutil.rmtree(self.folder / CHROMA)
            if not self._bring_chroma_in_line():
                raise IndexDamaged(self.folder, "stored vectors are not found again")
        counts = self._counts()
        self._db.close()
        manifest = {
            "recipe": dict(recipe),
            **counts,
            "skipped": [[skip.source, skip.reason] for skip in skipped],
            "files": _sizes(self.folder),
        }
        (self.folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        flush(*self.folder.rglob("*"), self.folder)

    def _counts(self) -> dict[str, Any]:
        ids = [row[0] for row in self._db.execute("SELECT id FROM passages ORDER BY id")]
        (documents,) = self._db.execute("SELECT count(*) FROM documents").fetchone()
        (vectors,) = self._db.execute("SELECT count(*) FROM vectors").fetchone()
        return {
            "documents": documents,
            "passages": len(ids),
            "vectors": vectors,
            "digest": sha256("".join(ids).encode()).hexdigest(),
        }

    def _bring_chroma_in_line(self) -> bool:
        """Apply the difference to Chroma; whether it then holds exactly our vectors."""
        with closing(open_chroma(self.folder / CHROMA)) as client:
            collection = client.get_or_create_collection(
                COLLECTION,
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
            refuse_foreign(collection)
            stored = set(collection.get(include=[])["ids"])
            wanted = {key for (key,) in self._db.execute("SELECT key FROM vectors")}
            most = client.get_max_batch_size()
            removed, added = sorted(stored - wanted), sorted(wanted - stored)
            for start in range(0, len(removed), most):
                collection.delete(ids=removed[start : start + most])
            for start in range(0, len(added), most):
                keys = added[start : start + most]
                collection.add(ids=keys, embeddings=self._vectors(keys))
            probes = [*added[:_PROBES], *sorted(wanted & stored)[:_PROBES]]
            return collection.count() == len(wanted) and self._found_again(collection, probes)

    def _found_again(self, collection: Any, keys: list[str]) -> bool:  # noqa: ANN401 (Chroma's)
        if not keys:
            return True
        found = collection.query(
            query_embeddings=self._vectors(keys), n_results=1, include=["distances"]
        )
        return all(row and row[0] < _SAME for row in found["distances"])

    def _vectors(self, keys: Sequence[str]) -> Any:  # noqa: ANN401 (an array, as Chroma types it)
        query = "SELECT vector FROM vectors WHERE key = ?"
        blobs = [self._db.execute(query, (key,)).fetchone()[0] for key in keys]
        return np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(keys), -1)


def flush(*paths: Path) -> None:
    """Have the disk hold these files and folders as they are now."""
    for path in paths:
        if path.is_dir() and os.name == "nt":
            continue  # Windows has no such call for folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _copy(base: Path, folder: Path) -> None:
    """Copy a generation. SQLite files are copied as databases: a reader may be opening them."""
    for path in base.rglob("*"):
        target = folder / path.relative_to(base)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.suffix in (".sqlite", ".sqlite3"):
            with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(target)) as new:
                old.backup(new)
        elif path.name != MANIFEST and not path.name.endswith("-journal"):
            shutil.copyfile(path, target)


def _sizes(folder: Path) -> dict[str, int]:
    """Size of each file that does not change once written; Chroma touches its SQLite file."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".sqlite3"
    }
