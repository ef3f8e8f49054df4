import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.types import Message, Receive, Scope, Send

from assistant.web.accounts import Account, Accounts, Person
from assistant.web.auth import (
    BUSY,
    FORGET_SECONDS,
    LOGIN_SECONDS,
    MAX_COUNTED,
    PERSON,
    WRONG,
    Authenticator,
    AuthMiddleware,
    LoginRefused,
    Logins,
    LoginThrottle,
)
from assistant.web.security import (
    IDLE_SECONDS,
    MAX_SESSIONS,
    MalformedMessage,
    Sessions,
    sessions_of,
)

PASSWORD = "correct horse battery"
BROWSER = "m" * 32


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counted(Accounts):
    """Counts how many passwords are checked, and takes no time over it."""

    checked = 0

    def check(self, name: str, password: str) -> Account | None:
        self.checked += 1
        account = self.all().get(name)
        return account if password == PASSWORD else None


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home") / "accounts.json"
    Accounts(path).add("ana", PASSWORD, may_change=True)
    Accounts(path).add("bo", PASSWORD)
    return path


@pytest.fixture
def accounts(stored: Path, tmp_path: Path) -> Counted:
    (tmp_path / "accounts.json").write_bytes(stored.read_bytes())
    return Counted(tmp_path / "accounts.json")


# tries


def test_waits_grow_and_wrong_tries_are_forgotten() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    who = [("address", "192.0.2.1")]
    waits = []
    for _ in range(9):
        throttle.begin(who)
        waits.append(throttle.wait(who))
    assert [wait > 0 for wait in waits] == [False] * 4 + [True] * 5
    assert waits[4:] == [1, 2, 4, 8, 16]
    clock.now += 17
    assert throttle.wait(who) <= 0
    clock.now += 9 * FORGET_SECONDS
    throttle.begin(who)
    assert throttle.wait(who) <= 0


def test_a_right_try_takes_back_its_own_count_and_no_other() -> None:
    throttle = LoginThrottle(Clock())
    who = [("address", "192.0.2.1")]
    for _ in range(6):
        throttle.begin(who)
    throttle.begin(who)
    throttle.succeed(who)
    assert throttle.wait(who) == 2


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    throttle = LoginThrottle(Clock())
    for number in range(MAX_COUNTED + 100):
        throttle.begin([("name", str(number))])
    assert len(throttle._counts) == MAX_COUNTED


# authenticator


async def log_in(
    authenticator: Authenticator,
    name: str,
    password: str,
    browser: str = "",
    address: str = "192.0.2.1",
) -> int:
    found = await authenticator.login(name, password, browser, address)
    return found.status if isinstance(found, LoginRefused) else 200


async def test_u10_of_a_thousand_wrong_passwords_a_handful_is_checked(accounts: Counted) -> None:
    authenticator = Authenticator(accounts, LoginThrottle(Clock()))
    statuses = [await log_in(authenticator, "ana", f"wrong {i}") for i in range(1000)]
    assert statuses == [401] * 5 + [429] * 995
    assert accounts.checked == 5
    assert await log_in(authenticator, "ana", PASSWORD) == 429


async def test_u10_at_once_is_no_way_round(accounts: Counted) -> None:
    authenticator = Authenticator(accounts, LoginThrottle(Clock()))
    tried = (log_in(authenticator, "ana", f"wrong {i}") for i in range(1000))
    statuses = await asyncio.gather(*tried)
    assert accounts.checked == statuses.count(401) == 5


async def test_u10_in_an_hour_one_address_gets_few_tries(accounts: Counted) -> None:
    clock = Clock()
    authenticator = Authenticator(accounts, LoginThrottle(clock))
    for second in range(3600):
        clock.now += 1
        await log_in(authenticator, f"name{second}", "wrong")
    assert 5 < accounts.checked < 25


