"""The guard around the page: who may speak to it, and what its browser may do.

Gradio answers any site that reaches it under another name of this machine, stores uploads from
anywhere, and fetches remote files for anyone. Nothing of that passes here.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_LIMIT = 1_000_000
"""Bytes of a request. The page sends questions; a file, to `UPLOAD` only."""
UPLOAD = "/gradio_api/upload"
"""Where files are sent that are added."""
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
# What Gradio offers and the page does without: files, uploads, other ways to call its events.
_CLOSED = tuple(
    f"/gradio_api/{name}"
    for name in (
        *("api", "call", "file", "openapi.json", "process_recording"),
        *("proxy", "run", "stream", "upload", "vibe"),
    )
)


class Guard:
    """ASGI middleware: refuses strangers, and sets the security headers."""

    def __init__(self, app: App, file_bytes: int = 0) -> None:
        self._app = app
        self._file_bytes = file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the reason why not."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        refusal = _refusal(scope, self._file_bytes)
        if refusal is None:
            return await self._app(scope, receive, _with_headers(send))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        return await _answer(_with_headers(send), *refusal)


def _refusal(scope: Scope, file_bytes: int) -> tuple[int, str] | None:
    """Status and reason if the request must not pass; files may come with up to `file_bytes`."""
    upload = file_bytes if (scope.get("method"), scope["path"]) == ("POST", UPLOAD) else 0
    names, hosts, origins = _names(scope), _sent(scope, b"host"), _sent(scope, b"origin")
    if not hosts or hosts - names:
        return 403, "Refused: this page is not served under that name."
    following = scope.get("method") == "GET" and "navigate" in _sent(scope, b"sec-fetch-mode")
    elsewhere = _sent(scope, b"sec-fetch-site") & {"cross-site", "same-site"}
    if origins - {f"http://{name}" for name in names} or (elsewhere and not following):
        return 403, "Refused: the request comes from another site."
    if not upload and scope["path"].startswith(_CLOSED):
        return 403, "Refused: this page does not offer that."
    if _sent(scope, b"transfer-encoding"):
        return 411, "Refused: say how long the request is."
    limit = upload or BODY_LIMIT
    if not all(_fits(length, limit) for length in _sent(scope, b"content-length")):
        return 413, f"Refused: {limit:,} bytes are enough for a {'file' if upload else 'question'}."
    return None


def _names(scope: Scope) -> set[str]:
    """The names of the address that answers, as in `Host:`. None without an address."""
    host, port = scope.get("server") or ("", None)
    if port is None:
        return set()
    names = ("127.0.0.1", "localhost", f"[{host}]" if ":" in host else host)
    return {f"{name}:{port}" for name in names}


def _sent(scope: Scope, name: bytes) -> set[str]:
    """Every value sent under the name: a second one must not slip through."""
    values = (value for key, value in scope["headers"] if key.lower() == name)
    return {value.decode("latin-1").strip().lower() for value in values}


def _fits(length: str, limit: int) -> bool:
    return length.isascii() and length.isdigit() and len(length) < 13 and int(length) <= limit


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending


async def _answer(send: Send, status: int, reason: str) -> None:
    body = reason.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
