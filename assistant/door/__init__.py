"""The door: who may come in, and that nobody sits down at another's conversation.

It stands behind the guard, and is of the same make: pure ASGI, so that nothing streams late.
"""

import json
import logging
import re
import secrets
from dataclasses import dataclass

from assistant.accounts import LOCAL, Accounts, Person
from assistant.door.entrance import Entrance, Refused
from assistant.door.login import onward, page
from assistant.door.request import Senseless, again, cookie, form, header, named, read
from assistant.door.sessions import LASTS, Logins, Sessions
from assistant.door.tries import Tries
from assistant.errors import AccountsUnreadable
from assistant.guard import App, Message, Receive, Scope, Send, answer

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


class Door:
    """ASGI middleware: a login where there are accounts, and sessions nobody can borrow."""

    def __init__(self, app: App, title: str = "", accounts: Accounts | None = None) -> None:
        self._app = app
        self._title = title
        self._logins = Logins(accounts) if accounts else None
        self._entrance = Entrance(accounts, Tries()) if accounts else None
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
