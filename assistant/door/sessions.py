"""What the door remembers: who is logged in, and which browser a conversation belongs to."""

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from assistant.accounts import Account, Accounts, Person

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
