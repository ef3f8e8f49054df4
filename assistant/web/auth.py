"""The page one logs in at: no script, nothing to load.

Names and passwords: looked at a few at a time, and after wrong ones not at once.

The door: who may come in, and that nobody sits down at another's conversation.

It stands behind the guard, and is of the same make: pure ASGI, so that nothing streams late.
"""

import json
import logging
import re
import secrets
from collections import deque
from dataclasses import dataclass
from html import escape
from ipaddress import IPv6Address, ip_address, ip_network

import anyio

from assistant.errors import AccountsUnreadable
from assistant.web.accounts import LOCAL, Account, Accounts, Person, tidy
from assistant.web.security import App, Message, Receive, Scope, Send, answer
from assistant.web.sessions import (
    LASTS,
    Logins,
    LoginThrottle,
    Senseless,
    Sessions,
    Who,
    again,
    cookie,
    form,
    header,
    named,
    read,
)

_STYLE = """
:root { color-scheme: light dark;
  --paper: #f5f4f0; --ink: #1f2428; --line: #767c82; --accent: #0f5f59; --on-accent: #fff }
@media (prefers-color-scheme: dark) { :root {
  --paper: #141617; --ink: #e9e7e2; --line: #8b9197; --accent: #7fd0c6; --on-accent: #0d2b28 } }
body { margin: 0; min-height: 100dvh; display: grid; place-content: safe center;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: min(22rem, 100vw); box-sizing: border-box; padding: 1.5rem }
h1 { font-size: 1.25rem; margin: 0 0 1rem }
label { display: block; margin-top: 0.75rem }
input { font: inherit; color: inherit; background: transparent; width: 100%; padding: 0.5rem;
  box-sizing: border-box; border: 1px solid var(--line); border-radius: 0.4rem }
button { font: inherit; color: var(--on-accent); background: var(--accent); margin-top: 1.25rem;
  padding: 0.5rem 1.25rem; border: 0; border-radius: 0.4rem; cursor: pointer }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
"""
"""The colours of `page.css`."""


