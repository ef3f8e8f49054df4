"""The list of conversations as HTML.

Questions to go on with: what else the passages are about that were read for the last answer.

The conversations of whoever asks: kept as they go, opened again, cut, renamed and deleted.

Every event finds out anew who asks, and only ever sees that person's history. What a browser says
is an id, a number of a turn, or text.

What stands in the left column: the conversations; and what ties them to the chat.

The buttons at each turn and in the list are made by conversations.js. What they wish for comes
here through hidden text boxes, one for each kind of event, and is looked at by archive and hand.
"""

from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.errors import AssistantError, ConversationChanged
from assistant.history import Entry, History, Listed
from assistant.show import escape, line, plural
from assistant.types import Answer
from assistant.web.actions import (
    ConversationStore,
    Hand,
    Now,
    Running,
    done,
    fresh,
    number_of,
    parsed,
    shown,
    thumbed,
)
from assistant.web.chat import PLAIN, QUIET, SEATED, Conversation, Parts, Turns, look, told
from assistant.web.chat import Conversation as Talk
from assistant.web.queue import person, seat

MOST_LISTED = 300
"""Conversations in the list; the older ones are counted."""


def listing(listed: Listed, current: str) -> str:
    """The conversations, the one of the id `current` marked, and what is wrong with others."""
    entries, problems = listed
    more = len(entries) - MOST_LISTED
    notes = [f"and {plural(more, 'older conversation')}"] if more > 0 else []
    if not entries:
        notes.append("What you ask is kept here.")
    items = "".join(_item(each, each.id == current) for each in entries[:MOST_LISTED])
    aside = "".join(f'<p class="aside">{escape(note)}</p>' for note in (*notes, *problems))
    return f'<div class="talks"><ul>{items}</ul>{aside}</div>'


def _item(entry: Entry, is_now: bool) -> str:
    title = escape(entry.title) or "Untitled"
    return f'<li><a class="talk{" now" * is_now}" href="#c-{entry.id}">{title}</a></li>'


MOST_SUGGESTED = 3


def further(turns: Turns) -> list[str]:
    """Questions about the headings near the last answer, without those that were asked."""
    answer = turns[-1].answer if turns and not turns[-1].reading else None
    if answer is None:
        return []
    asked = {turn.question for turn in turns}
    questions = (f"What is said about “{line(each)}”?" for each in _headings(answer))
    return [question for question in dict.fromkeys(questions) if question not in asked][
        :MOST_SUGGESTED
    ]


def as_links(questions: Iterable[str]) -> str:
    """The questions as HTML; conversations.js asks the one that is chosen."""
    items = "".join(f'<li><a class="ask" href="#ask">{escape(each)}</a></li>' for each in questions)
    return f'<ul class="further">{items}</ul>' if items else ""


def _headings(answer: Answer) -> Iterable[str]:
    cited = (citation.passage for citation in answer.citations)
    near = (hit.passage for hit in answer.closest)
    return (passage.heading for passage in (*cited, *near) if passage.heading.strip())


