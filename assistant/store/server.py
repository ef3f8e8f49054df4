"""The same generations on a Chroma server, for several machines.

    <name>                        the pointer: its metadata names the generation that answers
    <name>.gen-000002-5f3a9c      a generation: a row for each passage, with its vector
    <name>.gen-000001-0c7d41      the one before, for those who are still reading it

The machine with the documents writes a new collection, verifies it, and swaps the pointer by one
call. Every other machine brings its copy of the passages up to date from the collection and
searches the words in that; vectors are searched on the server. What comes from the server is
checked: anybody who reaches it can write there.
"""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import GenerationReplaced, IndexBusy, ServerUnusable
from assistant.store.generation import NAME
from assistant.store.graph import FLUSHES, SAME, TORN, is_held
from assistant.store.manifest import MANIFEST
from assistant.store.replica import PAGE, Replica, Row, digest, read_rows
from assistant.types import Progress, Skipped

if TYPE_CHECKING:
    from chromadb.api.fastapi import FastAPI
    from chromadb.api.models.Collection import Collection
    from chromadb.types import Collection as Model

DEADLINE = 5.0
"""Seconds that a call to the server may take, with what is tried again."""
_MOST_COLLECTIONS = 30_000  # of a server that are looked through for our old ones
_MOST_PASSAGES = 10_000_000  # a manifest that claims more is not believed
_MOST_SKIPPED = 100  # files that were left out, of which a manifest tells
_PROBES = 256  # rows that are looked for before a generation is published


