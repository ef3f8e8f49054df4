"""The conversation: the turns, what the page's events make of them, and how they look.

The components that the page's events read and write, made before they are laid out.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from assistant.errors import AssistantError, QuestionRefused
from assistant.show import escape, line, plural
from assistant.show.html import bubble, cards
from assistant.types import Answer, Statement
from assistant.web.queue import RequestQueue

if TYPE_CHECKING:
    from assistant.assistant import Assistant

NAME = "Agreement Assistant"
DRAWN = 20
"""Turns in the chat at a time, unless more are asked for: research/benchmarks/results/long.txt."""
_NO_SOURCES = '<p class="none">The words an answer rests on will be shown here.</p>'
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, and what has come of it so far; `remark` says why there is no more."""

    question: str
    answer: Answer | None = None
    remark: str = ""
    reading: bool = True
    thumb: str = ""
    """`up` or `down`, where its person said so."""


Turns = tuple[Turn, ...]
Look = tuple[str, Turns, list[dict[str, str]], str, str]
"""What an event leaves: text box, conversation, chat, sources, status."""


class Conversation:
    """What the page's events do. The server keeps the turns."""

    def __init__(self, assistant: "Assistant") -> None:
        self.assistant = assistant
        self.seats = RequestQueue()

    def welcome(self) -> tuple[str, dict[str, Any]]:
        """The header, and the example questions of the empty chat."""
        examples: list[str] = []
        try:
            examples = self.assistant.examples()
            holds = self.assistant.status()
            documents = plural(len(holds.documents), "document")
            held = f"{documents}, {plural(holds.passages, 'passage')}"
        except Exception as error:
            held = told(error)
        return header(held), gr.update(examples=[{"text": line(text)} for text in examples])

    def answer(
        self, question: str | None, turns: Turns, unticked: frozenset[str] = frozenset()
    ) -> Iterator[Look]:
        """Show the answer as it comes. A refused question goes back to its box."""
        turn = Turn(question or "")
        history = tuple(earlier.answer for earlier in turns if earlier.answer is not None)
        try:
            yield look((*turns, turn))
            among = self._among(unticked)
            for item in self.assistant.stream(turn.question, history=history, sources=among):
                turn = _grown(turn, item)
                yield look((*turns, turn))
        except QuestionRefused as error:
            yield look(turns, box=turn.question, remark=str(error))
        except Exception as error:
            yield look((*turns, replace(turn, remark=told(error), reading=False)))

    def _among(self, unticked: frozenset[str]) -> list[str] | None:
        """The sources that are to answer; None for all. Raises `QuestionRefused` for none."""
        if not unticked:
            return None
        answering = self.assistant.answering()
        ticked = [name for name in answering if name not in unticked]
        if answering and not ticked:
            raise QuestionRefused("No source is to answer: tick one under “Sources”.")
        return None if len(ticked) == len(answering) else ticked


def _grown(turn: Turn, item: Statement | Answer) -> Turn:
    if isinstance(item, Answer):
        return replace(turn, answer=item, reading=False)
    said = turn.answer.statements if turn.answer is not None else ()
    return replace(turn, answer=Answer(turn.question, (*said, item)))


def told(error: Exception) -> str:
    """What a person is told; all of it goes to the log when nobody foresaw it."""
    if isinstance(error, AssistantError):
        return str(error)
    _log.error("The page could not do what was asked", exc_info=error)
    return "Something went wrong here; the details are in the log."


def look(turns: Turns, *, box: str = "", remark: str = "", whole: bool = False) -> Look:
    """Everything an event redraws, from the turns; `box` and `remark` are put beside them.

    Unless the `whole` is asked for, only the last turns are drawn: each is sent every time.
    """
    drawn = list(enumerate(turns, 1))[0 if whole else -DRAWN :]
    hidden = len(turns) - len(drawn)
    earlier = plural(hidden, "earlier question")
    link = f'<p class="earlier"><a href="#earlier">Show {earlier}</a></p>'
    chat = [{"role": "assistant", "content": link}] if hidden else []
    for number, turn in drawn:
        chat.append({"role": "user", "content": _asked(turn, number)})
        chat.append({"role": "assistant", "content": _said(turn, number)})
    return box, turns, chat, panel(drawn), status(remark)


