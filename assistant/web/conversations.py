"""The conversations of the person who asks: the events of the chat, and the list beside it.

Every event looks up who asks, and sees only that person's history. The buttons at each
turn and in the list are made by conversations.js; their commands come here through hidden text
boxes.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from assistant.errors import AssistantError, ConversationChanged
from assistant.history import History, Listing
from assistant.show import escape, line, plural
from assistant.web import actions
from assistant.web.actions import Outcome, RunningAnswer, parse_command
from assistant.web.auth import person_of
from assistant.web.chat import (
    PRIVATE,
    Chat,
    Components,
    OpenConversation,
    Turns,
    error_message,
    render,
    status,
)

MAX_LISTED = 300
"""Conversations in the list; the older ones are counted."""


def render_list(listing: Listing, current: str) -> str:
    """The conversations, the one of the id `current` marked, and what is wrong with others."""
    entries, problems = listing
    more = len(entries) - MAX_LISTED
    notes = [f"and {plural(more, 'older conversation')}"] if more > 0 else []
    if not entries:
        notes.append("What you ask is kept here.")
    items = "".join(
        f'<li><a class="talk{" now" * (each.id == current)}" href="#c-{each.id}">'
        f"{escape(each.title) or 'Untitled'}</a></li>"
        for each in entries[:MAX_LISTED]
    )
    aside = "".join(f'<p class="aside">{escape(note)}</p>' for note in (*notes, *problems))
    return f'<div class="talks"><ul>{items}</ul>{aside}</div>'


def suggestions(turns: Turns) -> str:
    """Three questions to go on with, about the headings near the last answer, as HTML.

    conversations.js asks the one that is chosen.
    """
    answer = turns[-1].answer if turns and not turns[-1].reading else None
    if answer is None:
        return ""
    cited = (citation.passage for citation in answer.citations)
    near = (hit.passage for hit in answer.closest)
    headings = (passage.heading for passage in (*cited, *near) if passage.heading.strip())
    questions = dict.fromkeys(f"What is said about “{line(each)}”?" for each in headings)
    asked = {turn.question for turn in turns}
    new = [each for each in questions if each not in asked][:3]
    items = "".join(f'<li><a class="ask" href="#ask">{escape(each)}</a></li>' for each in new)
    return f'<ul class="further">{items}</ul>' if items else ""


Update = tuple[Any, ...]
"""What an event changes: a `ChatUpdate`, the open conversation, the list, the suggestions."""
Updates = AsyncGenerator[Update, None]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the sources that are not to answer it, and the request it came with."""

    text: str
    unticked: frozenset[str]
    request: gr.Request


