"""What a browser asks for beside questions: JSON, of which nothing is believed.

Keeping what is said: each turn once, however its answer ends, and nothing of another window.

What is done to a conversation at a click, such as opening, editing, deleting it.

What a browser is handed to keep: a copy with footnotes, an export; and thumbs.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import gradio as gr

from assistant.errors import ConversationChanged, ConversationMissing
from assistant.feedback import MOST_COMMENT, Feedback, Thumb, before
from assistant.history import Conversation, History
from assistant.history import Turn as KeptTurn
from assistant.show.export import conversation_to_json, conversation_to_markdown
from assistant.show.terminal import to_text
from assistant.web.chat import Turn, Turns, status, told

if TYPE_CHECKING:
    from assistant.web.conversations import Archive

Command = dict[str, str | int]


def parsed(sent: object) -> Command:
    """The wish that was sent; an empty one if it is none."""
    try:
        command = json.loads(str(sent))
    except (ValueError, RecursionError):
        return {}
    pairs = command.items() if isinstance(command, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str | int)}


def number_of(command: Command, turns: Turns) -> int:
    """Which turn is meant, from 0. Raises `ConversationChanged` where there is none such."""
    number = command.get("turn")
    if type(number) is not int or not 0 <= number < len(turns):
        raise ConversationChanged
    return number


def key_of(command: Command) -> str:
    """The id that is meant; the history looks whether it is one."""
    key = command.get("key")
    if not isinstance(key, str):
        raise ConversationMissing
    return key


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
    whole: bool = False
    """Whether all its turns are drawn, not the last ones alone."""


@dataclass(frozen=True, slots=True)
class Running:
    """An answer that is coming: where it will be kept, and after which turns."""

    history: History
    kept: Conversation
    before: Turns


class ConversationStore:
    """Keeps the answers that are coming, once they came or were left."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}

    def begin(self, running: Running) -> str:
        """Await an answer; returns the name by which it is settled."""
        run = token_hex(8)
        self._running[run] = running
        return run

    def left(self, turns: Turns, now: Now) -> tuple[Turns, Now, str]:
        """The conversation at rest: an answer that is coming stays as far as it came."""
        return self.settled(_stopped(turns), now) if now.run else (turns, now, "")

    def settled(self, turns: Turns, now: Now) -> tuple[Turns, Now, str]:
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
            return _added(running.history, kept.id, last, turns)
        except Exception as error:
            return turns, still, told(error)


def fresh(history: History, turns: Turns, at: int, now: Now) -> tuple[Conversation, Turns, int]:
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
    return found, shown(found), len(found.turns)


def _added(history: History, key: str, last: KeptTurn, turns: Turns) -> tuple[Turns, Now, str]:
    """The last turn at the end of what another window made of the conversation meanwhile."""
    try:
        found = history.add(key, last)
    except Exception as error:
        return turns, Now(), told(error)
    return shown(found), Now(found), _TWO_WINDOWS


def _kept(turn: Turn) -> KeptTurn:
    return KeptTurn(turn.question, turn.answer, turn.remark or "Stopped." * turn.reading)


def shown(found: Conversation) -> Turns:
    """The turns of a conversation as the page has them."""
    return tuple(Turn(turn.question, turn.answer, turn.remark, False) for turn in found.turns)


def thumbed(history: History, turns: Turns) -> Turns:
    """The turns with what their person thinks of each answer."""
    thumbs = history.thumbs([(turn.question, turn.answer) for turn in turns])
    return tuple(
        replace(turn, thumb="" if thumb is Thumb.NONE else thumb.value)
        for turn, thumb in zip(turns, thumbs, strict=True)
    )


def _stopped(turns: Turns) -> Turns:
    """The turns, of which the last is not being answered any more."""
    if not turns or not turns[-1].reading:
        return turns
    return (*turns[:-1], replace(turns[-1], remark="Stopped.", reading=False))


Done = tuple[Turns, Now, str | None, str]
"""Turns, the conversation, what is put into the text box (None: nothing), what is told."""

_EDITING = "Editing question {}; what followed it goes once you ask. Escape, or Edit, leaves it."


