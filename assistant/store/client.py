"""Chroma's clients: of a folder, and of a server, whose calls end in time and in bounded memory.

Importing this module imports chromadb and httpx. Collections are given vectors only: a stored one
may name an embedding function, which would run on any text.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit
from weakref import finalize

import chromadb
import httpx
from chromadb.api.client import Client
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings, System
from chromadb.errors import ChromaError, NotFoundError

from assistant.errors import AssistantError, GenerationReplaced, IndexDamaged, ServerUnusable

COLLECTION = "passages"
_RETRIES = 2  # of a call whose connection failed
_MOST_BYTES = 64 * 2**20  # of an answer; a page of rows is under one megabyte
_SLOW = 12  # times the deadline, for calls that no question waits for


def open_local(folder: Path) -> Client:
    """A client of the vectors in a folder; it keeps its own cache by path."""
    client = chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))
    return cast("Client", client)


def refuse_foreign(collection: Collection, place: Path) -> None:
    """Raise `IndexDamaged` for a collection that names an embedding function anywhere.

    To add to it would run the function's code.
    """
    model = collection.get_model()
    stored = json.dumps([model.configuration_json, model.get_serialized_schema()])
    if '"type": "known"' in stored:
        raise IndexDamaged(place, "it names an embedding function, which none of ours does")


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
        for left in reversed(range(_RETRIES + 1)):
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


@contextmanager
def translate_errors(address: str, seconds: float) -> Iterator[None]:
    """Raise `ServerUnusable` for what goes wrong with a server, whichever library noticed it."""
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
    except NotFoundError as error:
        raise GenerationReplaced(address) from error
    except Exception as error:  # a foreign server makes the client raise anything
        remedy = "Start it or mend it and try again, or change ASSISTANT_CHROMA."
        raise ServerUnusable(address, _problem(error, seconds), remedy) from error


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