async def test_u10_a_network_of_ipv6_is_one_address(accounts: Counted) -> None:
    authenticator = Authenticator(accounts, LoginThrottle(Clock()))
    for number in range(100):
        await log_in(authenticator, f"name{number}", "wrong", address=f"2001:db8::{number:x}")
    assert accounts.checked == 5
    assert await log_in(authenticator, "ana", PASSWORD, address="2001:db8:1::1") == 200


async def test_u10_many_addresses_do_not_guess_at_one_name(accounts: Counted) -> None:
    authenticator = Authenticator(accounts, LoginThrottle(Clock()))
    for number in range(1000):
        await log_in(authenticator, "ana", "wrong", address=f"10.0.{number // 250}.{number % 250}")
    assert accounts.checked == 20


async def test_u10_who_guesses_at_a_name_does_not_lock_its_person_out(accounts: Counted) -> None:
    clock = Clock()
    authenticator = Authenticator(accounts, LoginThrottle(clock))
    assert await log_in(authenticator, "ana", PASSWORD, BROWSER) == 200
    for number in range(100):
        await log_in(authenticator, "ana", "wrong", address=f"10.0.0.{number}")
    assert await log_in(authenticator, "ana", "wrong", "x" * 32, "10.1.1.1") == 429
    assert await log_in(authenticator, "ana", PASSWORD, BROWSER, "10.0.0.1") == 200
    clock.now += 61
    assert await log_in(authenticator, "ana", PASSWORD, "x" * 32, "10.1.1.1") == 200


async def test_u10_a_known_browser_has_few_tries_too(accounts: Counted) -> None:
    authenticator = Authenticator(accounts, LoginThrottle(Clock()))
    await log_in(authenticator, "ana", PASSWORD, BROWSER)
    for _ in range(100):
        await log_in(authenticator, "ana", "wrong", BROWSER)
    assert accounts.checked == 6


async def test_an_unknown_name_is_treated_as_a_known_one(accounts: Counted) -> None:
    for name in ("ana", "nobody"):
        authenticator = Authenticator(accounts, LoginThrottle(Clock()))
        found = [await authenticator.login(name, "wrong", "", "192.0.2.1") for _ in range(7)]
        messages = [each.message for each in found if isinstance(each, LoginRefused)]
        assert (
            messages == [WRONG] * 5 + ["Too many wrong tries. Please try again in 1 seconds."] * 2
        )


async def test_more_at_once_than_can_be_checked_get_a_message(accounts: Counted) -> None:
    authenticator = Authenticator(accounts, LoginThrottle(Clock()))
    tried = (log_in(authenticator, f"name{i}", "wrong", address=f"10.0.0.{i}") for i in range(100))
    statuses = await asyncio.gather(*tried)
    assert statuses.count(503) == 100 - accounts.checked
    assert statuses.count(503) > 50
    assert "again in a moment" in BUSY


# sessions


def test_a_login_ends_by_time_by_leaving_and_with_its_account(accounts: Counted) -> None:
    clock = Clock()
    logins = Logins(accounts, clock)
    ana, bo = accounts.all()["ana"], accounts.all()["bo"]
    early, late, other = logins.begin(ana), logins.begin(ana), logins.begin(bo)
    assert logins.person(early) == Person("ana", may_change=True)
    logins.end(early)
    assert logins.person(early) is None
    assert logins.person(late)
    accounts.remove("ana")
    assert logins.person(late) is None
    accounts.add("ana", PASSWORD + " new", may_change=True)
    assert logins.person(late) is None
    clock.now += LOGIN_SECONDS - 1
    assert logins.person(other)
    clock.now += 1
    assert logins.person(other) is None
    assert logins.person("") is None


def test_a_login_is_forgotten_when_its_account_changes_before_it_is_used(
    accounts: Counted,
) -> None:
    logins = Logins(accounts)
    token = logins.begin(accounts.all()["ana"])
    accounts.remove("ana")
    accounts.add("ana", PASSWORD)
    assert logins.person(token) is None


