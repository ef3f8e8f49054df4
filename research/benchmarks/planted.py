"""True sentences → the same with a wrong number or swapped names, and in other words.

Written apart from assistant/llm/check/, which it is to test: it shares no pattern with it.
Everything is drawn with a seed of its own text, so the same sentences give the same faults.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_NUMBER = re.compile(
    r"(?P<sign>[$€£])?(?P<value>\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?P<scale>\s?(?:thousand|million|billion|trillion)\b)?"
    r"(?P<unit>\s?%|\s(?:percent|per cent|years?|months?|days?|hours?|minutes?|miles|km|"
    r"kilomet(?:re|er)s|dollars|euros)\b)?(?!\w)"
)
_WORDS: list[str] = re.findall(r"\w+", "two three four five six seven eight nine ten eleven twelve")
_EITHER_WORD = "|".join(_WORDS)
_NUMBER_WORD = re.compile(rf"\b(?:{_EITHER_WORD})\b", re.IGNORECASE)
# Between two ends of a range, or two numbers of which the order says nothing.
_RANGE = re.compile(r"[\s\w%]{0,9}\W*(?:\w+\W+)?(?:and|to|or)?\W*(?:\w+\W+)?")
_SCALES = ("thousand", "million", "billion", "trillion")
_UNITS = {
    "%": " percentage points", "percent": "percentage points", "per cent": "percentage points",
    "years": "months", "year": "month", "months": "weeks", "days": "hours", "hours": "days",
    "minutes": "hours", "miles": "yards", "km": "miles", "kilometres": "miles",
    "kilometers": "miles", "dollars": "euros", "euros": "pounds",
}  # fmt: skip
_NAME = re.compile(r"\b[A-Z][\w’'.-]*[\w](?: (?:of (?:the )?)?[A-Z][\w’'.-]*[\w])*")
_NO_NAME = frozenset(
    re.findall(
        r"\w+",
        "The A An I He She It They We You This That These Those In On At As After Before When "
        "While "
        "Although But And Or If For From By With Since Despite During Its His Her Their Our Not No "
        "January February March April May June July August September October November December "
        "Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Monday Tuesday Wednesday Thursday Friday "
        "Saturday Sunday Mr Mrs Dr",
    )
)
# Between two names that may change places without changing what is said: nothing but these.
_SYMMETRIC = frozenset(
    re.findall(
        r"\S+",
        "and or & / – - both with the a an also known called as is are was were of in at near its "
        "his her vs vs. versus like aka to from",
    )
)
_LINKED = re.compile(r"^\s*(?:,|\(|/|-|–)\s*$|\b(?:and|or|&|known as|called|aka|alias|born)\b|\(")


@dataclass(frozen=True)
class Case:
    """A claim made of a true sentence, the quotes it is held against, and how it was made."""

    claim: str
    quotes: tuple[str, ...]
    kind: str
    group: str
    """The text it is of."""


def wrong_numbers(sentence: str) -> Iterator[tuple[str, str]]:
    """The sentence with one number changed, and how; each number in a few ways."""
    chance = random.Random(sentence)
    found = list(_NUMBER.finditer(sentence))
    for match in found:
        yield "another value", _put(sentence, match.span("value"), _other_value(match, chance))
        scale, unit = (match["scale"] or "").strip(), (match["unit"] or "").strip()
        if scale:
            other = chance.choice([each for each in _SCALES if each != scale])
            yield "another scale", _put(sentence, match.span("scale"), f" {other}")
        if unit in _UNITS:
            gap = "" if unit == "%" else " "
            yield "another unit", _put(sentence, match.span("unit"), gap + _UNITS[unit])
        elif match["sign"]:
            other = {"$": "€", "€": "£", "£": "$"}[match["sign"]]
            yield "another unit", _put(sentence, match.span("sign"), other)
    for word in _NUMBER_WORD.finditer(sentence):
        other = chance.choice([each for each in _WORDS if each != word[0].lower()])
        other = other.capitalize() if word[0][0].isupper() else other
        yield "another value", _put(sentence, word.span(), other)
    for one, two in pairwise(found):
        if one["value"] != two["value"] and bool(one["unit"]) == bool(two["unit"]):
            between = sentence[one.end("value") : two.start("value")]
            if not _RANGE.fullmatch(between):
                parts = sentence[: one.start("value")], two["value"], between, one["value"]
                yield "two exchanged", "".join((*parts, sentence[two.end("value") :]))


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def _other_value(match: re.Match[str], chance: random.Random) -> str:
    """Another digit in some place; a year stays in its century."""
    value = match["value"]
    places = [place for place, sign in enumerate(value) if sign.isdigit()]
    is_year = len(value) == 4 and value.isdigit() and value[0] in "12"
    place = chance.choice(places[-2:] if is_year else places)
    digits = [each for each in "123456789" if each != value[place]]
    return _put(value, (place, place + 1), chance.choice(digits))


def names(sentence: str) -> list[re.Match[str]]:
    """Runs of capitalised words, but what opens the sentence and is one common word."""
    return [
        match
        for match in _NAME.finditer(sentence)
        if match[0].split()[0] not in _NO_NAME
        and (match.start() > 0 or " " in match[0])
        and sentence[max(0, match.start() - 2) : match.start()] not in (". ", ": ", '" ', "” ")
    ]


def swapped_names(sentence: str) -> Iterator[tuple[str, str]]:
    """The sentence with two of its names in each other's place, where that says something else."""
    found = names(sentence)
    for place, one in enumerate(found):
        for two in found[place + 1 :]:
            between = sentence[one.end() : two.start()]
            words = [set(each[0].lower().replace("-", " ").split()) for each in (one, two)]
            once = all(len(re.findall(re.escape(each[0]), sentence)) == 1 for each in (one, two))
            if words[0] & words[1] or not once or not _tells_apart(between):
                continue
            parts = sentence[: one.start()], two[0], between, one[0], sentence[two.end() :]
            yield "two exchanged", "".join(parts)


