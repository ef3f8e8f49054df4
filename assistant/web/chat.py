"""The chat: its components, how an answer comes, and how the turns look as HTML."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from assistant.assistant import Assistant
from assistant.errors import AssistantError, QuestionRefused
from assistant.history import Conversation
from assistant.show import escape, line, plural
from assistant.show.html import bubble, cards
from assistant.types import Answer, Turn
from assistant.web.auth import person_of
from assistant.web.queue import RequestQueue

TITLE = "Agreement Assistant"
MAX_DRAWN = 20
"""Turns in the chat at a time, unless more are asked for: research/benchmarks/results/long.txt."""
PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""What each event of the page is given: no spinner over the text, and no place in an API."""
NO_FORMULAS: dict[str, Any] = {"latex_delimiters": []}
"""What each Markdown and Chatbot is given: no formulas in other people's text."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageTurn(Turn):
    """A turn as the page shows it."""

    reading: bool = True
    """Whether the answer is still coming."""
    thumb: str = ""
    """`up` or `down`, where the person who asked rated it so."""


Turns = tuple[PageTurn, ...]
Unticked = frozenset[str]
"""The sources that are not to answer."""


@dataclass(frozen=True, slots=True)
class ChatState:
    """What is in the chat, and what is done to it. It is kept on the server, not in the browser."""

    turns: Turns = ()
    saved: Conversation | None = None
    """The conversation as it was last saved; None for one in which nothing was asked yet."""
    editing: int | None = None
    """The turn whose question is being edited."""
    answer_id: str = ""
    """Of the answer that is coming, if one is."""
    show_all: bool = False
    """Whether all its turns are drawn, not the last ones alone."""

    @classmethod
    def of(cls, found: Conversation) -> "ChatState":
        """A saved conversation in the chat."""
        turns = (PageTurn(turn.question, turn.answer, turn.remark, False) for turn in found.turns)
        return cls(tuple(turns), found)


class Chat:
    """Answers, and what the page shows of the assistant."""

    def __init__(self, assistant: Assistant) -> None:
        self.assistant = assistant
        self.queue = RequestQueue()

    def welcome(self) -> tuple[str, dict[str, Any]]:
        """The header, and the example questions of the empty chat."""
        examples: list[str] = []
        try:
            examples = self.assistant.examples()
            holds = self.assistant.status()
            documents = plural(len(holds.documents), "document")
            contents = f"{documents}, {plural(holds.passages, 'passage')}"
        except Exception as error:
            contents = error_message(error)
        return header(contents), gr.update(examples=[{"text": line(text)} for text in examples])

    def buttons(self, request: gr.Request) -> tuple[Any, Any]:
        """The buttons that are not for everyone: to sync, and to log out."""
        may_change, logged_in = person_of(request.request).may_change, request.username is not None
        return gr.update(visible=may_change), gr.update(visible=logged_in)

    def answer(self, question: str, turns: Turns, unticked: Unticked) -> Iterator[Turns]:
        """The turns with the answer as it comes. Raises `QuestionRefused`."""
        turn = PageTurn(question)
        history = tuple(earlier.answer for earlier in turns if earlier.answer is not None)
        try:
            yield (*turns, turn)
            sources = self._ticked(unticked)
            for item in self.assistant.stream(turn.question, history=history, sources=sources):
                if isinstance(item, Answer):
                    turn = replace(turn, answer=item, reading=False)
                else:
                    statements = turn.answer.statements if turn.answer is not None else ()
                    turn = replace(turn, answer=Answer(turn.question, (*statements, item)))
                yield (*turns, turn)
        except QuestionRefused:
            raise
        except Exception as error:
            yield (*turns, replace(turn, remark=error_message(error), reading=False))

    def _ticked(self, unticked: Unticked) -> list[str] | None:
        """The sources that are to answer; None for all. Raises `QuestionRefused` for none."""
        if not unticked:
            return None
        answering = self.assistant.answering()
        ticked = [name for name in answering if name not in unticked]
        if answering and not ticked:
            raise QuestionRefused("No source is to answer: tick one under “Sources”.")
        return None if len(ticked) == len(answering) else ticked


def error_message(error: Exception) -> str:
    """What a person is shown; an error that nobody foresaw goes to the log whole."""
    if isinstance(error, AssistantError):
        return str(error)
    _log.error("The page could not do what was asked", exc_info=error)
    return "Something went wrong here; the details are in the log."


def render(
    current: ChatState, remark: str = ""
) -> tuple[ChatState, list[dict[str, str]], str, str]:
    """What an event that changes the conversation returns: that, the chat, the cards, the status.

    Unless all are asked for, only the last turns are drawn: each is sent every time.
    """
    drawn = list(enumerate(current.turns, 1))[0 if current.show_all else -MAX_DRAWN :]
    hidden = len(current.turns) - len(drawn)
    earlier = plural(hidden, "earlier question")
    link = f'<p class="earlier"><a href="#earlier">Show {earlier}</a></p>'
    chat = [{"role": "assistant", "content": link}] if hidden else []
    for number, turn in drawn:
        asked = f'<div id="asked-{number}" class="asked" dir="auto">{escape(turn.question)}</div>'
        chat.append({"role": "user", "content": asked})
        chat.append({"role": "assistant", "content": _answer(turn, number)})
    return current, chat, panel(drawn), status(remark)


def _answer(turn: PageTurn, number: int) -> str:
    shown = bubble(turn.answer, number) if turn.answer is not None else ""
    if turn.remark:
        shown += f'<div class="remark" dir="auto">{escape(turn.remark)}</div>'
    shown += '<p class="reading">Reading…</p>' if turn.reading else ""
    return f'<div id="said-{number}" class="said {turn.thumb}">{shown}</div>'


def panel(turns: Sequence[tuple[int, PageTurn]]) -> str:
    """The cards of these turns, by number, newest first; page.js shows those of one turn."""
    groups = [
        f'<section id="turn-{number}" class="turn">'
        f'<h3 dir="auto">{escape(turn.question)}</h3>{shown}</section>'
        for number, turn in reversed(turns)
        if turn.answer is not None and (shown := cards(turn.answer, number))
    ]
    empty = '<p class="none">The words an answer rests on will be shown here.</p>'
    return f"<div>{''.join(groups) or empty}</div>"


def header(contents: str) -> str:
    """The product's name, and what it holds."""
    return f"<header><h1>{TITLE}</h1><p>{escape(contents)}</p></header>"


