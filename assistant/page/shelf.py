"""The conversations of whoever asks: kept as they go, opened again, cut, renamed and deleted.

Every event finds out anew who asks, and only ever sees that person's history. What a browser says
is an id, a number of a turn, or text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import Any

import gradio as gr

from assistant import show
from assistant.errors import ConversationChanged, ConversationMissing
from assistant.history import Conversation, History
from assistant.history import Turn as KeptTurn
from assistant.page.further import as_links, further
from assistant.page.person import person
from assistant.page.requests import Wish, key_of, number_of, parsed
from assistant.page.talk import Conversation as Talk
from assistant.page.talk import Turn, Turns, look, told

MOST_SHOWN = 300
"""Conversations in the list; the older ones are counted."""
_EDITING = (
    "Editing question {}. What followed it goes once you ask. "
    "To leave all as it is, choose Edit again or press Escape."
)
_TWO_WINDOWS = "This conversation went on in another window too; here is all of it."


@dataclass(frozen=True, slots=True)
class Now:
    """Which conversation stands in the chat, as it was last saved, and what is done to it."""

    kept: Conversation | None = None
    """None: one of which nothing was asked yet."""
    editing: int | None = None
    """The turn whose question is being edited."""
    run: str = ""
    """The answer that is coming, if one is."""


@dataclass(frozen=True, slots=True)
class Running:
    """An answer that is coming: where it will be kept, and after which turns."""

    history: History
    kept: Conversation
    before: Turns


class Shelf:
    """What the events do to conversations. `talk` does the talking."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self._running: dict[str, Running] = {}

    def history(self, request: gr.Request) -> History:
        """The history of whoever asks."""
        return History(self.talk.assistant.settings.history, person(request).name)

    def ask(
        self, question: str | None, turns: Turns, now: Now, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Answer as it comes, and keep what came of it, however it ends."""
        at = len(turns) if now.editing is None else now.editing
        yield from self._ask(question or "", turns, at, now, request)

    def example(
        self, turns: Turns, now: Now, request: gr.Request, chosen: gr.SelectData
    ) -> Iterator[tuple[Any, ...]]:
        """Ask the example that was clicked."""
        yield from self.ask(str(chosen.value["text"]), turns, now, request)

    def again(
        self, sent: str, turns: Turns, now: Now, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Ask a question once more; what followed it goes."""
        try:
            at = number_of(parsed(sent), turns)
        except ConversationChanged as error:
            yield self._view(turns, now, request, remark=str(error))
        else:
            yield from self._ask(turns[at].question, turns, at, now, request)

    def stop(self, turns: Turns, now: Now, request: gr.Request) -> tuple[Any, ...]:
        """Leave the answer as far as it came, and keep that."""
        turns, now, problem = self._left(turns, now)
        return self._view(turns, now, request, remark=problem)

    def new(self, turns: Turns, now: Now, request: gr.Request) -> tuple[Any, ...]:
        """Begin a conversation; the one before is kept as it is."""
        _, _, problem = self._left(turns, now)
        return self._view((), Now(), request, box="", remark=problem)

    def turn(self, sent: str, turns: Turns, now: Now, request: gr.Request) -> tuple[Any, ...]:
        """Open, edit, undo, rename or delete, as a browser asked."""
        turns, now, problem = self._left(turns, now)
        box: str | None = None
        try:
            wish = parsed(sent)
            done = getattr(self, f"_{wish['do']}") if wish.get("do") in _WISHES else _unknown
            turns, now, box, problem = done(wish, turns, now, self.history(request))
        except ConversationChanged as error:
            turns, now, problem = self._as_kept(turns, now, request, error)
        except Exception as error:
            problem = told(error)
        return self._view(turns, now, request, box=box, remark=problem)

    def listed(self, now: Now, request: gr.Request) -> str:
        """The list of conversations as HTML, the one in the chat marked."""
        entries, problems = self.history(request).list()
        current = now.kept.id if now.kept is not None else ""
        items = [
            f'<li><a class="talk{" now" * (each.id == current)}" href="#c-{each.id}">'
            f"{show.escape(each.title) or 'Untitled'}</a></li>"
            for each in entries[:MOST_SHOWN]
        ]
        more = len(entries) - len(items)
        notes = [f"and {show.plural(more, 'older conversation')}"] if more else []
        if not entries:
            notes.append("What you ask is kept here.")
        aside = "".join(f'<p class="aside">{show.escape(note)}</p>' for note in (*notes, *problems))
        return f'<div class="talks"><ul>{"".join(items)}</ul>{aside}</div>'

    def _ask(
        self, question: str, turns: Turns, at: int, now: Now, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        try:
            turns, now, _ = self._left(turns, now)
            history = self.history(request)
            kept, turns, at = _fresh(history, turns, at, now)
        except ConversationChanged as error:
            turns, now, problem = self._as_kept(turns, now, request, error)
            yield self._view(turns, now, request, box=question, remark=problem)
            return
        except Exception as error:
            gone = isinstance(error, ConversationMissing)
            turns, now = ((), Now()) if gone else (turns, now)
            yield self._view(turns, now, request, box=question, remark=told(error))
            return
        run, said, looked = token_hex(8), turns[:at], look(turns)
        self._running[run] = Running(history, kept, said)
        going, box = Now(now.kept, run=run), ""
        try:
            for looked in self.talk.ask(question, turns[:at]):
                said = looked[1]
                if len(said) > at and said[-1].reading:
                    yield (box, *looked[1:], going, gr.skip(), "")
                    box = gr.skip()  # what is typed meanwhile stays
        finally:
            said, going, problem = self._settled(said, going)
        if len(said) == at:  # it was no question: all stays as it was
            yield (
                looked[0],
                *look(turns)[1:-1],
                looked[-1],
                now,
                gr.skip(),
                as_links(further(turns)),
            )
        else:
            yield self._view(said, going, request, remark=problem)

    def _left(self, turns: Turns, now: Now) -> tuple[Turns, Now, str]:
        """The conversation at rest: an answer that is coming stays as far as it came."""
        return self._settled(self.talk.stop(turns)[1], now) if now.run else (turns, now, "")

    def _settled(self, turns: Turns, now: Now) -> tuple[Turns, Now, str]:
        """Keep the last turn, once: whoever comes first, the one who stops it or the answer."""
        running = self._running.pop(now.run, None)
        still = replace(now, run="")
        if running is None or len(turns) == len(running.before):
            return turns, still, ""
        *before, last = map(_kept, turns)
        kept = replace(running.kept.until(len(before)), turns=tuple(before)).and_then(last)
        try:
            return turns, Now(running.history.save(kept)), ""
        except ConversationChanged:
            found = running.history.add(kept.id, last)
            return _shown(found), Now(found), _TWO_WINDOWS
        except Exception as error:
            return turns, still, told(error)

    def _as_kept(
        self, turns: Turns, now: Now, request: gr.Request, error: Exception
    ) -> tuple[Turns, Now, str]:
        """The conversation as another window left it."""
        if now.kept is None:
            return turns, now, str(error)
        found = self.history(request).read(now.kept.id)
        return _shown(found), Now(found), str(error)

    def _view(
        self,
        turns: Turns,
        now: Now,
        request: gr.Request,
        *,
        box: str | None = None,
        remark: str = "",
    ) -> tuple[Any, ...]:
        """Everything redrawn; what is typed stays where nothing is put in its place."""
        _, *rest = look(turns, remark=remark)
        links = as_links(further(turns))
        return (gr.skip() if box is None else box, *rest, now, self.listed(now, request), links)

    def _open(self, wish: Wish, _: Turns, __: Now, history: History) -> "Done":
        found = history.read(key_of(wish))
        return _shown(found), Now(found), None, ""

    def _edit(self, wish: Wish, turns: Turns, now: Now, _: History) -> "Done":
        at = number_of(wish, turns)
        if now.editing == at:
            return turns, replace(now, editing=None), "", ""
        return turns, replace(now, editing=at), turns[at].question, _EDITING.format(at + 1)

    def _leave(self, _: Wish, turns: Turns, now: Now, __: History) -> "Done":
        box = None if now.editing is None else ""
        return turns, replace(now, editing=None), box, ""

    def _undo(self, _: Wish, turns: Turns, now: Now, history: History) -> "Done":
        if not turns:
            return turns, now, None, ""
        kept, turns, at = _fresh(history, turns, len(turns) - 1, now)
        if now.kept is not None and at:
            now = Now(history.save(kept.until(at)))
        elif now.kept is not None:
            history.remove(kept.id)
            now = Now()
        return turns[:at], now, turns[at].question, ""

    def _rename(self, wish: Wish, turns: Turns, now: Now, history: History) -> "Done":
        saved = history.rename(key_of(wish), str(wish.get("title", "")))
        if now.kept is None or now.kept.id != saved.id:
            return turns, now, None, ""
        return _shown(saved), Now(saved, now.editing), None, ""

    def _delete(self, wish: Wish, turns: Turns, now: Now, history: History) -> "Done":
        key = key_of(wish)
        history.remove(key)
        is_here = now.kept is not None and now.kept.id == key
        return ((), Now(), None, "") if is_here else (turns, now, None, "")


Done = tuple[Turns, Now, str | None, str]
"""Turns, the conversation, what is put into the text box (None: nothing), what is told."""
_WISHES = frozenset(("open", "edit", "leave", "undo", "rename", "delete"))


def _unknown(*_: object) -> Done:
    raise ConversationMissing


def _fresh(history: History, turns: Turns, at: int, now: Now) -> tuple[Conversation, Turns, int]:
    """The conversation as it is by now, its turns, and after how many of them it goes on.

    Raises `ConversationChanged` where some would be cut that nobody here has seen.
    """
    if now.kept is None:
        return Conversation.begin(), turns, at
    found = history.read(now.kept.id)
    if found.revision == now.kept.revision:
        return found, turns, at
    if at < len(turns):
        raise ConversationChanged
    return found, _shown(found), len(found.turns)


def _kept(turn: Turn) -> KeptTurn:
    return KeptTurn(turn.question, turn.answer, turn.remark or "Stopped." * turn.reading)


def _shown(found: Conversation) -> Turns:
    return tuple(Turn(turn.question, turn.answer, turn.remark, False) for turn in found.turns)
