"""The same generations on a Chroma server, for several machines.

    <name>                        the pointer: its metadata names the generation that answers
    <name>.gen-000002-5f3a9c      a generation: a row for each passage, with its vector
    <name>.gen-000001-0c7d41      the one before, for those who are still reading it

The machine with the documents writes a new collection, verifies it, and swaps the pointer by one
call. Every other machine brings its copy of the passages up to date from the collection and
searches the words in that; vectors are searched on the server. What comes from the server is
checked: anybody who reaches it can write there. Calls end in time and in bounded memory.

Importing this module imports chromadb and httpx.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from weakref import finalize

import httpx
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings, System
from chromadb.errors import ChromaError, NotFoundError
from chromadb.types import Collection as Model

from assistant.errors import (
    AssistantError,
    GenerationReplaced,
    IndexBusy,
    IndexDamaged,
    ServerUnusable,
)
from assistant.store.client import refuse_foreign
from assistant.store.draft import Draft
from assistant.store.generation import NAME
from assistant.store.graph import FLUSHES, SAME, TORN, digest, is_held
from assistant.store.manifest import MANIFEST
from assistant.store.replica import PAGE, Row, copy_rows, read_rows
from assistant.types import Progress, Skipped

_MOST_BYTES = 64 * 2**20  # of an answer; a page of rows is under one megabyte
_SLOW = 12  # times the deadline, for calls that no question waits for
_MOST_COLLECTIONS = 30_000  # of a server that are looked through for our old ones
_MOST_PASSAGES = 10_000_000  # a manifest that claims more is not believed
_MOST_SKIPPED = 100  # files that were left out, of which a manifest tells
_PROBES = 256  # rows that are looked for before a generation is published


class Server:
    """The index of one name on a Chroma server; every call ends within `seconds`, or raises.

    Those that write rows or delete a collection have twelve times as long. Raises
    `ServerUnusable` where the server is down, slow, or holds what is not ours.
    """

    def __init__(self, address: str, token: str = "", seconds: float = 5.0) -> None:
        self.address = address
        self._token = token
        self._seconds = seconds
        self._name = address.partition("://")[2].partition("/")[2] or "assistant"
        self._opened: dict[str, Collection] = {}  # the last one that was looked at

    def current(self) -> str | None:
        """The name of the generation that answers; None where nothing was published yet."""
        with self._translate_errors():
            pointer = self._pointer()
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
            full = f"{self._name}.{name}"
            self._api.create_collection(
                full,
                configuration={"hnsw": {"space": "cosine", "sync_threshold": flush}},
                metadata={"replaces": base or ""},
            )
            try:
                collection = self._generation(name)
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
                self._remove(full)
                raise
            if not self._swap(name, base):
                self._remove(full)
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

    def fetch(self, name: str, draft: Draft, progress: Progress) -> None:
        """Make a draft hold the passages of a generation; their vectors stay on the server."""
        with self._translate_errors():
            collection = self._generation(name)
            copy_rows(draft, collection, _manifest(collection), progress)

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
    def _api(self) -> FastAPI:
        return open_server(self.address, self._token, self._seconds)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Raise `ServerUnusable` for what goes wrong there, whichever library noticed it."""
        try:
            yield
        except IndexDamaged as error:
            raise ServerUnusable(
                self.address,
                "somebody wrote a collection there that names an embedding function",
                "None of ours does, and it was not run. Replace it where the documents are: "
                "assistant sync.",
            ) from error
        except (AssistantError, OSError, sqlite3.OperationalError):
            raise  # ours, or the disk here
        except NotFoundError as error:
            raise GenerationReplaced(self.address) from error
        except Exception as error:  # a foreign server makes the client raise anything
            remedy = "Start it or mend it and try again, or change ASSISTANT_CHROMA."
            raise ServerUnusable(self.address, _problem(error, self._seconds), remedy) from error

    def _pointer(self) -> Collection | None:
        with suppress(NotFoundError):
            model = self._api.get_collection(self._name)
            return Collection(self._api, model, embedding_function=None)
        return None

    def _generation(self, name: str) -> Collection:
        """The collection of a published generation, looked at once.

        Raises `IndexDamaged` for one that would run code.
        """
        if name not in self._opened:
            full = f"{self._name}.{name}"
            model = self._api.get_collection(full)
            collection = Collection(self._api, model, embedding_function=None)
            if model.name != full:
                raise ValueError("it gave another collection than was asked for")
            refuse_foreign(collection, Path(full))
            self._opened = {name: collection}
        return self._opened[name]

    def _swap(self, name: str, base: str | None) -> bool:
        """Make the pointer name a generation, unless it was moved since the draft was begun.

        Whether it does. Chroma cannot compare and swap in one call. Another machine may swap
        between the look and the call; the look afterwards notices it, unless that one comes later
        still, and wins.
        """
        if self.current() == base:
            if pointer := self._pointer():
                pointer.modify(metadata={"generation": name})
            else:
                with suppress(ChromaError):  # another machine makes the first one just now
                    self._api.create_collection(self._name, metadata={"generation": name})
        return self.current() == name

    def _remove_old(self, name: str, base: str | None) -> None:
        """Remove what nobody reads, and drafts that can no longer be swapped in.

        The last generation stays for who still reads it, and so do drafts that begin from this.
        """
        total = min(self._api.count_collections(), _MOST_COLLECTIONS)
        found: list[Model] = []
        for start in range(0, total, PAGE):
            found += self._api.list_collections(limit=PAGE, offset=start)
        prefix = f"{self._name}."
        for model in found:
            is_ours = model.name.startswith(f"{prefix}gen-")
            kept = model.name in (prefix + name, prefix + (base or ""))
            if is_ours and not kept and (model.metadata or {}).get("replaces") != name:
                self._remove(model.name)

    def _remove(self, name: str) -> None:
        with suppress(Exception):  # what stays is removed after the next sync
            self._api.delete_collection(name)