def _tells_apart(between: str) -> bool:
    """Whether names on either side of these words play different parts: no list, no alias."""
    if _LINKED.search(between) or _is_symmetric(between):
        return False
    return bool(re.search(r"\b[a-z]{4,}\b", between))


def _is_symmetric(between: str) -> bool:
    words = between.replace(",", " ").split()
    return all(word in _SYMMETRIC or word[0].isupper() for word in words)


def replaced_names(sentence: str, quote: str, elsewhere: str) -> Iterator[tuple[str, str]]:
    """The sentence with a name that stands in its quote in another place, or nowhere in it."""
    chance = random.Random(sentence)
    inside = {match[0] for match in names(quote)}
    outside = {match[0] for match in names(elsewhere)}
    for match in names(sentence):
        here = sorted(each for each in inside if each not in sentence and match[0] not in each)
        there = sorted(each for each in outside if each not in quote)
        for kind, others in (("another of the quote", here), ("from elsewhere", there)):
            if others:
                yield kind, _put(sentence, match.span(), chance.choice(others))


_CLAUSE = re.compile(r"\b(?:and|but|because|while|which) ((?:[a-z]+ ){5,11}[a-z]{3,})(?=[,.;])")


def added_clauses(sentence: str, elsewhere: str) -> Iterator[tuple[str, str]]:
    """The sentence with a clause of plain words, no name or number among them, of another text."""
    clauses = _CLAUSE.findall(elsewhere)
    if clauses and sentence.endswith("."):
        clause = random.Random(sentence).choice(clauses)
        yield "a clause of another text", f"{sentence[:-1]}, and {clause}."


_MONTHS: list[str] = re.findall(
    r"\w+",
    "January February March April May June July August September October November December",
)
_EITHER_MONTH = "|".join(_MONTHS)
_LEADING = re.compile(
    r"^((?:In|On|At|After|When|During|By|Since|Despite|Although|While|Before|Under|Until|Because) "
    r"[^,;:]{3,90}), ([^;:]{15,}[^.!?\s])([.!?])$"
)
_PASSIVE = re.compile(
    r"^([^,;:]{3,80}?) (was|were) ((?:later |also |first )?\w+ed) by "
    r"((?:the )?[A-Z][\w’'-]*(?: (?:of |and )?[A-Z][\w’'-]*)*)( [^,;:]*)?([.!?])$"
)
_ACTIVE = re.compile(
    r"^((?:The )?[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*) (founded|defeated|directed|released|signed|"
    r"acquired|exceeded|surpassed|replaced|launched|established|discovered|invented|produced|"
    r"published|designed|created|introduced|developed|approved|rejected|criticized|criticised|"
    r"praised|adopted|attacked|captured|used|received|announced|reported|proposed) "
    r"((?:the |a |an |its |his |her )?[^,;:]{3,60}?)"
    r"( (?:in|on|for|with|after|during) [^,;:]*)?([.!?])$"
)
_TAIL = re.compile(
    r"^((?!.*\b(?:said|says)\b)[^;:\"“]{25,}?\w), (?:which|who|where|including|such as) "
    r"[^;:\"”]*([.!?])$"
)
_TENS: list[str] = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")


