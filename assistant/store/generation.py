"""One generation of the index, read-only once published.

    gen-000001-5f3a9c/
      manifest.json        the recipe, the counts, the files; its presence says "complete"
      manifest.spare.json  a backup: without it nobody knows which model the vectors are of
      passages.sqlite      documents, passages, their vectors and the lexical index (FTS5)
      chroma/              the vectors by content hash, in a graph for nearest-neighbour search

Vectors are searched in one of three ways:

- by Chroma's query, once `warm` has opened its collection: in a process that goes on asking;
- by comparing the copies in `passages.sqlite` one by one: before that (so that a command which
  asks once never imports Chroma), and wherever Chroma does not serve: its folder is read-only or
  damaged, or its graph missed too many neighbours when it was checked before publishing;
- on a Chroma server, where the index is shared.
"""

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cached_property
from heapq import nlargest
from itertools import chain
from operator import itemgetter
from pathlib import Path
from threading import RLock, Thread
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from assistant.errors import IndexDamaged, IndexMismatch
from assistant.store.manifest import FORMAT, MANIFEST, checksum, digests, open_shared
from assistant.types import Passage, Skipped, Span

if TYPE_CHECKING:
    from chromadb.api.models.Collection import Collection

ServerSearch = Callable[[Sequence[float], int, Sequence[str] | None], Mapping[str, float]]
"""A search among vectors kept elsewhere: the cosines of the nearest passages, by their ids."""
Scored = list[tuple[Passage, float]]

NAME = re.compile(r"gen-(\d{6,})-[0-9a-f]{6}")
SQLITE = "passages.sqlite"
CHROMA = "chroma"
COLUMNS = "source, start, end, text, sentences, title, heading, unit, place"
GOOD_RECALL = 0.98
"""The share of the nearest neighbours that a graph must find to be searched. On vectors of
documents Chroma's finds 0.999 and more; on random ones, which are all equally far apart, 0.2."""
_BLOCK = 500  # rows read at once, 0.8 MB of vectors: more leave the cache, and take twice as long
# Chroma is given the key of each vector to search among: twice as fast as comparing them here, but
# all are in memory. From so many on they are compared here, a block at a time.
_MOST_KEYS = 50_000
# Ranked by number and score alone: to fetch every passage that shares a word took twice as long.
# All that score like the last of the best are fetched, so that ties are settled by place.
_MATCHING = f"""
    WITH found AS MATERIALIZED (
        SELECT rowid AS number, -bm25(words, 1.0, 0.5, 0.5) AS score FROM words
        WHERE words MATCH ? AND (? OR rowid IN (
            SELECT number FROM passages WHERE source IN (SELECT value FROM json_each(?)))))
    SELECT number, score, {COLUMNS} FROM found JOIN passages USING (number)
    WHERE score >= (SELECT min(score) FROM (SELECT score FROM found ORDER BY score DESC LIMIT ?))
    ORDER BY score DESC, source, start LIMIT ?"""  # noqa: S608
# What would end a quoted term of a full-text query; to the index both are spaces anyway.
_ENDS_TERM = str.maketrans({'"': " ", "\0": " "})


