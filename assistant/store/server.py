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
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import (
    AssistantError,
    GenerationReplaced,
    IndexBusy,
    IndexDamaged,
    ServerUnusable,
)
from assistant.store.generation import NAME
from assistant.store.graph import SAME
from assistant.store.manifest import MANIFEST
from assistant.store.replica import IDS, PAGE, Copy, create, described, read_manifest, sound, upload
from assistant.types import Progress

if TYPE_CHECKING:
    from chromadb.api.fastapi import FastAPI
    from chromadb.api.models.Collection import Collection
    from chromadb.types import Collection as Model


@contextmanager
def plainly(address: str, seconds: float) -> Iterator[None]:
    """Say what is wrong with the server plainly, whichever library noticed it."""
    import httpx
    from chromadb.errors import ChromaError, NotFoundError

    try:
        yield
    except IndexDamaged as error:
        raise ServerUnusable(
            address,
            "somebody wrote a collection there that names an embedding function",
            "None of ours does, and it was not run. Replace it where the documents are: "
            "assistant sync.",
        ) from error
    except (AssistantError, OSError, sqlite3.OperationalError):
        raise  # ours, or the disk here
    except httpx.TimeoutException as error:
        raise _unusable(address, f"no answer within {seconds:g} seconds") from error
    except httpx.ConnectError as error:
        raise _unusable(address, "nothing answers there") from error
    except httpx.HTTPError as error:
        raise _unusable(address, "the connection breaks off") from error
    except NotFoundError as error:
        raise GenerationReplaced(address) from error
    except ChromaError as error:
        raise _unusable(address, f"it says “{_one_line(str(error))}”") from error
    except Exception as error:  # a foreign server makes the client raise anything
        raise _unusable(address, f"it gives no index of ours ({_one_line(str(error))})") from error


def _unusable(address: str, problem: str) -> ServerUnusable:
    return ServerUnusable(
        address, problem, "Start it or mend it and try again, or change ASSISTANT_CHROMA."
    )


def _one_line(text: str) -> str:
    """What a server says, fit for a message."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())[:200]


DEADLINE = 5.0
"""Seconds that a call to the server may take, with what is tried again."""

_MOST = 30_000  # collections of a server that are looked through for our old ones


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
        with self._plainly():
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
        with self._plainly():
            manifest = json.loads((folder / MANIFEST).read_bytes())
            total = manifest["passages"]
            collection = create(self._api, self._full(name), base, total)
            try:
                digest = upload(collection, folder, total, progress)
                collection.modify(metadata=described(manifest, digest, base))
            except BaseException:
                self._remove(collection.name)
                raise
            if not self._swap(name, base):
                self._remove(collection.name)
                raise IndexBusy(self.address)
            self._remove_old(name, base)

    def manifest(self, name: str) -> dict[str, Any]:
        """What a generation says of itself."""
        with self._plainly():
            return read_manifest(self._generation(name))

    def holds(self, name: str) -> bool:
        """Whether a generation is there and complete."""
        with suppress(ServerUnusable):
            return bool(self.manifest(name))
        return False

    def bring(self, name: str, copy: Copy, progress: Progress) -> None:
        """Make a copy hold the passages of a generation."""
        with self._plainly():
            collection = self._generation(name)
            manifest = read_manifest(collection)
            total = manifest["passages"]
            for start in range(0, total, IDS):
                ids = collection.get(limit=IDS, offset=start, include=[])["ids"]
                if len(ids) != min(IDS, total - start):
                    raise ValueError("more rows, or fewer, than were asked for")
                copy.want(ids)
            missing = copy.forget_unwanted()
            for done in range(0, missing, PAGE):
                progress("Fetching", done, missing)
                ids = copy.missing(PAGE)
                found = collection.get(ids=ids, include=["metadatas"])
                copy.take(ids, dict(zip(found["ids"], found["metadatas"] or [], strict=True)))
            progress("Fetching", missing, missing)
            if copy.digest() != manifest["digest"]:
                raise ValueError("rows are missing, or were changed")

    def nearest(
        self, name: str, vector: Sequence[float], count: int, sources: Sequence[str] | None
    ) -> dict[str, float]:
        """The cosines of the passages nearest to a vector, by their ids."""
        among: Any = None if sources is None else {"source": {"$in": [*sources]}}
        with self._plainly():
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

    def empty(self) -> ServerUnusable:
        """What to tell who asks a server that has no index for this version and name."""
        return ServerUnusable(
            self.address,
            f"it holds no index named {self._name} that this version can use",
            "Sync on the machine that has the documents, with the same version of the assistant.",
        )

    @cached_property
    def _api(self) -> "FastAPI":
        from assistant.store.connection import connect

        return connect(self.address, self._token, self._seconds)

    def _plainly(self) -> AbstractContextManager[None]:
        return plainly(self.address, self._seconds)

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
            known = sound(self._api, model, self._full(name))
            self._opened = {name: known}
        return known

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
        while len(found) < _MOST:
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