def _spelled(match: re.Match[str]) -> str:
    value = int(match[0])
    if match.string[: match.start()].split()[-1:] in [[month] for month in _MONTHS]:
        return match[0]
    if 2 <= value <= 12:
        return _WORDS[value - 2]
    tens, ones = divmod(value, 10)
    if not 2 <= tens <= 9 or ones == 1:
        return match[0]
    return _TENS[tens - 2] + (f"-{_WORDS[ones - 2]}" if ones else "")


def _lower(text: str) -> str:
    first = text.split()[0]
    return text[0].lower() + text[1:] if first in _NO_NAME - {"I"} else text


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _passive(match: re.Match[str]) -> str:
    who, verb, what, rest, end = match.groups(default="")
    was = "were" if re.search(r"\b(?:and|two|many|several)\b", what) else "was"
    return f"{_upper(what)} {was} {verb} by {_lower(who)}{rest}{end}"


_SAID_OTHERWISE: tuple[tuple[str, re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    ("clause order", _LEADING, lambda m: f"{_upper(m[2])} {m[1][0].lower() + m[1][1:]}{m[3]}"),
    ("passive to active", _PASSIVE,
     lambda m: f"{_upper(m[4])} {m[3]} {_lower(m[1])}{m[5] or ''}{m[6]}"),
    ("active to passive", _ACTIVE, _passive),
    ("shortened", _TAIL, r"\1\2"),
    ("digits to words", re.compile(r"(?<![\d.,$€£/:-])\b\d{1,2}\b(?= [a-z])(?! (?:million|billion"
     r"|thousand|percent|per|January|%))"), _spelled),
    ("words to digits", re.compile(rf"(?<!-)\b(?:{_EITHER_WORD})\b(?! of\b|-| hundred| thousand)"),
     lambda m: str(_WORDS.index(m[0]) + 2)),
    ("unit spelling", re.compile(r"(?<=\d)(?:%| percent\b)"),
     lambda m: " percent" if m[0] == "%" else "%"),
    ("unit spelling", re.compile(r"\$(\d+(?:\.\d+)?) (million|billion)\b"),
     lambda m: f"{m[1]}{'m' if m[2] == 'million' else 'bn'} US dollars"),
    ("unit spelling", re.compile(r"(?<![\d.,])(\d+(?:\.\d)?) billion\b"),
     lambda m: f"{float(m[1]) * 1000:,.0f} million"),
    ("unit spelling", re.compile(r"(?<=\d) (?:km|kilomet(?:re|er)s)\b"),
     lambda m: " kilometres" if m[0] == " km" else " km"),
    ("date order", re.compile(rf"\b({_EITHER_MONTH}) (\d{{1,2}}) ?, (\d{{4}})\b"), r"\2 \1 \3"),
    ("date order", re.compile(rf"\b(\d{{1,2}}) ({_EITHER_MONTH}) (\d{{4}})\b"),
     lambda m: f"{m[3]}-{_MONTHS.index(m[2]) + 1:02}-{int(m[1]):02}"),
    ("less precise", re.compile(rf"\bon ({_EITHER_MONTH}) \d{{1,2}} ?, (\d{{4}})\b"), r"in \2"),
)  # fmt: skip


def paraphrases(sentence: str) -> Iterator[tuple[str, str]]:
    """The sentence in other words that say the same or less, and how."""
    for kind, pattern, new in _SAID_OTHERWISE:
        other = pattern.sub(new, sentence, count=1)
        if other != sentence:
            yield kind, other
