"""Which requests may reach the page, what a browser may do with the response, whose a session is.

Gradio answers any site that reaches it under another name of this machine, stores uploads from
anywhere, and fetches remote files for anyone. The middleware here lets none of that through.
"""

import hmac
import json
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PORTS = {"http": ":80", "https": ":443"}
BODY_LIMIT = 1_000_000
"""Bytes of a request. The page sends questions; a file only to `UPLOAD`."""
UPLOAD = "/gradio_api/upload"
"""Where the page sends files."""
# 'unsafe-inline' because Gradio's page starts itself from an inline script.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; frame-src 'none'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
# What Gradio offers and the page does not use: files, uploads, other ways to call its events.
_CLOSED = re.compile(
    r"/monitoring|/gradio_api/(api|call|component_server|custom_component|deep_link|dev|file|"
    r"openapi\.json|process_recording|profiling|proxy|run|stream|token|undo|upload|vibe)"
)


class SecurityMiddleware:
    """ASGI middleware: refuses requests of strangers, and sets the security headers.

    `address` is the page's address behind a proxy, `file_bytes` the limit of an uploaded file.
    """

    def __init__(self, app: ASGIApp, address: str = "", file_bytes: int = 0) -> None:
        self._app = app
        self._address = origin(address) if address else ""
        self._file_bytes = file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the reason why not."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        refusal = self._refusal(scope)
        if refusal is None:
            return await self._app(scope, receive, with_headers(send, _HEADERS))
        status, reason = refusal
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008, "reason": reason})
        response = PlainTextResponse(reason, status, {"cache-control": "no-store"})
        return await response(scope, receive, with_headers(send, _HEADERS))

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason if the request must not pass."""
        post, path = scope.get("method") == "POST", scope["path"]
        ours = _origins(scope) | ({self._address} if self._address else set())
        hosts = _sent(scope, "host")
        named = hosts | _sent(scope, "x-forwarded-host")
        # A default port may be left out or not; a scheme is not sent with a host.
        given = ({origin(f"{scheme}://{host}") for scheme in _PORTS} for host in named)
        if not hosts or not all(each & ours for each in given):
            return 403, "Refused: this page is not served under that name."
        following = scope.get("method") == "GET" and "navigate" in _sent(scope, "sec-fetch-mode")
        elsewhere = _sent(scope, "sec-fetch-site") & {"cross-site", "same-site"}
        if _sent(scope, "origin") - ours or (elsewhere and not following):
            return 403, "Refused: the request comes from another site."
        upload = self._file_bytes if post and path == UPLOAD else 0
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if (not upload and _CLOSED.match(path)) or "deep_link" in query:
            return 403, "Refused: this page does not offer that."
        if _sent(scope, "transfer-encoding"):
            return 411, "Refused: say how long the request is."
        limit = upload or BODY_LIMIT
        if not all(_fits(length, limit) for length in _sent(scope, "content-length")):
            what = "file" if upload else "question"
            return 413, f"Refused: {limit:,} bytes are enough for a {what}."
        return None


def origin(address: str) -> str:
    """The address as browsers send it in `Origin:`, without the default port of its scheme."""
    return address.removesuffix(_PORTS[address.partition(":")[0]])


def _origins(scope: Scope) -> set[str]:
    """The origins of the server that answers, one for each of its names; none without a port."""
    host, port = scope.get("server") or ("", None)
    if port is None:
        return set()
    # `localhost` is a name of this machine alone: from another one it is a stranger's.
    here = {"127.0.0.1", "localhost"} if ip_address(host).is_loopback else set()
    names = {*here, f"[{host}]" if ":" in host else host}
    return {origin(f"http://{name}:{port}") for name in names}


def _sent(scope: Scope, name: str) -> set[str]:
    """Every value sent under the name: a second one must not slip through."""
    return {value.strip().lower() for value in Headers(scope=scope).getlist(name)}


def _fits(length: str, limit: int) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,12}", length)) and int(length) <= limit


def with_headers(send: Send, headers: Sequence[tuple[bytes, bytes]]) -> Send:
    """Add the headers to the response that is sent."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return sending


MAX_SESSIONS = 50_000
"""So many are remembered, a few megabytes."""
IDLE_SECONDS = 6 * 3600.0
"""After so long a session nobody used is forgotten, as the page forgets its conversation."""


class Sessions:
    """Which browser each session of the page belongs to.

    The page names its session by a number it drew itself, and Gradio gives the conversation to
    whoever sends that number. Here only the browser that sent it first may send it again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def admit(self, session: str, owner: str) -> bool:
        """Whether the session is this browser's; a new one becomes it, unless they are too many."""
        now = self._clock()
        while self._owners and next(iter(self._owners.values()))[1] < now - IDLE_SECONDS:
            self._owners.popitem(last=False)  # but none that may still be in use
        if session not in self._owners and len(self._owners) >= MAX_SESSIONS:
            return False
        first, _ = self._owners.get(session, (owner, now))
        if not hmac.compare_digest(first.encode(), owner.encode()):
            return False
        self._owners[session] = (owner, now)
        self._owners.move_to_end(session)
        return True


_HEARTBEAT = "/gradio_api/heartbeat/"


class MalformedMessage(ValueError):
    """The body is not what the page sends."""


def sessions_of(scope: Scope, body: bytes) -> set[str]:
    """Every session a request names. Raises `MalformedMessage`."""
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
    found: list[Any] = [value for name, value in query if name == "session_hash"]
    if scope["path"].startswith(_HEARTBEAT):
        found.append(scope["path"].removeprefix(_HEARTBEAT))
    if body:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            raise MalformedMessage from None
        if not isinstance(message, dict) or _is_deep(message):
            raise MalformedMessage
        found.append(message.get("session_hash"))
    named = [each for each in found if each is not None]
    if not all(
        isinstance(each, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", each) for each in named
    ):
        raise MalformedMessage
    return set(named)


def _is_deep(message: object) -> bool:
    """Whether it holds more lists within lists than a question and what the page sends with it."""
    level: list[Any] = [message]
    for _ in range(40):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [child for each in inner for child in each if isinstance(child, dict | list)]
    return bool(level)