class Conversations:
    """What the events do to conversations; `chat` makes the answers."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._store = actions.ConversationStore()

    def _history(self, request: gr.Request) -> History:
        return History(self._chat.assistant.settings.history, person_of(request.request).name)

    async def ask(
        self,
        question: str | None,
        turns: Turns,
        current: OpenConversation,
        unticked: frozenset[str],
        request: gr.Request,
    ) -> Updates:
        """Answer as it comes, and save what came of it, however it ends."""
        at = len(turns) if current.editing is None else current.editing
        asked = Question(question or "", unticked, request)
        async with aclosing(self._queued(asked, turns, at, current)) as updates:
            async for update in updates:
                yield update

    async def example(
        self,
        turns: Turns,
        current: OpenConversation,
        unticked: frozenset[str],
        request: gr.Request,
        chosen: gr.SelectData,
    ) -> Updates:
        """Ask the example that was clicked."""
        question = str(chosen.value["text"])
        async with aclosing(self.ask(question, turns, current, unticked, request)) as updates:
            async for update in updates:
                yield update

    async def retry(
        self,
        sent: str,
        turns: Turns,
        current: OpenConversation,
        unticked: frozenset[str],
        request: gr.Request,
    ) -> Updates:
        """Ask a question once more; what followed it goes."""
        try:
            at = actions.turn_index(parse_command(sent), turns)
        except ConversationChanged as error:
            message = str(error)
            yield await asyncio.to_thread(self._update, turns, current, request, remark=message)
        else:
            asked = Question(turns[at].question, unticked, request)
            async with aclosing(self._queued(asked, turns, at, current)) as updates:
                async for update in updates:
                    yield update

    def stop(self, turns: Turns, current: OpenConversation, request: gr.Request) -> Update:
        """Leave the answer as far as it came, and save that."""
        turns, current, problem = self._store.stop(turns, current)
        return self._update(turns, current, request, remark=problem)

    def new(self, turns: Turns, current: OpenConversation, request: gr.Request) -> Update:
        """Begin a conversation; the one before is left as it is."""
        _, _, problem = self._store.stop(turns, current)
        return self._update((), OpenConversation(), request, box="", remark=problem)

    def change(
        self, sent: str, turns: Turns, current: OpenConversation, request: gr.Request
    ) -> Update:
        """Open, edit, undo, rename or delete, as a browser asked."""
        turns, current, problem = self._store.stop(turns, current)
        box: str | None = None
        try:
            command, history = parse_command(sent), self._history(request)
            turns, current, box, message = actions.dispatch(command, turns, current, history)
            problem = message or problem
        except ConversationChanged as error:
            turns, current, problem = self._reloaded(turns, current, request, error)
        except Exception as error:
            problem = error_message(error)
        return self._update(turns, current, request, box=box, remark=problem)

    def fetch(self, sent: str, turns: Turns, request: gr.Request) -> tuple[str, str]:
        """Copy, export or rate, as a browser asked: a status, and JSON for the browser."""
        command = parse_command(sent)
        given: dict[str, Any] = {}
        try:
            message, given = actions.answer_command(command, turns, self._history(request))
        except Exception as error:
            message = error_message(error)
        return status(message), json.dumps(given | {"for": command.get("nonce")})

    def list(self, current: OpenConversation, request: gr.Request) -> str:
        """The list of conversations as HTML, the one in the chat marked."""
        open_id = current.saved.id if current.saved is not None else ""
        return render_list(self._history(request).list(), open_id)

    def _queued(self, asked: Question, turns: Turns, at: int, current: OpenConversation) -> Updates:
        """The answer once it is its turn; until then the question stays in its box."""

        def notice(message: str) -> Update:
            return (asked.text, *render(turns, remark=message)[1:], current, gr.skip(), "")

        # For whom it is counted: the account; without accounts, the tab.
        who = str(asked.request.username or f"/{asked.request.session_hash}")
        return self._chat.queue.run(who, self._begin(asked, turns, at, current), notice)

    def _begin(
        self, asked: Question, turns: Turns, at: int, current: OpenConversation
    ) -> Generator[Update, None, None]:
        """Answer after what the conversation is by now."""
        try:
            turns, current, _ = self._store.stop(turns, current)
            history = self._history(asked.request)
            conversation, turns, at = actions.latest(history, turns, at, current)
            turns = actions.with_thumbs(history, turns)
        except Exception as error:
            turns, current, problem = self._reloaded(turns, current, asked.request, error)
            yield self._update(turns, current, asked.request, box=asked.text, remark=problem)
        else:
            running = RunningAnswer(history, conversation, turns[:at])
            yield from self._answer(asked, running, turns, current)

    def _answer(
        self, asked: Question, running: RunningAnswer, turns: Turns, current: OpenConversation
    ) -> Generator[Update, None, None]:
        """Show each step of the answer, and the last once it is saved: then all is at rest."""
        now, shown, box = running.before, render(turns), ""
        going = OpenConversation(current.saved, answer_id=self._store.begin(running))
        try:
            for shown in self._chat.answer(asked.text, running.before, asked.unticked):
                now = shown[1]
                if len(now) > len(running.before) and now[-1].reading:
                    yield (box, *shown[1:], going, gr.skip(), "")
                    box = gr.skip()  # what is typed meanwhile stays
        finally:
            now, going, problem = self._store.save(now, going)
        if len(now) > len(running.before):
            yield self._update(now, going, asked.request, remark=problem)
        else:  # it was no question: all stays as it was
            update = self._update(turns, current, asked.request, box=shown[0])
            yield (*update[:4], shown[-1], *update[5:])

    def _reloaded(
        self, turns: Turns, current: OpenConversation, request: gr.Request, error: Exception
    ) -> Outcome:
        """The conversation as another window left it."""
        if current.saved is None:
            return turns, current, error_message(error)
        try:
            found = self._history(request).read(current.saved.id)
        except AssistantError as gone:
            return (), OpenConversation(), str(gone)
        return actions.page_turns(found), OpenConversation(found), error_message(error)

    def _update(
        self,
        turns: Turns,
        current: OpenConversation,
        request: gr.Request,
        *,
        box: str | None = None,
        remark: str = "",
    ) -> Update:
        """Everything redrawn; what is typed stays where nothing is put in its place."""
        turns = actions.with_thumbs(self._history(request), turns)
        _, *rest = render(turns, remark=remark, show_all=current.show_all)
        typed = gr.skip() if box is None else box
        return (typed, *rest, current, self.list(current, request), suggestions(turns))


def bind(page: gr.Blocks, parts: Components, chat: Chat) -> None:
    """Tie the chat and the column to their events."""
    events = Conversations(chat)
    known = [parts.turns, parts.current]
    given = [*known, parts.unticked]
    changed = [
        *(parts.box, parts.turns, parts.chat, parts.cited, parts.status),
        *(parts.current, parts.list, parts.suggestions),
    ]
    # `RequestQueue` says which are answered now.
    any_number: dict[str, Any] = PRIVATE | {"concurrency_limit": None}
    asked = [parts.box.submit, parts.send.click]
    answering: list[Any] = [
        gr.on(asked, events.ask, [parts.box, *given], changed, **any_number),
        parts.chat.example_select(events.example, given, changed, **any_number),
        parts.retry.submit(events.retry, [parts.retry, *given], changed, **any_number),
    ]
    quick: dict[str, Any] = any_number | {"trigger_mode": "multiple"}
    ending: dict[str, Any] = quick | {"cancels": answering}
    parts.stop.click(events.stop, known, changed, **ending)
    parts.new.click(events.new, known, changed, **ending)
    parts.change.submit(events.change, [parts.change, *known], changed, **ending)
    fetched = [parts.status, parts.fetched]
    parts.fetch.submit(events.fetch, [parts.fetch, parts.turns], fetched, **quick)
    page.load(events.list, [parts.current], [parts.list], **quick)
