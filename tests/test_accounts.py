import hashlib
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant import fs
from assistant.errors import AccountRefused, AccountsUnreadable
from assistant.web.accounts import SHORTEST, Accounts, Person

PASSWORD = "correct horse battery"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "accounts.json"


@pytest.fixture
def accounts(path: Path) -> Accounts:
    found = Accounts(path)
    found.add("Ana", PASSWORD, may_change=True)
    found.add("bo", PASSWORD)
    return found


def test_the_right_password_is_right_and_no_other(accounts: Accounts) -> None:
    ana = accounts.check("ana", PASSWORD)
    assert ana
    assert ana.person == Person("ana", may_change=True)
    bo = accounts.check("bo", PASSWORD)
    assert bo
    assert not bo.person.may_change
    for name, password in (("ana", PASSWORD + " "), ("ana", ""), ("cy", PASSWORD), ("", "")):
        assert accounts.check(name, password) is None


def test_a_name_is_one_person_however_it_is_typed(accounts: Accounts) -> None:
    assert accounts.check(" ANA ", PASSWORD)
    accounts.add("Zoe\u0308", PASSWORD)
    assert accounts.check("Zoë", PASSWORD)
    with pytest.raises(AccountRefused, match="there is one of that name; remove it first"):
        accounts.add("aNa", PASSWORD)


def test_a_password_is_one_password_however_its_letters_are_made(accounts: Accounts) -> None:
    accounts.add("zoe", "naïve façades")
    assert accounts.check("zoe", "nai\u0308ve fac\u0327ades")


def test_nothing_in_the_file_is_a_password_and_nobody_else_reads_it(
    accounts: Accounts, path: Path
) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert PASSWORD not in text
    ana, bo = json.loads(text)
    assert ana["salt"] != bo["salt"]
    assert ana["hashed"] != bo["hashed"]
    assert (ana["cost"], ana["block"], ana["parallel"]) == (2**14, 8, 5)


def test_the_parameters_are_those_of_the_account(accounts: Accounts, path: Path) -> None:
    """So that dearer ones can come without locking anyone out."""
    salt = "00" * 16
    cheap = hashlib.scrypt(PASSWORD.encode(), salt=bytes(16), n=16, r=1, p=1).hex()
    old = {"name": "old", "may_change": False, "salt": salt, "hashed": cheap}
    path.write_text(json.dumps([old | {"cost": 16, "block": 1, "parallel": 1}]))
    assert accounts.check("old", PASSWORD)


def test_an_unknown_name_costs_as_much_as_a_known_one(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int, int]] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, *, salt: bytes, n: int, r: int, p: int, maxmem: int) -> bytes:
        asked.append((n, r, p))
        return scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=maxmem)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    assert accounts.check("ana", "wrong") is None
    assert accounts.check("nobody", "wrong") is None
    assert accounts.check("\udcff" * 9, "\udcff" * 99_999) is None
    assert len(asked) == 3
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize("name", ["", " ", "local", "LOCAL", "a/b", "../a", "a b", "-a", "x" * 41])
def test_a_name_that_is_none_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountRefused, match="a name is letters|is taken"):
        accounts.add(name, PASSWORD)


@pytest.mark.parametrize("password", ["", "x" * (SHORTEST - 1), "x" * 1001])
def test_a_password_too_short_or_too_long_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(AccountRefused, match="12 characters or more"):
        accounts.add("cy", password)
    assert "cy" not in accounts.all()


def test_who_is_removed_is_gone(accounts: Accounts) -> None:
    accounts.remove("ANA")
    assert list(accounts.all()) == ["bo"]
    assert accounts.check("ana", PASSWORD) is None
    with pytest.raises(AccountRefused, match="there is none of that name"):
        accounts.remove("ana")


def test_what_another_process_did_is_seen(accounts: Accounts, path: Path) -> None:
    Accounts(path).remove("ana")
    assert list(accounts.all()) == ["bo"]
    path.unlink()
    assert accounts.all() == {}


def test_many_at_once_lose_nobody(path: Path) -> None:
    names = [f"person{number}" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: Accounts(path).add(name, PASSWORD), names))
    assert sorted(Accounts(path).all()) == names


def test_a_write_that_breaks_off_leaves_the_old(
    accounts: Accounts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def torn(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", torn)
    with pytest.raises(AccountRefused, match=r"accounts\.json cannot be written: no space left"):
        accounts.remove("ana")
    assert path.read_bytes() == before
    assert {each.name for each in path.parent.iterdir()} <= {"accounts.json", "accounts.lock"}


def test_while_another_process_writes_an_account_is_not_added(
    accounts: Accounts, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    locked = fs.locked
    monkeypatch.setattr(fs, "locked", lambda path: locked(path, seconds=0.01))
    with (
        locked(path.with_suffix(".lock")),
        pytest.raises(AccountRefused, match="another process is writing .*accounts"),
    ):
        accounts.add("cy", PASSWORD)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change", [{"salt": "no hex"}, {"cost": 3}, {"cost": 2**70}, {"hashed": "é"}]
)
def test_an_account_whose_password_cannot_be_checked_is_damage(
    accounts: Accounts, path: Path, change: dict[str, object]
) -> None:
    ana, bo = json.loads(path.read_text())
    path.write_text(json.dumps([ana | change, bo]))
    with pytest.raises(AccountsUnreadable, match="assistant account add NAME"):
        accounts.check("ana", PASSWORD)
    assert accounts.check("bo", PASSWORD)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[1]", '[{"name": "a"}]', "[null]", "5", "\x00", "[" * 100_000,
        '[{"name": ["a"], "may_change": true, "salt": "00"}]',
        '[{"name": "a", "may_change": "yes", "salt": "00"}]',
    ],
)  # fmt: skip
def test_a_damaged_file_lets_nobody_in_and_says_what_to_do(
    accounts: Accounts, path: Path, text: str
) -> None:
    path.write_text(text)
    for call in (accounts.all, lambda: accounts.check("ana", PASSWORD)):
        with pytest.raises(AccountsUnreadable, match="assistant account add NAME"):
            call()