class Server:
    """The index of one name on a Chroma server; every call ends within `seconds`, or raises.

    Those that write rows or delete a collection have twelve times as long. Raises
    `ServerUnusable` where the server is down, slow, or holds what is not ours.
    """

    def __init__(self, address: str, token: str = "", seconds: float = DEADLINE) -> None:
        self.address = address
        self._token = token
        self._seconds = seconds
        self._name = address.partition("://")[2].partition("/")[2] or "assistant"
        self._opened: dict[str, Collection] = {}  # the last one that was looked at

    def current(self) -> str | None:
        """The name of the generation that answers; None where nothing was published yet."""
        with self._translate_errors():
            pointer = self._find(self._name)
            if pointer is None:
                return None
            name = (pointer.metadata or {})["generation"]
            if not NAME.fullmatch(name):
                raise ValueError(f"{self._name} names no generation")
            return str(name)

    def publish(self, name: str, folder: Path, base: str | None, progress: Progress) -> None:
        """Make a finished draft the generation that answers, in the place of `base`.

        Raises `IndexBusy` where another machine was first.
        """
        with self._translate_errors():
            manifest = json.loads((folder / MANIFEST).read_bytes())
            flush = max(1_000, manifest["passages"] // FLUSHES)
            model = self._api.create_collection(
                self._full(name),
                configuration={"hnsw": {"space": "cosine", "sync_threshold": flush}},
                metadata={"replaces": base or ""},
            )
            collection = self._sound(model, self._full(name))
            try:
                ids = _upload(collection, folder, manifest["passages"], progress)
                # As a collection's metadata a manifest says "complete".
                collection.modify(
                    metadata={
                        "recipe": json.dumps(manifest["recipe"]),
                        "documents": manifest["documents"],
                        "passages": manifest["passages"],
                        "digest": digest(ids),
                        "skipped": json.dumps(manifest["skipped"][:_MOST_SKIPPED]),
                        "replaces": base or "",
                    }
                )
            except BaseException:
                self._remove(collection.name)
                raise
            if not self._swap(name, base):
                self._remove(collection.name)
                raise IndexBusy(self.address)
            self._remove_old(name, base)

    def manifest(self, name: str) -> dict[str, Any]:
        """What a generation says of itself."""
        with self._translate_errors():
            return _manifest(self._generation(name))

    def has(self, name: str) -> bool:
        """Whether a generation is there and complete."""
        with suppress(ServerUnusable):
            return bool(self.manifest(name))
        return False

    def fetch(self, name: str, replica: Replica, progress: Progress) -> None:
        """Make a replica hold the passages of a generation."""
        with self._translate_errors():
            collection = self._generation(name)
            replica.copy(collection, _manifest(collection), progress)

    def nearest(
        self, name: str, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[str, float]:
        """The cosines of the passages nearest to a vector, by their ids."""
        among: Any = None if sources is None else {"source": {"$in": [*sources]}}
        with self._translate_errors():
            found = self._generation(name).query(
                query_embeddings=list(vector),
                n_results=count,
                where=among,
                include=["distances"],
            )
            ids, distances = found["ids"][0], (found["distances"] or [[]])[0]
            if len(ids) > count or not all(-SAME <= far <= 2 + SAME for far in distances):
                raise ValueError("it found what was not asked for")
            cosines = (max(-1.0, min(1.0, 1 - far)) for far in distances)
            return dict(zip((row.partition("-")[0] for row in ids), cosines, strict=True))

    def empty_error(self) -> ServerUnusable:
        """The error for a server that has no index for this version and name."""
        return ServerUnusable(
            self.address,
            f"it holds no index named {self._name} that this version can use",
            "Sync on the machine that has the documents, with the same version of the assistant.",
        )

    @cached_property
    def _api(self) -> "FastAPI":
        from assistant.store.client import open_server

        return open_server(self.address, self._token, self._seconds)

    def _translate_errors(self) -> AbstractContextManager[None]:
        from assistant.store.client import translate_errors

        return translate_errors(self.address, self._seconds)

    def _full(self, name: str) -> str:
        return f"{self._name}.{name}"

    def _find(self, name: str) -> "Model | None":
        from chromadb.errors import NotFoundError

        with suppress(NotFoundError):
            return self._api.get_collection(name)
        return None

    def _generation(self, name: str) -> "Collection":
        """The collection of a published generation, looked at once."""
        known = self._opened.get(name)
        if known is None:
            model = self._find(self._full(name))
            if model is None:
                raise GenerationReplaced(self.address)
            known = self._sound(model, self._full(name))
            self._opened = {name: known}
        return known

    def _sound(self, model: "Model", name: str) -> "Collection":
        """A collection that is safe to use. Raises `IndexDamaged` for one that would run code."""
        from chromadb.api.models.Collection import Collection

        from assistant.store.client import refuse_foreign

        collection = Collection(self._api, model, embedding_function=None)
        if model.name != name:
            raise ValueError("it gave another collection than was asked for")
        refuse_foreign(collection, Path(name))
        return collection

    def _swap(self, name: str, base: str | None) -> bool:
        """Make the pointer name a generation, unless it was moved since the draft was begun.

        Whether it does. Chroma cannot compare and swap in one call. Another machine may swap
        between the look and the call; the look afterwards notices it, unless that one comes later
        still, and wins.
        """
        from chromadb.api.models.Collection import Collection
        from chromadb.errors import ChromaError

        if self.current() == base:
            pointer = self._find(self._name)
            if pointer:
                swapped = Collection(self._api, pointer, embedding_function=None)
                swapped.modify(metadata={"generation": name})
            else:
                with suppress(ChromaError):  # another machine makes the first one just now
                    self._api.create_collection(self._name, metadata={"generation": name})
        return self.current() == name

    def _remove_old(self, name: str, base: str | None) -> None:
        """Remove what nobody reads, and drafts that can no longer be swapped in.

        The last generation stays for who still reads it, and so do drafts that begin from this.
        """
        kept = {self._full(name), self._full(base or "")}
        found: list[Model] = []
        while len(found) < _MOST_COLLECTIONS:
            page = self._api.list_collections(limit=PAGE, offset=len(found))
            found += page
            if len(page) < PAGE:
                break
        ours = (model for model in found if model.name.startswith(self._full("gen-")))
        for model in ours:
            if model.name not in kept and (model.metadata or {}).get("replaces") != name:
                self._remove(model.name)

    def _remove(self, name: str) -> None:
        with suppress(Exception):  # what stays is removed after the next sync
            self._api.delete_collection(name)


def _upload(collection: "Collection", folder: Path, total: int, progress: Progress) -> list[str]:
    """Add all rows of a draft; their ids. Raises `ValueError` where they are not there then."""
    ids, probes = list[str](), list[Row]()
    for rows in read_rows(folder):
        progress("Publishing", len(ids), total)
        collection.add(
            ids=[row.id for row in rows],
            embeddings=[row.vector for row in rows],
            metadatas=[row.fields for row in rows],
        )
        probes += rows[:: total // _PROBES + 1]
        ids += [row.id for row in rows]
    progress("Publishing", total, total)
    held, found = collection.count() == len(ids) == total, 0
    for start in range(0, len(probes), PAGE // 10):
        rows = probes[start : start + PAGE // 10]
        vectors = [row.vector for row in rows]
        held &= is_held(collection, [row.id for row in rows], vectors, [row.fields for row in rows])
        near = collection.query(query_embeddings=vectors, n_results=1, include=["distances"])
        found += sum(bool(row) and row[0] < SAME for row in near["distances"] or [])
    if not held or found < TORN * len(probes):
        raise ValueError("it does not hold what it was given")
    return ids


def _manifest(collection: "Collection") -> dict[str, Any]:
    """The manifest that a collection carries. Raises `ValueError` where it is not true."""
    fields = collection.metadata or {}
    if "recipe" not in fields or not collection.count() == fields["passages"] <= _MOST_PASSAGES:
        raise ValueError(f"{collection.name} is unfinished, or was changed")
    recipe = dict(json.loads(fields["recipe"]))
    if not all(isinstance(each, int) or each.isprintable() for each in recipe.values()):
        raise ValueError(f"{collection.name} has no recipe of ours")
    return {
        **fields,
        "recipe": recipe | {"format": int(recipe["format"])},
        "skipped": [Skipped(str(name), str(why)) for name, why in json.loads(fields["skipped"])],
    }