def open_server(address: str, token: str, seconds: float) -> FastAPI:
    """Chroma's own client of a server; nothing is sent yet."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 8000)
    no_file: dict[str, Any] = {"_env_file": None}  # or it reads `.env` of the current folder
    settings = Settings(
        **no_file,
        chroma_api_impl="chromadb.api.fastapi.FastAPI",
        chroma_server_host=f"{parts.scheme}://{parts.netloc.removesuffix(f':{port}')}:{port}",
        chroma_server_http_port=port,
        chroma_server_ssl_enabled=parts.scheme == "https",
        chroma_server_headers={"Authorization": f"Bearer {token}"} if token else {},
        anonymized_telemetry=False,
    )
    api = System(settings).instance(FastAPI)
    # The client waits for ever and has no setting for it, nor does it take a session from us.
    api._session.close()
    api._session = httpx.Client(
        transport=_BoundedTransport(seconds),
        headers={**api.get_request_headers(), "Accept-Encoding": "identity"},
    )
    finalize(api, api._session.close)  # nobody has to: the connections go with the last user
    return api


class _BoundedTransport(httpx.BaseTransport):
    """HTTP with limits: on the time of a whole call, on the answer's size, on retries."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._http = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, which Chroma gives as JSON."""
        # Chroma may be writing a whole graph meanwhile, or deletes one (4 s at 100,000).
        is_slow = request.method == "DELETE" or request.url.path.endswith("/add")
        deadline = monotonic() + self._seconds * (_SLOW if is_slow else 1)
        for left in reversed(range(3)):
            try:
                return self._answer(request, deadline)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _answer(self, request: httpx.Request, deadline: float) -> httpx.Response:
        left = deadline - monotonic()
        if left <= 0:
            raise httpx.ReadTimeout("no time left", request=request)
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
        response = self._http.handle_request(request)
        try:
            body = bytearray()
            for part in response.iter_raw():
                body += part
                if monotonic() > deadline:
                    raise httpx.ReadTimeout("it trickles", request=request)
                if len(body) > _MOST_BYTES:
                    raise ValueError("the answer has no end")
        finally:
            response.close()
        kind = response.headers.get("Content-Type", "")
        if "json" not in kind or "Content-Encoding" in response.headers:
            raise ValueError(f"status {response.status_code}, {kind or 'of no type'}")
        return httpx.Response(
            response.status_code, headers={"Content-Type": kind}, content=bytes(body)
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _upload(collection: Collection, folder: Path, total: int, progress: Progress) -> list[str]:
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


def _manifest(collection: Collection) -> dict[str, Any]:
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


def _problem(error: Exception, seconds: float) -> str:
    """What is wrong with a server, in plain words."""
    if isinstance(error, httpx.TimeoutException):
        return f"no answer within {seconds:g} seconds"
    if isinstance(error, httpx.ConnectError):
        return "nothing answers there"
    if isinstance(error, httpx.HTTPError):
        return "the connection breaks off"
    printable = "".join(char if char.isprintable() else " " for char in str(error))
    message = " ".join(printable.split())[:200]
    if isinstance(error, ChromaError):
        return f"it says “{message}”"
    return f"it gives no index of ours ({message})"
