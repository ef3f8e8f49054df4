"""One generation of the index, read-only once published.

    gen-000001-5f3a9c/
      manifest.json     the recipe, the counts, the files; its presence says "complete"
      manifest.spare.json  the same: without it nobody knows which model the vectors are of
      passages.sqlite   documents, passages, their vectors and the lexical index (FTS5)
      chroma/           the vectors by content hash, for nearest-neighbour search

The passages and their vectors are in SQLite, so Chroma's part can be made again without
embedding.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cached_property
from heapq import nlargest
from itertools import chain
from operator import itemgetter
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from assistant.errors import IndexDamaged
from assistant.models import one_thread
from assistant.store.chroma import COLLECTION, open_chroma, refuse_foreign
from assistant.store.manifest import FORMAT, MANIFEST, SPARE, changed, hold, seal
from assistant.store.tables import COLUMNS, refuse_other_size, to_passage
from assistant.types import Passage, Skipped

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

Search = Callable[[Sequence[float], int, Sequence[str] | None], Mapping[str, float]]
"""A search among vectors kept elsewhere: the cosines of the nearest passages, by their ids."""

NAME = re.compile(r"gen-(\d{6,})-[0-9a-f]{6}")
SQLITE = "passages.sqlite"
CHROMA = "chroma"
_BLOCK = 500  # rows read at once, 0.8 MB of vectors: more leave the cache, and take twice as long
# Chroma is told the key of each vector to search among: twice as fast as comparing them here, but
# all are in memory. From so many on they are compared here, a block at a time.
_NAMED = 50_000
# Ranked by number and score alone: to fetch every passage that shares a word took twice as long.
# All that score like the last of the best are fetched, so that ties are settled by place.
_MATCHING = f"""
    WITH found AS MATERIALIZED (
        SELECT rowid AS number, -bm25(words, 1.0, 0.5, 0.5) AS score FROM words
        WHERE words MATCH ? AND (? OR rowid IN (
            SELECT number FROM passages WHERE source IN (SELECT value FROM json_each(?)))))
    SELECT {COLUMNS}, score FROM found JOIN passages USING (number)
    WHERE score >= (SELECT min(score) FROM (SELECT score FROM found ORDER BY score DESC LIMIT ?))
    ORDER BY score DESC, source, start LIMIT ?"""  # noqa: S608
# What would end a quoted term of a full-text query; to the index both are spaces anyway.
_ENDS_TERM = str.maketrans({'"': " ", "\0": " "})


class Generation:
    """A published index. Reads are safe from several threads; `close` lets it be removed."""

    most_held: int = 192 * 2**20
    """Bytes of vectors: so many are held in memory, each compared with what is asked for. That is
    exact, takes less memory than Chroma's graph, and is done before Chroma is imported."""

    def __init__(self, folder: Path, search: Search | None = None) -> None:
        self.folder = folder
        self._search = search
        self.name = folder.name
        self._lock = RLock()
        self._resources = ExitStack()
        # Nobody has to close a generation: it goes with its last reader, or with the process.
        self.close = finalize(self, self._resources.close)
        """Let go of the files, so that the generation can be removed."""
        held = self._resources.enter_context(hold(folder / MANIFEST))
        try:
            self.manifest: dict[str, Any] = json.load(held)
            self.recipe: dict[str, Any] = dict(self.manifest["recipe"])
            if self.recipe["format"] == FORMAT and not self.is_sealed:
                raise ValueError("it is not as it was written")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.close()
            raise IndexDamaged(folder, f"its {MANIFEST} cannot be read") from error

    def refuse_damaged(self) -> None:
        """Raise `IndexDamaged` unless the passages are as they were written."""
        for name in self.changed(SQLITE):
            raise IndexDamaged(self.folder, f"{name} is not as it was written")

    @property
    def is_sealed(self) -> bool:
        """Whether the manifest is as it was written; those of other formats cannot tell."""
        return bool(self.manifest.get("seal") == seal(self.manifest))

    def changed(self, part: str) -> list[str]:
        """The files of a part, `SQLITE` or `CHROMA`, that are not as they were written."""
        return changed(self.folder, self.manifest["files"], part)

    @property
    def has_chroma(self) -> bool:
        """Whether Chroma's part is here, as it was written."""
        return (self.folder / CHROMA).is_dir() and not self.changed(CHROMA)

    @property
    def is_searched_here(self) -> bool:
        """Whether its vectors are here, and not on a server."""
        return self._search is None

    @property
    def documents(self) -> dict[str, str]:
        """sha256 of each source's bytes."""
        return dict(self._rows("SELECT source, sha256 FROM documents ORDER BY source"))

    @property
    def counts(self) -> dict[str, int]:
        """How many passages each source has."""
        return dict(self._rows("SELECT source, count(*) FROM passages GROUP BY source"))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What the last sync left out, and why."""
        return tuple(Skipped(*pair) for pair in self.manifest["skipped"])

    def copy_passages(self, db: sqlite3.Connection) -> None:
        """Copy passages, words and stored vectors into another database."""
        with self._lock:
            self._db.backup(db)

    def __len__(self) -> int:
        return int(self.manifest["passages"])

    def passages(
        self, most: int | None = None, sources: Sequence[str] | None = None
    ) -> list[Passage]:
        """The passages in the order of the documents: all, or of more than `most` a fair sample.

        The sample is drawn by their ids, which are hashes: the same folder gives the same one.
        """
        rows = self._rows(
            f"SELECT {COLUMNS} FROM passages WHERE (? OR source IN "  # noqa: S608
            "(SELECT value FROM json_each(?))) ORDER BY id LIMIT ?",
            (*_among(sources), -1 if most is None else most),
        )
        return sorted(map(to_passage, rows), key=lambda passage: (passage.source, passage.start))

    def nearest(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None = None
    ) -> list[tuple[Passage, float]]:
        """The passages nearest to a vector of length 1, with their cosine, best first."""
        if self._search:
            return self._nearest_elsewhere(self._search, vector, count, sources)
        refuse_other_size(self.folder.parent, self._size, len(vector))
        wanted = min(count, self.manifest["vectors"])
        if not wanted:
            return []
        with self._lock:
            cosines = self._cosines(vector, wanted, sources)
        near = [
            (passage, cosines[passage.key])
            for passage in self._with("key", list(cosines))
            if sources is None or passage.source in sources
        ]
        return _best(near)[:count]

    def _nearest_elsewhere(
        self, search: Search, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> list[tuple[Passage, float]]:
        if not len(self) or (sources is not None and not sources):
            return []
        cosines = search(vector, min(count, len(self)), sources)
        near = self._with("id", list(cosines))
        if len(near) != len(cosines):
            raise IndexDamaged(self.folder, "its vectors elsewhere are of other passages")
        return _best(
            [
                (passage, cosines[passage.id])
                for passage in near
                if sources is None or passage.source in sources
            ]
        )

    def matching(
        self, terms: Sequence[str], count: int, sources: Sequence[str] | None = None
    ) -> list[tuple[Passage, float]]:
        """The passages that hold any of the terms, with their BM25, best (largest) first."""
        if not terms:
            return []
        rows = self._rows(_MATCHING, (_any(terms), *_among(sources), count, count))
        return [(to_passage(row[:-1]), float(row[-1])) for row in rows]

    def cosines(
        self, vector: Sequence[float], passages: Sequence[Passage]
    ) -> list[tuple[Passage, float]]:
        """The cosines of these passages; of those without a vector here, none."""
        keys = json.dumps([passage.key for passage in passages])
        rows = self._rows(
            "SELECT key, vector FROM vectors WHERE key IN (SELECT value FROM json_each(?))", (keys,)
        )
        asked = np.asarray(vector, "<f4")
        found = {key: float(np.frombuffer(blob, "<f4") @ asked) for key, blob in rows}
        return [(each, found[each.key]) for each in passages if each.key in found]

    def scores(
        self, terms: Sequence[str], passages: Sequence[Passage]
    ) -> list[tuple[Passage, float]]:
        """The BM25 of these passages; of those that hold none of the terms, none."""
        if not terms or not passages:
            return []
        rows = self._rows(
            "SELECT id, -bm25(words, 1.0, 0.5, 0.5) FROM words "
            "JOIN passages ON passages.number = words.rowid WHERE words MATCH ? "
            # With the plus the words are looked up once, and not for each passage.
            "AND +words.rowid IN (SELECT number FROM passages "
            "WHERE id IN (SELECT value FROM json_each(?)))",
            (_any(terms), json.dumps([passage.id for passage in passages])),
        )
        found = dict(rows)
        return [(each, found[each.id]) for each in passages if each.id in found]

    def words(self, passages: Sequence[Passage]) -> dict[Passage, str]:
        """The terms of each of these passages, in order, with a space between each two."""
        rows = self._rows(
            "SELECT id, body FROM words JOIN passages ON passages.number = words.rowid "
            "WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([passage.id for passage in passages]),),
        )
        found = dict(rows)
        return {each: found[each.id] for each in passages}

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """In how many passages each term stands."""
        found = self._rows(
            "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(list(terms)),),
        )
        return dict.fromkeys(terms, 0) | dict(found)

    def _cosines(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[str, float]:
        if self.manifest["vectors"] * self._size * 4 <= self.most_held:
            return self._held_cosines(vector, count, sources)
        return self._chroma_cosines(vector, count, sources) or self._exact_cosines(
            vector, count, sources
        )

    def _held_cosines(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[str, float]:
        keys, stored = self._vectors
        with one_thread():
            cosines = stored @ np.asarray(vector, "<f4")
        if sources is not None:
            among = set(self._keys_of(sources))
            cosines[[key not in among for key in keys]] = -np.inf
            count = min(count, len(among))
        first = np.argsort(-cosines, kind="stable")[:count]
        return {keys[place]: float(cosines[place]) for place in first}

    def _chroma_cosines(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[str, float] | None:
        """By Chroma's graph; None where that cannot be used."""
        from chromadb.errors import ChromaError

        among = None if sources is None else self._keys_of(sources, _NAMED)
        if self.collection is None or not (among is None or 0 < len(among) < _NAMED):
            return None
        with suppress(ChromaError):
            found = self.collection.query(
                query_embeddings=list(vector), ids=among, n_results=count, include=["distances"]
            )
            distances = (found["distances"] or [[]])[0]
            if len(distances) == (count if among is None else min(count, len(among))):
                return dict(zip(found["ids"][0], (1 - far for far in distances), strict=True))
        return None

    def _exact_cosines(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[str, float]:
        """By reading every vector, or each of some documents, a block at a time."""
        query = (
            "SELECT key, vector FROM vectors WHERE ? OR key IN (SELECT key FROM passages "
            "WHERE source IN (SELECT value FROM json_each(?)))"
        )
        best: list[tuple[float, str]] = []
        for rows in self._blocks(query, _among(sources)):
            stored = np.frombuffer(b"".join(blob for _, blob in rows), "<f4")
            with one_thread():
                cosines = stored.reshape(len(rows), -1) @ np.asarray(vector, "<f4")
            first = np.argsort(-cosines, kind="stable")[:count]
            best += [(float(cosines[place]), rows[place][0]) for place in first]
            best = nlargest(count, best, key=itemgetter(0))
        return {key: cosine for cosine, key in best}

    def _with(self, column: str, values: list[str]) -> list[Passage]:
        rows = self._rows(
            f"SELECT {COLUMNS} FROM passages "  # noqa: S608
            f"WHERE {column} IN (SELECT value FROM json_each(?))",
            (json.dumps(values),),
        )
        return [to_passage(row) for row in rows]

    def _keys_of(self, sources: Sequence[str], most: int = -1) -> list[str]:
        """The keys of their passages: all, or so many at most."""
        rows = self._rows(
            "SELECT DISTINCT key FROM passages "
            "WHERE source IN (SELECT value FROM json_each(?)) LIMIT ?",
            (json.dumps(list(sources)), most),
        )
        return [key for (key,) in rows]

    def _rows(self, query: str, values: Iterable[object] = ()) -> list[Any]:
        return list(chain.from_iterable(self._blocks(query, values)))

    def _blocks(self, query: str, values: Iterable[object]) -> Iterator[list[Any]]:
        """The rows, so many at once: what is large need not be in memory as a whole."""
        try:
            with self._lock, closing(self._db.execute(query, tuple(values))) as cursor:
                while rows := cursor.fetchmany(_BLOCK):
                    yield rows
        except sqlite3.DatabaseError as error:
            raise IndexDamaged(self.folder, str(error)) from error

    @cached_property
    def _vectors(self) -> tuple[list[str], Any]:
        """All keys, and their vectors, one in each row."""
        keys: list[str] = []
        ((count,),) = self._rows("SELECT count(*) FROM vectors")
        stored = np.empty((count, self._size), "<f4")
        for rows in self._blocks("SELECT key, vector FROM vectors", ()):
            found = np.frombuffer(b"".join(blob for _, blob in rows), "<f4")
            stored[len(keys) : len(keys) + len(rows)] = found.reshape(len(rows), -1)
            keys += [key for key, _ in rows]
        return keys, stored

    @cached_property
    def _size(self) -> int:
        """Numbers in a stored vector; 0 where there is none."""
        rows = self._rows("SELECT length(vector) / 4 FROM vectors LIMIT 1")
        return int(rows[0][0]) if rows else 0

    @cached_property
    def _db(self) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{(self.folder / SQLITE).as_uri()}?mode=ro&immutable=1",
            uri=True,
            check_same_thread=False,
        )
        self._resources.callback(db.close)
        return db

    @cached_property
    def collection(self) -> "Collection | None":
        """Chroma's part; None where it cannot be used, or is not as it was written.

        Chroma writes even to read, so it opens on no read-only or full disk.
        """
        if self.changed(CHROMA):
            return None
        try:
            client = open_chroma(self.folder / CHROMA)
            self._resources.callback(client.close)
            collection = client.get_collection(COLLECTION, embedding_function=None)
            refuse_foreign(collection, self.folder)
            return collection if collection.count() == self.manifest["vectors"] else None
        except IndexDamaged:
            raise
        except Exception:  # Chroma raises what its Rust core raises
            return None


def reopened(folder: Path) -> Generation | None:
    """A generation, if need be by its spare manifest; for the one who holds the writer's lock."""
    with suppress(OSError, IndexDamaged):
        found = Generation(folder)
        if found.is_sealed:
            return found
    with suppress(OSError, IndexDamaged):
        shutil.copyfile(folder / SPARE, folder / MANIFEST)
        return Generation(folder)
    return None


def _any(terms: Sequence[str]) -> str:
    """A full-text query for any of the terms."""
    return " OR ".join(f'"{term.translate(_ENDS_TERM)}"' for term in terms)


def _among(sources: Sequence[str] | None) -> tuple[bool, str]:
    """Two values of a query: whether all sources are meant, and which."""
    return sources is None, json.dumps(list(sources or ()))


def _best(found: list[tuple[Passage, float]]) -> list[tuple[Passage, float]]:
    """Best first; equals in the order of the documents."""
    return sorted(found, key=lambda pair: (-pair[1], pair[0].source, pair[0].start))