def test_u11_a_session_is_of_the_browser_that_named_it_first() -> None:
    sessions = Sessions(Clock())
    assert sessions.admit("abc", "ana's")
    assert sessions.admit("abc", "ana's")
    assert not sessions.admit("abc", "bo's")
    assert not sessions.admit("abc", "")
    assert sessions.admit("bcd", "bo's")


def test_u11_no_flood_of_sessions_makes_one_forgotten_that_may_be_in_use() -> None:
    clock = Clock()
    sessions = Sessions(clock)
    sessions.admit("abc", "ana's")
    for number in range(MAX_SESSIONS):
        sessions.admit(f"flood{number}", "bo's")
    assert not sessions.admit("one more", "bo's")
    assert not sessions.admit("abc", "bo's")
    assert sessions.admit("abc", "ana's")
    clock.now += IDLE_SECONDS + 1
    assert sessions.admit("one more", "bo's")
    assert len(sessions._owners) == 1


# requests


def request(path: str = "/gradio_api/queue/join", query: str = "") -> Scope:
    return {"path": path, "query_string": query.encode(), "headers": []}


def test_every_session_a_request_names_is_found() -> None:
    assert sessions_of(request(), b'{"session_hash": "abc"}') == {"abc"}
    assert sessions_of(request(), b'{"session_hash": "abc", "session_hash": "bcd"}') == {"bcd"}
    assert sessions_of(request(), b'{"data": []}') == set()
    assert sessions_of(request(query="session_hash=a&session%5Fhash=b"), b"") == {"a", "b"}
    assert sessions_of(request("/gradio_api/heartbeat/abc"), b"") == {"abc"}
    assert sessions_of(request("/gradio_api/heartbeat/abc", "session_hash=b"), b"") == {"abc", "b"}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"abc"',
        b"{",
        b"\xff\xfe",
        b'{"session_hash": 5}',
        b'{"session_hash": ["a"]}',
        b'{"session_hash": {"a": 1}}',
        b'{"session_hash": ""}',
        b'{"session_hash": "a b"}',
        b'{"session_hash": "%s"}' % (b"a" * 65),
        b'{"n": %s}' % (b"9" * 9999),
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        sessions_of(request(), body)


@pytest.mark.parametrize("depth", [50, 1000, 100_000])
def test_u14_a_message_of_many_levels_is_refused(depth: int) -> None:
    for left, right in ((b"[", b"]"), (b'{"a":', b"}")):
        nested = left * depth + b"1" + right * depth
        with pytest.raises(MalformedMessage):
            sessions_of(request(), b'{"data": ' + nested + b"}")


# the middleware


class Inner:
    """An app that answers everything, and remembers who came, with what."""

    def __init__(self) -> None:
        self.came: list[tuple[str, Any, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive())["body"] if scope["method"] == "POST" else b""
        self.came.append((scope["path"], scope.get(PERSON), body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})


class Visitor:
    """A browser before the middleware: keeps its cookies, and follows no redirect."""

    def __init__(self, accounts: Accounts | None, scheme: str = "http") -> None:
        self.inner = Inner()
        self.middleware = AuthMiddleware(self.inner, "The page", accounts)
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.scope: dict[str, Any] = {"server": ("127.0.0.1", 7860), "client": ("127.0.0.1", 5)}
        self.scope["scheme"] = scheme
        self.headers: dict[str, str] = {}
        self.body = b""

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        jar = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"cookie": jar}
        path, _, query = path.partition("?")
        scope = self.scope | {"type": "http", "method": method, "path": path}
        scope |= {"query_string": query.encode()}
        scope["headers"] = [(name.encode(), value.encode()) for name, value in sent.items()]
        parts = [body[:10], body[10:]]
        got: list[Message] = []

        async def receive() -> Message:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            got.append(message)

        await self.middleware(scope, receive, send)
        self.headers = {name.decode(): value.decode() for name, value in got[0]["headers"]}
        self.body = got[-1].get("body", b"")
        for given in (value.decode() for name, value in got[0]["headers"] if name == b"set-cookie"):
            self.set_cookies.append(given)
            name, _, value = given.partition(";")[0].partition("=")
            self.cookies[name] = value
        return int(got[0]["status"])

    async def log_in(self, name: str = "ana", password: str = PASSWORD, **headers: str) -> int:
        typed = urlencode({"username": name, "password": password}).encode()
        return await self.ask("POST", "/login", typed, **headers)

    async def join(self, session: str) -> int:
        message = json.dumps({"session_hash": session, "data": []}).encode()
        return await self.ask("POST", "/gradio_api/queue/join", message)


