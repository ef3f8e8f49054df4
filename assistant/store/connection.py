"""Calls to a Chroma server that end: in time, and in bounded memory.

Importing this imports chromadb and httpx.
"""

from time import monotonic
from typing import Any
from urllib.parse import urlsplit
from weakref import finalize

import httpx
from chromadb.api.fastapi import FastAPI
from chromadb.config import Settings, System

_AGAIN = 2  # times a call is tried again whose connection failed
_MOST_BYTES = 64 * 2**20  # of an answer; a page of rows is under one megabyte
_PATIENCE = 12  # times the deadline, for what no question waits for


def connect(address: str, token: str, seconds: float) -> FastAPI:
    """Chroma's own client of the server; nothing is sent yet."""
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
        transport=_Bounded(seconds),
        headers={**api.get_request_headers(), "Accept-Encoding": "identity"},
    )
    finalize(api, api._session.close)  # nobody has to: the connections go with the last user
    return api


class _Bounded(httpx.BaseTransport):
    """HTTP with an end: of the whole call, of the answer's size, of trying again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._http = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The whole answer, which Chroma gives as JSON."""
        ends = monotonic() + self._seconds * (_PATIENCE if _is_slow(request) else 1)
        for left in reversed(range(_AGAIN + 1)):
            try:
                return self._answer(request, ends)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _answer(self, request: httpx.Request, ends: float) -> httpx.Response:
        left = ends - monotonic()
        if left <= 0:
            raise httpx.ReadTimeout("no time left", request=request)
        request.extensions["timeout"] = dict.fromkeys(("connect", "read", "write", "pool"), left)
        response = self._http.handle_request(request)
        try:
            body = bytearray()
            for part in response.iter_raw():
                body += part
                if monotonic() > ends:
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


def _is_slow(request: httpx.Request) -> bool:
    """Whether Chroma may be writing a whole graph meanwhile, or deletes one (4 s at 100,000)."""
    return request.method == "DELETE" or request.url.path.endswith("/add")
