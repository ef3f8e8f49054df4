"""The page served, with its middleware, over real HTTP and in real browsers."""

import asyncio
import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from assistant.errors import AccountsMissing, SettingRefused
from assistant.show import escape
from assistant.types import Answer, Statement
from assistant.web import app as page
from assistant.web import chat
from assistant.web.accounts import Accounts
from assistant.web.queue import BUSY, ENOUGH, RequestQueue
from research.benchmarks.readers import Visit, visits
from tests.scripted import QUOTES, TEXT, ScriptedAssistant, cited, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from assistant.assistant import Assistant

PASSWORD = "correct horse battery"


@dataclass
class Echo(ScriptedAssistant):
    """Says what it was asked, after a while; "wait" waits until it may go on."""

    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def said(self, question: str) -> Iterator[Statement | Answer]:
        said = Statement(f"You asked {question} of me", (cited(TEXT, QUOTES[0]),))
        if question.startswith("wait"):
            self.waiting.release()
            self.go_on.wait(60)
        for _ in range(400 if question.startswith("long") else 1):
            time.sleep(0.2)
            yield said
        yield Answer(question, (said,))


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Echo:
    home = tmp_path_factory.mktemp("home")
    settings = SimpleNamespace(
        knowledge=home / "knowledge",
        history=home / "history",
        accounts=home / "accounts.json",
        file_bytes=10**6,
    )
    accounts = Accounts(settings.accounts)
    accounts.add("ana", PASSWORD, may_change=True)
    accounts.add("bo", PASSWORD)
    return Echo(settings)


def serve(
    echo: Echo, host: str = "127.0.0.1", *, auth: bool = False, address: str = ""
) -> Iterator[str]:
    with serving(echo, host, auth=auth, address=address) as served:
        yield str(served.local_url).rstrip("/")


@pytest.fixture(scope="module")
def open_page(echo: Echo) -> Iterator[str]:
    """Without accounts."""
    yield from serve(echo)


@pytest.fixture(scope="module")
def closed_page(echo: Echo) -> Iterator[str]:
    """With accounts."""
    yield from serve(echo, auth=True)


def own(visit: Visit, among: Sequence[Visit]) -> bool:
    """Whether a reader saw the answer to its own question, and no other's."""
    said = {each.question for each in among if f"You asked {each.question} of me" in visit.seen}
    return said == {visit.question}


def test_u1_a_hundred_ask_at_once_and_each_gets_its_own_answer(open_page: str) -> None:
    seen = asyncio.run(visits(open_page, [f"number {number}" for number in range(100)]))
    assert [visit.question for visit in seen if visit.first is None] == []
    assert all(own(visit, seen) for visit in seen)


def test_u2_of_two_hundred_some_are_asked_to_come_again_and_nothing_breaks(open_page: str) -> None:
    seen = asyncio.run(visits(open_page, [f"number {number}" for number in range(200)]))
    answered = [visit for visit in seen if visit.first is not None]
    refused = [visit for visit in seen if visit.first is None]
    assert len(answered) >= 128
    assert refused
    assert all(own(visit, answered) for visit in answered)
    assert all(visit.question in visit.seen and sent_as(BUSY) in visit.seen for visit in refused)
    assert max(visit.whole for visit in refused) < max(visit.whole for visit in answered)
    (after,) = asyncio.run(visits(open_page, ["after"]))
    assert own(after, [after])


def sent_as(words: str) -> str:
    """Words of ours as they are sent: escaped for HTML, then for JSON."""
    return json.dumps(escape(words), ensure_ascii=False)[1:-1]


def test_llm10_one_person_asks_three_at_once_and_others_are_answered(
    closed_page: str, echo: Echo
) -> None:
    echo.go_on.clear()
    with log_in(closed_page, "ana") as ana, log_in(closed_page, "bo") as bo:
        streams = [join(ana, "wait") for _ in range(3)]
        for _ in streams:
            assert echo.waiting.acquire(timeout=60)
        assert sent_as(ENOUGH) in read(ana, join(ana, "one more"))
        assert "You asked a thing of me" in read(bo, join(bo, "a thing"))
        echo.go_on.set()
        for stream in streams:
            assert "You asked wait of me" in read(ana, stream)
        assert "You asked again of me" in read(ana, join(ana, "again"))


