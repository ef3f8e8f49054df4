"""What people think of answers, and the questions it makes for `assistant evaluate`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from assistant.types import Answer

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FILE = "feedback.jsonl"
MOST_COMMENT = 2_000
"""Characters of a comment; a longer one is cut."""


class Thumb(StrEnum):
    """What a person thinks of an answer."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thinks of an answer to a question, and when it was said."""

    question: str
    answer: Answer
    thumb: Thumb
    when: datetime
    comment: str = ""
    history: tuple[str, ...] = ()
    """The questions that were asked before, on which it may lean."""

    def to_bytes(self) -> bytes:
        """As one line of a file, without its end."""
        return json.dumps(_adapter().dump_python(self, mode="json")).encode()

    def to_question(self) -> dict[str, Any] | None:
        """The line of a question file that it makes; None where it does not say what is right."""
        if self.thumb is Thumb.DOWN:
            return None
        line: dict[str, Any] = {"question": self.question}
        if self.history:
            line["history"] = list(self.history)
        if self.answer.abstention is not None:
            return line | {"answerable": False}
        line["quote"] = [cited.quote for cited in self.answer.citations]
        sources = {cited.source for cited in self.answer.citations}
        return line | ({"source": sources.pop()} if len(sources) == 1 else {})


class Told(NamedTuple):
    """The feedback of files, oldest first, and what is wrong with them."""

    feedback: list[Feedback]
    problems: list[str]


def read(folder: Path) -> Told:
    """The feedback of everybody whose folder stands in this one."""
    told = Told([], [])
    for path in sorted(folder.glob(f"*/{FILE}")):
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            told.problems.append(f"{path} cannot be read: {error.strerror}.")
            continue
        for number, line in enumerate(lines, 1):
            try:
                told.feedback.extend([_record(line)] if line.strip() else [])
            except ValueError:
                told.problems.append(f"Line {number} of {path} was left out: it is damaged.")
    told.feedback.sort(key=lambda given: given.when)
    return told


def last_of_each(feedback: Iterable[Feedback]) -> list[Feedback]:
    """Of several on one question, asked after the same ones, the last: minds change."""
    return list({(given.question, given.history): given for given in feedback}.values())


def _record(line: bytes) -> Feedback:
    found = _adapter().validate_json(line, strict=True, extra="forbid")
    if found.when.tzinfo is None:
        raise ValueError("its time has no zone")
    return found


@cache
def _adapter() -> "TypeAdapter[Feedback]":
    from pydantic import TypeAdapter

    return TypeAdapter(Feedback)
