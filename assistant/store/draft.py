"""The next generation while it is written, in a folder of its own that nobody reads."""

import json
import shutil
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from errno import ENOSPC
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import IndexDamaged
from assistant.fs import flush
from assistant.store.generation import (
    CHROMA,
    COLUMNS,
    SQLITE,
    Generation,
    refuse_other_size,
    to_passage,
)
from assistant.store.graph import Graph, counts, refuse_unsound_words
from assistant.store.manifest import BACKUP, MANIFEST, checksum, digests
from assistant.text import terms
from assistant.types import Document, Passage, Skipped

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


class Draft:
    """A copy of the current generation (or nothing), and the changes to it.

    `vectors` is a generation of which at least Chroma's part is sound.
    """

    def __init__(
        self, folder: Path, base: Generation | None, vectors: Generation | None = None
    ) -> None:
        # Their folders only: once it is published they are removed, unless a reader has them open.
        self.folder = folder
        self.base = None if base is None else base.folder
        self.vectors = None if vectors is None else vectors.folder
        self.is_new = base is None
        """Whether it is to be published even if no document has changed."""
        self.documents = {} if base is None else dict(base.documents)
        """sha256 of each source's bytes, as of the current generation."""
        self.skipped = [] if base is None else list(base.skipped)
        """What the last sync left out."""
        self.unembedded: dict[str, str] = {}
        """What has still to be embedded: the text for each key."""
        self._graph = Graph(folder / CHROMA, 0 if vectors is None else vectors.manifest["dead"])
        self._chroma_bytes = 0 if vectors is None else size(vectors.folder / CHROMA)
        self.replaces: str | None = None
        """The generation that answered on the server when this was begun."""
        self._is_partial = base is not None and base.manifest["unembedded"] > 0

    @cached_property
    def db(self) -> sqlite3.Connection:
        """Made at the first change: a folder in which nothing changed costs no copy."""
        self._refuse_without_room()
        self.folder.mkdir()
        if self.base:
            _copy(self.base / SQLITE, self.folder / SQLITE)
        if self.vectors:
            _copy(self.vectors / CHROMA, self.folder / CHROMA)
        db = sqlite3.connect(self.folder / SQLITE)
        try:
            db.executescript(_TABLES)
            db.execute("PRAGMA secure_delete = ON")  # what the user deletes is gone
        except sqlite3.Error:
            db.close()
            raise
        if self.vectors and not self.base:  # the passages are lost: take the vectors from Chroma
            from chromadb.errors import ChromaError

            with suppress(IndexDamaged, ChromaError, ValueError):
                rows = [(key, _to_blob(vector)) for key, vector in self._graph.vectors()]
                db.executemany("INSERT INTO vectors VALUES (?, ?)", rows)
        return db

    @property
    def needs(self) -> int:
        """Bytes it takes on the disk at most, of what is known so far.

        While SQLite tidies up it needs the room twice; Chroma takes for a vector of 384 numbers
        3.1 kB, of 64 numbers 1.3 kB (measured).
        """
        sqlite = max(size(folder / SQLITE) for folder in (self.base or self.folder, self.folder))
        return 2 * sqlite + self._chroma_bytes

    def _refuse_without_room(self) -> None:
        """Chroma fills a disk without noticing, or waits long when it does."""
        disk = shutil.disk_usage(self.folder.parent)
        if disk.total and disk.free + size(self.folder) < self.needs:
            raise OSError(ENOSPC, "no room")

    def close(self) -> None:
        """Let go of the files, published or not."""
        if "db" in self.__dict__:
            self.db.close()

    def remove(self, source: str) -> None:
        """Forget a document and its passages."""
        self.db.execute(
            "DELETE FROM words WHERE rowid IN (SELECT number FROM passages WHERE source = ?)",
            (source,),
        )
        self.db.execute("DELETE FROM passages WHERE source = ?", (source,))
        self.db.execute("DELETE FROM documents WHERE source = ?", (source,))

    def add(self, document: Document, passages: Sequence[Passage]) -> None:
        """Take up a document, in the place of what stood under its name."""
        self.remove(document.source)
        self.db.execute(
            "INSERT INTO documents VALUES (?, ?, ?)",
            (document.source, document.sha256, json.dumps(document.notes)),
        )
        for passage in passages:
            self.insert(passage)
            stored = self.db.execute("SELECT 1 FROM vectors WHERE key = ?", (passage.key,))
            if not stored.fetchone():
                self.unembedded[passage.key] = passage.embedded

    def insert(self, passage: Passage) -> None:
        """Add one passage and its words."""
        fields = {name: getattr(passage, name) for name in Passage.__dataclass_fields__}
        fields["sentences"] = json.dumps(passage.sentences)
        cursor = self.db.execute(
            "INSERT INTO passages VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (passage.id, passage.key, *fields.values()),
        )
        searched = (passage.text, f"{passage.title} {passage.heading}", passage.source)
        self.db.execute(
            "INSERT INTO words (rowid, body, above, name) VALUES (?, ?, ?, ?)",
            (cursor.lastrowid, *(" ".join(terms(text)) for text in searched)),
        )

    def add_vectors(self, keys: Iterable[str], vectors: Iterable[Sequence[float]]) -> None:
        """Store the vector of each key. Raises `IndexMismatch` where others are of another size."""
        rows = [(key, _to_blob(vector)) for key, vector in zip(keys, vectors, strict=True)]
        stored = self.db.execute("SELECT length(vector) FROM vectors LIMIT 1").fetchone()
        for _, blob in rows:
            refuse_other_size(self.folder.parent, stored[0] // 4 if stored else 0, len(blob) // 4)
        self.db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        self._chroma_bytes += sum(2 * len(blob) + 1000 for _, blob in rows)

    def complete(self) -> None:
        """Have everything embedded that came from a server, and so without its vector."""
        if self._is_partial:
            self.is_new = True
            bare = self.db.execute(
                f"SELECT {COLUMNS} FROM passages WHERE key NOT IN (SELECT key FROM vectors)"  # noqa: S608
            )
            passages = map(to_passage, bare)
            self.unembedded.update((each.key, each.embedded) for each in passages)

    def finish(
        self, recipe: Mapping[str, Any], skipped: Sequence[Skipped], *, chroma: bool = True
    ) -> None:
        """Update Chroma's part, verify, write the manifest, and flush everything to disk.

        Without `chroma` the vectors are searched elsewhere.
        """
        self.db.execute("DELETE FROM vectors WHERE key NOT IN (SELECT key FROM passages)")
        self.db.execute("INSERT INTO words (words) VALUES ('optimize')")
        self.db.commit()
        self._refuse_without_room()
        self.db.execute("VACUUM")
        refuse_unsound_words(self.db)
        if chroma:
            self._graph.update(self.db)
        else:
            self._graph.remove()
        manifest = {
            "recipe": dict(recipe),
            **counts(self.db),
            "dead": self._graph.tombstones,
            "recall": round(self._graph.recall, 4),
            "skipped": [[skip.source, skip.reason] for skip in skipped],
        }
        self.db.close()
        manifest["files"] = digests(self.folder, SQLITE, CHROMA)
        manifest["seal"] = checksum(manifest)
        for name in (BACKUP, MANIFEST):
            (self.folder / name).write_text(json.dumps(manifest, indent=1))
        flush(*self.folder.rglob("*"), self.folder)


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; 0 where there is none."""
    paths = [path, *path.rglob("*")]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _to_blob(vector: Sequence[float]) -> bytes:
    """A vector as it is stored: little-endian float32, of length 1."""
    array = np.asarray(vector, dtype="<f4")
    return bytes((array / (np.linalg.norm(array) or 1)).astype("<f4").tobytes())


def _copy(path: Path, target: Path) -> None:
    """Copy a part of a generation: databases as such, for a reader's Chroma may be writing."""
    if path.is_dir():
        target.mkdir()
        for each in path.iterdir():
            _copy(each, target / each.name)
    elif path.suffix in (".sqlite", ".sqlite3"):
        with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    elif not path.name.endswith("-journal"):
        shutil.copyfile(path, target)