@contextmanager
def log_in(address: str, name: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as browser:
        browser.get("/login").raise_for_status()
        browser.post("/login", data={"username": name, "password": PASSWORD}).raise_for_status()
        yield browser


def event_of(browser: httpx.Client, elem_id: str, kind: str) -> dict[str, Any]:
    config = browser.get("/config").json()
    (part,) = (e["id"] for e in config["components"] if e["props"].get("elem_id") == elem_id)
    return next(dict(e) for e in config["dependencies"] if [part, kind] in e["targets"])


def join(browser: httpx.Client, question: str | None, event: dict[str, Any] | None = None) -> str:
    """Set an event going; the session it is in."""
    session = uuid.uuid4().hex
    event = event or event_of(browser, "question", "submit")
    data = [question] + [None] * (len(event["inputs"]) - 1)
    message = {"data": data, "fn_index": event["id"], "session_hash": session}
    browser.post("/gradio_api/queue/join", json=message).raise_for_status()
    return session


def read(browser: httpx.Client, session: str) -> str:
    """All that comes of it."""
    got = browser.get("/gradio_api/queue/data", params={"session_hash": session})
    return got.raise_for_status().text


def test_u3_who_leaves_in_the_middle_frees_the_place(open_page: str, echo: Echo) -> None:
    echo.closed.clear()
    with httpx.Client(base_url=open_page, timeout=30) as browser:
        session = join(browser, "long")
        query = {"session_hash": session}
        with browser.stream("GET", "/gradio_api/queue/data", params=query) as stream:
            assert any("You asked long of me" in line for line in stream.iter_lines())
            assert not echo.closed.is_set()
    assert echo.closed.wait(20)


@pytest.mark.browser
def test_u3_a_browser_closed_in_the_middle_frees_the_place(
    browser: "Browser", open_page: str, echo: Echo
) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(open_page)
    tab.get_by_role("textbox").fill("long")
    tab.keyboard.press("Enter")
    tab.locator("#chat .statement").first.wait_for()
    echo.closed.clear()
    context.close()
    assert echo.closed.wait(20)


@pytest.mark.browser
def test_u2_a_busy_page_keeps_the_question_in_its_box(
    browser: "Browser", echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "RequestQueue", lambda: RequestQueue(running=1, waiting=0))
    echo.go_on.clear()
    for address in serve(echo):
        with httpx.Client(base_url=address, timeout=30) as other:
            session = join(other, "wait")
            assert echo.waiting.acquire(timeout=60)
            context = browser.new_context()
            tab = context.new_page()
            tab.goto(address)
            tab.get_by_role("textbox").fill("Who met?")
            tab.keyboard.press("Enter")
            tab.get_by_text(BUSY).wait_for()
            assert tab.get_by_role("textbox").input_value() == "Who met?"
            echo.go_on.set()
            assert "You asked wait of me" in read(other, session)
            tab.get_by_role("textbox").press("Enter")
            tab.get_by_text("You asked Who met? of me").wait_for()
            context.close()


HOSTS = (
    *("evil.example", "evil.example:PORT", "localhost.:PORT", "127.0.0.2:PORT", "[::1]:PORT"),
    *("127.0.0.1", "127.0.0.1:1", "2130706433:PORT", "0.0.0.0:PORT"),
)


@pytest.mark.parametrize("host", HOSTS)
def test_u7_another_name_of_this_machine_is_a_stranger(open_page: str, host: str) -> None:
    host = host.replace("PORT", str(httpx.URL(open_page).port))
    for origin in (f"http://{host}", "http://evil.example"):
        for path in ("/", "/config", "/gradio_api/info"):
            got = httpx.get(f"{open_page}{path}", headers={"Host": host, "Origin": origin})
            assert (got.status_code, got.text[:8]) == (403, "Refused:")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_u7_another_site_reads_nothing_sends_nothing_and_frames_nothing(
    open_page: str, origin: str
) -> None:
    sent = {"Origin": origin}
    for path in ("/", "/config", "/theme.css"):
        got = httpx.get(f"{open_page}{path}", headers=sent)
        assert (got.status_code, got.text[:8]) == (403, "Refused:")
    for path in ("gradio_api/queue/join", "gradio_api/cancel", "login", "logout"):
        assert httpx.post(f"{open_page}/{path}", headers=sent, json={}).status_code == 403
    files = {"files": ("x.html", b"<script>")}
    upload = httpx.post(f"{open_page}/gradio_api/upload", headers=sent, files=files)
    assert upload.status_code == 403
    for path in ("/", "/config", "/theme.css", "/nowhere"):
        headers = httpx.get(f"{open_page}{path}").headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_u7_no_path_lets_another_site_read_its_answer(echo: Echo) -> None:
    """Asked with a name of the page too, which Gradio's own CORS layer lets any site read."""
    preflight = {"Access-Control-Request-Method": "POST", "Origin": "https://evil.example"}
    with serving(echo, auth=True, address="https://ask.example.org") as served:
        paths = {("OPTIONS", path) for _, path in routes(served.app)} | set(routes(served.app))
        with httpx.Client(base_url=str(served.local_url).rstrip("/")) as client:
            for host in ("ask.example.org", "evil.example", client.base_url.netloc.decode()):
                for method, path in paths:
                    got = client.request(method, path, headers=preflight | {"Host": host})
                    assert got.status_code == 403
                    assert not any(name.startswith("access-control") for name in got.headers)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", ""])
def test_u8_it_does_not_listen_wider_without_a_password(echo: Echo, host: str) -> None:
    with pytest.raises(SettingRefused, match="needs a password, so add --auth"):
        page.start(cast("Assistant", echo), host)


@pytest.mark.parametrize("address", ["https://ask.example.org", "http://ask:80"])
def test_u8_it_is_not_put_behind_a_proxy_without_a_password(echo: Echo, address: str) -> None:
    with pytest.raises(SettingRefused, match="needs a password, so add --auth"):
        page.start(cast("Assistant", echo), address=address)


@pytest.mark.parametrize("address", ["ask.example.org", "https://a/b", "https://a@b", "ftp://a"])
def test_an_address_that_is_none_is_refused(echo: Echo, address: str) -> None:
    with pytest.raises(SettingRefused, match="as browsers show it"):
        page.start(cast("Assistant", echo), address=address, auth=True)


def test_u8_a_login_without_an_account_says_how_to_make_one(tmp_path: Path) -> None:
    nobody = Echo(SimpleNamespace(accounts=tmp_path / "accounts.json"))
    with pytest.raises(AccountsMissing, match="assistant account add NAME --may-change"):
        page.start(cast("Assistant", nobody), auth=True)


def test_u8_with_a_password_it_listens_wider(echo: Echo) -> None:
    for address in serve(echo, "0.0.0.0", auth=True):
        port = httpx.URL(address).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as browser:
            assert browser.get("/login").status_code == 200
            assert browser.get("/config").status_code == 401


def routes(router: APIRouter | FastAPI) -> Iterator[tuple[str, str]]:
    """Every method and path of an app, those of the routers in it too."""
    for route in router.routes:
        if hasattr(route, "path"):
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            for method in getattr(route, "methods", None) or {"GET"}:
                yield method, path
        else:
            yield from routes(cast(Any, route).original_router)


def test_u9_every_route_wants_a_login_but_the_login(echo: Echo) -> None:
    with serving(echo, auth=True) as served:
        found = set(routes(served.app))
        assert len(found) > 60
        with httpx.Client(base_url=str(served.local_url).rstrip("/")) as stranger:
            statuses = {
                (method, path): stranger.request(method, path).status_code for method, path in found
            }
    let_in = {each: status for each, status in statuses.items() if status not in (401, 403)}
    assert let_in == {
        ("GET", "/"): 303,
        ("HEAD", "/"): 303,
        ("GET", "/gradio_api/startup-events"): 200,  # says "true"; Gradio itself asks for it
    }


def test_u9_a_document_is_for_those_who_logged_in(closed_page: str) -> None:
    wanted = {"source": "gone.md"}
    forged = {"Cookie": f"assistant-login-{httpx.URL(closed_page).port}={'x' * 43}"}
    for headers in ({}, forged):
        assert (
            httpx.post(f"{closed_page}/document", json=wanted, headers=headers).status_code == 401
        )
    with log_in(closed_page, "bo") as bo:
        assert "gone.md" in bo.post("/document", json=wanted).json()["message"]


def test_u10_a_thousand_wrong_passwords(echo: Echo) -> None:
    for address in serve(echo, auth=True):
        with httpx.Client(base_url=address) as guesser:
            typed = ({"username": "ana", "password": f"guess {number}"} for number in range(1000))
            statuses = [guesser.post("/login", data=each).status_code for each in typed]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) < 30


