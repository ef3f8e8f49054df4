import pytest
from starlette.types import Message, Receive, Scope, Send

from assistant.web.security import BODY_LIMIT, SecurityMiddleware

HOST = ("host", "127.0.0.1:7860")
ORIGIN = ("origin", "http://127.0.0.1:7860")


class Inner:
    """An app that answers everything, and remembers that it was reached."""

    reached = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.reached = True
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})


async def request(
    *headers: tuple[str, str],
    method: str = "GET",
    path: str = "/",
    server: tuple[str, int | None] | None = ("127.0.0.1", 7860),
    kind: str = "http",
    query: str = "",
    address: str = "",
) -> tuple[bool, list[Message]]:
    inner, sent = Inner(), []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": kind, "method": method, "path": path, "headers": raw, "server": server}
    await SecurityMiddleware(inner, address)(
        scope | {"query_string": query.encode()}, receive, send
    )
    return inner.reached, sent


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST:7860"])
async def test_its_own_names_pass(host: str) -> None:
    reached, sent = await request(("host", host), ("origin", f"http://{host}"), method="POST")
    assert reached
    assert sent[0]["status"] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7860",
        "localhost.:7860",
        "127.0.0.2:7860",
        "[::1]:7860",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:7860.evil.example",
        "2130706433:7860",
        "",
    ],
)
async def test_u7_other_names_are_refused(host: str) -> None:
    reached, sent = await request(("host", host))
    assert not reached
    assert sent[0]["status"] == 403


async def test_the_ipv6_name_passes_where_it_is_the_address() -> None:
    reached, _ = await request(("host", "[::1]:7860"), server=("::1", 7860))
    assert reached


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.0.0.1:80", "LOCALHOST:80"])
async def test_at_the_default_port_its_names_pass_with_and_without_it(name: str) -> None:
    host, origin = ("host", name), ("origin", f"http://{name.lower().removesuffix(':80')}")
    assert (await request(host, origin, method="POST", server=("127.0.0.1", 80)))[0]


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1:7860", "127.0.0.1:443", "127.0.0.1:"])
async def test_u7_at_the_default_port_others_are_refused(name: str) -> None:
    assert not (await request(("host", name), server=("127.0.0.1", 80)))[0]


@pytest.mark.parametrize("origin", ["https://127.0.0.1", "http://127.0.0.1:443", "http://x:80"])
async def test_u7_at_the_default_port_another_origin_is_refused(origin: str) -> None:
    sent = ("host", "127.0.0.1"), ("origin", origin)
    assert not (await request(*sent, method="POST", server=("127.0.0.1", 80)))[0]


async def test_at_the_port_of_tls_without_tls_the_port_is_part_of_the_name() -> None:
    named = ("host", "127.0.0.1:443"), ("origin", "http://127.0.0.1:443")
    assert (await request(*named, method="POST", server=("127.0.0.1", 443)))[0]
    assert not (await request(("host", "127.0.0.1"), server=("127.0.0.1", 443)))[0]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://ask.example.org:443", "https://ask.example.org"),
        ("http://ask.example.org:80", "http://ask.example.org"),
        ("https://ask.example.org:8443", "https://ask.example.org:8443"),
    ],
)
async def test_behind_a_proxy_a_default_port_is_left_out_as_browsers_do(
    address: str, shown: str
) -> None:
    host = ("host", shown.partition("://")[2])
    assert (await request(host, ("origin", shown), method="POST", address=address))[0]
    assert not (await request(host, ("origin", "http://a:80"), method="POST", address=address))[0]


LAN = ("192.0.2.7", 7860)


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("192.0.2.7:7860", True),
        ("192.0.2.8:7860", False),
        ("localhost:7860", False),
        ("127.0.0.1:7860", False),
        ("ask.example.org:7860", False),
        ("192.0.2.7", False),
    ],
)
async def test_u7_on_a_wider_address_only_that_address_is_its_name(host: str, passes: bool) -> None:
    assert (await request(("host", host), server=LAN))[0] is passes


