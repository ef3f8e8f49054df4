"""Numbers with their units: each one that is said must be in the quotes, of the same thing."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from assistant.check.numerals import number
from assistant.check.units import is_currency, unit_of
from assistant.check.words import STOP_WORDS, Sentence

_NEAR = re.compile(
    r"\b(?:about|around|approximately|approx|roughly|some|circa|ca|close to|or so)\b|~"
)
_BELOW = re.compile(
    r"\b(?:nearly|almost|under|below|less than|fewer than|up to|at most|no more than|not more than|"
    r"just short of)\b"
)
_ABOVE = re.compile(
    r"\b(?:over|above|more than|at least|no less than|not less than|no fewer than|upwards of|"
    r"in excess of|surpass\w*|exceed\w*|topp?\w*|greater than|higher than)\b"
)
_REACH = 8  # words after a number that may say what it counts


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of something, as a text gives it."""

    text: str
    value: Fraction
    unit: str
    """What is counted where it is a known unit; empty for things, which `things` names."""
    things: frozenset[str]
    beside: frozenset[str]
    """The stems of what follows it in its clause, up to the next number."""
    bound: str
    """"" for the very number, else "about", "over" or "under"."""
    first: int
    last: int
    """Its words in the sentence, the last one included."""
    size: Fraction
    """What one of the unit as written is in the unit it is compared by."""
    other: Fraction | None = None
    """The other end, where it is one of a range."""

    def same(self, other: "Amount") -> bool:
        """Whether the values are equal."""
        return self.value == other.value


def amounts(sentence: Sentence, taken: frozenset[int] = frozenset()) -> list[Amount]:
    """The numbers of a sentence, but those whose words are `taken` for dates."""
    found: list[Amount] = []
    place = 0
    while place < len(sentence):
        read = None if place in taken else number(sentence, place)
        if read is None:
            place += 1
            continue
        value, after, kind = read
        found.append(_amount(sentence, place, after, value, kind))
        place = after
    return _ranges(sentence, found)


def _amount(sentence: Sentence, first: int, after: int, value: Fraction, kind: str) -> Amount:
    unit, one, end = unit_of(sentence, first, after)
    if kind:
        unit, one, end = kind, 1, after
    size = Fraction(str(one))
    if _is_negative(sentence, first):
        value = -value
    before = " ".join(word.lower for word in sentence[max(0, first - 4) : first])
    if first and (is_currency(sentence[first - 1]) or _is_quarter(sentence, first)):
        first -= 1
    before = before.rsplit(",", 1)[-1]
    behind = " ".join(word.lower for word in sentence[end : end + 3])
    return Amount(
        _text(sentence, first, end),
        value * size,
        unit,
        frozenset() if unit and unit != "ordinal" else _things(sentence, first, end),
        _beside(sentence, end),
        _bound(before, behind),
        first,
        end - 1,
        size,
    )


def _is_quarter(sentence: Sentence, place: int) -> bool:
    """Whether the number is that of a quarter, as in "Q3"."""
    before = sentence[place - 1]
    return before.lower == "q" and before.end == sentence[place].start


def _text(sentence: Sentence, first: int, end: int) -> str:
    text = ""
    for word, before in zip(sentence[first:end], (None, *sentence[first:end]), strict=False):
        text += " " * bool(before and word.start > before.end) + word.text
    return text


def _bound(before: str, behind: str) -> str:
    for name, pattern in (("over", _ABOVE), ("under", _BELOW), ("about", _NEAR)):
        if pattern.search(before):
            return name
    if behind.startswith(("or more", "or above", "and above", "or over")):
        return "over"
    return "about" if behind.startswith("or so") else ""


def _is_negative(sentence: Sentence, place: int) -> bool:
    if not place:
        return False
    before = sentence[place - 1]
    if is_currency(before) and place > 1:
        place, before = place - 1, sentence[place - 2]
    touches = before.end == sentence[place].start
    open_before = place < 2 or sentence[place - 2].end < before.start or _is_open(sentence, place)
    return before.lower == "minus" or (before.text in "-−" and touches and open_before)


def _is_open(sentence: Sentence, place: int) -> bool:
    return sentence[place - 2].text in '([“"'


def _things(sentence: Sentence, first: int, place: int) -> frozenset[str]:
    """The stems of the next few words: what is counted is among them."""
    if any(word.text in ("q", "Q") for word in sentence[first:place]):
        return frozenset(("quarter",))
    found: list[str] = []
    for word in sentence[place : place + 5]:
        if not word.is_word and word.text != "-":
            break
        if word.is_content:
            found.append(word.stem)
        elif found or word.lower in STOP_WORDS - {"of", "the", "other", "more", "its", "their"}:
            break
    return frozenset(found[:3])


def _beside(sentence: Sentence, place: int) -> frozenset[str]:
    found = set()
    for word in sentence[place : place + _REACH]:
        if word.is_number or word.text in ".;:,":
            break
        found |= {word.stem} if word.is_content else set()
    return frozenset(found)


def _ranges(sentence: Sentence, found: list[Amount]) -> list[Amount]:
    """The same, with the ends of ranges marked, and given the unit that stands at the end only."""
    for place in range(len(found) - 1):
        one, other = found[place : place + 2]
        between = sentence[one.last + 1 : other.first]
        joint = [word.lower for word in between if not is_currency(word)]
        before = {word.lower for word in sentence[max(0, one.first - 4) : one.first]}
        is_range = joint in (["-"], ["–"], ["—"]) or (
            (joint == ["to"] and "from" not in before)
            or (joint == ["and"] and before & {"between", "range"})
        )
        if not is_range or {one.unit, other.unit} & {"ordinal"}:
            continue
        text = _text(sentence, one.first, other.last + 1)
        if not one.unit and other.unit:
            one = replace(one, unit=other.unit, value=one.value * other.size, size=other.size)
        things = one.things or other.things
        found[place] = replace(one, other=other.value, text=text, things=things)
        found[place + 1] = replace(other, other=one.value, text=text)
    return found