def test_u11_a_second_browser_cannot_use_the_session_of_the_first(open_page: str) -> None:
    with httpx.Client(base_url=open_page) as ana, httpx.Client(base_url=open_page) as bo:
        ana.get("/")
        bo.get("/")
        session = join(ana, "a secret thing")
        for query in (f"queue/data?session_hash={session}", f"heartbeat/{session}"):
            assert bo.get(f"/gradio_api/{query}").status_code == 403
        message = {"data": ["And?", None], "fn_index": 0, "session_hash": session}
        for path in ("queue/join", "cancel", "reset"):
            assert bo.post(f"/gradio_api/{path}", json=message).status_code == 403
        assert "You asked a secret thing of me" in read(ana, session)


@pytest.mark.browser
def test_u11_two_browsers_and_one_session(browser: "Browser", open_page: str) -> None:
    first, second = browser.new_context(), browser.new_context()
    ana, bo = first.new_page(), second.new_page()
    for tab in (ana, bo):
        tab.goto(open_page)
        tab.get_by_role("textbox").wait_for()
    with ana.expect_request("**/queue/join*") as joined:
        ana.get_by_role("textbox").fill("a secret thing")
        ana.keyboard.press("Enter")
    session = json.loads(joined.value.post_data or "")["session_hash"]
    ana.get_by_text("You asked a secret thing of me").wait_for()
    fetched = "path => fetch(path).then(answer => answer.status)"
    path = f"/gradio_api/queue/data?session_hash={session}"
    assert bo.evaluate(fetched, path) == 403
    assert "assistant-browser" not in ana.evaluate("document.cookie")
    first.close()
    second.close()


