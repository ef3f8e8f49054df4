"""What a request brings: cookies, a form, the sessions it names."""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import cookie_parser

from assistant.guard import Receive, Scope

DEPTH_LIMIT = 40
"""Lists within lists of a message. The page sends a question and what stands around it."""
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BEATS = "/gradio_api/heartbeat/"


class Senseless(ValueError):
    """The body is not what the page sends."""


def header(scope: Scope, name: bytes) -> str:
    """The first value sent under a name."""
    found = next((value for key, value in scope["headers"] if key.lower() == name), b"")
    return str(found.decode("latin-1"))


def cookie(scope: Scope, name: str) -> str:
    """The value of a cookie; empty without one."""
    return cookie_parser(header(scope, b"cookie")).get(name, "")


def form(body: bytes) -> dict[str, str]:
    """The fields of a form."""
    return dict(parse_qsl(body.decode(errors="replace")))


def named(scope: Scope, body: bytes) -> set[str]:
    """Every session the request names. Raises `Senseless`."""
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
    found: list[Any] = [value for name, value in query if name == "session_hash"]
    if scope["path"].startswith(_BEATS):
        found.append(scope["path"].removeprefix(_BEATS))
    if body:
        found.append(_in_message(body))
    sessions = {each for each in found if each is not None}
    if not all(isinstance(each, str) and _SESSION.fullmatch(each) for each in sessions):
        raise Senseless
    return sessions


def _in_message(body: bytes) -> Any:  # noqa: ANN401 (JSON)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise Senseless from None
    if not isinstance(message, dict) or _depth(message) > DEPTH_LIMIT:
        raise Senseless
    session = message.get("session_hash")
    if not isinstance(session, str | None):
        raise Senseless
    return session


def _depth(message: object) -> int:
    level, depth = [message], 0
    while level := [child for each in level for child in _inside(each)]:
        depth += 1
    return depth


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


async def read(receive: Receive) -> bytes | None:
    """The whole body, which the guard has found short enough; None if its sender is gone."""
    parts = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more."""
    unread = [body]

    async def receiving() -> dict[str, Any]:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return dict(await receive())

    return receiving
