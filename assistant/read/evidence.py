"""What words alone say for and against a sentence as the answer.

Does the passage hold the question's words and numbers? Is anything of the kind asked for there?
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence

from assistant.terms import numbers, terms, topic
from assistant.types import Passage

Frequencies = Callable[[Sequence[str]], Mapping[str, int]]
"""In how many of all passages each term stands."""

_NUMBER = re.compile(
    r"\b(?:how (?:many|much|large|big|old|long|far|high|often|fast)|what (?:number|percentage|"
    r"percent|share|rate|amount|price|proportion|age)|how\b.*\bper)\b|\bсколько\b|多少|几[个年次]",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:when|(?:what|which) (?:year|date|day|month|century|decade)|since when|how recently)\b"
    r"|\bкогда\b|\bкаком году\b|何时|什么时候|哪[一]?年",
    re.IGNORECASE,
)
_NAME = re.compile(r"^\W*(?:who|whom|whose|where|кто|кого|где|谁|哪里)\b", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\b(?:which|what|list|name|give|mention)\b(?:\s+(?:all|the|of|other|some|main|different))*"
    r"\s+(?:are|were|(?!is\b|was\b|does\b|has\b)[a-z]+(?<!s)s)\b|\b(?:ways|reasons|examples)\b",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|"
    r"thousands?|millions?|billions?|half|third|quarter|once|twice|single|both|several)\b"
    r"|[一二三四五六七八九十百千万亿]",
    re.IGNORECASE,
)
_DATE_WORD = re.compile(
    r"\b(?:[12]\d{3}s?|January|February|March|April|May|June|July|August|September|October|"
    r"November|December|century|centuries|decade|yesterday|today|tomorrow|(?:last|next|this) "
    r"(?:year|month|week)|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b|\d{4}\s?(?:год|г\.|年)",
)
_CAPITAL = re.compile(r"(?<![.!?] )(?<!^)\b[^\W\d_a-zа-яё][^\W\d_]+")
_CASED = re.compile(r"[A-Za-zА-Яа-я]")


class Evidence:
    """One question, weighed against the passages and sentences it may be answered by.

    `size` is the number of all passages, for the rarity of words.
    """

    def __init__(self, question: str, frequencies: Frequencies, size: int) -> None:
        self._topic = topic(question)
        counts = frequencies(self._topic)
        # As in BM25 (Robertson and Zaragoza 2009), never negative.
        self._weight = {
            term: math.log(1 + (size - counts[term] + 0.5) / (counts[term] + 0.5))
            for term in self._topic
        }
        self._total = sum(self._weight.values()) or 1.0
        self._numbers = numbers(question)
        self._words = frozenset(terms(question))
        self._kind = kind(question)

    def share(self, text: str) -> float:
        """The share of the question's words that the text has, by rarity."""
        held = frozenset(terms(text))
        return sum(w for term, w in self._weight.items() if term in held) / self._total

    def lacks_number(self, text: str) -> bool:
        """Whether a number of the question's is not in the text."""
        return bool(self._numbers - numbers(text))

    def lacks_kind(self, text: str) -> bool:
        """Whether nothing in the text is of the kind asked for, but what the question said."""
        return lacks(self._kind, text, self._words)


def surroundings(passage: Passage) -> str:
    """All that tells what a passage is about."""
    return f"{passage.title} {passage.heading} {passage.text}"


def kind(question: str) -> str:
    """What is asked for: "number", "date", "name", or "" where it does not show."""
    if _DATE.search(question):
        return "date"
    if _NUMBER.search(question):
        return "number"
    return "name" if _NAME.search(question) else ""


def asks_for_several(question: str) -> bool:
    """Whether the answer may be several things, said in several places."""
    return bool(_SEVERAL.search(question))


def lacks(wanted: str, text: str, asked: frozenset[str]) -> bool:
    """Whether the text holds nothing of the kind wanted, but what the question said itself.

    False where the kind or the script does not let one tell.
    """
    if wanted == "date":
        return not _DATE_WORD.search(text)
    if wanted == "number":
        return not (numbers(text) - asked or _NUMBER_WORD.search(text))
    if wanted == "name" and _CASED.search(text):
        names = {term for match in _CAPITAL.findall(text) for term in terms(match)}
        return not names - asked
    return False


def probability(logit: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))
