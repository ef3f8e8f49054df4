"""Wrong passwords, counted: after a few, the next one has to wait, and longer each time.

What the door remembers: who is logged in, and which browser a conversation belongs to.

What a request brings: cookies, a form, the sessions it names.
"""

import hmac
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import cookie_parser

from assistant.web.accounts import Account, Accounts, Person
from assistant.web.security import Receive, Scope

MOST = 10_000
"""So many are remembered; the one not seen for longest is forgotten first."""
FORGETTING = 600.0
"""Seconds after which one wrong try is forgotten: an office behind one address mistypes too."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many tries are free, and how long the wait can grow."""

    free: int
    longest: float

    def wait(self, wrong: float) -> float:
        """Seconds after so many wrong tries: none, then 1, 2, 4 and on."""
        over = int(wrong) - self.free
        return 0.0 if over < 0 else min(2.0 ** min(over, 30), self.longest)


Who = tuple[str, ...]
"""Whose tries are counted: an address, a name, or a name in a known browser."""
PATIENCE = {
    "address": Patience(5, 900),
    "browser": Patience(5, 900),
    # Many addresses can hold a name, so not for long; a browser that knows it is counted apart.
    "name": Patience(20, 60),
}
"""By the first word of who tries."""


class LoginThrottle:
    """Counts in memory, of bounded size."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[Who, tuple[float, float]] = OrderedDict()

    def wait(self, each: Iterable[Who]) -> float:
        """Seconds until all of them may try again; 0 is now."""
        now = self._clock()
        return max((self._ready(who) - now for who in each if who in self._counts), default=0.0)

    def begin(self, each: Iterable[Who]) -> None:
        """Count a try as wrong before it is looked at: many at once must not slip through."""
        now = self._clock()
        for who in each:
            self._counts[who] = (self._wrong(who, now) + 1, now)
            self._counts.move_to_end(who)
        while len(self._counts) > MOST:
            self._counts.popitem(last=False)

    def right(self, each: Iterable[Who]) -> None:
        """Take back the count of a try that was right, and of no other."""
        for who in each:
            wrong, last = self._counts.pop(who, (0.0, 0.0))
            if wrong > 1:
                self._counts[who] = (wrong - 1, last)

    def _ready(self, who: Who) -> float:
        wrong, last = self._counts[who]
        return last + PATIENCE[who[0]].wait(wrong)

    def _wrong(self, who: Who, now: float) -> float:
        wrong, last = self._counts.get(who, (0.0, now))
        return max(0.0, wrong - (now - last) / FORGETTING)


LASTS = 12 * 3600.0
"""Seconds a login lasts."""
MOST_LOGINS = 10_000
MOST_SESSIONS = 50_000
"""So many are remembered, a few megabytes."""
IDLE = 6 * 3600.0
"""Seconds after which a conversation nobody went on with is forgotten, as the page forgets it."""


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that showed the right password."""

    account: Account
    until: float


class Logins:
    """Who is in, by the token in the cookie."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._clock = clock
        self._logins: OrderedDict[str, Login] = OrderedDict()

    def begin(self, account: Account) -> str:
        """A token for one who may come in."""
        token = secrets.token_urlsafe(32)
        self._logins[token] = Login(account, self._clock() + LASTS)
        while len(self._logins) > MOST_LOGINS:
            self._logins.popitem(last=False)
        return token

    def end(self, token: str) -> None:
        """Log out."""
        self._logins.pop(token, None)

    def person(self, token: str) -> Person | None:
        """Who it is, if the account is still the one that was logged in to."""
        login = self._logins.get(token)
        if login is None:
            return None
        if self._clock() < login.until:
            account = self._accounts.all().get(login.account.name)
            if account == login.account:  # the salt too: a new password ends old logins
                return account.person
        self.end(token)
        return None


class Sessions:
    """Which browser each session of the page belongs to.

    The page names its session by a number it drew itself, and Gradio gives the conversation to
    whoever says that number. Here only the browser that said it first may say it again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def admit(self, session: str, owner: str) -> bool:
        """Whether the session is this browser's; a new one becomes it, unless there are too many.

        None that may still be somebody's is forgotten for a new one.
        """
        now = self._clock()
        while self._owners and next(iter(self._owners.values()))[1] < now - IDLE:
            self._owners.popitem(last=False)
        if session not in self._owners and len(self._owners) >= MOST_SESSIONS:
            return False
        first, _ = self._owners.get(session, (owner, now))
        if not hmac.compare_digest(first.encode(), owner.encode()):
            return False
        self._owners[session] = (owner, now)
        self._owners.move_to_end(session)
        return True


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
