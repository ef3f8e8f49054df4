"""A question as typed, and what was asked before → a question that can be searched for alone."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from assistant.errors import QuestionRefused
from assistant.text import topic, visible
from assistant.types import Turn

MOST_CHARACTERS = 4_000
"""A longer question is refused."""

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")
_SYMBOLS = 0x2100  # symbols from here on, such as emoji, may be all that is asked
_SHORT = 3  # a question with so few words of its own, and no name, may lean on those before it
_PARTS = 4  # questions in one that are answered
_EARLIER = 300  # characters of each earlier question
_NAMES = 24  # names from what was said before, the latest first
# Words that point back to something said before.
_BACK = re.compile(
    r"\b(?:it|its|they|them|theirs?|he|him|his|she|hers?|that|those|these|this|there|then|ones?|"
    r"same|others?|else|more|another|besides|он|она|оно|они|его|её|ее|их|это|этот|эта|эти|там)\b"
    r"|它|他们|她|他|那",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"^\W*(?:and|but|or|so|also|why|what about|how about|а|и|но|почему)\b", re.IGNORECASE
)
# Where one question ends and the next begins.
_JOINT = re.compile(
    r"(?:(?<=\?)\s+|,?\s+and\s+(?=(?:who|what|when|where|which|whose|how|why)\b))", re.IGNORECASE
)
_NAME = re.compile(r"(?<!^)\b[A-ZА-Я][\w'’-]+(?:\s+[A-ZА-Я][\w'’-]+)*")


class StandaloneQuestion(NamedTuple):
    """A question that can be answered without what went before."""

    question: str
    """What is read: the question, after the last one it leans on."""
    search: str
    """What is searched for: all it may be about."""


def clean(question: str) -> str:
    """The question without control characters and needless space.

    Raises `TypeError` for anything but text, `QuestionRefused` where there is nothing to ask or
    more than `MOST_CHARACTERS`.
    """
    if not isinstance(question, str):
        raise TypeError(f"A question is text, not {type(question).__name__}.")
    if len(question) > MOST_CHARACTERS:
        raise QuestionRefused(
            f"The question has {len(question):,} characters; at most {MOST_CHARACTERS:,} are read."
        )
    plain = visible(_CONTROL.sub(" ", question)).encode(errors="replace").decode()
    plain = " ".join(plain.split())
    if not any(character.isalnum() or ord(character) >= _SYMBOLS for character in plain):
        raise QuestionRefused("Ask something that the documents might say.")
    return plain


def parts(question: str) -> list[str]:
    """The questions in one, in order: "Who met, and how large was trade?" asks two."""
    found = [part for part in _JOINT.split(question) if part]
    return found[:_PARTS] if len(found) > 1 and all(map(topic, found)) else [question]


def condense(question: str, history: Sequence[Turn]) -> list[StandaloneQuestion]:
    """What the question may mean, the likelier first: with what it refers to, or by itself.

    `history` are the turns before it, oldest first. Words cannot always tell which it is, so the
    next one is for when the documents do not answer the first. Passages are looked for by all
    questions that led here and the names in the answers; research/benchmarks/followups.py
    measures it on CANARD (Elgohary et al. 2019), beside the rewritings of people.
    """
    alone = StandaloneQuestion(question, question)
    if not history:
        return [alone]
    earlier = [turn.question.strip()[:_EARLIER] for turn in history]
    said = [turn.answer.text for turn in reversed(history) if turn.answer]
    names = [name for text in said for name in _NAME.findall(text)]
    found = list(dict.fromkeys(names))[:_NAMES]
    joined = StandaloneQuestion(f"{earlier[-1]} {question}", " ".join([*earlier, *found, question]))
    own, named = len(topic(question)), bool(_NAME.search(question))
    points_back = bool(_BACK.search(question))
    if _CONTINUES.search(question) or own <= 1 or (points_back and not named):
        return [joined, alone]
    # A question with its own names means those by "their".
    return [alone, joined] if points_back or (own <= _SHORT and not named) else [alone]
