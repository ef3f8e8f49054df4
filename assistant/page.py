"""The page: a chat on the left, on the right the words each statement rests on.

The conversation is kept here, not in the browser: what a browser sends is one question.
"""

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from starlette.middleware import Middleware

from assistant import show
from assistant.errors import AssistantError, QuestionRefused, SettingRefused
from assistant.guard import Guard
from assistant.types import Answer, Statement

if TYPE_CHECKING:
    from assistant.assistant import Assistant

NAME = "Agreement Assistant"
_INVITATION = (
    '<div class="invitation"><p>Ask what your documents say</p>'
    "<p>Every statement points at the exact words it rests on.</p></div>"
)
_NO_SOURCES = '<p class="none">The words an answer rests on will be shown here.</p>'
_READING = "Reading the folder…"
_THIS_MACHINE = ("127.0.0.1", "localhost", "::1")
_HERE = Path(__file__).parent
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, and what has come of it so far; `remark` says why there is no more."""

    question: str
    answer: Answer | None = None
    remark: str = ""
    reading: bool = True


Turns = tuple[Turn, ...]
Look = tuple[str, Turns, list[dict[str, str]], str, str]
"""What an event leaves: text box, conversation, chat, sources, status."""


class Conversation:
    """What the page's events do. The server keeps the turns."""

    def __init__(self, assistant: "Assistant") -> None:
        self._assistant = assistant

    def welcome(self) -> tuple[str, dict[str, Any]]:
        """The header, and the example questions of the empty chat."""
        examples: list[str] = []
        try:
            examples = self._assistant.examples()
            status = self._assistant.status()
            documents = show.plural(len(status.documents), "document")
            held = f"{documents}, {show.plural(status.passages, 'passage')}"
        except Exception as error:
            held = _told(error)
        return _header(held), gr.update(examples=[{"text": show.line(text)} for text in examples])

    def ask(self, question: str | None, turns: Turns) -> Iterator[Look]:
        """Show the answer as it comes. A refused question goes back to its box."""
        turn = Turn(question or "")
        history = tuple(earlier.answer for earlier in turns if earlier.answer is not None)
        try:
            yield _look((*turns, turn))
            for item in self._assistant.stream(turn.question, history=history):
                turn = _grown(turn, item)
                yield _look((*turns, turn))
        except QuestionRefused as error:
            yield _look(turns, box=turn.question, status=str(error))
        except Exception as error:
            yield _look((*turns, replace(turn, remark=_told(error), reading=False)))

    def example(self, turns: Turns, chosen: gr.SelectData) -> Iterator[Look]:
        """Ask the example that was clicked."""
        yield from self.ask(str(chosen.value["text"]), turns)

    def stop(self, turns: Turns) -> Look:
        """Leave the answer as far as it came."""
        if turns and turns[-1].reading:
            turns = (*turns[:-1], replace(turns[-1], remark="Stopped.", reading=False))
        return _look(turns)

    def sync(self) -> Iterator[tuple[str, Any, Any]]:
        """Read the folder again, and tell what came of it."""
        yield _status(_READING), gr.skip(), gr.skip()
        try:
            told = str(self._assistant.sync())
        except Exception as error:
            told = _told(error)
        yield _status(told), *self.welcome()


def build(assistant: "Assistant") -> gr.Blocks:
    """The page, not yet served."""
    talk = Conversation(assistant)
    bare: dict[str, Any] = {"show_label": False, "container": False}
    plain: dict[str, Any] = {"latex_delimiters": []}  # no formulas in other people's text
    page = gr.Blocks(title=NAME, analytics_enabled=False, fill_width=True)
    with page:
        turns = gr.State((), time_to_live=6 * 3600)
        header = gr.Markdown(_header(_READING), elem_id="header", **plain)
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="talk", scale=3, min_width=280):
                chat = gr.Chatbot(
                    elem_id="chat", placeholder=_INVITATION, height="100%", line_breaks=False,
                    buttons=[], feedback_options=None, group_consecutive_messages=False,
                    **bare, **plain,
                )  # fmt: skip
                with gr.Row(elem_id="asking"):
                    box = gr.Textbox(
                        elem_id="question", label="Question", max_lines=6, autofocus=True,
                        placeholder="Ask a question…", scale=1, **bare,
                    )  # fmt: skip
                    send = gr.Button("Ask", elem_id="send", min_width=72)
                    halt = gr.Button("Stop", elem_id="halt", min_width=72)
                with gr.Row(elem_id="tools"):
                    status = gr.Markdown(elem_id="status", **plain)
                    sync = gr.Button("Sync folder", elem_id="sync", size="sm", min_width=96)
                    clear = gr.Button("Clear chat", elem_id="clear", size="sm", min_width=88)
            with gr.Column(elem_id="panel", scale=2, min_width=280):
                sources = gr.Markdown(_panel(()), elem_id="sources", **plain)
        look: list[Any] = [box, turns, chat, sources, status]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        asking = [
            gr.on([box.submit, send.click], talk.ask, [box, turns], look, **quiet),
            chat.example_select(talk.example, turns, look, **quiet),
        ]
        quick = quiet | {"cancels": asking, "concurrency_limit": None}
        halt.click(talk.stop, turns, look, **quick)
        clear.click(lambda: _look(()), None, look, **quick)
        sync.click(talk.sync, None, [status, header, chat], concurrency_limit=1, **quiet)
        page.load(talk.welcome, None, [header, chat], **quiet)
    page.queue(api_open=False, max_size=32, default_concurrency_limit=4)
    return page


