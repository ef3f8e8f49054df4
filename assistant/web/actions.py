"""What a browser asks for beside questions: commands on conversations and on their answers.

A command is JSON from the browser, and nothing in it is believed. Answers that are coming are saved
once, however they end, and nothing that another window saved is lost.
"""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from assistant.errors import ConversationChanged, ConversationMissing
from assistant.history import Conversation, Feedback, History, Thumb, questions_before
from assistant.show.export import conversation_to_json, conversation_to_markdown
from assistant.show.terminal import to_text
from assistant.types import Turn
from assistant.web.chat import ChatState, Turns, error_message

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


Outcome = tuple[ChatState, str]
"""The open conversation, and a message; empty where all went well."""
Result = tuple[ChatState, str | None, str]
"""The same, and before the message what is put into the text box; None for nothing."""


class ConversationStore:
    """Saves the answers that are coming, once they are complete or were left."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[History, Conversation, Turns]] = {}
        """By the id of an answer where it will be saved, and after which turns."""

    def begin(self, history: History, conversation: Conversation, before: Turns) -> str:
        """Expect an answer after these turns; returns the id by which it is saved."""
        answer_id = token_hex(8)
        self._running[answer_id] = history, conversation, before
        return answer_id

    def stop(self, current: ChatState) -> Outcome:
        """End the answer that is coming, if one is: it stays as far as it came."""
        if not current.answer_id:
            return current, ""
        if current.turns and current.turns[-1].reading:
            last = replace(current.turns[-1], remark="Stopped.", reading=False)
            current = replace(current, turns=(*current.turns[:-1], last))
        return self.save(current)

    def save(self, current: ChatState) -> Outcome:
        """Save the last turn, once: when it is stopped or complete, whichever comes first."""
        running = self._running.pop(current.answer_id, None)
        current = replace(current, answer_id="")
        if running is None or len(current.turns) == len(running[2]):
            return current, ""
        history, conversation, _ = running
        *before, last = (
            Turn(turn.question, turn.answer, turn.remark or "Stopped." * turn.reading)
            for turn in current.turns
        )
        conversation = replace(conversation.until(len(before)), turns=tuple(before))
        try:
            saved = history.save(conversation.with_turn(last))
            return ChatState(current.turns, saved), ""
        except ConversationChanged:
            pass  # another window saved it meanwhile: the turn goes to the end of that
        except Exception as error:
            return current, error_message(error)
        try:
            saved = history.add(conversation.id, last)
        except Exception as error:
            return ChatState(current.turns), error_message(error)
        message = "This conversation went on in another window too; here is all of it."
        return ChatState.of(saved), message


def latest(history: History, current: ChatState, at: int) -> tuple[Conversation, Turns, int]:
    """The conversation as it is by now, its turns, and after how many of them it goes on.

    Raises `ConversationChanged` where some would be cut that nobody here has seen, and what
    `History.read` raises.
    """
    if current.saved is None:
        return Conversation.begin(), current.turns, at
    found = history.read(current.saved.id)
    if found.revision == current.saved.revision:
        return found, current.turns, at
    if at < len(current.turns):
        raise ConversationChanged
    return found, ChatState.of(found).turns, len(found.turns)


def with_thumbs(history: History, turns: Turns) -> Turns:
    """The turns with what their person thinks of each answer."""
    return tuple(
        replace(turn, thumb="" if thumb is Thumb.NONE else thumb.value)
        for turn, thumb in zip(turns, history.thumbs(turns), strict=True)
    )


def dispatch(command: Command, current: ChatState, history: History) -> Result:
    """Do what the command says.

    Raises `ConversationMissing`, `ConversationChanged`, and what else the history raises.
    """
    key = str(command.get("key", ""))  # the history checks it
    is_open = current.saved is not None and current.saved.id == key
    match command.get("do"):
        case "open":
            return ChatState.of(history.read(key)), None, ""
        case "earlier":
            return replace(current, show_all=True), None, ""
        case "leave":
            return replace(current, editing=None), None if current.editing is None else "", ""
        case "edit":
            at = turn_index(command, current.turns)
            if current.editing == at:  # it is in the text box already: leave it as it was
                return replace(current, editing=None), "", ""
            message = f"Editing question {at + 1}; what followed it goes once you ask."
            message += " Escape, or Edit, leaves it."
            return replace(current, editing=at), current.turns[at].question, message
        case "undo":
            return _undo(current, history)
        case "rename":
            saved = history.rename(key, str(command.get("title", "")))
            if is_open:
                current = replace(current, turns=ChatState.of(saved).turns, saved=saved)
            return current, None, ""
        case "delete":
            history.remove(key)
            return ChatState() if is_open else current, None, ""
    raise ConversationMissing  # it names no command


def _undo(current: ChatState, history: History) -> Result:
    """Take the last question back into the text box."""
    if not current.turns:
        return current, None, ""
    found, turns, at = latest(history, current, len(current.turns) - 1)
    question, turns = turns[at].question, turns[:at]
    if current.saved is None:
        return replace(current, turns=turns), question, ""
    if at:
        return ChatState(turns, history.save(found.until(at))), question, ""
    history.remove(found.id)
    return ChatState(), question, ""


def answer_command(command: Command, turns: Turns, history: History) -> tuple[str, dict[str, Any]]:
    """Copy, export or rate an answer: a message, and what the browser is given.

    Raises `ConversationChanged`, `ValueError`, and what the history raises.
    """
    if command.get("do") == "export":
        found = history.read(str(command.get("key", "")))
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
