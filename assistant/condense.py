"""A question as it is typed → the questions in it, each as it can be answered by itself.

Greetings and thanks around it go, words that no document knows are read as the nearest that one
does, and a follow-up takes with it what it refers to.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple, Protocol

from assistant.errors import QuestionRefused
from assistant.question import talk_of
from assistant.text import terms, topic, visible
from assistant.types import Passage, Turn

MOST_CHARACTERS = 4_000
"""A longer question is refused."""
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")
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
_NAME = re.compile(r"(?<!^)\b[A-ZА-Я][\w'’-]+(?:\s+[A-ZА-Я][\w'’-]+)*")


class StandaloneQuestion(NamedTuple):
    """A question that can be answered without what went before."""

    question: str
    """What is read: the question, after the last one it refers to."""
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
    # A symbol, such as an emoji, may be all that is asked; they begin at U+2100.
    if not any(character.isalnum() or ord(character) >= 0x2100 for character in plain):
        raise QuestionRefused("Ask something that the documents might say.")
    return plain


_JOINT = re.compile(
    r"(?:(?<=\?)\s+|[,;]?\s+and\s+(?=(?:also\s+)?(?:who|what|when|where|which|whose|how|why|do|does|"
    r"did|is|are|was|were|can|could|may|must|should|will|would|has|have)\b))",
    re.IGNORECASE,
)
_ASKING = re.compile(r"^\W*(?:who|whom|what|when|where|which|whose|how|why)\b\s*", re.IGNORECASE)


def questions_in(question: str) -> list[str]:
    """The questions in one, in order, four at most: "Who met, and how large was trade?" has two.

    A question word alone asks that of the question before it: "who met and where" asks where
    they met, too.
    """
    parts = [part for part in _JOINT.split(question) if part and part.strip()]
    if len(parts) < 2 or not topic(parts[0]):
        return [question]
    found = [parts[0]]
    for part in parts[1:4]:
        if topic(part):
            found.append(part)
        elif _ASKING.search(part):
            found.append(f"{part.strip(' ?')} {_ASKING.sub('', found[0])}")
        else:
            return [question]
    return found


def meanings(question: str, history: Sequence[Turn]) -> list[StandaloneQuestion]:
    """What the question may mean, the likelier first: with what it refers to, or by itself.

    `history` are the turns before it, oldest first. Words cannot always tell which it is, so the
    next one is for when the documents do not answer the first. Passages are looked for by all
    questions that led here and the names in the answers; research/benchmarks/followups.py
    measures it on CANARD (Elgohary et al. 2019), beside the rewritings of people.
    """
    alone = StandaloneQuestion(question, question)
    asked = [turn.question.strip()[:300] for turn in history]
    earlier = [each for each in asked if not talk_of(each)]
    if not earlier:
        return [alone]
    answers = [turn.answer.text for turn in reversed(history) if turn.answer]
    names = dict.fromkeys(name for text in answers for name in _NAME.findall(text))
    joined = StandaloneQuestion(
        f"{earlier[-1]} {question}", " ".join([*earlier, *list(names)[:24], question])
    )
    own, named = len(topic(question)), bool(_NAME.search(question))
    points_back = bool(_BACK.search(question))
    if _CONTINUES.search(question) or own <= 1 or (points_back and not named):
        return [joined, alone]
    # A question with its own names means those by "their"; a short one without may refer back.
    return [alone, joined] if points_back or (own <= 3 and not named) else [alone]


class Vocabulary(Protocol):
    """The terms of all passages; a generation of the index has them."""

    def frequencies(self, terms: Sequence[str], /) -> Mapping[str, int]:
        """In how many passages each term stands."""

    def terms_like(self, prefix: str, /) -> Iterable[str]:
        """The terms that begin with some letters."""

    def matching(self, terms: Sequence[str], count: int, /) -> Sequence[tuple[Passage, float]]:
        """The passages that hold any of the terms."""


def respell(
    question: str, vocabulary: Vocabulary, is_word: Callable[[str], bool]
) -> tuple[str, tuple[str, ...]]:
    """The question in words that the documents know, and a notice of each that was not.

    A word that no passage holds is read as the nearest that one does, unless `is_word`. Names
    that begin with a capital are left: another name is another person. Nearness is by the
    longest common parts (Ratcliff and Metzener 1988), of words with the same first letter.
    """
    notices = []
    words = re.findall(r"[^\W\d_]{4,}", question)
    stems = {word: terms(word)[0] for word in words if word.islower() or question.isupper()}
    counts = vocabulary.frequencies(list(stems.values()))
    for word, stem in stems.items():
        if counts[stem] or is_word(word.lower()):
            continue
        for term in get_close_matches(stem, vocabulary.terms_like(stem[0]), n=1, cutoff=0.8):
            texts = (passage.text for passage, _ in vocabulary.matching([term], 1))
            spelled = (each for text in texts for each in re.findall(r"[^\W\d_]+", text))
            if meant := next((each.lower() for each in spelled if terms(each) == [term]), ""):
                question = re.sub(rf"\b{word}\b", meant, question)
                notices.append(f"Read “{word}” as “{meant}”.")
    return question, tuple(notices)
