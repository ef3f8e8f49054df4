"""The conversation: the turns, what the page's events make of them, and how they look."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

from assistant import show
from assistant.errors import AssistantError, QuestionRefused
from assistant.page.seats import Seats
from assistant.types import Answer, Statement

if TYPE_CHECKING:
    from assistant.assistant import Assistant

NAME = "Agreement Assistant"
DRAWN = 20
"""Turns in the chat at a time, unless more are asked for; see benchmarks/results/long.txt."""
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
        self.seats = Seats()

    def welcome(self) -> tuple[str, dict[str, Any]]:
        """The header, and the example questions of the empty chat."""
        examples: list[str] = []
        try:
            examples = self.assistant.examples()
            holds = self.assistant.status()
            documents = show.plural(len(holds.documents), "document")
            held = f"{documents}, {show.plural(holds.passages, 'passage')}"
        except Exception as error:
            held = told(error)
        return header(held), gr.update(examples=[{"text": show.line(text)} for text in examples])

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
    earlier = show.plural(hidden, "earlier question")
    link = f'<p class="earlier"><a href="#earlier">Show {earlier}</a></p>'
    chat = [{"role": "assistant", "content": link}] if hidden else []
    for number, turn in drawn:
        chat.append({"role": "user", "content": _asked(turn, number)})
        chat.append({"role": "assistant", "content": _said(turn, number)})
    return box, turns, chat, panel(drawn), status(remark)


def _asked(turn: Turn, number: int) -> str:
    return f'<div id="asked-{number}" class="asked" dir="auto">{show.escape(turn.question)}</div>'


def _said(turn: Turn, number: int) -> str:
    said = show.bubble(turn.answer, number) if turn.answer is not None else ""
    if turn.remark:
        said += f'<div class="remark" dir="auto">{show.escape(turn.remark)}</div>'
    said += '<p class="reading">Reading…</p>' if turn.reading else ""
    return f'<div id="said-{number}" class="said {turn.thumb}">{said}</div>'


def panel(turns: Sequence[tuple[int, Turn]]) -> str:
    """The cards of these turns, by number, newest first; page.js shows those of one turn."""
    groups = [
        f'<section id="turn-{number}" class="turn">'
        f'<h3 dir="auto">{show.escape(turn.question)}</h3>{shown}</section>'
        for number, turn in reversed(turns)
        if turn.answer is not None and (shown := show.cards(turn.answer, number))
    ]
    return f"<div>{''.join(groups) or _NO_SOURCES}</div>"


def header(held: str) -> str:
    """The product's name, and what it holds."""
    return f"<header><h1>{NAME}</h1><p>{show.escape(held)}</p></header>"


def status(text: str) -> str:
    """What is told under the chat."""
    return f'<div class="status">{show.escape(text)}</div>'
