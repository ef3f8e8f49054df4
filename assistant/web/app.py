"""The page, laid out and served; and its one endpoint for programs.

`Client(address).predict(question, api_name="/ask")`.
"""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.components import Component
from gradio.events import api
from starlette.applications import Starlette
from starlette.middleware import Middleware

from assistant.errors import AccountsMissing, QuestionRefused, SettingRefused
from assistant.show.export import Reply
from assistant.types import Answer
from assistant.web import conversations, sources, upload, viewer
from assistant.web.accounts import Accounts
from assistant.web.auth import AuthMiddleware
from assistant.web.chat import NAME, QUIET, Conversation, Parts, told
from assistant.web.queue import arrive, username
from assistant.web.security import SecurityMiddleware

if TYPE_CHECKING:
    from assistant.assistant import Assistant


def offer(assistant: "Assistant") -> None:
    """Add the endpoint to the page being built: the only event of it that is not private."""

    def ask(question: str, sources: list[str] | None = None) -> dict[str, Any]:
        """Answer a question: statements with citations, or an abstention; see docs/programs.md."""
        try:
            return Reply.model_validate(_asked(assistant, question, sources)).model_dump(
                mode="json"
            )
        except Exception as error:
            raise gr.Error(told(error), print_exception=False) from None

    api(ask, api_name="ask")


def _asked(assistant: "Assistant", question: object, sources: object) -> Answer:
    """The answer to what a program sent, which may be anything."""
    names = [] if sources is None else sources
    if not isinstance(names, list) or not all(isinstance(each, str) for each in [question, *names]):
        raise QuestionRefused("A question is text, and sources are a list of documents' names.")
    return assistant.ask(str(question), sources=names or None)


_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_STATIC = Path(__file__).with_name("static")
_STYLES = ("page.css", "conversations.css", "sources.css")
_SCRIPTS = ("viewer.js", "page.js", "conversations.js", "sources.js")
_ADDRESS = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
_EVENTS = 256
"""Gradio's own limits, wide: what is limited, and told in words, are the seats."""


def build(assistant: "Assistant") -> gr.Blocks:
    """The page, not yet served."""
    talk = Conversation(assistant)
    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True)
    with page:
        offer(assistant)  # first, while its name is free
        parts = Parts()
        column = conversations.Column()
        _wire(page, parts, column, talk)
        with gr.Row(elem_id="top"):
            gr.Button("Conversations", elem_id="show-conversations", size="sm", scale=0)
            _render(column.new, parts.header)
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="conversations", scale=0, min_width=240):
                conversations.place(column)
            with gr.Column(elem_id="talk", scale=3, min_width=280):
                _place_talk(parts, column)
            with gr.Column(elem_id="panel", scale=2, min_width=280), gr.Tabs():
                with gr.Tab("Cited", id="cited", elem_id="cited-tab"):
                    _render(parts.cited)
                with (
                    gr.Tab("Sources", id="library", elem_id="library-tab"),
                    gr.Column(elem_id="library"),
                ):
                    sources.place(page, parts, talk)
    page.queue(api_open=False, max_size=_EVENTS, default_concurrency_limit=4)
    return page


def _place_talk(parts: Parts, column: conversations.Column) -> None:
    _render(parts.turns, parts.unticked, parts.chat, column.further)
    _render(parts.scope)
    with gr.Row(elem_id="asking"):
        _render(parts.box, parts.send, parts.halt)
    with gr.Row(elem_id="tools"):
        _render(parts.status, parts.sync, parts.leave)


def _render(*components: Component) -> None:
    """Lay the components out here."""
    for component in components:
        component.render()  # type: ignore[no-untyped-call]


def _wire(page: gr.Blocks, parts: Parts, column: conversations.Column, talk: Conversation) -> None:
    """Tie the chat's own events to what they do."""
    conversations.tie(page, parts, column, talk)
    page.load(talk.welcome, None, [parts.header, parts.chat], **QUIET)
    page.load(arrive, None, [parts.sync, parts.leave], **QUIET)