class Generation:
    """A published index. Reads are safe from several threads; `close` lets it be removed."""

    def __init__(self, folder: Path, server_search: ServerSearch | None = None) -> None:
        self.folder = folder
        self.name = folder.name
        self.server_search = server_search
        """How vectors are searched on a server; None where they are here."""
        self._lock = RLock()
        self._opener: Thread | None = None
        self._resources = ExitStack()
        # Nobody has to close a generation: it goes with its last reader, or with the process.
        self.close = finalize(self, self._resources.close)
        """Let go of the files, so that the generation can be removed."""
        file = self._resources.enter_context(open_shared(folder / MANIFEST))
        try:
            self.manifest: dict[str, Any] = json.load(file)
            self.recipe: dict[str, Any] = dict(self.manifest["recipe"])
            if self.recipe["format"] == FORMAT and not self.has_checksum:
                raise ValueError("it is not as it was written")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.close()
            raise IndexDamaged(folder, f"its {MANIFEST} cannot be read") from error

    def __len__(self) -> int:
        return int(self.manifest["passages"])

    @property
    def has_checksum(self) -> bool:
        """Whether the manifest is as it was written; those of other formats cannot tell."""
        return bool(self.manifest.get("seal") == checksum(self.manifest))

    def changed(self, part: str) -> list[str]:
        """The files of a part, `SQLITE` or `CHROMA`, that differ, came, or went since written."""
        files = self.manifest["files"].items()
        was = {name: digest for name, digest in files if name.split("/")[0] == part}
        now = digests(self.folder, part)
        return sorted(name for name in was | now if was.get(name) != now.get(name))

    @cached_property
    def documents(self) -> Mapping[str, str]:
        """sha256 of each source's bytes; read once, for a published index does not change."""
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

    def search(
        self,
        vector: Sequence[float],
        terms: Sequence[str],
        count: int,
        sources: Sequence[str] | None = None,
    ) -> tuple[Scored, Scored]:
        """The passages that `nearest` and `matching` find, each with its cosine and its BM25.

        In both lists the search's own finds come first, then the scores of what only the other
        one found. A passage that holds no term, or has no vector here, has no such score.
        """
        dense = self._nearest(vector, count, sources)
        lexical = self._matching(terms, count, sources)
        cosines = self._cosines_of(vector, [each for each in lexical if each not in dense])
        scores = self._scores_of(terms, [each for each in dense if each not in lexical])
        return (
            [*dense.values(), *((lexical[each][0], cosine) for each, cosine in cosines.items())],
            [*lexical.values(), *((dense[each][0], score) for each, score in scores.items())],
        )

    def nearest(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None = None
    ) -> Scored:
        """The passages nearest to a vector of length 1, with their cosine, best first."""
        return list(self._nearest(vector, count, sources).values())

    def matching(
        self, terms: Sequence[str], count: int, sources: Sequence[str] | None = None
    ) -> Scored:
        """The passages that hold any of the terms, with their BM25, best (largest) first."""
        return list(self._matching(terms, count, sources).values())

    def words(self, passages: Sequence[Passage]) -> dict[Passage, str]:
        """The terms of each of these passages, in order, with a space between each two."""
        places = {(each.source, each.start, each.end): each for each in passages}
        rows = self._rows(
            "SELECT body, source, start, end FROM words "
            "JOIN passages ON passages.number = words.rowid WHERE (source, start, end) IN (SELECT "
            "json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') "
            "FROM json_each(?))",
            (json.dumps(list(places)),),
        )
        return {places[tuple(place)]: body for body, *place in rows}

    def frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """In how many passages each term stands."""
        found = self._rows(
            "SELECT term, doc FROM vocabulary WHERE term IN (SELECT value FROM json_each(?))",
            (json.dumps(list(terms)),),
        )
        return dict.fromkeys(terms, 0) | dict(found)

    def terms_like(self, prefix: str) -> list[str]:
        """The terms of all passages that begin with some letters."""
        query = "SELECT term FROM vocabulary WHERE term >= ? AND term < ?"
        return [term for (term,) in self._rows(query, (prefix, f"{prefix}\U0010ffff"))]

    def warm(self) -> None:
        """Open Chroma in the background, to search by it from then on.

        For a process that goes on asking: to import Chroma takes half a second.
        """
        with self._lock:
            recall = self.manifest.get("recall", 0)  # older versions did not measure it
            if self._opener or self.server_search or recall < GOOD_RECALL:
                return
            self._opener = Thread(target=self._open_chroma, name="open-chroma")
        self._opener.start()

    def _open_chroma(self) -> None:
        # Whatever fails, the copies answer, and `assistant verify` tells of damage. Python fails to
        # import Chroma when the process is just ending.
        with suppress(Exception):
            _ = self.collection

    @cached_property
    def collection(self) -> "Collection | None":
        """Chroma's part, opened; None where it cannot be used, or is not as it was written.

        Chroma writes even to read, so it opens on no read-only or full disk. Raises `IndexDamaged`
        for a collection that would run foreign code.
        """
        from assistant.store.client import COLLECTION, open_local, refuse_foreign

        if self.changed(CHROMA):
            return None
        try:
            client = open_local(self.folder / CHROMA)
            self._resources.callback(client.close)
            collection = client.get_collection(COLLECTION, embedding_function=None)
            refuse_foreign(collection, self.folder)
            return collection if collection.count() == self.manifest["vectors"] else None
        except IndexDamaged:
            raise
        except Exception:  # Chroma raises what its Rust core raises
            return None

    def _nearest(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[int, tuple[Passage, float]]:
        """The nearest passages by their numbers, best first; equals in the documents' order."""
        if not len(self) or (sources is not None and not sources):
            return {}
        if self.server_search:
            found = self.server_search(vector, min(count, len(self)), sources)
            rows = self._rows_of("id", found)
            if len(rows) != len(found):
                raise IndexDamaged(self.folder, "its vectors on the server are of other passages")
            cosines = {number: found[id_] for number, id_, *_ in rows}
        else:
            rows = self._rows("SELECT length(vector) / 4 FROM vectors LIMIT 1")
            refuse_other_size(self.folder.parent, rows[0][0] if rows else 0, len(vector))
            wanted = min(count, self.manifest["vectors"])
            keys = self._by_chroma(vector, wanted, sources)
            rows = self._rows_of("key", keys or self._by_comparing(vector, wanted, sources))
            # Scored in one way, because Chroma and a comparison in blocks round differently.
            cosines = self._cosines_of(vector, [number for number, *_ in rows])
        near = [
            (number, to_passage(row), cosines[number])
            for number, _, *row in rows
            if sources is None or row[0] in sources
        ]
        near.sort(key=lambda found: (-found[2], found[1].source, found[1].start))
        return {number: (passage, cosine) for number, passage, cosine in near[:count]}

    def _rows_of(self, column: str, values: Iterable[str]) -> list[Any]:
        """The passages with one of these values in a column: number, value, and `COLUMNS`."""
        return self._rows(
            f"SELECT number, {column}, {COLUMNS} FROM passages "  # noqa: S608
            f"WHERE {column} IN (SELECT value FROM json_each(?))",
            (json.dumps(list(values)),),
        )

    def _by_chroma(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> list[str] | None:
        """The keys of the nearest vectors; None where Chroma is not open, or fails."""
        collection = self.__dict__.get("collection")  # the property's value, once it was opened
        if collection is None:
            return None
        from chromadb.errors import ChromaError

        keys = None
        if sources is not None:
            rows = self._rows(
                "SELECT DISTINCT key FROM passages "
                "WHERE source IN (SELECT value FROM json_each(?)) LIMIT ?",
                (json.dumps(list(sources)), _MOST_KEYS),
            )
            keys = [key for (key,) in rows]
            count = min(count, len(keys))
            if not 0 < len(keys) < _MOST_KEYS:
                return None
        with suppress(ChromaError):
            found = collection.query(
                query_embeddings=list(vector), ids=keys, n_results=count, include=[]
            )
            if len(found["ids"][0]) == count:
                return list(found["ids"][0])
        return None

    def _by_comparing(
        self, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> list[str]:
        """The keys of the nearest vectors: all stored ones are compared, in blocks."""
        query = (
            "SELECT key, vector FROM vectors WHERE ? OR key IN (SELECT key FROM passages "
            "WHERE source IN (SELECT value FROM json_each(?)))"
        )
        best: list[tuple[float, str]] = []
        asked = np.asarray(vector, "<f4")
        for rows in self._blocks(query, _among(sources)):
            stored = np.frombuffer(b"".join(blob for _, blob in rows), "<f4")
            # Not by `@`: the threads of a matrix product wait for one another on a busy machine.
            cosines = np.einsum("ij,j->i", stored.reshape(len(rows), -1), asked)
            first = np.argsort(-cosines, kind="stable")[:count]
            best += [(float(cosines[place]), rows[place][0]) for place in first]
            best = nlargest(count, best, key=itemgetter(0))
        return [key for _, key in best]

    def _matching(
        self, terms: Sequence[str], count: int, sources: Sequence[str] | None
    ) -> dict[int, tuple[Passage, float]]:
        """The best matching passages by their numbers, best first."""
        if not terms:
            return {}
        rows = self._rows(_MATCHING, (_any(terms), *_among(sources), count, count))
        return {number: (to_passage(row), score) for number, score, *row in rows}

    def _cosines_of(self, vector: Sequence[float], numbers: Sequence[int]) -> dict[int, float]:
        """The cosines of the passages of these numbers that have a vector here."""
        rows = self._rows(
            "SELECT number, vector FROM passages JOIN vectors USING (key) "
            "WHERE number IN (SELECT value FROM json_each(?))",
            (json.dumps(numbers),),
        )
        asked = np.asarray(vector, "<f4")
        return {number: float(np.frombuffer(blob, "<f4") @ asked) for number, blob in rows}

    def _scores_of(self, terms: Sequence[str], numbers: Sequence[int]) -> dict[int, float]:
        """The BM25 of the passages of these numbers that hold any of the terms."""
        if not terms or not numbers:
            return {}
        rows = self._rows(
            "SELECT rowid, -bm25(words, 1.0, 0.5, 0.5) FROM words WHERE words MATCH ? "
            # With the plus the words are looked up once, and not for each passage.
            "AND +rowid IN (SELECT value FROM json_each(?))",
            (_any(terms), json.dumps(numbers)),
        )
        return dict(rows)

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
    def _db(self) -> sqlite3.Connection:
        address = f"{(self.folder / SQLITE).as_uri()}?mode=ro&immutable=1"
        db = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._resources.callback(db.close)
        return db


def to_passage(row: Sequence[Any]) -> Passage:
    """A passage of its columns, in the order of `COLUMNS`."""
    source, start, end, text, sentences, title, heading, unit, place = row
    spans = tuple(Span(*span) for span in json.loads(sentences))
    return Passage(source, start, end, text, spans, title, heading, unit, place)


def refuse_other_size(index: Path, stored: int, size: int) -> None:
    """Raise `IndexMismatch` for a vector that cannot be compared with those stored, if any are."""
    if stored not in (0, size):
        raise IndexMismatch(
            index,
            f"vectors of {stored} numbers",
            str(size),
            "Rebuild it with the model that you have: assistant rebuild.",
        )


def _any(terms: Sequence[str]) -> str:
    """A full-text query for any of the terms."""
    return " OR ".join(f'"{term.translate(_ENDS_TERM)}"' for term in terms)


def _among(sources: Sequence[str] | None) -> tuple[bool, str]:
    """Two values of a query: whether all sources are meant, and which."""
    return sources is None, json.dumps(list(sources or ()))