async def test_without_accounts_everyone_is_local_and_may_change() -> None:
    visitor = Visitor(None)
    assert await visitor.ask("GET", "/") == 200
    assert visitor.inner.came == [("/", Person("local", may_change=True), b"")]


@pytest.mark.parametrize("path", ["/config", "/gradio_api/queue/join", "/assets/a.js", "/x", "//"])
async def test_u9_a_stranger_is_sent_to_the_login_and_sees_nothing_else(
    accounts: Counted, path: str
) -> None:
    visitor = Visitor(accounts)
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        assert await visitor.ask(method, path) == 401
    assert await visitor.ask("GET", "/") == 303
    assert visitor.headers["location"] == "/login"
    assert visitor.inner.came == []


async def test_one_who_logged_in_is_known_by_name_until_logging_out(accounts: Counted) -> None:
    visitor = Visitor(accounts)
    assert await visitor.ask("GET", "/login") == 200
    assert b'name="password"' in visitor.body
    assert await visitor.log_in("BO", accept="text/html") == 303
    assert await visitor.ask("GET", "/") == 200
    assert visitor.inner.came == [("/", Person("bo", may_change=False), b"")]
    assert await visitor.ask("GET", "/logout") == 200  # nothing of ours: a link logs nobody out
    kept = dict(visitor.cookies)
    assert await visitor.ask("POST", "/logout") == 204
    visitor.cookies = kept
    assert await visitor.ask("GET", "/") == 303


async def test_a_program_is_answered_without_a_page(accounts: Counted) -> None:
    visitor = Visitor(accounts)
    assert await visitor.log_in(accept="*/*") == 200
    assert json.loads(visitor.body) == {"success": True}


async def test_a_wrong_password_gets_a_message_and_nothing_typed_becomes_html(
    accounts: Counted,
) -> None:
    visitor = Visitor(accounts)
    assert await visitor.log_in('"><script>x</script>', "wrong") == 401
    assert WRONG.encode() in visitor.body
    assert b"<script>" not in visitor.body
    assert b"&quot;&gt;&lt;script&gt;" in visitor.body
    for _ in range(5):
        await visitor.log_in(password="wrong")
    assert await visitor.log_in() == 429
    assert b"Please try again in 1 seconds." in visitor.body
    assert int(visitor.headers["retry-after"]) >= 1


@pytest.mark.parametrize("body", [b"", b"x" * 20_000, b"\xff" * 100, b"&" * 5000])
async def test_what_is_no_form_lets_nobody_in(accounts: Counted, body: bytes) -> None:
    assert await Visitor(accounts).ask("POST", "/login", body) in (401, 413)


async def test_accounts_that_cannot_be_read_let_nobody_in(accounts: Counted) -> None:
    visitor = Visitor(accounts)
    await visitor.log_in()
    accounts.path.write_text("{")
    assert await visitor.ask("GET", "/") == 303
    assert await visitor.log_in() == 503
    assert str(accounts.path).encode() not in visitor.body


