"""The conversations of the person who asks: the events of the chat, and the list beside it.

Every event looks up who asks, and sees only that person's history. The buttons at each turn and in
the list are made by conversations.js; their commands come here through hidden text boxes.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import gradio as gr

from assistant.errors import AssistantError, ConversationChanged, QuestionRefused
from assistant.history import History, Listing
from assistant.question import question_about
from assistant.show import escape, line, plural
from assistant.web import actions
from assistant.web.actions import Outcome, parse_command
from assistant.web.auth import person_of
from assistant.web.chat import (
    PRIVATE,
    Chat,
    ChatState,
    Components,
    Turns,
    Unticked,
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
    """Three questions to go on with, about the headings near the last answer, as HTML."""
    answer = turns[-1].answer if turns and not turns[-1].reading else None
    if answer is None:
        return ""
    cited = (citation.passage for citation in answer.citations)
    near = (hit.passage for hit in answer.closest)
    headings = (passage.heading for passage in (*cited, *near) if passage.heading.strip())
    questions = dict.fromkeys(question_about(line(each)) for each in headings)
    asked = {turn.question for turn in turns}
    new = [each for each in questions if each not in asked][:3]
    items = "".join(f'<li><a class="ask" href="#ask">{escape(each)}</a></li>' for each in new)
    return f'<ul class="further">{items}</ul>' if items else ""


Update = tuple[Any, ...]
"""What an event changes: text box, what `render` returns, list of conversations, suggestions."""
Updates = AsyncGenerator[Update, None]


class Conversations:
    """What the events do to conversations; `chat` makes the answers."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._store = actions.ConversationStore()

    def _history(self, request: gr.Request) -> History:
        return History(self._chat.assistant.settings.history, person_of(request.request).name)

    async def ask(
        self, question: str | None, current: ChatState, unticked: Unticked, request: gr.Request
    ) -> Updates:
        """Answer as it comes, and save what came of it, however it ends."""
        at = len(current.turns) if current.editing is None else current.editing
        queued = self._queued(question or "", current, at, unticked, request)
        async with aclosing(queued) as updates:
            async for update in updates:
                yield update

    async def example(
        self, current: ChatState, unticked: Unticked, request: gr.Request, chosen: gr.SelectData
    ) -> Updates:
        """Ask the example that was clicked."""
        question = str(chosen.value["text"])
        async with aclosing(self.ask(question, current, unticked, request)) as updates:
            async for update in updates:
                yield update

    async def retry(
        self, sent: str, current: ChatState, unticked: Unticked, request: gr.Request
    ) -> Updates:
        """Ask a question once more; what followed it goes."""
        try:
            at = actions.turn_index(parse_command(sent), current.turns)
        except ConversationChanged as error:
            yield await asyncio.to_thread(self._update, current, request, remark=str(error))
        else:
            queued = self._queued(current.turns[at].question, current, at, unticked, request)
            async with aclosing(queued) as updates:
                async for update in updates:
                    yield update

    def stop(self, current: ChatState, request: gr.Request) -> Update:
        """Leave the answer as far as it came, and save that."""
        current, problem = self._store.stop(current)
        return self._update(current, request, remark=problem)

    def new(self, current: ChatState, request: gr.Request) -> Update:
        """Begin a conversation; the one before is left as it is."""
        _, problem = self._store.stop(current)
        return self._update(ChatState(), request, box="", remark=problem)

    def change(self, sent: str, current: ChatState, request: gr.Request) -> Update:
        """Open, edit, undo, rename or delete, as a browser asked."""
        current, problem = self._store.stop(current)
        box: str | None = None
        try:
            command, history = parse_command(sent), self._history(request)
            current, box, message = actions.dispatch(command, current, history)
            problem = message or problem
        except ConversationChanged as error:
            current, problem = self._reloaded(current, request, error)
        except Exception as error:
            problem = error_message(error)
        return self._update(current, request, box=box, remark=problem)

    def fetch(self, sent: str, current: ChatState, request: gr.Request) -> tuple[str, str]:
        """Copy, export or rate, as a browser asked: a status, and JSON for the browser."""
        command = parse_command(sent)
        given: dict[str, Any] = {}
        try:
            message, given = actions.answer_command(command, current.turns, self._history(request))
        except Exception as error:
            message = error_message(error)
        return status(message), json.dumps(given | {"for": command.get("nonce")})

    def list(self, current: ChatState, request: gr.Request) -> str:
        """The list of conversations as HTML, the one in the chat marked."""
        open_id = current.saved.id if current.saved is not None else ""
        return render_list(self._history(request).list(), open_id)

    def _queued(
        self, question: str, current: ChatState, at: int, unticked: Unticked, request: gr.Request
    ) -> Updates:
        """The answer once it is its turn; until then the question stays in its box."""

        def notice(message: str) -> Update:
            return (question, *render(current, message), gr.skip(), "")

        # For whom it is counted: the account; without accounts, the tab.
        who = str(request.username or f"/{request.session_hash}")
        return self._chat.queue.run(
            who, self._answer(question, current, at, unticked, request), notice
        )

    def _answer(
        self, question: str, current: ChatState, at: int, unticked: Unticked, request: gr.Request
    ) -> Generator[Update, None, None]:
        """Answer, and show each step; the last once it is saved: then all is at rest."""
        try:
            current, _ = self._store.stop(current)
            history = self._history(request)
            conversation, turns, at = actions.latest(history, current, at)
            current = replace(current, turns=actions.with_thumbs(history, turns))
        except Exception as error:
            current, problem = self._reloaded(current, request, error)
            yield self._update(current, request, box=question, remark=problem)
            return
        before = current.turns[:at]
        answer_id = self._store.begin(history, conversation, before)
        going, box = ChatState(before, current.saved, answer_id=answer_id), ""
        try:
            for turns in self._chat.answer(question, before, unticked):
                going = replace(going, turns=turns)
                if turns[-1].reading:
                    yield (box, *render(going), gr.skip(), "")
                    box = gr.skip()  # what is typed meanwhile stays
        except QuestionRefused as error:  # it was no question: all stays as it was
            going = replace(going, turns=before)
            yield self._update(current, request, box=question, remark=str(error))
            return
        finally:
            going, problem = self._store.save(going)
        yield self._update(going, request, remark=problem)

    def _reloaded(self, current: ChatState, request: gr.Request, error: Exception) -> Outcome:
        """The conversation as another window left it."""
        if current.saved is None:
            return current, error_message(error)
        try:
            found = self._history(request).read(current.saved.id)
        except AssistantError as gone:
            return ChatState(), str(gone)
        return ChatState.of(found), error_message(error)

    def _update(
        self, current: ChatState, request: gr.Request, *, box: str | None = None, remark: str = ""
    ) -> Update:
        """Everything redrawn; what is typed stays where nothing is put in its place."""
        turns = actions.with_thumbs(self._history(request), current.turns)
        drawn = render(replace(current, turns=turns), remark)
        typed = gr.skip() if box is None else box
        return (typed, *drawn, self.list(current, request), suggestions(turns))


def bind(page: gr.Blocks, parts: Components, chat: Chat) -> None:
    """Tie the chat and the column to their events."""
    events = Conversations(chat)
    current, given = parts.current, [parts.current, parts.unticked]
    changed = [
        *(parts.box, current, parts.chat, parts.cited, parts.status),
        *(parts.list, parts.suggestions),
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
    parts.stop.click(events.stop, current, changed, **ending)
    parts.new.click(events.new, current, changed, **ending)
    parts.change.submit(events.change, [parts.change, current], changed, **ending)
    parts.fetch.submit(events.fetch, [parts.fetch, current], [parts.status, parts.fetched], **quick)
    page.load(events.list, current, parts.list, **quick)