def page(title: str, told: str = "", name: str = "") -> str:
    """The form; `told` is why it is shown once more, `name` what was typed.

    A browser says where a form comes from only where it may say so to this site at least.
    """
    told = f'<p role="alert">{escape(told)}</p>' if told else ""
    here, next_field = ("", " autofocus") if name else (" autofocus", "")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="referrer" content="same-origin">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Log in: {escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{told}
<form method="post" action="/login">
<label for="username">Name</label>
<input id="username" name="username" value="{escape(name)}" autocomplete="username"
 autocapitalize="none" spellcheck="false" maxlength="100" required{here}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password"
 required{next_field}>
<button>Log in</button>
</form>
</main>
</body>
</html>
"""


def onward() -> str:
    """Goes on to the page, as if its address had been typed.

    Cookies that are for this site only do not come along with a link on another one.
    """
    return '<!doctype html><meta http-equiv="refresh" content="0"><title>…</title>'


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


class Authenticator:
    """Where a name and a password are shown."""

    def __init__(self, accounts: Accounts, tries: LoginThrottle) -> None:
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


PERSON = "assistant.person"
"""Where the request's scope says who is asking."""
_FORM_LIMIT = 10_000
_YEAR = 365 * 24 * 3600
_MARK = re.compile(r"[A-Za-z0-9_-]{32}")
_KNOCK = "/gradio_api/startup-events"
"""Gradio asks itself for it when it starts; it does nothing more than that."""
_UPLOAD = "/gradio_api/upload"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """What a browser shows: a mark of its own, and the token of its login."""

    browser: str
    token: str

    @property
    def owner(self) -> str:
        """Whom its sessions belong to: another login in the same browser is somebody else."""
        return f"{self.browser}.{self.token}"


class AuthMiddleware:
    """ASGI middleware: a login where there are accounts, and sessions nobody can borrow."""

    def __init__(self, app: App, title: str = "", accounts: Accounts | None = None) -> None:
        self._app = app
        self._title = title
        self._logins = Logins(accounts) if accounts else None
        self._entrance = Authenticator(accounts, LoginThrottle()) if accounts else None
        self._sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in who may come in; tell others where to log in, or why not."""
        if scope["type"] == "websocket":  # the page has none
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if header(scope, b"sec-fetch-site") in ("cross-site", "same-site"):
            return await answer(send, 200, onward(), "text/html")  # the guard lets links pass only
        caller, path = _caller(scope), scope["path"].rstrip("/")
        if self._logins and path == "/login":
            return await self._log_in(scope, receive, send, caller)
        if self._logins and path == "/logout" and scope["method"] == "POST":
            self._logins.end(caller.token)
            return await answer(send, 204, "", more=[_set(scope, "login", "", 0)])
        scope[PERSON] = person = self._person(caller)
        if person is None and path != _KNOCK:
            return await _stranger(scope, send)
        if path.startswith(_UPLOAD):
            if person is None or not person.may_change:
                return await _refuse(send, 403, "This account may ask, and change nothing.")
            return await self._app(scope, receive, send)
        return await self._pass(scope, receive, _marking(scope, send, caller), caller)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        """Let the request through, if the sessions it names are the caller's."""
        body = await read(receive) if scope["method"] == "POST" else b""
        if body is None:
            return
        try:
            sessions = named(scope, body)
        except Senseless:
            return await _refuse(send, 422, "That is not a message of this page.")
        if not all(self._sessions.admit(each, caller.owner) for each in sessions):
            return await _refuse(send, 403, "This conversation belongs to another browser.")
        await self._app(scope, again(body, receive) if body else receive, send)

    async def _log_in(self, scope: Scope, receive: Receive, send: Send, caller: Caller) -> None:
        """The login page, and what is made of what was typed there."""
        assert self._logins and self._entrance
        send = _marking(scope, send, caller)
        if scope["method"] != "POST":
            return await answer(send, 200, page(self._title), "text/html")
        body = await read(receive)
        if body is None or len(body) > _FORM_LIMIT:
            return await answer(send, 413, "Refused: that is no name and password.")
        typed = form(body)
        name, password = typed.get("username", ""), typed.get("password", "")
        try:
            found = await self._entrance.enter(name, password, caller.browser, _address(scope))
        except AccountsUnreadable as error:
            _log.error("%s", error)
            found = Refused(503, "Nobody can log in right now; the details are in the log.")
        if isinstance(found, Refused):
            later = [(b"retry-after", str(int(found.wait) + 1).encode())] if found.wait else []
            shown = page(self._title, found.told, name)
            return await answer(send, found.status, shown, "text/html", later)
        granted = _set(scope, "login", self._logins.begin(found), LASTS)
        if "text/html" in header(scope, b"accept"):
            return await answer(send, 303, "", more=[granted, (b"location", b"/")])
        return await answer(send, 200, '{"success": true}', "application/json", [granted])

    def _person(self, caller: Caller) -> Person | None:
        if self._logins is None:
            return Person(LOCAL, may_change=True)
        try:
            return self._logins.person(caller.token)
        except AccountsUnreadable as error:
            _log.error("%s", error)
            return None


def _caller(scope: Scope) -> Caller:
    browser = cookie(scope, _name(scope, "browser"))
    return Caller(browser if _MARK.fullmatch(browser) else "", cookie(scope, _name(scope, "login")))


def _address(scope: Scope) -> str:
    """Whose request it is: a proxy on this machine is believed (`docs/sharing.md`)."""
    return str((scope.get("client") or ("",))[0])


def _name(scope: Scope, what: str) -> str:
    """A cookie's name: browsers do not tell ports apart, we do; with TLS no other host sets it."""
    port = (scope.get("server") or ("", 0))[1]
    return f"{'__Host-' if scope.get('scheme') == 'https' else ''}assistant-{what}-{port}"


def _set(scope: Scope, what: str, value: str, seconds: float) -> tuple[bytes, bytes]:
    """The header that sets a cookie; it is for us alone, and for no script."""
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    rules = f"Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Strict{secure}"
    return b"set-cookie", f"{_name(scope, what)}={value}; {rules}".encode()


def _marking(scope: Scope, send: Send, caller: Caller) -> Send:
    """Give the browser its mark with the page, if it has none."""
    if caller.browser or scope["path"] not in ("/", "/login"):
        return send
    given = _set(scope, "browser", secrets.token_urlsafe(24), _YEAR)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), given]
        await send(message)

    return sending


async def _stranger(scope: Scope, send: Send) -> None:
    if scope["path"] == "/":
        return await answer(send, 303, "", more=[(b"location", b"/login")])
    return await _refuse(send, 401, "You are not logged in (any more). Reload the page to log in.")


async def _refuse(send: Send, status: int, told: str) -> None:
    """As the page's script expects it: that is how it reaches the person's eyes."""
    return await answer(send, status, json.dumps({"detail": told}), "application/json")