def start(assistant: "Assistant", host: str, port: int | None, *, browse: bool) -> gr.Blocks:
    """Serve the page from a thread of its own; `local_url` is where."""
    if host not in _THIS_MACHINE:
        wanted = f"{' or '.join(_THIS_MACHINE)}: listening wider needs a password, not there yet"
        raise SettingRefused("host", host, wanted)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # no tables of events nobody reads
    os.environ["GRADIO_TEMP_DIR"] = folder = tempfile.mkdtemp(prefix="assistant-")  # mode 0700
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    page = build(assistant)
    try:
        page.launch(
            server_name=host, server_port=port, inbrowser=browse, prevent_thread_lock=True,
            quiet=True, share=False, ssr_mode=False, pwa=False, mcp_server=False,
            enable_monitoring=False, run_history=False, footer_links=[],
            theme=gr.themes.Base(font="system-ui", font_mono="monospace"),
            css_paths=_HERE / "page.css",
            head=f"<script>{(_HERE / 'page.js').read_text(encoding='utf-8')}</script>",
            app_kwargs={"middleware": [Middleware(Guard)], "openapi_url": None, "docs_url": None},
        )  # fmt: skip
    except OSError:
        raise SettingRefused("port", port, "free; leave it out to take a free one") from None
    return page


def serve(
    assistant: "Assistant",
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    open_browser: bool = False,
) -> None:
    """Serve the page until interrupted; without a port, at the first free one from 7860."""
    page = start(assistant, host, port, browse=open_browser)
    print(f"{NAME}: {page.local_url} (Ctrl+C ends it)", flush=True)
    page.block_thread()


def _grown(turn: Turn, item: Statement | Answer) -> Turn:
    if isinstance(item, Answer):
        return replace(turn, answer=item, reading=False)
    said = turn.answer.statements if turn.answer is not None else ()
    return replace(turn, answer=Answer(turn.question, (*said, item)))


def _told(error: Exception) -> str:
    """What a person is told; all of it goes to the log when nobody foresaw it."""
    if isinstance(error, AssistantError):
        return str(error)
    _log.error("The page could not do what was asked", exc_info=error)
    return "Something went wrong here; the details are in the log."


def _look(turns: Turns, *, box: str = "", status: str = "") -> Look:
    chat = []
    for number, turn in enumerate(turns, 1):
        asked = f'<div class="asked" dir="auto">{show.escape(turn.question)}</div>'
        said = show.bubble(turn.answer, number) if turn.answer is not None else ""
        said += f'<div class="remark">{show.escape(turn.remark)}</div>' if turn.remark else ""
        said += '<p class="reading">Reading…</p>' if turn.reading else ""
        chat.append({"role": "user", "content": asked})
        chat.append({"role": "assistant", "content": f"<div>{said}</div>"})
    return box, turns, chat, _panel(turns), _status(status)


def _panel(turns: Turns) -> str:
    """The cards of every turn, newest first: old citations still lead somewhere."""
    groups = [
        f"<section><h3>{show.escape(turn.question)}</h3>{shown}</section>"
        for number, turn in reversed(list(enumerate(turns, 1)))
        if turn.answer is not None and (shown := show.cards(turn.answer, number))
    ]
    return f"<section><h2>Sources</h2>{''.join(groups) or _NO_SOURCES}</section>"


def _header(held: str) -> str:
    return f"<header><h1>{NAME}</h1><p>{show.escape(held)}</p></header>"


def _status(text: str) -> str:
    return f'<div class="status">{show.escape(text)}</div>'
