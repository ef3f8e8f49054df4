"""Numbers in digits and in words: their values."""

import re
from fractions import Fraction

from assistant.check.units import counts_money
from assistant.check.words import Sentence

_ONES = {
    name: value
    for value, name in enumerate(
        re.findall(
            r"\w+",
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
            "fifteen sixteen seventeen eighteen nineteen",
        )
    )
}
_TENS = {
    name: value * 10
    for value, name in enumerate(
        re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety"), start=2
    )
}
_SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "dozen": 12, "lakh": 10**5, "crore": 10**7, "k": 10**3, "m": 10**6, "mn": 10**6,
    "mln": 10**6, "mm": 10**6, "bn": 10**9, "b": 10**9, "tn": 10**12, "trn": 10**12,
}  # fmt: skip
_LETTERS = frozenset({"k", "m", "b", "mm"})  # a scale only where it touches the number
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
}  # fmt: skip
_FRACTIONS = {
    "half": Fraction(1, 2), "halve": Fraction(1, 2), "third": Fraction(1, 3),
    "quarter": Fraction(1, 4), "fifth": Fraction(1, 5), "tenth": Fraction(1, 10),
}  # fmt: skip
_TIMES = {"twice": 2, "double": 2, "doubled": 2, "doubling": 2, "doubles": 2, "triple": 3,
          "tripled": 3, "thrice": 3, "quadruple": 4, "quadrupled": 4}  # fmt: skip
_MOST_DIGITS = 2_000
Read = tuple[Fraction, int, str]
"""A value, the word after it, and a unit of its own or ""."""


def number(sentence: Sentence, place: int) -> Read | None:
    """The value that starts at a word, the word after it, and a kind of its own."""
    word = sentence[place]
    if word.is_number:
        return _digits(sentence, place)
    if not word.is_word:
        return None
    if word.lower in _TIMES:
        return Fraction(_TIMES[word.lower]), place + 1, "times"
    if word.lower in _ORDINALS and not _is_fraction(sentence, place):
        return Fraction(_ORDINALS[word.lower]), place + 1, "ordinal"
    return _spelled(sentence, place)


def _digits(sentence: Sentence, place: int) -> Read | None:
    value, after = value_of(sentence[place].text), place + 1
    suffix = sentence[after] if after < len(sentence) else None
    if suffix and suffix.start == sentence[place].end:
        if suffix.lower in ("st", "nd", "rd", "th", "q"):
            return value, after + 1, "ordinal"
        if suffix.text == "/" and after + 1 < len(sentence) and sentence[after + 1].is_number:
            return value / (value_of(sentence[after + 1].text) or 1), after + 2, ""
    if place and sentence[place - 1].is_word and sentence[place - 1].end == sentence[place].start:
        name = sentence[place - 1].lower
        return value, after, "ordinal" if name == "q" else f"code {name}"
    return _scaled(sentence, place, value, after)


def value_of(written: str) -> Fraction:
    """The value of a number in digits: 8,400 and 8.4, and 8,4 as on the continent."""
    if re.fullmatch(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?", written):
        written = written.replace(",", "")
    whole, *rest = written[:_MOST_DIGITS].replace(",", ".").split(".")
    return Fraction(f"{whole}.{''.join(rest)}" if any(rest) else whole)


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
    before = sentence[place - 1].lower if place else ""
    if before == "-" and place > 1:
        before = sentence[place - 2].lower
    after = sentence[place + 1].lower if place + 1 < len(sentence) else ""
    known = sentence[place].lower.removesuffix("s") in _FRACTIONS
    return known and (before in ("one", "two", "three") or (before in ("a", "-") and after == "of"))


def _spelled(sentence: Sentence, place: int) -> Read | None:
    """A number in words, such as "two hundred and fifty" or "half"."""
    total, part, after, seen = Fraction(0), Fraction(0), place, False
    while after < len(sentence):
        name = sentence[after].lower
        if name in _ONES or name in _TENS:
            part += _ONES.get(name, 0) + _TENS.get(name, 0)
        elif name.removesuffix("s") in _SCALES and name not in _LETTERS and _is_spelled(name):
            part = (part or Fraction(1)) * _SCALES[name.removesuffix("s")]
            if part >= 1000:
                total, part = total + part, Fraction(0)
        elif not (seen and name in ("and", "-") and _goes_on(sentence, after)):
            break
        seen, after = True, after + 1
    if seen:
        return _with_fraction(sentence, place, total + part, after)
    return _fraction(sentence, place)


def _is_spelled(name: str) -> bool:
    return len(name.removesuffix("s")) > 3


def _goes_on(sentence: Sentence, place: int) -> bool:
    if place + 1 >= len(sentence):
        return False
    before, after = sentence[place - 1].lower, sentence[place + 1].lower
    if sentence[place].lower == "and":
        return before in ("hundred", "thousand", "million") and after in _ONES | _TENS
    return (before in _TENS and after in _ONES) or after.removesuffix("s") in _SCALES


def _with_fraction(sentence: Sentence, place: int, value: Fraction, after: int) -> Read:
    follows = [word.lower for word in sentence[after : after + 3]]
    if follows == ["and", "a", "half"]:
        return _scaled(sentence, place, value + Fraction(1, 2), after + 3)
    step = after + bool(follows and follows[0] == "-")
    if step < len(sentence) and _is_fraction(sentence, step):
        return value * _FRACTIONS[sentence[step].lower.removesuffix("s")], step + 1, ""
    return _scaled(sentence, place, value, after)


def _fraction(sentence: Sentence, place: int) -> Read | None:
    name = sentence[place].lower
    if name in ("half", "halve", "halved"):
        return Fraction(1, 2), place + 1, "share"
    if name.removesuffix("s") in _FRACTIONS and _is_fraction(sentence, place):
        return _FRACTIONS[name.removesuffix("s")], place + 1, "share"
    return None