@pytest.mark.parametrize("host", ["ask.example.org", "127.0.0.1:7860"])
async def test_behind_a_proxy_its_address_is_a_name_too(host: str) -> None:
    address = "https://ask.example.org"
    origin = ("origin", address)
    assert (await request(("host", host), origin, method="POST", address=address))[0]
    for other in ("http://ask.example.org", "https://evil.example", "https://ask.example.org:8"):
        refused = await request(("host", host), ("origin", other), method="POST", address=address)
        assert not refused[0]
    assert not (await request(("host", "ask.example.com"), address=address))[0]


async def test_u7_a_forwarded_name_is_checked_as_the_name_itself() -> None:
    assert (await request(HOST, ("x-forwarded-host", "127.0.0.1:7860")))[0]
    assert not (await request(HOST, ("x-forwarded-host", "evil.example")))[0]


@pytest.mark.parametrize("query", ["deep_link=x", "a=1&deep%5Flink=..%2Fx", "deep_link="])
async def test_u12_no_state_is_loaded_from_a_file(query: str) -> None:
    assert not (await request(HOST, query=query))[0]
    assert (await request(HOST, query="__theme=dark"))[0]


@pytest.mark.parametrize("server", [None, ("/run/page.sock", None)])
async def test_without_an_address_nobody_passes(server: tuple[str, int | None] | None) -> None:
    reached, _ = await request(HOST, server=server)
    assert not reached


async def test_u7_two_hosts_or_none_are_refused() -> None:
    assert not (await request())[0]
    assert not (await request(HOST, ("host", "evil.example")))[0]
    assert not (await request(("host", "evil.example"), HOST))[0]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://127.0.0.1:7860", "http://localhost:1"]
)
async def test_u7_another_origin_is_refused(method: str, origin: str) -> None:
    reached, sent = await request(HOST, ("origin", origin), method=method)
    assert not reached
    assert sent[0]["status"] == 403
    assert b"another site" in sent[1]["body"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_u7_another_site_may_link_here_and_no_more(site: str) -> None:
    elsewhere = ("sec-fetch-site", site)
    assert (await request(HOST, elsewhere, ("sec-fetch-mode", "navigate")))[0]
    assert not (await request(HOST, elsewhere, ("sec-fetch-mode", "no-cors")))[0]
    assert not (await request(HOST, elsewhere, ("sec-fetch-mode", "navigate"), method="POST"))[0]


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=http://evil.example/x.png",
        "/gradio_api/file/knowledge/a.md",
        "/gradio_api/proxy=https://evil.example",
        "/gradio_api/upload",
        "/gradio_api/call/ask",
        "/gradio_api/run/ask",
    ],
)
async def test_u12_u15_what_the_page_does_without_is_closed(path: str) -> None:
    reached, sent = await request(HOST, path=path)
    assert not reached
    assert sent[0]["status"] == 403


@pytest.mark.parametrize("length", [str(BODY_LIMIT + 1), "9" * 5000, "-1", "²", "1e3", ""])
async def test_u14_a_large_or_senseless_body_is_refused(length: str) -> None:
    reached, sent = await request(HOST, ORIGIN, ("content-length", length), method="POST")
    assert not reached
    assert sent[0]["status"] == 413
    assert b"1,000,000 bytes" in sent[1]["body"]


async def test_u14_a_body_of_unknown_length_is_refused() -> None:
    reached, sent = await request(HOST, ORIGIN, ("transfer-encoding", "chunked"), method="POST")
    assert not reached
    assert sent[0]["status"] == 411


async def test_a_body_at_the_limit_passes() -> None:
    reached, _ = await request(HOST, ORIGIN, ("content-length", str(BODY_LIMIT)), method="POST")
    assert reached


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "evil.example"])
async def test_u7_every_response_has_the_security_headers(host: str) -> None:
    _, sent = await request(("host", host))
    headers = dict(sent[0]["headers"])
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy.replace("https", "http")
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"referrer-policy"] == b"no-referrer"


async def test_a_strange_websocket_is_closed() -> None:
    reached, sent = await request(HOST, ("origin", "https://evil.example"), kind="websocket")
    assert not reached
    assert sent[0]["type"] == "websocket.close"
    assert (await request(HOST, ORIGIN, kind="websocket"))[0]


async def test_start_and_stop_of_the_server_pass() -> None:
    assert (await request(kind="lifespan"))[0]
