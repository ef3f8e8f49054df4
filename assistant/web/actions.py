"""What a browser asks for beside questions: commands on conversations and on their answers.

A command is JSON from the browser, and nothing in it is believed. Answers that are coming are saved
once, however they end, and nothing that another window saved is lost.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from assistant.errors import ConversationChanged, ConversationMissing
from assistant.history import Conversation, Feedback, History, Thumb, questions_before
from assistant.show.export import conversation_to_json, conversation_to_markdown
from assistant.show.terminal import to_text
from assistant.types import Turn
from assistant.web.chat import OpenConversation, PageTurn, Turns, error_message

Command = dict[str, str | int]


def parse_command(sent: object) -> Command:
    """The command that was sent; an empty one if it is none."""
    try:
        command = json.loads(str(sent))
    except (ValueError, RecursionError):
        return {}
    pairs = command.items() if isinstance(command, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str | int)}


def turn_index(command: Command, turns: Turns) -> int:
    """Which turn is meant, from 0. Raises `ConversationChanged` where there is none such."""
    number = command.get("turn")
    if type(number) is not int or not 0 <= number < len(turns):
        raise ConversationChanged
    return number


def _conversation_id(command: Command) -> str:
    """The id that is meant; the history checks it."""
    return str(command.get("key", ""))


@dataclass(frozen=True, slots=True)
class RunningAnswer:
    """An answer that is coming: where it will be saved, and after which turns."""

    history: History
    conversation: Conversation
    before: Turns


Outcome = tuple[Turns, OpenConversation, str]
"""The turns, the open conversation, and a message; empty where all went well."""
Result = tuple[Turns, OpenConversation, str | None, str]
"""The same, and before the message what is put into the text box; None for nothing."""


class ConversationStore:
    """Saves the answers that are coming, once they are complete or were left."""

    def __init__(self) -> None:
        self._running: dict[str, RunningAnswer] = {}

    def begin(self, running: RunningAnswer) -> str:
        """Expect an answer; returns the id by which it is saved."""
        answer_id = token_hex(8)
        self._running[answer_id] = running
        return answer_id

    def stop(self, turns: Turns, current: OpenConversation) -> Outcome:
        """End the answer that is coming, if one is: it stays as far as it came."""
        if not current.answer_id:
            return turns, current, ""
        if turns and turns[-1].reading:
            turns = (*turns[:-1], replace(turns[-1], remark="Stopped.", reading=False))
        return self.save(turns, current)

    def save(self, turns: Turns, current: OpenConversation) -> Outcome:
        """Save the last turn, once: when it is stopped or complete, whichever comes first."""
        running = self._running.pop(current.answer_id, None)
        current = replace(current, answer_id="")
        if running is None or len(turns) == len(running.before):
            return turns, current, ""
        *before, last = (
            Turn(turn.question, turn.answer, turn.remark or "Stopped." * turn.reading)
            for turn in turns
        )
        conversation = replace(running.conversation.until(len(before)), turns=tuple(before))
        try:
            saved = running.history.save(conversation.with_turn(last))
            return turns, OpenConversation(saved), ""
        except ConversationChanged:
            pass  # another window saved it meanwhile: the turn goes to the end of that
        except Exception as error:
            return turns, current, error_message(error)
        try:
            saved = running.history.add(conversation.id, last)
        except Exception as error:
            return turns, OpenConversation(), error_message(error)
        message = "This conversation went on in another window too; here is all of it."
        return page_turns(saved), OpenConversation(saved), message


def latest(
    history: History, turns: Turns, at: int, current: OpenConversation
) -> tuple[Conversation, Turns, int]:
    """The conversation as it is by now, its turns, and after how many of them it goes on.

    Raises `ConversationChanged` where some would be cut that nobody here has seen, and what
    `History.read` raises.
    """
    if current.saved is None:
        return Conversation.begin(), turns, at
    found = history.read(current.saved.id)
    if found.revision == current.saved.revision:
        return found, turns, at
    if at < len(turns):
        raise ConversationChanged
    return found, page_turns(found), len(found.turns)


def page_turns(found: Conversation) -> Turns:
    """The turns of a conversation as the page has them."""
    return tuple(PageTurn(turn.question, turn.answer, turn.remark, False) for turn in found.turns)


def with_thumbs(history: History, turns: Turns) -> Turns:
    """The turns with what their person thinks of each answer."""
    return tuple(
        replace(turn, thumb="" if thumb is Thumb.NONE else thumb.value)
        for turn, thumb in zip(turns, history.thumbs(turns), strict=True)
    )


def dispatch(command: Command, turns: Turns, current: OpenConversation, history: History) -> Result:
    """Do what the command says.

    Raises `ConversationMissing`, also for an unknown command, `ConversationChanged`, and what
    else the history raises.
    """
    key = _conversation_id(command)
    is_open = current.saved is not None and current.saved.id == key
    match command.get("do"):
        case "open":
            found = history.read(key)
            return page_turns(found), OpenConversation(found), None, ""
        case "earlier":
            return turns, replace(current, show_all=True), None, ""
        case "leave":
            box = None if current.editing is None else ""
            return turns, replace(current, editing=None), box, ""
        case "edit":
            at = turn_index(command, turns)
            if current.editing == at:  # it is in the text box already: leave it as it was
                return turns, replace(current, editing=None), "", ""
            message = (
                f"Editing question {at + 1}; what followed it goes once you ask. Escape, or Edit, "
                "leaves it."
            )
            return turns, replace(current, editing=at), turns[at].question, message
        case "undo":
            return _undo(turns, current, history)
        case "rename":
            saved = history.rename(key, str(command.get("title", "")))
            if is_open:
                turns, current = page_turns(saved), replace(current, saved=saved)
            return turns, current, None, ""
        case "delete":
            history.remove(key)
            left = ((), OpenConversation()) if is_open else (turns, current)
            return *left, None, ""
    raise ConversationMissing


def _undo(turns: Turns, current: OpenConversation, history: History) -> Result:
    """Take the last question back into the text box."""
    if not turns:
        return turns, current, None, ""
    found, turns, at = latest(history, turns, len(turns) - 1, current)
    if current.saved is not None and at:
        current = OpenConversation(history.save(found.until(at)))
    elif current.saved is not None:
        history.remove(found.id)
        current = OpenConversation()
    return turns[:at], current, turns[at].question, ""


def answer_command(command: Command, turns: Turns, history: History) -> tuple[str, dict[str, Any]]:
    """Copy, export or rate an answer: a message, and what the browser is given.

    Raises `ConversationMissing`, `ConversationChanged`, `ValueError`, and what else the history
    raises.
    """
    if command.get("do") == "export":
        found = history.read(_conversation_id(command))
        name = re.sub(r"[\W_]+", "-", found.title)[:60].strip("-") or "conversation"
        if command.get("kind") == "json":
            return "", {"save": f"{name}.json", "text": conversation_to_json(found.turns)}
        text = conversation_to_markdown(found.title, found.turns)
        return "", {"save": f"{name}.md", "text": text}
    at = turn_index(command, turns)
    turn = turns[at]
    if turn.answer is None or turn.reading:
        return "There is no answer yet.", {}
    if command.get("do") == "copy":
        return "", {"text": to_text(turn.answer)}
    thumb, comment = Thumb(str(command.get("do"))), str(command.get("comment", ""))[:2_000]
    now, earlier = datetime.now(UTC), questions_before(turns, at)
    history.add_feedback(Feedback(turn.question, turn.answer, thumb, now, comment, earlier))
    return "Taken back." if thumb is Thumb.NONE else "Thank you, noted.", {}
