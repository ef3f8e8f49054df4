"""The page, laid out and served; and its one endpoint for programs.

`Client(address).predict(question, api_name="/ask")`.
"""

import atexit
import os
import re
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api
from starlette.middleware import Middleware

from assistant.assistant import Assistant
from assistant.errors import AccountsMissing, QuestionRefused, SettingRefused
from assistant.settings import Settings
from assistant.show.export import Reply
from assistant.web import conversations
from assistant.web.accounts import Accounts
from assistant.web.auth import PERSON, AuthMiddleware
from assistant.web.chat import PRIVATE, TITLE, Chat, Components, error_message
from assistant.web.security import SecurityMiddleware
from assistant.web.sources import SourcesTab, upload_route
from assistant.web.viewer import document_route

_FREE = "free; leave it out to take a free one"
_EVENTS = 256
"""Gradio's own limits, wide: what limits, and says so, is `RequestQueue`."""


def build(assistant: Assistant) -> gr.Blocks:
    """The page, not yet served."""
    chat = Chat(assistant)
    page = gr.Blocks(title=TITLE, analytics_enabled=False, fill_width=True)
    with page:
        _add_endpoint(assistant)  # first, while its name is free
        parts = Components()
        conversations.bind(page, parts, chat)
        page.load(chat.welcome, None, [parts.header, parts.chat], **PRIVATE)
        page.load(chat.buttons, None, [parts.sync, parts.leave], **PRIVATE)
        with parts.library:
            SourcesTab(parts, chat).bind(page)
    page.queue(api_open=False, max_size=_EVENTS, default_concurrency_limit=4)
    return page


def _add_endpoint(assistant: Assistant) -> None:
    """Add the endpoint for programs: the only event of the page that is not private."""

    def ask(question: str, sources: list[str] | None = None) -> dict[str, Any]:
        """Answer a question: statements with citations, or an abstention; see docs/programs.md."""
        try:
            names = [] if sources is None else sources  # what a program sent may be anything
            if not isinstance(names, list) or not all(
                isinstance(x, str) for x in [question, *names]
            ):
                raise QuestionRefused(
                    "A question is text, and sources are a list of documents' names."
                )
            answer = assistant.ask(question, sources=names or None)
            return Reply.model_validate(answer).model_dump(mode="json")
        except Exception as error:
            raise gr.Error(error_message(error), print_exception=False) from None

    api(ask, api_name="ask")


def check_options(
    settings: Settings, host: str, port: int | None, *, auth: bool, address: str
) -> None:
    """Check that the page can be served so, and that only others with a password may reach it.

    Raises `SettingRefused`, `AccountsMissing`, `AccountsUnreadable`.
    """
    if port is not None and not 1 <= port <= 65535:
        raise SettingRefused("--port", port, "1 to 65535")
    if address and not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", address):
        wanted = "as browsers show it, such as https://ask.example.org, without a path"
        raise SettingRefused("--address", address, wanted)
    local = host in ("127.0.0.1", "localhost", "::1")
    if not auth and (address or not local):
        name, value = ("--address", address) if address else ("--host", host)
        wanted = "left out" if address else "127.0.0.1 or localhost or ::1"
        needed = "listening wider needs a password, so add --auth"
        raise SettingRefused(name, value, f"{wanted}: {needed}")
    if auth and not Accounts(settings.accounts).all():
        raise AccountsMissing(settings.accounts)
    try:
        here = "127.0.0.1" if host == "localhost" else host.strip("[]")
        family, *_, place = socket.getaddrinfo(here, port or 0, type=socket.SOCK_STREAM)[0]
        socket.create_server(place, family=family).close()
    except PermissionError:
        wanted = "1024 or more: this system lets only an administrator listen on lower ports"
        raise SettingRefused("--port", port, wanted) from None
    except (OSError, ValueError):  # it is no name, another machine's, or another program listens
        if not local:
            wanted = "an address of this machine, the port free"
            raise SettingRefused("--host", host, wanted) from None
        raise SettingRefused("--port", port, _FREE) from None


def start(
    assistant: Assistant,
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    browse: bool = False,
    auth: bool = False,
    address: str = "",
) -> gr.Blocks:
    """Serve the page from a thread of its own; `local_url` is where.

    Without a port it is the first free one from 7860. `browse` opens it in the browser, `auth`
    asks for a login, `address` is where a proxy before it is found. Raises as `check_options` does.
    """
    check_options(assistant.settings, host, port, auth=auth, address=address)
    accounts = Accounts(assistant.settings.accounts) if auth else None
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # no tables of events nobody reads
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or host
    for name in ("no_proxy", "NO_PROXY"):  # Gradio asks itself how it is, by way of a proxy if any
        os.environ[name] = f"{direct},{host},localhost"
    os.environ["GRADIO_TEMP_DIR"] = folder = tempfile.mkdtemp(prefix="assistant-")  # mode 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    page = build(assistant)
    ours = [
        Middleware(SecurityMiddleware, address, assistant.settings.file_bytes),
        Middleware(AuthMiddleware, TITLE, accounts),
    ]
    static = Path(__file__).with_name("static")
    head = ""
    for name in ("page", "conversations", "sources"):
        head += f"<style>{(static / f'{name}.css').read_text('utf-8')}</style>"
    for name in ("viewer", "page", "conversations", "sources"):
        head += f"<script>{(static / f'{name}.js').read_text('utf-8')}</script>"

    try:
        page.launch(
            server_name=host, server_port=port, inbrowser=browse, prevent_thread_lock=True,
            quiet=True, share=False, ssr_mode=False, pwa=False, mcp_server=False,
            enable_monitoring=False, run_history=False, footer_links=[],
            theme=gr.themes.Base(font="system-ui", font_mono="monospace"),
            _frontend=False,  # no second look at itself: it gives up where all is slow
            head=head, max_threads=_EVENTS,
            auth_dependency=(lambda request: getattr(request.scope.get(PERSON), "name", None))
            if accounts else None,
            app_kwargs={
                "middleware": ours,
                "routes": [document_route(assistant), upload_route(assistant)],
                "openapi_url": None, "docs_url": None,
            },
        )  # fmt: skip
    except OSError:
        raise SettingRefused("--port", port, _FREE) from None
    # Ours come before what Gradio added: its CORS layer would answer strangers first.
    others = [each for each in page.app.user_middleware if each not in ours]
    page.app.user_middleware = [*ours, *others]
    page.app.middleware_stack = page.app.build_middleware_stack()
    return page