PLACES = (
    *("/etc/passwd", "%2Fetc%2Fpasswd", "../../../../etc/passwd", "/proc/self/environ"),
    *("file:///etc/passwd", "knowledge/visit.md", "./knowledge/visit.md", "index/CURRENT"),
    *("accounts.json", "HOME/accounts.json", "history/local", ".env"),
    *("http://127.0.0.1:1/x", "http://localhost:1/x", "http://[::1]:1/x", "http://2130706433:1/x"),
    *("https://example.org/x.png", "//example.org/x.png"),
)


@pytest.mark.parametrize("place", PLACES)
def test_u12_no_file_is_served(open_page: str, echo: Echo, place: str) -> None:
    place = place.replace("HOME", str(echo.settings.accounts.parent))
    for path in (f"file={place}", f"file/{place}", f"proxy={place}"):
        got = httpx.get(f"{open_page}/gradio_api/{path}").status_code
        assert got == (404 if ".." in place else 403)  # the client goes up itself


def test_u13_nothing_served_tells_a_place_or_a_secret(open_page: str, echo: Echo) -> None:
    for path in ("/", "/config", "/gradio_api/info", "/theme.css"):
        text = httpx.get(f"{open_page}{path}").text
        for secret in (str(Path.cwd()), str(Path.home()), str(echo.settings.accounts.parent)):
            assert secret not in text or secret == "/"
    for path in ("openapi.json", "docs", "redoc", "monitoring", "monitoring/summary"):
        assert httpx.get(f"{open_page}/{path}").status_code in (403, 404)
    assert httpx.get(f"{open_page}/gradio_api/openapi.json").status_code == 403


def test_u14_fifty_megabytes_are_refused_unread(open_page: str) -> None:
    port = httpx.URL(open_page).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=20) as line:
        line.sendall(
            b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            b"Content-Type: application/json\r\nContent-Length: 50000000\r\n\r\n{" % (port or 0)
        )
        assert line.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("depth", [100, 1000, 100_000])
def test_u14_deep_messages_are_refused(open_page: str, depth: int) -> None:
    body = b'{"session_hash": "a", "fn_index": 0, "data": %s}' % (b"[" * depth + b"]" * depth)
    headers = {"Content-Type": "application/json"}
    got = httpx.post(f"{open_page}/gradio_api/queue/join", content=body, headers=headers)
    assert got.status_code == 422


