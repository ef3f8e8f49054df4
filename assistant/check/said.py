"""A sentence as it is read, and what may be wrong with one."""

from dataclasses import dataclass
from enum import StrEnum

from assistant.check import names
from assistant.check.amounts import Amount, amounts
from assistant.check.dates import Date, dates
from assistant.check.words import Sentence
from assistant.types import Verdict


class Kind(StrEnum):
    """What a fault is about."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"
    ROLE = "role"
    DENIAL = "denial"
    SURENESS = "sureness"
    SPEAKER = "speaker"
    ADDITION = "addition"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and the best that can be said of a sentence that has it."""

    kind: Kind
    reason: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, with the names, dates and numbers in it."""

    sentence: Sentence
    names: tuple[names.Name, ...]
    dates: tuple[Date, ...]
    amounts: tuple[Amount, ...]

    @property
    def is_speech(self) -> bool:
        """Whether it is of the form "Ana: I will"."""
        first = self.names[0] if self.names else None
        after = self.sentence[first.last + 1 :] if first and not first.first else ()
        return bool(after) and after[0].text == ":"

    @classmethod
    def of(cls, sentence: Sentence, known: frozenset[str]) -> "Said":
        """Read a sentence. `known` are words that stand somewhere without a capital."""
        found = dates(sentence)
        taken = frozenset(place for date in found for place in range(date.first, date.last + 1))
        counted = amounts(sentence, taken)
        taken |= {place for each in counted for place in range(each.first, each.last + 1)}
        named = names.names(sentence, known, taken)
        return cls(sentence, tuple(named), tuple(found), tuple(counted))
