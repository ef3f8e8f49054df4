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

from assistant.errors import IndexDamaged
from assistant.fs import flush
from assistant.store.folder import copy_chroma, copy_database, size
from assistant.store.generation import CHROMA, SQLITE
from assistant.store.graph import Graph, counts, refuse_unsound_words
from assistant.store.manifest import MANIFEST, SPARE, digests, seal
from assistant.store.tables import connect, passages_in, refuse_other_size, to_blob
from assistant.text import terms
from assistant.types import Document, Passage, Skipped


class Draft:
    """A copy of the current generation (or nothing), and the changes to it.

    `vectors` is a generation of which at least Chroma's part is sound.
    """

    def __init__(self, folder: Path, base: Path | None, vectors: Path | None = None) -> None:
        self.folder = folder
        self.base = base
        self.vectors = vectors
        self.is_new = base is None
        """Whether it is to be published even if no document has changed."""
        self.documents: dict[str, str] = {}
        """sha256 of each source's bytes, as of the current generation."""
        self.skipped: list[Skipped] = []
        """What the last sync left out."""
        self.unembedded: dict[str, str] = {}
        """What has still to be embedded: the text for each key."""
        self._graph = Graph(folder / CHROMA, _manifest(vectors)["dead"] if vectors else 0)
        self._chroma_bytes = 0
        self.replaces: str | None = None
        """The generation that answered on the server when this was begun."""
        self._is_partial = False
        if base:
            with closing(sqlite3.connect(base / SQLITE)) as db:
                self.documents.update(db.execute("SELECT source, sha256 FROM documents"))
            manifest = _manifest(base)
            self.skipped += [Skipped(*pair) for pair in manifest["skipped"]]
            self._is_partial = manifest["unembedded"] > 0
        if vectors:
            self._chroma_bytes = size(vectors / CHROMA)

    @cached_property
    def _db(self) -> sqlite3.Connection:
        """Made at the first change: a folder in which nothing changed costs no copy."""
        self._refuse_without_room()
        self.folder.mkdir()
        if self.base:
            copy_database(self.base / SQLITE, self.folder / SQLITE)
        if self.vectors:
            copy_chroma(self.vectors / CHROMA, self.folder / CHROMA)
        db = connect(self.folder / SQLITE)
        db.execute("PRAGMA secure_delete = ON")  # what the user deletes is gone
        if self.vectors and not self.base:
            self._take_vectors(db)
        return db

    def _take_vectors(self, db: sqlite3.Connection) -> None:
        """Take back from Chroma the vectors that were lost with the passages."""
        from chromadb.errors import ChromaError

        with suppress(IndexDamaged, ChromaError, ValueError):
            rows = [(key, to_blob(vector)) for key, vector in self._graph.vectors()]
            db.executemany("INSERT INTO vectors VALUES (?, ?)", rows)

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
        """Store the vector of each key. Raises `IndexMismatch` where others are of another size."""
        rows = [(key, to_blob(vector)) for key, vector in zip(keys, vectors, strict=True)]
        stored = self._db.execute("SELECT length(vector) FROM vectors LIMIT 1").fetchone()
        for _, blob in rows:
            refuse_other_size(self.folder.parent, stored[0] // 4 if stored else 0, len(blob) // 4)
        self._db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        self._chroma_bytes += sum(2 * len(blob) + 1000 for _, blob in rows)

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
        self._refuse_without_room()
        self._db.execute("VACUUM")
        refuse_unsound_words(self._db)
        if chroma:
            self._graph.follow(self._db)
        else:
            self._graph.remove()
        manifest = {
            "recipe": dict(recipe),
            **counts(self._db),
            "dead": self._graph.dead,
            "skipped": [[skip.source, skip.reason] for skip in skipped],
        }
        self._db.close()
        manifest["files"] = digests(self.folder, SQLITE, CHROMA)
        manifest["seal"] = seal(manifest)
        for name in (SPARE, MANIFEST):
            (self.folder / name).write_text(json.dumps(manifest, indent=1))
        flush(*self.folder.rglob("*"), self.folder)


def _manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MANIFEST).read_bytes()))
