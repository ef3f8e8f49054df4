"""The guard around the page: who may speak to it, and what its browser may do.

Gradio answers any site that reaches it under another name of this machine, stores uploads from
anywhere, and fetches remote files for anyone. Nothing of that passes here.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

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
_CLOSED = (
    "/monitoring",
    *(
        f"/gradio_api/{name}"
        for name in (
            *("api", "call", "component_server", "custom_component", "deep_link", "dev", "file"),
            *("openapi.json", "process_recording", "profiling", "proxy", "run", "stream", "token"),
            *("undo", "upload", "vibe"),
        )
    ),
)


class SecurityMiddleware:
    """ASGI middleware: refuses strangers, and sets the security headers."""

    def __init__(self, app: App, address: str = "", file_bytes: int = 0) -> None:
        self._app = app
        self._address = address
        self._file_bytes = file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with the reason why not."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        refusal = _refusal(scope, self._address, self._file_bytes)
        if refusal is None:
            return await self._app(scope, receive, _with_headers(send))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        return await answer(_with_headers(send), *refusal)


def _refusal(scope: Scope, address: str, file_bytes: int) -> tuple[int, str] | None:
    """Status and reason if the request must not pass; files may come with up to `file_bytes`."""
    upload = file_bytes if (scope.get("method"), scope["path"]) == ("POST", UPLOAD) else 0
    ours = _origins(scope) | ({address} if address else set())
    names = {origin.partition("://")[2] for origin in ours}
    hosts, origins = _sent(scope, b"host"), _sent(scope, b"origin")
    if not hosts or (hosts | _sent(scope, b"x-forwarded-host")) - names:
        return 403, "Refused: this page is not served under that name."
    following = scope.get("method") == "GET" and "navigate" in _sent(scope, b"sec-fetch-mode")
    elsewhere = _sent(scope, b"sec-fetch-site") & {"cross-site", "same-site"}
    if origins - ours or (elsewhere and not following):
        return 403, "Refused: the request comes from another site."
    if (not upload and scope["path"].startswith(_CLOSED)) or "deep_link" in _query(scope):
        return 403, "Refused: this page does not offer that."
    if _sent(scope, b"transfer-encoding"):
        return 411, "Refused: say how long the request is."
    limit = upload or BODY_LIMIT
    if not all(_fits(length, limit) for length in _sent(scope, b"content-length")):
        return 413, f"Refused: {limit:,} bytes are enough for a {'file' if upload else 'question'}."
    return None


def _origins(scope: Scope) -> set[str]:
    """The address that answers, as in `Origin:`, under each of its names. None without a port.

    `localhost` is a name of this machine alone: from another one it is a stranger's.
    """
    host, port = scope.get("server") or ("", None)
    if port is None:
        return set()
    here = {"127.0.0.1", "localhost"} if ip_address(host).is_loopback else set()
    return {f"http://{name}:{port}" for name in {*here, f"[{host}]" if ":" in host else host}}


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


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


async def answer(
    send: Send, status: int, text: str, kind: str = "text/plain", more: Headers = ()
) -> None:
    """Send a short text of ours."""
    body = text.encode()
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
