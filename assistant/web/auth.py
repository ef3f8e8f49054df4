"""Who may use the page: the login, and that nobody takes over another's conversation.

The middleware runs behind that of `security`, and is pure ASGI too, so that nothing streams late.
"""

import logging
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.errors import AccountsUnreadable
from assistant.history import LOCAL
from assistant.web.accounts import Account, Accounts, Person, tidy
from assistant.web.security import UPLOAD, MalformedMessage, Sessions, sessions_of, with_headers

WRONG = "Name or password is wrong."
BUSY = "Many people are logging in right now. Please try again in a moment."
PERSON = "assistant.person"
"""Where the request's scope says who is asking."""
_NO_STORE = {"cache-control": "no-store"}
_log = logging.getLogger(__name__)


def person_of(request: Request | None) -> Person:
    """Who is asking, and whether they may change the sources."""
    found: Person | None = request.scope.get(PERSON) if request else None
    return found or Person(LOCAL, may_change=False)


@dataclass(frozen=True, slots=True)
class LoginRefused:
    """Why nobody was logged in: an HTTP status, a message, and how many seconds to wait."""

    status: int
    message: str
    wait: float = 0.0


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
        """Seconds until all may try again: 0, after the free tries 1, then 2, 4 and on."""
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
        while len(self._logins) > 10_000:
            self._logins.popitem(last=False)
        return token

    def end(self, token: str) -> None:
        """Log out."""
        self._logins.pop(token, None)

    def person(self, token: str) -> Person | None:
        """Who it is, if the account is as it was at the login. Raises `AccountsUnreadable`."""
        if token not in self._logins:
            return None
        account, until = self._logins[token]
        # The salt is compared too: a new password ends old logins.
        if self._clock() < until and self._accounts.all().get(account.name) == account:
            return account.person
        self.end(token)
        return None


class Authenticator:
    """Checks names and passwords: a few at a time, and after wrong ones not at once."""

    def __init__(self, accounts: Accounts, throttle: LoginThrottle) -> None:
        self.logins = Logins(accounts)
        self._accounts = accounts
        self._throttle = throttle
        self._limiter = anyio.CapacityLimiter(2)  # each check takes a core and 16 MiB
        self._waiting = 0
        self._browsers: dict[str, deque[str]] = {}

    async def login(
        self, name: str, password: str, browser: str, address: str
    ) -> Account | LoginRefused:
        """The account, or why not. Raises `AccountsUnreadable`."""
        name = tidy(name)
        keys = self._keys(name, browser, address)
        if (wait := self._throttle.wait(keys)) > 0:
            minutes = round(wait / 60)
            time = f"{minutes} minutes" if minutes > 1 else f"{max(1, round(wait))} seconds"
            return LoginRefused(429, f"Too many wrong tries. Please try again in {time}.", wait)
        if self._waiting >= 16:
            return LoginRefused(503, BUSY, 1)
        self._throttle.begin(keys)
        self._waiting += 1
        try:
            check = self._accounts.check
            account = await anyio.to_thread.run_sync(check, name, password, limiter=self._limiter)
        finally:
            self._waiting -= 1
        if account is None:
            return LoginRefused(401, WRONG)
        self._throttle.succeed(keys)
        known = self._browsers.setdefault(name, deque(maxlen=20))
        if browser and browser not in known:
            known.append(browser)
        return account

    def _keys(self, name: str, browser: str, address: str) -> list[Key]:
        """By what wrong tries are counted.

        A browser this person has logged in by before is counted by itself: guesses at the name from
        elsewhere do not lock them out. Of IPv6 the network counts: addresses in it are without end.
        """
        if browser in self._browsers.get(name, ()):
            return [("browser", name, browser)]
        try:
            if isinstance(found := ip_address(address), IPv6Address):
                address = str(ip_network((found, 64), strict=False))
        except ValueError:
            address = address[:100]
        return [("address", address), ("name", name[:100])]


class Caller:
    """What a browser shows: an id of its own, and the token of its login; empty for none."""

    def __init__(self, request: Request) -> None:
        browser = request.cookies.get(_cookie_name(request.scope, "browser"), "")
        self.browser = browser if re.fullmatch(r"[A-Za-z0-9_-]{32}", browser) else ""
        self.token = request.cookies.get(_cookie_name(request.scope, "login"), "")
        self.owner = f"{self.browser}.{self.token}"
        """Whom its sessions belong to: another login in the same browser is somebody else."""