async def test_cookies_are_for_this_site_and_for_no_script(accounts: Counted) -> None:
    visitor = Visitor(accounts)
    await visitor.ask("GET", "/login")
    await visitor.log_in()
    assert len(visitor.set_cookies) == 2
    for cookie in visitor.set_cookies:
        assert "; HttpOnly; SameSite=Strict" in cookie
        assert "Secure" not in cookie
        assert "Domain" not in cookie
    values = [cookie.partition("=")[2].partition(";")[0] for cookie in visitor.set_cookies]
    assert [len(value) for value in values] == [32, 43]


async def test_behind_tls_cookies_are_for_tls_alone(accounts: Counted) -> None:
    visitor = Visitor(accounts, scheme="https")
    await visitor.ask("GET", "/login")
    await visitor.log_in()
    for cookie in visitor.set_cookies:
        assert cookie.startswith("__Host-assistant-")
        assert cookie.endswith("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict; Secure") or (
            cookie.endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure")
        )
    assert await visitor.ask("GET", "/") == 200


async def test_a_browser_id_is_given_once_and_a_made_up_one_is_none() -> None:
    visitor = Visitor(None)
    await visitor.ask("GET", "/")
    await visitor.ask("GET", "/")
    assert len(visitor.set_cookies) == 1
    (name,) = visitor.cookies
    visitor.cookies[name] = "guessable"
    await visitor.ask("GET", "/")
    assert len(visitor.set_cookies) == 2


async def test_u11_a_session_cannot_be_borrowed_by_another_browser() -> None:
    ana, bo = Visitor(None), Visitor(None)
    bo.middleware = ana.middleware
    await ana.ask("GET", "/")
    await bo.ask("GET", "/")
    assert await ana.join("abc") == 200
    message = {"session_hash": "abc", "data": []}
    assert json.loads(ana.inner.came[-1][2]) == message  # whole, though it came in parts
    assert await bo.join("abc") == 403
    for path in (
        "/gradio_api/queue/data?session_hash=abc",
        "/gradio_api/heartbeat/abc",
        "/config?session_hash=abc",
    ):
        assert await bo.ask("GET", path) == 403
        assert await ana.ask("GET", path) == 200
    for path in ("/gradio_api/cancel", "/gradio_api/reset", "/gradio_api/anything"):
        assert await bo.ask("POST", path, json.dumps(message).encode()) == 403
    bo.cookies = {}
    assert await bo.join("abc") == 403
    assert await bo.join("bcd") == 200
    assert await ana.join("bcd") == 403


async def test_a_message_without_a_body_passes_and_can_be_read() -> None:
    visitor = Visitor(None)
    assert await visitor.ask("POST", "/gradio_api/anything") == 200
    assert visitor.inner.came == [("/gradio_api/anything", Person("local", may_change=True), b"")]


async def test_u11_another_person_in_the_same_browser_is_somebody_else(accounts: Counted) -> None:
    visitor = Visitor(accounts)
    await visitor.log_in("ana")
    assert await visitor.join("abc") == 200
    await visitor.ask("POST", "/logout")
    await visitor.log_in("bo")
    assert await visitor.join("abc") == 403


async def test_who_only_asks_cannot_send_files(accounts: Counted) -> None:
    visitor = Visitor(accounts)
    await visitor.log_in("bo")
    assert await visitor.ask("POST", "/gradio_api/upload?upload_id=a", b"file") == 403
    await visitor.log_in("ana")
    assert await visitor.ask("POST", "/gradio_api/upload?upload_id=a", b"file") == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_link_on_another_site_leads_here_by_one_step_more(
    accounts: Counted, site: str
) -> None:
    visitor = Visitor(accounts)
    await visitor.log_in()
    assert await visitor.ask("GET", "/", sec_fetch_site=site) == 200
    assert b'http-equiv="refresh"' in visitor.body
    assert visitor.inner.came == []


async def test_a_websocket_is_closed(accounts: Counted) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    await AuthMiddleware(Inner(), "", accounts)({"type": "websocket", "path": "/"}, receive, send)
    assert sent[0]["type"] == "websocket.close"
