"""Accounts: who may log in, and who of them may change the sources.

One file, `accounts.json`, readable by its owner only. It holds no password, only what scrypt made
of it with a salt of the account's own.
"""

import hashlib
import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from assistant import fs
from assistant.errors import AccountRefused, AccountsUnreadable
from assistant.history import LOCAL

SHORTEST = 12
"""Characters of a password, at least. NIST SP 800-63B asks for length, not for signs."""
LONGEST = 1000
_NAME = re.compile(r"\w[\w.@-]{0,39}")


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asking."""

    name: str
    may_change: bool
    """Whether they may change the sources."""


@dataclass(frozen=True, slots=True)
class Account(Person):
    """A person, and what their password is checked against."""

    salt: str
    hashed: str = ""
    # As the OWASP cheat sheet on storing passwords has it: 16 MiB, a fifth of a second on one core.
    cost: int = 2**14
    block: int = 8
    parallel: int = 5

    @property
    def person(self) -> Person:
        """Who logs in by it."""
        return Person(self.name, self.may_change)

    def hash(self, password: str) -> str:
        """What scrypt makes of a password, as hexadecimal digits."""
        return hashlib.scrypt(
            unicodedata.normalize("NFC", password).encode(errors="replace"),
            salt=bytes.fromhex(self.salt),
            n=self.cost,
            r=self.block,
            p=self.parallel,
            maxmem=2**28,
        ).hex()


_adapter = TypeAdapter(list[Account])


class Accounts:
    """The accounts of a home. Every call sees the file as it is now."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._known: dict[str, Account] = {}
        self._nobody = Account("", may_change=False, salt=secrets.token_hex(16))

    def all(self) -> dict[str, Account]:
        """Every account by its name. Raises `AccountsUnreadable`."""
        try:
            now = self.path.stat()
            seen = (now.st_ino, now.st_mtime_ns, now.st_size)
            if seen != self._seen:  # each request asks
                accounts = _adapter.validate_json(
                    self.path.read_bytes(), strict=True, extra="forbid"
                )
                self._known, self._seen = {each.name: each for each in accounts}, seen
        except FileNotFoundError:
            self._known, self._seen = {}, None
        except OSError as error:
            raise AccountsUnreadable(self.path, error.strerror or str(error)) from None
        except ValidationError as error:
            raise AccountsUnreadable(self.path, error.errors()[0]["msg"]) from None
        return self._known

    def add(self, name: str, password: str, *, may_change: bool = False) -> Account:
        """A new account. Raises `AccountRefused`."""
        name = tidy(name)
        if not _NAME.fullmatch(name) or name == LOCAL:
            wanted = "a name is letters and digits, with . _ @ - among them, 40 at most"
            raise AccountRefused(name, f"“{LOCAL}” is taken" if name == LOCAL else wanted)
        if not SHORTEST <= len(password) <= LONGEST:
            wanted = f"its password needs {SHORTEST} characters or more, and {LONGEST:,} at most"
            raise AccountRefused(name, wanted)
        bare = Account(name, may_change, salt=secrets.token_hex(16))
        account = replace(bare, hashed=bare.hash(password))
        with self._changing(name) as accounts:
            if name in accounts:
                raise AccountRefused(name, "there is one of that name; remove it first")
            accounts[name] = account
        return account

    def remove(self, name: str) -> None:
        """Remove an account; whoever logged in by it is logged out. Raises `AccountRefused`."""
        name = tidy(name)
        with self._changing(name) as accounts:
            if accounts.pop(name, None) is None:
                raise AccountRefused(name, "there is none of that name (assistant account list)")

    def check(self, name: str, password: str) -> Account | None:
        """The account, if both are right; none takes as long. Raises `AccountsUnreadable`."""
        account = self.all().get(tidy(name), self._nobody)
        try:
            right = hmac.compare_digest(account.hash(password[:LONGEST]), account.hashed)
        except (ValueError, TypeError) as error:  # the file holds no salt, cost or hash of ours
            raise AccountsUnreadable(self.path, str(error)) from None
        return account if right else None

    @contextmanager
    def _changing(self, name: str) -> Iterator[dict[str, Account]]:
        """The accounts under a lock, to be changed; then they are written, all or nothing."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with fs.locked(self.path.with_suffix(".lock")):
                accounts = dict(self.all())
                yield accounts
                text = json.dumps([asdict(account) for account in accounts.values()], indent=1)
                fs.write_atomic(self.path, text.encode(), 0o600)
        except TimeoutError:
            raise AccountRefused(name, f"another process is writing {self.path}") from None
        except OSError as error:
            problem = f"{self.path} cannot be written: {error.strerror or error}"
            raise AccountRefused(name, problem) from None


def tidy(name: str) -> str:
    """A name as it is stored: Ana and ana are one person."""
    return unicodedata.normalize("NFKC", name).strip().casefold()
