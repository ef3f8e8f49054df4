"""What people think of answers, and the questions it makes for `assistant evaluate`."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from assistant.types import Answer

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Asked = tuple[str, Answer | None]
"""A question, and the answer if there was one."""
FILE = "feedback.jsonl"
MOST_COMMENT = 2_000
"""Characters of a comment; a longer one is cut."""


class Thumb(StrEnum):
    """What a person thinks of an answer."""

    UP = "up"
    DOWN = "down"
    NONE = "none"
    """Nothing: also a thumb that was taken back."""


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
        if self.thumb is not Thumb.UP:
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
    last = {(given.question, given.history): given for given in feedback}
    return [given for given in last.values() if given.thumb is not Thumb.NONE]


def before(asked: Sequence[Asked], at: int) -> tuple[str, ...]:
    """The questions on which the one at this place may lean: those that were answered."""
    return tuple(question for question, answer in asked[:at] if answer is not None)


def thumbs(path: Path, asked: Sequence[Asked]) -> list[Thumb]:
    """What a person's file says of each of these very answers; nothing where it cannot be read.

    Of a file of any size only the lines that begin with one of the questions are read.
    """
    begins = tuple({_beginning(question) for question, answer in asked if answer is not None})
    said: dict[tuple[str, tuple[str, ...]], Feedback] = {}
    with suppress(OSError):
        for line in path.read_bytes().split(b"\n"):
            with suppress(ValueError):
                if line.startswith(begins):
                    given = _record(line)
                    said[given.question, given.history] = given
    last = [said.get((question, before(asked, at))) for at, (question, _) in enumerate(asked)]
    return [
        given.thumb if given is not None and given.answer == answer else Thumb.NONE
        for given, (_, answer) in zip(last, asked, strict=True)
    ]


def _beginning(question: str) -> bytes:
    return json.dumps({"question": question})[:-1].encode() + b", "


def _record(line: bytes) -> Feedback:
    found = _adapter().validate_json(line, strict=True, extra="forbid")
    if found.when.tzinfo is None:
        raise ValueError("its time has no zone")
    return found


@cache
def _adapter() -> "TypeAdapter[Feedback]":
    from pydantic import TypeAdapter

    return TypeAdapter(Feedback)
