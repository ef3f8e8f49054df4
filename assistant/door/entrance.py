"""Names and passwords: looked at a few at a time, and after wrong ones not at once."""

from collections import deque
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

import anyio

from assistant.accounts import Account, Accounts, tidy
from assistant.door.tries import Tries, Who

WRONG = "Name or password is wrong."
BUSY = "Many people are logging in right now. Please try again in a moment."
_AT_ONCE, _WAITING = 2, 16
"""Passwords looked at together, and in all; each takes a core and 16 MiB for a moment."""
_BROWSERS = 20
"""So many of a person's browsers are known; the one not used for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody came in; what they are told, and how many seconds to wait."""

    status: int
    told: str
    wait: float = 0.0


class Entrance:
    """Where a name and a password are shown."""

    def __init__(self, accounts: Accounts, tries: Tries) -> None:
        self._accounts = accounts
        self._tries = tries
        self._looking = anyio.CapacityLimiter(_AT_ONCE)
        self._waiting = 0
        self._browsers: dict[str, deque[str]] = {}

    async def enter(
        self, name: str, password: str, browser: str, address: str
    ) -> Account | Refused:
        """The account, or why not. Raises `AccountsUnreadable`."""
        name = tidy(name)
        who = self._who(name, browser, address)
        if (wait := self._tries.wait(who)) > 0:
            return Refused(429, _later(wait), wait)
        if self._waiting >= _WAITING:
            return Refused(503, BUSY, 1)
        self._tries.begin(who)
        account = await self._look(name, password)
        if account is None:
            return Refused(401, WRONG)
        self._tries.right(who)
        known = self._browsers.setdefault(name, deque(maxlen=_BROWSERS))
        if browser and browser not in known:
            known.append(browser)
        return account

    async def _look(self, name: str, password: str) -> Account | None:
        self._waiting += 1
        try:
            check = self._accounts.check
            return await anyio.to_thread.run_sync(check, name, password, limiter=self._looking)
        finally:
            self._waiting -= 1

    def _who(self, name: str, browser: str, address: str) -> list[Who]:
        """Whose wrong tries count.

        A browser this person has come in by before is counted by itself: whoever guesses at the
        name from elsewhere does not lock the person out.
        """
        if browser in self._browsers.get(name, ()):
            return [("browser", name, browser)]
        return [("address", _block(address)), ("name", name[:100])]


def _block(address: str) -> str:
    """The address; of IPv6 the network, in which anyone has addresses without end."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:100]
    return str(ip_network((found, 64), strict=False) if isinstance(found, IPv6Address) else found)


def _later(seconds: float) -> str:
    minutes = round(seconds / 60)
    time = f"{minutes} minutes" if minutes > 1 else f"{max(1, round(seconds))} seconds"
    return f"Too many wrong tries. Please try again in {time}."
