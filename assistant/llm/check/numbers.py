"""Numbers in digits and in words: their values, their units, and the things they count."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import takewhile

from assistant.llm.check.words import STOP_WORDS, Sentence, Word, listed, lower_at, stem, written
from assistant.text import BELOW_HUNDRED, ONES, SCALES, TENS, value_of

# The unit that others are compared by: the names of those, each after what one of it is.
_TABLE = """
month: 1 month 12 year yr 120 decade 1200 century centuries
second: 1 second sec 60 minute min 3600 hour hr 86400 day 604800 week
metre: 1 m metre meter 1000 km kilometre kilometer .01 cm centimetre centimeter .001 mm
gram: 1 g gram 1000 kg kilogram kilo 1000000 tonne
watt: 1000 kw 1000000 mw 1000000000 gw
mile: 1 mile mi; foot: 1 foot feet ft; inch: 1 inch inches; ton: 1 ton; degree: 1 degree °
pound of weight: 1 lb lbs; %: 1 % percent pct per_cent; won: 1 ₩ krw; cent: 1 cent; times: 1 fold
point: .01 basis_point basis_points 1 pp percentage_point percentage_points
dollar: 1 $ dollar usd buck; euro: 1 € euro eur; pound: 1 £ pound gbp quid; yen: 1 ¥ yen jpy
yuan: 1 yuan rmb renminbi cny; rouble: 1 ₽ rouble ruble rub; rupee: 1 ₹ rupee inr
franc: 1 franc chf
"""
_UNITS: dict[str, tuple[str, float]] = {}
for _line in _TABLE.replace(";", "\n").strip().split("\n"):
    _unit, _names = _line.split(":")
    for _name in _names.split():
        if _name[0] in ".0123456789":
            _size = float(_name)
        else:
            _UNITS[_name] = (_unit.strip(), _size)
_UNITS |= {stem(name): unit for name, unit in list(_UNITS.items()) if name.isalpha()}
_CURRENCIES = listed("dollar euro pound yen yuan rouble rupee franc won")
_BEFORE = listed("$ € £ ¥ ₽ ₹ ₩ usd eur gbp jpy rmb cny inr chf")  # their numbers


def unit_of(sentence: Sentence, first: int, after: int) -> tuple[str, float, int]:
    """The known unit beside a number, its size, and the word after it."""
    if first and is_currency(sentence[first - 1]):
        unit, size = _UNITS[sentence[first - 1].lower]
        return unit, size, after
    place = after
    while place < len(sentence) and sentence[place].lower in ("-", "us", "u", ".", "s", "american"):
        place += 1
    if place >= len(sentence):
        return "", 1.0, after
    two = f"{sentence[place].lower}_{lower_at(sentence, place + 1)}"
    names = (two, sentence[place].lower, sentence[place].stem)
    name = next((name for name in names if name in _UNITS), "")
    if not name or (place > after and sentence[after].lower == "."):
        return "", 1.0, after
    return *_UNITS[name], place + 1 + (name == two)


def is_currency(word: Word) -> bool:
    """Whether the word or sign is a currency that stands before its number."""
    return word.lower in _BEFORE


def counts_money(sentence: Sentence, place: int) -> bool:
    """Whether a currency stands before the number before this word, or after it."""
    if place > 1 and is_currency(sentence[place - 2]):
        return True
    behind = [word.lower for word in sentence[place + 1 : place + 3]]
    return any(_UNITS.get(stem(word), ("", 0))[0] in _CURRENCIES for word in behind)


_SCALES = SCALES | {"mm": 10**6}
_LETTERS = frozenset({"k", "m", "b", "mm"})  # a scale only where it touches the number
_TO_TWENTIETH = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINALS = {name: value for value, name in enumerate(_TO_TWENTIETH.split(), 1)} | {"thirtieth": 30}
_FRACTIONS = {
    "half": Fraction(1, 2), "halve": Fraction(1, 2), "third": Fraction(1, 3),
    "quarter": Fraction(1, 4), "fifth": Fraction(1, 5), "tenth": Fraction(1, 10),
}  # fmt: skip
_TIMES = {"twice": 2, "doubl": 2, "tripl": 3, "thrice": 3, "quadrupl": 4}  # by stem
Read = tuple[Fraction, int, str]
"""A value, the word after it, and a unit of its own or ""."""


def number(sentence: Sentence, place: int) -> Read | None:
    """The value that starts at a word, the word after it, and a kind of its own."""
    word = sentence[place]
    if word.is_number:
        return _digits(sentence, place)
    if not word.is_word:
        return None
    if word.stem in _TIMES:
        return Fraction(_TIMES[word.stem]), place + 1, "times"
    if word.lower in _ORDINALS and not _is_fraction(sentence, place):
        return Fraction(_ORDINALS[word.lower]), place + 1, "ordinal"
    if word.lower in ("half", "halve", "halved"):
        return Fraction(1, 2), place + 1, "share"
    if _is_fraction(sentence, place):
        return _FRACTIONS[word.lower.removesuffix("s")], place + 1, "share"
    return _spelled(sentence, place)


def _digits(sentence: Sentence, place: int) -> Read | None:
    value, after = _value(sentence[place]), place + 1
    suffix = sentence[after] if after < len(sentence) else None
    if suffix and suffix.start == sentence[place].end:
        if suffix.lower in ("st", "nd", "rd", "th", "q"):
            return value, after + 1, "ordinal"
        if suffix.text == "/" and after + 1 < len(sentence) and sentence[after + 1].is_number:
            return value / (_value(sentence[after + 1]) or 1), after + 2, ""
    before = sentence[place - 1]
    if place and before.is_word and before.end == sentence[place].start:
        return value, after, "ordinal" if before.lower == "q" else f"code {before.lower}"
    return _scaled(sentence, place, value, after)


def _value(word: Word) -> Fraction:
    """Its value in digits; that of all its digits where it is no number, as in 4.2.1."""
    value = value_of(word.text)
    return Fraction(re.sub(r"\D", "", word.text[:2_000])) if value is None else value


def _scaled(sentence: Sentence, place: int, value: Fraction, after: int) -> Read:
    while after < len(sentence) and _scale(sentence, after):
        value, after = value * _scale(sentence, after), after + 1
    return value, after, ""


def _scale(sentence: Sentence, place: int) -> int:
    word = sentence[place]
    if word.text == "-" and place + 1 < len(sentence):
        return int(sentence[place + 1].lower in _SCALES)
    touches = bool(place) and sentence[place - 1].end == word.start
    if word.lower in _LETTERS and not (touches and sentence[place - 1].is_number):
        return 0
    if word.lower == "m" and not counts_money(sentence, place):
        return 0  # metres
    return _SCALES.get(word.lower, _SCALES.get(word.lower.removesuffix("s"), 0))


def _is_fraction(sentence: Sentence, place: int) -> bool:
    before, after = lower_at(sentence, place - 1), lower_at(sentence, place + 1)
    if before == "-" and place > 1:
        before = sentence[place - 2].lower
    known = sentence[place].lower.removesuffix("s") in _FRACTIONS
    return known and (before in ("one", "two", "three") or (before in ("a", "-") and after == "of"))


def _spelled(sentence: Sentence, place: int) -> Read | None:
    """A number in words, such as "two hundred and fifty"."""
    total, part, after, seen = Fraction(0), Fraction(0), place, False
    while after < len(sentence):
        name = sentence[after].lower
        if name in BELOW_HUNDRED:
            part += BELOW_HUNDRED[name]
        elif name.removesuffix("s") in _SCALES and len(name.removesuffix("s")) > 3:
            part = (part or Fraction(1)) * _SCALES[name.removesuffix("s")]
            if part >= 1000:
                total, part = total + part, Fraction(0)
        elif not (seen and name in ("and", "-") and _goes_on(sentence, after)):
            break
        seen, after = True, after + 1
    return _with_fraction(sentence, place, total + part, after) if seen else None


def _goes_on(sentence: Sentence, place: int) -> bool:
    before, after = sentence[place - 1].lower, lower_at(sentence, place + 1)
    if sentence[place].lower == "and":
        return before in ("hundred", "thousand", "million") and after in BELOW_HUNDRED
    return (before in TENS and after in ONES) or after.removesuffix("s") in _SCALES


def _with_fraction(sentence: Sentence, place: int, value: Fraction, after: int) -> Read:
    follows = [word.lower for word in sentence[after : after + 3]]
    if follows == ["and", "a", "half"]:
        return _scaled(sentence, place, value + Fraction(1, 2), after + 3)
    step = after + bool(follows and follows[0] == "-")
    if step < len(sentence) and _is_fraction(sentence, step):
        return value * _FRACTIONS[sentence[step].lower.removesuffix("s")], step + 1, ""
    return _scaled(sentence, place, value, after)


_BOUNDS = {
    "over": r"\b(?:over|above|more than|at least|no less than|not less than|no fewer than|"
    r"upwards of|in excess of|surpass\w*|exceed\w*|topp?\w*|greater than|higher than)\b",
    "under": r"\b(?:nearly|almost|under|below|less than|fewer than|up to|at most|no more than|"
    r"not more than|just short of)\b",
    "about": r"\b(?:about|around|approximately|approx|roughly|some|circa|ca|close to|or so)\b|~",
}


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of something, as a text gives it."""

    text: str
    value: Fraction
    unit: str = ""
    """What is counted where it is a known unit; empty for things, which `things` names."""
    things: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    """The stems of what follows it in its clause, up to the next number."""
    bound: str = ""
    """"" for the very number, else "about", "over" or "under"."""
    first: int = 0
    last: int = 0
    """Its words in the sentence, the last one included."""
    size: Fraction = Fraction(1)
    """What one of the unit as written is in the unit it is compared by."""
    other: Fraction | None = None
    """The other end, where it is one of a range."""