@pytest.mark.parametrize("way", ["run", "api", "call", "run/predict", "call/v2"])
def test_u15_no_event_is_called_past_the_queue(open_page: str, echo: Echo, way: str) -> None:
    names = [each["api_name"] for each in httpx.get(f"{open_page}/config").json()["dependencies"]]
    before = len(echo.histories)
    for name in (*map(str, names), "0", ""):
        message = {"data": ["x", None], "fn_index": 0, "session_hash": "a"}
        got = httpx.post(f"{open_page}/gradio_api/{way}/{name}".rstrip("/"), json=message)
        assert got.status_code == 403
    assert len(echo.histories) == before


def test_u16_it_starts_without_a_network(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = socket.getaddrinfo

    def watched(host: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401
        if host not in ("127.0.0.1", b"127.0.0.1", "localhost", None):
            asked.append(host)
            raise socket.gaierror("no network")
        return real(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    for address in serve(echo):
        assert httpx.get(address).status_code == 200
    assert asked == []


def test_only_who_may_change_can_sync(closed_page: str, echo: Echo) -> None:
    with log_in(closed_page, "ana") as ana, log_in(closed_page, "bo") as bo:
        event = event_of(ana, "sync", "click")
        assert "Only those who may change" in read(bo, join(bo, None, event))
        assert echo.syncs == 0
        assert "13 passages" in read(ana, join(ana, None, event))
        assert echo.syncs == 1


def test_a_program_logs_in_as_gradios_client_does(closed_page: str) -> None:
    with httpx.Client(base_url=closed_page) as client:
        assert client.get("/config").status_code == 401
        typed = {"username": "bo", "password": PASSWORD}
        assert client.post("/login", data=typed).json() == {"success": True}
        assert client.get("/config").json()["username"] == "bo"
        assert "You asked a thing of me" in read(client, join(client, "a thing"))


def test_behind_a_proxy_with_tls_everything_refers_to_its_address(echo: Echo) -> None:
    """As Caddy and nginx send it on, set up as docs/sharing.md says."""
    sent = {"Host": "ask.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9"}
    for address in serve(echo, auth=True, address="https://ask.example.org"):
        with httpx.Client(base_url=address, headers=sent) as proxy:
            typed = {"username": "ana", "password": PASSWORD}
            got = proxy.post("/login", data=typed, headers={"Origin": "https://ask.example.org"})
            assert got.status_code == 200
            assert "__Host-assistant-login" in got.headers["set-cookie"]
            cookie = got.headers["set-cookie"].partition(";")[0]
            config = proxy.get("/config", headers={"Cookie": cookie}).json()
            assert config["root"] == "https://ask.example.org"
            other = proxy.post("/login", data=typed, headers={"Origin": "https://evil.example"})
            assert other.status_code == 403


@pytest.mark.browser
def test_a_person_logs_in_asks_and_logs_out_by_the_keyboard(
    browser: "Browser", closed_page: str
) -> None:
    context = browser.new_context()
    tab = context.new_page()
    faults: list[str] = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    tab.goto(closed_page)
    tab.locator("input:focus").wait_for()
    tab.keyboard.type("bo")
    tab.keyboard.press("Tab")
    tab.keyboard.type(PASSWORD)
    tab.keyboard.press("Enter")
    tab.locator("#question textarea").fill("Who met?")
    tab.keyboard.press("Enter")
    tab.get_by_text("You asked Who met? of me").wait_for()
    tab.locator("#chat .reading").wait_for(state="detached")
    leave = tab.get_by_role("button", name="Log out")
    leave.wait_for()
    assert not tab.get_by_role("button", name="Sync folder").is_visible()
    leave.focus()
    tab.keyboard.press("Enter")
    tab.get_by_label("Password").wait_for()
    assert faults == []
    context.close()


@pytest.mark.browser
def test_a_link_on_another_site_finds_the_person_logged_in(
    browser: "Browser", closed_page: str
) -> None:
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(closed_page)
    tab.get_by_label("Name").fill("ana")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Sync folder").wait_for()
    tab.goto("data:text/html," + f"<a href='{closed_page}/'>There</a>")
    tab.get_by_text("There").click()
    tab.get_by_role("button", name="Sync folder").wait_for()
    context.close()