def start(
    assistant: "Assistant",
    host: str,
    port: int | None,
    *,
    browse: bool,
    auth: bool = False,
    address: str = "",
) -> gr.Blocks:
    """Serve the page from a thread of its own; `local_url` is where.

    `auth` asks for a login, `address` is where a proxy before the page is found. Raises
    `SettingRefused`, `AccountsMissing`, `AccountsUnreadable`.
    """
    _check_reach(host, address, auth)
    accounts = Accounts(assistant.settings.accounts) if auth else None
    if accounts and not accounts.all():
        raise AccountsMissing(accounts.path)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # no tables of events nobody reads
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or host
    for name in ("no_proxy", "NO_PROXY"):  # Gradio asks itself how it is, by way of a proxy if any
        os.environ[name] = f"{direct},{host},localhost"
    os.environ["GRADIO_TEMP_DIR"] = folder = tempfile.mkdtemp(prefix="assistant-")  # mode 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    page = build(assistant)
    guard = Middleware(SecurityMiddleware, address, assistant.settings.file_bytes)
    door = [guard, Middleware(AuthMiddleware, NAME, accounts)]
    try:
        page.launch(
            server_name=host, server_port=port, inbrowser=browse, prevent_thread_lock=True,
            quiet=True, share=False, ssr_mode=False, pwa=False, mcp_server=False,
            enable_monitoring=False, run_history=False, footer_links=[],
            theme=gr.themes.Base(font="system-ui", font_mono="monospace"),
            _frontend=False,  # no second look at itself: it gives up where all is slow
            head=_head(), max_threads=_EVENTS, auth_dependency=username if accounts else None,
            app_kwargs={
                "middleware": door,
                "routes": [*viewer.routes(assistant), *upload.routes(assistant)],
                "openapi_url": None, "docs_url": None,
            },
        )  # fmt: skip
    except OSError:
        if host not in _THIS_MACHINE:
            raise SettingRefused(
                "host", host, "an address of this machine, the port free"
            ) from None
        raise SettingRefused("port", port, "free; leave it out to take a free one") from None
    _stand_outside(page.app, door)
    return page


def _stand_outside(app: Starlette, door: Sequence[Middleware]) -> None:
    """Put the guard before what Gradio added: its CORS layer would answer strangers first."""
    app.user_middleware = [*door, *(each for each in app.user_middleware if each not in door)]
    app.middleware_stack = app.build_middleware_stack()


def _check_reach(host: str, address: str, auth: bool) -> None:
    """Who else may reach the page needs a password."""
    if address and not _ADDRESS.fullmatch(address):
        wanted = "as browsers show it, such as https://ask.example.org, without a path"
        raise SettingRefused("address", address, wanted)
    if auth or (host in _THIS_MACHINE and not address):
        return
    wanted = "listening wider needs a password, so add --auth"
    if address:
        raise SettingRefused("address", address, f"left out: {wanted}")
    raise SettingRefused("host", host, f"{' or '.join(_THIS_MACHINE)}: {wanted}")


def _head() -> str:
    styles, scripts = (
        [(_STATIC / name).read_text(encoding="utf-8") for name in names]
        for names in (_STYLES, _SCRIPTS)
    )
    return "".join(
        [f"<style>{each}</style>" for each in styles]
        + [f"<script>{each}</script>" for each in scripts]
    )


def serve(
    assistant: "Assistant",
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    open_browser: bool = False,
    auth: bool = False,
    address: str = "",
) -> None:
    """Serve the page until interrupted; without a port, at the first free one from 7860."""
    page = start(assistant, host, port, browse=open_browser, auth=auth, address=address)
    print(f"{NAME}: {address or page.local_url} (Ctrl+C ends it)", flush=True)
    page.block_thread()
