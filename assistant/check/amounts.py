"""Numbers with their units: each one that is said must be in the quotes, of the same thing."""

import re
from collections.abc import Sequence
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
_HUGE = 10**30  # a number as large is never rounded
_CLOSE = Fraction(1, 10)  # how far from the source a rounded number may be, as a share of it


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of something, as a text gives it."""

    text: str
    value: Fraction
    unit: str
    """What is counted where it is a known unit; empty for things, which `things` names."""
    things: frozenset[str]
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
    if first and is_currency(sentence[first - 1]):
        first -= 1
    before = before.rsplit(",", 1)[-1]
    behind = " ".join(word.lower for word in sentence[end : end + 3])
    return Amount(
        _text(sentence, first, end),
        value * size,
        unit,
        frozenset() if unit and unit != "ordinal" else _things(sentence, end),
        _bound(before, behind),
        first,
        end - 1,
        size,
    )


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
    open_before = place < 2 or sentence[place - 2].end < before.start
    return before.lower == "minus" or (before.text in "-−" and touches and open_before)


def _things(sentence: Sentence, place: int) -> frozenset[str]:
    """The stems of the next few words: what is counted is among them."""
    found: list[str] = []
    for word in sentence[place : place + 5]:
        if not word.is_word and word.text != "-":
            break
        if word.is_content:
            found.append(word.stem)
        elif found or word.lower in STOP_WORDS - {"of", "the", "other", "more", "its", "their"}:
            break
    return frozenset(found[:3])


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


def holds(said: Amount, quoted: Amount, beside: frozenset[Fraction]) -> bool:
    """Whether the quoted number says what is said: the same one, or rounded and said to be.

    One end of a range needs the other end `beside` it, or to be said to be a bound.
    """
    if not _alike(said, quoted):
        return False
    if quoted.other is not None and quoted.other not in beside and not said.bound:
        return False
    if said.same(quoted):
        return {said.bound, quoted.bound} != {"over", "under"}
    return bool(said.bound) and _is_rounded(said, quoted)


def _alike(said: Amount, quoted: Amount) -> bool:
    """Whether both are of one kind; things may have other names."""
    if {said.unit, quoted.unit} == {"share", "%"}:
        return True
    if {said.unit, quoted.unit} <= {"share", "times", ""} and said.value < 1:
        return True
    return said.unit == quoted.unit


def comparable(said: Amount, quoted: Amount) -> Amount:
    """The quoted number, in the unit of what is said: half is 50 %."""
    if said.unit == "%" and quoted.unit == "share":
        return replace(quoted, value=quoted.value * 100, unit="%")
    if said.unit == "share" and quoted.unit == "%":
        return replace(quoted, value=quoted.value / 100, unit="share")
    return quoted


def _is_rounded(said: Amount, quoted: Amount) -> bool:
    """Whether it is the quoted number to fewer digits, on the side it is said to be."""
    value, source = abs(said.value) / said.size, abs(quoted.value) / said.size
    if not 0 < value < _HUGE or abs(value - source) > _CLOSE * source:
        return False
    if said.value * quoted.value < 0 or digits(value) >= digits(source):
        return False
    step = _step(value)
    if abs(value - source) >= step:
        return False
    if said.bound == "over":
        return value < source
    if said.bound == "under":
        return value > source
    return 2 * abs(value - source) <= step


def _step(value: Fraction) -> Fraction:
    """What the last of its digits that is not zero counts: 0.1 of 8.4, 100 of 8,400."""
    mantissa, exponent = f"{float(value):.11e}".split("e")
    return Fraction(10) ** (int(exponent) - len(mantissa.rstrip("0").rstrip(".")[2:]))


def digits(value: Fraction) -> int:
    """How many digits it has that are not zeros at an end."""
    return len(_mantissa(value))


def _mantissa(value: Fraction) -> str:
    if abs(value) >= _HUGE:
        return str(value.numerator).strip("-0")
    return f"{float(abs(value)):.11e}".split("e")[0].replace(".", "").strip("0")


def nearest(said: Amount, quoted: Sequence[Amount]) -> Amount | None:
    """The quoted number that most likely stands where this one is said; none where none does."""
    alike = [
        each
        for each in quoted
        if each.unit == said.unit and (each.unit or each.things & said.things)
    ]
    scaled = [
        each
        for each in quoted
        if each.unit == said.unit and _mantissa(each.value) == _mantissa(said.value)
    ]
    pool = scaled or alike
    if not pool:
        return None
    return min(pool, key=lambda each: abs(each.value - said.value))