View = tuple[Any, ...]
"""What an event leaves: all of `talk.Look`, the conversation, the list, what to ask next."""
Views = AsyncGenerator[View, None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the sources that are not to answer it, and the request it came with."""

    question: str
    unticked: frozenset[str]
    request: gr.Request


class Archive:
    """What the events do to conversations. `talk` does the talking."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._keeper = ConversationStore()

    def history(self, request: gr.Request) -> History:
        """The history of whoever asks."""
        return History(self.talk.assistant.settings.history, person(request).name)

    async def ask(
        self,
        question: str | None,
        turns: Turns,
        now: Now,
        unticked: frozenset[str],
        request: gr.Request,
    ) -> Views:
        """Answer as it comes, and keep what came of it, however it ends."""
        at = len(turns) if now.editing is None else now.editing
        asked = Asked(question or "", unticked, request)
        async with aclosing(self._seated(asked, turns, at, now)) as views:
            async for view in views:
                yield view

    async def example(
        self,
        turns: Turns,
        now: Now,
        unticked: frozenset[str],
        request: gr.Request,
        chosen: gr.SelectData,
    ) -> Views:
        """Ask the example that was clicked."""
        question = str(chosen.value["text"])
        async with aclosing(self.ask(question, turns, now, unticked, request)) as views:
            async for view in views:
                yield view

    async def again(
        self, sent: str, turns: Turns, now: Now, unticked: frozenset[str], request: gr.Request
    ) -> Views:
        """Ask a question once more; what followed it goes."""
        try:
            at = number_of(parsed(sent), turns)
        except ConversationChanged as error:
            yield self._view(turns, now, request, remark=str(error))
        else:
            asked = Asked(turns[at].question, unticked, request)
            async with aclosing(self._seated(asked, turns, at, now)) as views:
                async for view in views:
                    yield view

    def stop(self, turns: Turns, now: Now, request: gr.Request) -> View:
        """Leave the answer as far as it came, and keep that."""
        turns, now, problem = self._keeper.left(turns, now)
        return self._view(turns, now, request, remark=problem)

    def new(self, turns: Turns, now: Now, request: gr.Request) -> View:
        """Begin a conversation; the one before is kept as it is."""
        _, _, problem = self._keeper.left(turns, now)
        return self._view((), Now(), request, box="", remark=problem)

    def turn(self, sent: str, turns: Turns, now: Now, request: gr.Request) -> View:
        """Open, edit, undo, rename or delete, as a browser asked."""
        turns, now, problem = self._keeper.left(turns, now)
        box: str | None = None
        command = parsed(sent)
        try:
            turns, now, box, said = done(command, turns, now, self.history(request))
            problem = said or problem
        except ConversationChanged as error:
            turns, now, problem = self._as_kept(turns, now, request, error)
        except Exception as error:
            problem = told(error)
        return self._view(turns, now, request, box=box, remark=problem)

    def listed(self, now: Now, request: gr.Request) -> str:
        """The list of conversations as HTML, the one in the chat marked."""
        current = now.kept.id if now.kept is not None else ""
        return listing(self.history(request).list(), current)

    async def _seated(self, asked: Asked, turns: Turns, at: int, now: Now) -> Views:
        """The answer once there is a seat for it; until then the question stays in its box."""

        def waiting(remark: str) -> View:
            return (asked.question, *look(turns, remark=remark)[1:], now, gr.skip(), "")

        steps = self.talk.seats.taken(
            seat(asked.request), self._ask(asked, turns, at, now), waiting
        )
        async with aclosing(steps) as views:
            async for view in views:
                yield view

    def _ask(self, asked: Asked, turns: Turns, at: int, now: Now) -> Generator[View, None, None]:
        try:
            turns, now, _ = self._keeper.left(turns, now)
            history = self.history(asked.request)
            kept, turns, at = fresh(history, turns, at, now)
            turns = thumbed(history, turns)
        except Exception as error:
            turns, now, problem = self._as_kept(turns, now, asked.request, error)
            yield self._view(turns, now, asked.request, box=asked.question, remark=problem)
        else:
            running = Running(history, kept, turns[:at])
            yield from self._answer(asked, running, turns, now)

    def _answer(
        self, asked: Asked, running: Running, turns: Turns, now: Now
    ) -> Generator[View, None, None]:
        """Show each step of the answer, and the last once it is kept: then all is at rest."""
        said, looked, box = running.before, look(turns), ""
        going = Now(now.kept, run=self._keeper.begin(running))
        try:
            for looked in self.talk.answer(asked.question, running.before, asked.unticked):
                said = looked[1]
                if len(said) > len(running.before) and said[-1].reading:
                    yield (box, *looked[1:], going, gr.skip(), "")
                    box = gr.skip()  # what is typed meanwhile stays
        finally:
            said, going, problem = self._keeper.settled(said, going)
        if len(said) > len(running.before):
            yield self._view(said, going, asked.request, remark=problem)
        else:  # it was no question: all stays as it was
            view = self._view(turns, now, asked.request, box=looked[0])
            yield (*view[:4], looked[-1], *view[5:])

    def _as_kept(
        self, turns: Turns, now: Now, request: gr.Request, error: Exception
    ) -> tuple[Turns, Now, str]:
        """The conversation as another window left it."""
        if now.kept is None:
            return turns, now, told(error)
        try:
            found = self.history(request).read(now.kept.id)
        except AssistantError as gone:
            return (), Now(), str(gone)
        return shown(found), Now(found), told(error)

    def _view(
        self,
        turns: Turns,
        now: Now,
        request: gr.Request,
        *,
        box: str | None = None,
        remark: str = "",
    ) -> View:
        """Everything redrawn; what is typed stays where nothing is put in its place."""
        turns = thumbed(self.history(request), turns)
        _, *rest = look(turns, remark=remark, whole=now.whole)
        links = as_links(further(turns))
        return (gr.skip() if box is None else box, *rest, now, self.listed(now, request), links)


class Column:
    """The components of the column, made before they are laid out."""

    def __init__(self) -> None:
        self.now = gr.State(Now(), time_to_live=6 * 3600, render=False)
        self.new = gr.Button("New conversation", elem_id="new", size="sm", scale=0, render=False)
        self.talks = gr.Markdown(elem_id="talks", render=False, **PLAIN)
        self.further = gr.Markdown(elem_id="further", render=False, **PLAIN)
        self.again, self.turn, self.give, self.given = (
            gr.Textbox(elem_id=f"wish-{name}", visible="hidden", max_lines=1, render=False)
            for name in ("again", "turn", "give", "given")
        )


def tie(page: gr.Blocks, parts: Parts, column: Column, talk: Conversation) -> None:
    """Tie the chat and the column to their events: whatever is asked is kept."""
    archive = Archive(talk)
    hand = Hand(archive)
    known = [parts.turns, column.now]
    seen: list[Any] = [*parts.look, column.now, column.talks, column.further]
    given = [*known, parts.unticked]
    asked = [parts.box.submit, parts.send.click]
    parts.asking += [
        gr.on(asked, archive.ask, [parts.box, *given], seen, **SEATED),
        parts.chat.example_select(archive.example, given, seen, **SEATED),
        column.again.submit(archive.again, [column.again, *given], seen, **SEATED),
    ]
    quick: dict[str, Any] = QUIET | {"concurrency_limit": None, "trigger_mode": "multiple"}
    ending: dict[str, Any] = quick | {"cancels": parts.asking}
    parts.halt.click(archive.stop, known, seen, **ending)
    column.new.click(archive.new, known, seen, **ending)
    column.turn.submit(archive.turn, [column.turn, *known], seen, **ending)
    handed = [parts.status, column.given]
    column.give.submit(hand.give, [column.give, parts.turns], handed, **quick)
    page.load(archive.listed, [column.now], [column.talks], **quick)


def place(column: Column) -> None:
    """Lay the column out here; what begins a new conversation stands where it is always seen."""
    parts: list[Any] = [column.now, column.talks]
    for part in [*parts, column.again, column.turn, column.give, column.given]:
        part.render()