class AuthMiddleware:
    """ASGI middleware: a login where there are accounts, and sessions nobody can borrow."""

    def __init__(self, app: ASGIApp, title: str = "", accounts: Accounts | None = None) -> None:
        self._app = app
        self._title = title
        self._authenticator = Authenticator(accounts, LoginThrottle()) if accounts else None
        self._sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request of a person; say to others where to log in, or why not."""
        if scope["type"] == "websocket":  # the page has none
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope, receive)
        caller, unread = Caller(request), []
        try:
            response = await self._response(request, caller)
            if response is None and not scope["path"].rstrip("/").startswith(UPLOAD):
                unread = [await request.body()]
                response = self._session_refusal(scope, unread[0], caller)
        except ClientDisconnect:
            return None
        if response is not None:
            return await response(scope, receive, send)

        async def receiving() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            return await receive()

        await self._app(scope, receiving, with_headers(send, _browser_cookie(scope, caller)))

    def _session_refusal(self, scope: Scope, body: bytes, caller: Caller) -> Response | None:
        """Why the request must not pass, unless the sessions it names are the caller's."""
        try:
            sessions = sessions_of(scope, body)
        except MalformedMessage:
            return _refusal(422, "That is not a message of this page.")
        if all(self._sessions.admit(each, caller.owner) for each in sessions):
            return None
        return _refusal(403, "This conversation belongs to another browser.")

    async def _response(self, request: Request, caller: Caller) -> Response | None:
        """What is answered here: all that concerns the login, and refusals."""
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            # A link, for `security` lets nothing else pass. Cookies for this site alone do not come
            # with it: go on to the page as if its address had been typed.
            onward = '<!doctype html><meta http-equiv="refresh" content="0"><title>…</title>'
            return HTMLResponse(onward, headers=_NO_STORE)
        auth, path = self._authenticator, request.scope["path"].rstrip("/")
        if auth and path == "/login":
            response = await self._login(request, caller, auth)
            response.raw_headers += _browser_cookie(request.scope, caller)
            return response
        if auth and path == "/logout" and request.method == "POST":
            auth.logins.end(caller.token)
            return Response(status_code=204, headers=_cookie(request.scope, "login", "", 0))
        person = self._person(caller)
        request.scope[PERSON] = person
        if person is None and request.scope["path"] == "/":
            return Response(status_code=303, headers={"location": "/login"} | _NO_STORE)
        # Gradio asks itself for its events at the start, and does nothing more then.
        if person is None and path != "/gradio_api/startup-events":
            return _refusal(401, "You are not logged in (any more). Reload the page to log in.")
        if path.startswith(UPLOAD) and not (person and person.may_change):
            return _refusal(403, "This account may ask, and change nothing.")
        return None

    async def _login(self, request: Request, caller: Caller, auth: Authenticator) -> Response:
        """The login page, and what comes of what was typed there."""
        if request.method != "POST":
            return self._login_page()
        body = await request.body()
        if len(body) > 10_000:
            return PlainTextResponse("Refused: that is no name and password.", 413, _NO_STORE)
        typed = dict(parse_qsl(body.decode(errors="replace")))
        name, password = typed.get("username", ""), typed.get("password", "")
        # Whose request it is: a proxy on this machine is believed (docs/sharing.md).
        address = request.client.host if request.client else ""
        try:
            found = await auth.login(name, password, caller.browser, address)
        except AccountsUnreadable as error:
            _log.error("%s", error)
            found = LoginRefused(503, "Nobody can log in right now; the details are in the log.")
        if isinstance(found, LoginRefused):
            return self._login_page(found, name)
        cookie = _cookie(request.scope, "login", auth.logins.begin(found), LOGIN_SECONDS)
        if "text/html" in request.headers.get("accept", ""):
            return Response(status_code=303, headers=cookie | {"location": "/"})
        return JSONResponse({"success": True}, headers=cookie)

    def _login_page(self, refused: LoginRefused | None = None, name: str = "") -> Response:
        """The form; once more with `name` as it was typed, and why it was refused."""
        template = Template((Path(__file__).with_name("static") / "login.html").read_text("utf-8"))
        message = f'<p role="alert">{escape(refused.message)}</p>' if refused else ""
        page = template.substitute(
            title=escape(self._title),
            message=message,
            name=escape(name),
            focus_name="" if name else " autofocus",
            focus_password=" autofocus" if name else "",
        )
        wait = {"retry-after": str(int(refused.wait) + 1)} if refused and refused.wait else {}
        return HTMLResponse(page, refused.status if refused else 200, _NO_STORE | wait)

    def _person(self, caller: Caller) -> Person | None:
        if self._authenticator is None:
            return Person(LOCAL, may_change=True)
        try:
            return self._authenticator.logins.person(caller.token)
        except AccountsUnreadable as error:
            _log.error("%s", error)
            return None


def _cookie_name(scope: Scope, what: str) -> str:
    """A cookie's name: browsers do not tell ports apart, we do; with TLS no other host sets it."""
    port = (scope.get("server") or ("", 0))[1]
    return f"{'__Host-' if scope.get('scheme') == 'https' else ''}assistant-{what}-{port}"


def _cookie(scope: Scope, what: str, value: str, seconds: float) -> dict[str, str]:
    """The headers that set a cookie; it is for this site alone, and for no script."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    rules = f"Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Strict{secure}"
    return {"set-cookie": f"{_cookie_name(scope, what)}={value}; {rules}"} | _NO_STORE


def _browser_cookie(scope: Scope, caller: Caller) -> list[tuple[bytes, bytes]]:
    """The header that gives the browser an id with the page; none if it has one."""
    if caller.browser or scope["path"] not in ("/", "/login"):
        return []
    cookie = _cookie(scope, "browser", secrets.token_urlsafe(24), 365 * 24 * 3600)["set-cookie"]
    return [(b"set-cookie", cookie.encode())]


def _refusal(status: int, message: str) -> Response:
    """As the page's script expects it: that is how a person gets to see it."""
    return JSONResponse({"detail": message}, status, _NO_STORE)