def _asked(turn: Turn, number: int) -> str:
    return f'<div id="asked-{number}" class="asked" dir="auto">{escape(turn.question)}</div>'


def _said(turn: Turn, number: int) -> str:
    said = bubble(turn.answer, number) if turn.answer is not None else ""
    if turn.remark:
        said += f'<div class="remark" dir="auto">{escape(turn.remark)}</div>'
    said += '<p class="reading">Reading…</p>' if turn.reading else ""
    return f'<div id="said-{number}" class="said {turn.thumb}">{said}</div>'


def panel(turns: Sequence[tuple[int, Turn]]) -> str:
    """The cards of these turns, by number, newest first; page.js shows those of one turn."""
    groups = [
        f'<section id="turn-{number}" class="turn">'
        f'<h3 dir="auto">{escape(turn.question)}</h3>{shown}</section>'
        for number, turn in reversed(turns)
        if turn.answer is not None and (shown := cards(turn.answer, number))
    ]
    return f"<div>{''.join(groups) or _NO_SOURCES}</div>"


def header(held: str) -> str:
    """The product's name, and what it holds."""
    return f"<header><h1>{NAME}</h1><p>{escape(held)}</p></header>"


def status(text: str) -> str:
    """What is told under the chat."""
    return f'<div class="status">{escape(text)}</div>'


QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""What each event of the page is given: no spinner over the text, and no place in an API."""
SEATED: dict[str, Any] = QUIET | {"concurrency_limit": None}
"""What each event that answers is given: `Seats` say who is answered now."""
PLAIN: dict[str, Any] = {"latex_delimiters": []}
"""What each Markdown and Chatbot is given: no formulas in other people's text."""

_BARE: dict[str, Any] = {"show_label": False, "container": False, "render": False}
_INVITATION = (
    '<div class="invitation"><p>Ask what your documents say</p>'
    "<p>Every statement points at the exact words it rests on.</p></div>"
)


class Parts:
    """The components; whoever lays them out calls `render()`.

    An event that changes the conversation takes `turns`, returns `talk.look(turns)`, and has
    `look` as its outputs: that redraws everything. `asking` are the events that are answering,
    for the `cancels` of one that must not be talked over.
    """

    def __init__(self) -> None:
        self.turns = gr.State((), time_to_live=6 * 3600, render=False)
        self.unticked = gr.State(frozenset(), time_to_live=6 * 3600, render=False)
        """The sources that are not to answer."""
        self.scope = gr.Markdown(elem_id="scope", **_text())
        """How many are to answer, where not all."""
        self.header = gr.Markdown(header("Reading the folder…"), elem_id="header", **_text())
        self.chat = gr.Chatbot(
            elem_id="chat", placeholder=_INVITATION, height="100%", line_breaks=False,
            buttons=[], feedback_options=None, group_consecutive_messages=False,
            **_BARE, **PLAIN,
        )  # fmt: skip
        self.box = gr.Textbox(
            elem_id="question", label="Question", max_lines=6, autofocus=True,
            placeholder="Ask a question…", scale=1, **_BARE,
        )  # fmt: skip
        self.send = gr.Button("Ask", elem_id="send", min_width=72, render=False)
        self.halt = gr.Button("Stop", elem_id="halt", min_width=72, render=False)
        small: dict[str, Any] = {"size": "sm", "render": False}
        self.sync = gr.Button("Sync folder", elem_id="sync", min_width=96, **small)
        self.leave = gr.Button("Log out", elem_id="leave", min_width=72, visible=False, **small)
        self.status = gr.Markdown(elem_id="status", **_text())
        self.cited = gr.Markdown(panel(()), elem_id="cited", **_text())
        self.asking: list[Any] = []

    @property
    def look(self) -> list[Any]:
        """The outputs of an event that returns a `Look`."""
        return [self.box, self.turns, self.chat, self.cited, self.status]


def _text() -> dict[str, Any]:
    return PLAIN | {"render": False}