def amounts(sentence: Sentence, taken: frozenset[int] = frozenset()) -> list[Amount]:
    """The numbers of a sentence, but those whose words are `taken` for dates."""
    found: list[Amount] = []
    after = 0
    for place in range(len(sentence)):
        if place >= after and place not in taken and (read := number(sentence, place)):
            value, after, kind = read
            found.append(_amount(sentence, place, after, value, kind))
    return _ranges(sentence, found)


def _amount(sentence: Sentence, first: int, after: int, value: Fraction, kind: str) -> Amount:
    unit, one, end = unit_of(sentence, first, after)
    if kind:
        unit, one, end = kind, 1, after
    size = Fraction(str(one))
    if _is_negative(sentence, first):
        value = -value
    before = " ".join(word.lower for word in sentence[max(0, first - 4) : first]).rsplit(",", 1)[-1]
    sign = sentence[first - 1]
    is_quarter = sign.lower == "q" and sign.end == sentence[first].start  # as in "Q3"
    if first and (is_currency(sign) or is_quarter):
        first -= 1
    behind = " ".join(word.lower for word in sentence[end : end + 3])
    things = frozenset() if unit and unit != "ordinal" else _things(sentence, first, end)
    text = written(sentence, first, end)
    near = takewhile(
        lambda word: not word.is_number and word.text not in ".;:,", sentence[end : end + 8]
    )
    beside = frozenset(word.stem for word in near if word.is_content)
    bound = "about" if behind.startswith("or so") else ""
    if behind.startswith(("or more", "or above", "and above", "or over")):
        bound = "over"
    bound = next((name for name, each in _BOUNDS.items() if re.search(each, before)), bound)
    return Amount(text, value * size, unit, things, beside, bound, first, end - 1, size)


def _is_negative(sentence: Sentence, place: int) -> bool:
    if place > 1 and is_currency(sentence[place - 1]):
        place -= 1
    if not place:
        return False
    before, first = sentence[place - 1], sentence[place - 2] if place > 1 else None
    touches = before.end == sentence[place].start
    is_open = not first or first.end < before.start or first.text in '([“"'
    return before.lower == "minus" or (before.text in "-−" and touches and is_open)


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
        text = written(sentence, one.first, other.last + 1)
        if not one.unit and other.unit:
            one = replace(one, unit=other.unit, value=one.value * other.size, size=other.size)
        things = one.things or other.things
        found[place] = replace(one, other=other.value, text=text, things=things)
        found[place + 1] = replace(other, other=one.value, text=text)
    return found