def status(message: str) -> str:
    """The line under the chat."""
    return f'<div class="status">{escape(message)}</div>'


class Components:
    """The components that events read and write, laid out in the page that is being built."""

    def __init__(self) -> None:
        hidden: dict[str, Any] = {"visible": "hidden", "max_lines": 1}
        with gr.Row(elem_id="top"):
            gr.Button("Conversations", elem_id="show-conversations", size="sm", scale=0)
            self.new = gr.Button("New conversation", elem_id="new", size="sm", scale=0)
            self.header = gr.Markdown(
                header("Reading the folder…"), elem_id="header", **NO_FORMULAS
            )
        with gr.Row(elem_id="columns"):
            with gr.Column(elem_id="conversations", scale=0, min_width=240):
                self.list = gr.Markdown(elem_id="talks", **NO_FORMULAS)
                # Here conversations.js writes commands, and finds what it fetched.
                self.retry = gr.Textbox(elem_id="command-retry", **hidden)
                self.change = gr.Textbox(elem_id="command-change", **hidden)
                self.fetch = gr.Textbox(elem_id="command-fetch", **hidden)
                self.fetched = gr.Textbox(elem_id="command-fetched", **hidden)
                # Here sources.js writes what is to be done with sources; what is under a tab is not
                # on the page while another tab is shown.
                self.command = gr.Textbox(
                    elem_id="command", label="Command", elem_classes="channel", container=False
                )
            with gr.Column(elem_id="talk", scale=3, min_width=280):
                self.current = gr.State(ChatState(), time_to_live=6 * 3600)
                self.unticked = gr.State(frozenset(), time_to_live=6 * 3600)
                self.chat = gr.Chatbot(
                    elem_id="chat", height="100%", line_breaks=False, buttons=[],
                    feedback_options=None, group_consecutive_messages=False,
                    placeholder='<div class="invitation"><p>Ask what your documents say</p>'
                    "<p>Every statement points at the exact words it rests on.</p></div>",
                    show_label=False, container=False, **NO_FORMULAS,
                )  # fmt: skip
                self.suggestions = gr.Markdown(elem_id="further", **NO_FORMULAS)
                self.scope = gr.Markdown(elem_id="scope", **NO_FORMULAS)
                """How many are to answer, where not all."""
                with gr.Row(elem_id="asking"):
                    self.box = gr.Textbox(
                        elem_id="question", label="Question", max_lines=6, autofocus=True,
                        placeholder="Ask a question…", scale=1, show_label=False, container=False,
                    )  # fmt: skip
                    self.send = gr.Button("Ask", elem_id="send", min_width=72)
                    self.stop = gr.Button("Stop", elem_id="halt", min_width=72)
                with gr.Row(elem_id="tools"):
                    self.status = gr.Markdown(elem_id="status", **NO_FORMULAS)
                    self.sync = gr.Button("Sync folder", elem_id="sync", min_width=96, size="sm")
                    self.leave = gr.Button(
                        "Log out", elem_id="leave", min_width=72, visible=False, size="sm"
                    )
            with gr.Column(elem_id="panel", scale=2, min_width=280), gr.Tabs():
                with gr.Tab("Cited", id="cited", elem_id="cited-tab"):
                    self.cited = gr.Markdown(panel(()), elem_id="cited", **NO_FORMULAS)
                with gr.Tab("Sources", id="library", elem_id="library-tab"):
                    self.library = gr.Column(elem_id="library")
