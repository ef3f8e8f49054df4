"""What the login remembers in memory: wrong passwords, logins, and whose each session is."""

import hmac
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Scope

from assistant.web.accounts import Account, Accounts, Person

MAX_COUNTED = 10_000
"""Addresses and names of which wrong passwords are counted; the oldest is forgotten first."""
FORGET_SECONDS = 600.0
"""After so long one wrong try is forgotten: an office behind one address mistypes too."""
# Free tries, and the longest wait in seconds, by what is counted. Many addresses can lock a name,
# so not for long; a browser that has logged in by the name before is counted apart.
_LIMITS = {"address": (5, 900.0), "browser": (5, 900.0), "name": (20, 60.0)}
Key = tuple[str, ...]
"""What tries are counted by: one of `_LIMITS`, then an address, a name, or a name and a browser."""


class LoginThrottle:
    """Counts wrong passwords: after a few the next try has to wait, and longer each time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def wait(self, keys: Iterable[Key]) -> float:
        """Seconds until all of them may try again; 0 is now.

        After the free tries that is in 1 second, then in 2, 4 and on.
        """
        waits = [0.0]
        for key in keys:
            wrong, last = self._counts.get(key, (0.0, 0.0))
            free, longest = _LIMITS[key[0]]
            over = int(wrong) - free
            if over >= 0:
                waits.append(last + min(2.0 ** min(over, 30), longest) - self._clock())
        return max(waits)

    def begin(self, keys: Iterable[Key]) -> None:
        """Count a try as wrong before it is checked: many at once must not slip through."""
        now = self._clock()
        for key in keys:
            wrong, last = self._counts.get(key, (0.0, now))
            self._counts[key] = (max(0.0, wrong - (now - last) / FORGET_SECONDS) + 1, now)
            self._counts.move_to_end(key)
        while len(self._counts) > MAX_COUNTED:
            self._counts.popitem(last=False)

    def succeed(self, keys: Iterable[Key]) -> None:
        """Take back the count of one try that was right, and of no other."""
        for key in keys:
            wrong, last = self._counts.pop(key, (0.0, 0.0))
            if wrong > 1:
                self._counts[key] = (wrong - 1, last)


LOGIN_SECONDS = 12 * 3600.0
"""How long a login lasts."""
MAX_LOGINS = 10_000
MAX_SESSIONS = 50_000
"""So many are remembered, a few megabytes."""
IDLE_SECONDS = 6 * 3600.0
"""After so long a session nobody used is forgotten, as the page forgets its conversation."""


class Logins:
    """Who is logged in, by the token in the cookie."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._clock = clock
        self._logins: OrderedDict[str, tuple[Account, float]] = OrderedDict()

    def begin(self, account: Account) -> str:
        """A new token for the account."""
        token = secrets.token_urlsafe(32)
        self._logins[token] = account, self._clock() + LOGIN_SECONDS
        while len(self._logins) > MAX_LOGINS:
            self._logins.popitem(last=False)
        return token

    def end(self, token: str) -> None:
        """Log out."""
        self._logins.pop(token, None)

    def person(self, token: str) -> Person | None:
        """Who it is, if the account is still the one that logged in.

        Raises `AccountsUnreadable`.
        """
        if token not in self._logins:
            return None
        account, until = self._logins[token]
        # The salt is compared too: a new password ends old logins.
        if self._clock() < until and self._accounts.all().get(account.name) == account:
            return account.person
        self.end(token)
        return None


class Sessions:
    """Which browser each session of the page belongs to.

    The page names its session by a number it drew itself, and Gradio gives the conversation to
    whoever sends that number. Here only the browser that sent it first may send it again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._owners: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def admit(self, session: str, owner: str) -> bool:
        """Whether the session is this browser's; a new one becomes it, unless there are too many.

        None that may still be somebody's is forgotten for a new one.
        """
        now = self._clock()
        while self._owners and next(iter(self._owners.values()))[1] < now - IDLE_SECONDS:
            self._owners.popitem(last=False)
        if session not in self._owners and len(self._owners) >= MAX_SESSIONS:
            return False
        first, _ = self._owners.get(session, (owner, now))
        if not hmac.compare_digest(first.encode(), owner.encode()):
            return False
        self._owners[session] = (owner, now)
        self._owners.move_to_end(session)
        return True


_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
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
    if not all(isinstance(each, str) and _SESSION.fullmatch(each) for each in named):
        raise MalformedMessage
    return set(named)


def _is_deep(message: object) -> bool:
    """Whether it holds more lists within lists than a question and what the page sends with it."""
    level: list[Any] = [message]
    for _ in range(40):
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [child for each in inner for child in each if isinstance(child, dict | list)]
    return bool(level)