def done(command: Command, turns: Turns, now: Now, history: History) -> Done:
    """Do what is wished for.

    Raises `ConversationMissing`, also for a wish that is none, `ConversationChanged`, and what
    else the history raises.
    """
    deed = _DEEDS.get(str(command.get("do")))
    if deed is None:
        raise ConversationMissing
    return deed(command, turns, now, history)


def _open(command: Command, _: Turns, __: Now, history: History) -> Done:
    found = history.read(key_of(command))
    return shown(found), Now(found), None, ""


def _edit(command: Command, turns: Turns, now: Now, _: History) -> Done:
    at = number_of(command, turns)
    if now.editing == at:
        return turns, replace(now, editing=None), "", ""
    return turns, replace(now, editing=at), turns[at].question, _EDITING.format(at + 1)


def _earlier(_: Command, turns: Turns, now: Now, __: History) -> Done:
    return turns, replace(now, whole=True), None, ""


def _leave(_: Command, turns: Turns, now: Now, __: History) -> Done:
    box = None if now.editing is None else ""
    return turns, replace(now, editing=None), box, ""


def _undo(_: Command, turns: Turns, now: Now, history: History) -> Done:
    if not turns:
        return turns, now, None, ""
    kept, turns, at = fresh(history, turns, len(turns) - 1, now)
    if now.kept is not None and at:
        now = Now(history.save(kept.until(at)))
    elif now.kept is not None:
        history.remove(kept.id)
        now = Now()
    return turns[:at], now, turns[at].question, ""


def _rename(command: Command, turns: Turns, now: Now, history: History) -> Done:
    saved = history.rename(key_of(command), str(command.get("title", "")))
    if now.kept is None or now.kept.id != saved.id:
        return turns, now, None, ""
    return shown(saved), replace(now, kept=saved), None, ""


def _delete(command: Command, turns: Turns, now: Now, history: History) -> Done:
    key = key_of(command)
    history.remove(key)
    is_here = now.kept is not None and now.kept.id == key
    return ((), Now(), None, "") if is_here else (turns, now, None, "")


_DEEDS: Mapping[str, Callable[[Command, Turns, Now, History], Done]] = {
    "open": _open,
    "earlier": _earlier,
    "edit": _edit,
    "leave": _leave,
    "undo": _undo,
    "rename": _rename,
    "delete": _delete,
}


_UNNAMABLE = re.compile(r"[\W_]+")


class Hand:
    """The events that change no conversation. They return a status, and JSON for the browser."""

    def __init__(self, archive: "Archive") -> None:
        self._archive = archive

    def give(self, sent: str, turns: Turns, request: gr.Request) -> tuple[Any, str]:
        """Copy, export or keep a thumb, as a browser asked."""
        command = parsed(sent)
        given: dict[str, Any] = {}
        try:
            given = self._given(command, turns, request)
            remark = str(given.pop("remark", ""))
        except Exception as error:
            remark = told(error)
        return status(remark), json.dumps(given | {"for": command.get("nonce")})

    def _given(self, command: Command, turns: Turns, request: gr.Request) -> dict[str, Any]:
        history = self._archive.history(request)
        if command.get("do") == "export":
            return _exported(history.read(key_of(command)), str(command.get("kind")))
        at = number_of(command, turns)
        turn = turns[at]
        if turn.answer is None or turn.reading:
            return {"remark": "There is no answer yet."}
        if command.get("do") == "copy":
            return {"text": to_text(turn.answer)}
        earlier = before([(each.question, each.answer) for each in turns], at)
        comment = str(command.get("comment", ""))[:MOST_COMMENT]
        thumb, when = Thumb(str(command.get("do"))), datetime.now(UTC)
        history.tell(Feedback(turn.question, turn.answer, thumb, when, comment, earlier))
        return {"remark": "Taken back." if thumb is Thumb.NONE else "Thank you, noted."}


def _exported(found: Conversation, kind: str) -> dict[str, Any]:
    name = _UNNAMABLE.sub("-", found.title)[:60].strip("-") or "conversation"
    to_text = conversation_to_json if kind == "json" else conversation_to_markdown
    return {"save": f"{name}.{'json' if kind == 'json' else 'md'}", "text": to_text(found)}
