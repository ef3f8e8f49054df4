"""Conversations, and the form in which a file holds one: its first line tells what it is."""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from assistant.types import Answer

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 1
MOST_TITLE = 100
"""Characters of a title; a longer one is cut."""
MOST_HEAD = 4_096
"""Bytes of a file's first line."""
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it: an answer as far as it came, a remark why no further."""

    question: str
    answer: Answer | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says of a conversation."""

    id: str
    title: str
    began: datetime
    changed: datetime
    revision: int
    """How often it was saved: whoever saves must have seen the last one."""


@dataclass(frozen=True, slots=True)
class Conversation(Entry):
    """Questions and answers, oldest first."""

    turns: tuple[Turn, ...] = ()

    @classmethod
    def begin(cls) -> "Conversation":
        """A conversation of which nothing was said or saved; its id cannot be guessed."""
        now = datetime.now(UTC)
        return cls(token_hex(16), "", now, now, 0)

    def and_then(self, turn: Turn) -> "Conversation":
        """The conversation with one more turn. Its title is its first question."""
        return replace(self, title=self.title or titled(turn.question), turns=(*self.turns, turn))

    def until(self, count: int) -> "Conversation":
        """Only its first turns. Without any, the next question gives the title, if one did."""
        given = bool(self.turns) and self.title == titled(self.turns[0].question)
        return replace(
            self, title="" if given and not count else self.title, turns=self.turns[:count]
        )


def titled(text: str) -> str:
    """The text as a title: one line, not too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MOST_TITLE else plain[: MOST_TITLE - 1].rstrip() + "…"


def is_id(text: object) -> bool:
    """Whether it may be the id of a conversation; nothing else names a file."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def to_bytes(conversation: Conversation) -> bytes:
    """The conversation as a file: JSON whose first line is the entry."""
    written = _adapter().dump_python(conversation, mode="json")
    turns = ",\n".join(json.dumps(turn, ensure_ascii=False) for turn in written.pop("turns"))
    del written["id"]  # the file's name says it
    head = json.dumps({"format": FORMAT, **written}, ensure_ascii=False)
    # Half a character, which a browser may send, is no text, and could not be read back.
    return f'{head[:-1]},\n"turns": [\n{turns}\n]}}\n'.encode("utf-8", "replace")


def from_bytes(name: str, data: bytes) -> Conversation:
    """The conversation of a file. Raises `ValueError` with what is wrong with it."""
    found = _validated(name, _parsed(data))
    if not all(_keeps_its_law(turn.answer) for turn in found.turns if turn.answer is not None):
        raise ValueError("it holds an answer without citations")
    return found


def entry(name: str, line: bytes) -> Entry:
    """What the first line of a file says. Raises `ValueError` with what is wrong with it."""
    read = _parsed(line.rstrip().removesuffix(b",") + b"}")
    return _validated(name, {**read, "turns": []})


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        read = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(read, dict):
        raise ValueError("it is not a conversation")
    made = read.pop("format", FORMAT)
    if isinstance(made, int) and made > FORMAT:
        raise ValueError("a newer version made it; update the assistant")
    return read


def _validated(name: str, read: dict[str, Any]) -> Conversation:
    from pydantic import ValidationError

    text = json.dumps({**read, "id": name})
    try:
        found = _adapter().validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"{place[:80] or 'its text'} is not as it should be") from None
    if found.began.tzinfo is None or found.changed.tzinfo is None:
        raise ValueError("its times have no zone")
    return found


def _keeps_its_law(answer: Answer) -> bool:
    """Whether it can be shown: each statement has a citation, and there are some or none."""
    cited = all(said.citations for said in answer.statements)
    return cited and bool(answer.statements) == (answer.abstention is None)


@cache
def _adapter() -> "TypeAdapter[Conversation]":
    from pydantic import TypeAdapter

    return TypeAdapter(Conversation)
