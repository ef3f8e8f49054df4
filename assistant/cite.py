"""Statements with citations: made of readings, checked, compared, and found again later.

Code makes every quote and every offset. A statement that says anything beyond its quotes is
dropped with its citations.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from itertools import combinations
from operator import ge, gt, le, lt
from pathlib import Path
from typing import NamedTuple, TypeVar
from unicodedata import normalize

from assistant.errors import AnswerFileRefused
from assistant.text import Date, Number, dates, numbers, terms, topic, visible
from assistant.types import (
    Answer,
    Citation,
    Document,
    Reading,
    Span,
    Statement,
    locate,
)

_QUOTE_MARKS = str.maketrans("‘’‛“”„«»", "'''" + '"' * 5)
_Value = TypeVar("_Value")

_SAME_SUBJECT = 0.6
"""Share of their words that two sentences about the same thing have in common."""
_ABOUT = Fraction(1, 10)
"""How far a number may be from one that is called approximate, as a share of it."""
_ROUNDED = Fraction(2, 100)
"""The same, for numbers in two units, such as 30 days and a month."""
# How large units are that can be compared; amounts of money of two currencies are never the same.
_UNITS: dict[str, tuple[str, Fraction]] = {
    unit: (kind, Fraction(size))
    for kind, sizes in {
        "money": "€ 1 $ 1 £ 1 ¥ 1 CNY 1 ₽ 1 ₹ 1 CHF 1",
        "time": "year 525600 month 43800 week 10080 day 1440 h 60 min 1 s 1/60",
        "length": "km 1000 m 1 cm 1/100 mm 1/1000 mile 1609.344 ft 0.3048 in 0.0254",
        "mass": "t 1000 kg 1 g 1/1000 mg 1/1000000 lb 0.45359237",
        "volume": "m³ 1000 l 1 ml 1/1000",
        "power": "GW 1000000 MW 1000 kW 1 W 1/1000",
        "energy": "MWh 1000 kWh 1",
        "data": "TB 1000000 GB 1000 MB 1 KB 1/1000",
    }.items()
    for unit, size in zip(sizes.split()[::2], sizes.split()[1::2], strict=True)
}
_COMPARE = {"<": lt, "≤": le, ">": gt, "≥": ge}
# What names a thing: a capitalised word, or a code such as B2.
_NAME = re.compile(r"\b(?:[^\W\d_a-zа-яё][\w’'-]*|[^\W\d_]+-?\d\w*)")
# A number behind one of these words says which of several things is meant: flat 3, not flat 7.
_LABEL = re.compile(
    r"\b(?:flat|apartment|room|house|building|floor|unit|plot|lot|gate|platform|route|line|zone|"
    r"article|section|clause|chapter|paragraph|page|table|figure|annex|appendix|schedule|exhibit|"
    r"item|no\.?|number|version|phase|stage|step|level|tier|class|grade|group|type|part|model|"
    r"form|rule|question)\s+$",
    re.IGNORECASE,
)


def cite(readings: Sequence[Reading], hashes: Mapping[str, str]) -> list[Statement]:
    """A statement for each sentence, in order; the same words found twice are one statement.

    `hashes` gives the sha256 of each source's bytes.
    """
    groups: dict[str, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(wording(reading.quote), []).append(reading)
    return [
        Statement(
            group[0].quote,
            tuple(citation_of(reading, hashes) for reading in group),
            probability=max(reading.probability for reading in group),
        )
        for group in groups.values()
    ]


def wording(quote: str) -> str:
    """What must be the same for two quotes to say the same: every word, sign, unit and number.

    White space, the form of quotation marks and what cannot be seen do not count. Case does: it
    tells mW from MW.
    """
    return normalize("NFC", " ".join(visible(quote).translate(_QUOTE_MARKS).split()))


def citation_of(reading: Reading, hashes: Mapping[str, str]) -> Citation:
    """The reading as a citation; `hashes` gives the sha256 of each source's bytes."""
    return Citation(
        source=reading.passage.source,
        sha256=hashes[reading.passage.source],
        start=reading.span.start,
        end=reading.span.end,
        quote=reading.quote,
        passage=reading.passage,
        words=reading.words,
    )


def verify(statements: Sequence[Statement]) -> list[Statement]:
    """The statements that are one of their quotes, word for word, and have only exact quotes."""
    return [
        statement
        for statement in statements
        if all(map(is_exact, statement.citations))
        and statement.text in {citation.quote for citation in statement.citations}
    ]


def is_exact(citation: Citation) -> bool:
    """Whether the quote is where it says, made of whole sentences, and holds the words marked."""
    passage, words = citation.passage, citation.words
    return (
        (words is None or citation.start <= words.start < words.end <= citation.end)
        and citation.start in {span.start for span in passage.sentences}
        and citation.end in {span.end for span in passage.sentences}
        and citation.source == passage.source
        and bool(citation.quote)
        and citation.quote == passage.quote(Span(citation.start, citation.end))
    )


def disagreements(statements: Sequence[Statement]) -> list[str]:
    """A notice for each two sources that speak of the same thing and give another number or date.

    They speak of the same thing where their words are mostly the same, apart from numbers and
    dates, and neither has a name of its own. A number of another year is no disagreement.
    """
    if len({citation.source for each in statements for citation in each.citations}) < 2:
        return []
    return [
        disagreement(one.statement.citations[0], other.statement.citations[0])
        for one, other in combinations(map(_Claim, statements), 2)
        if one.disagrees(other)
    ]


def disagreement(one: Citation, other: Citation) -> str:
    """The notice that two sources speak of the same thing and differ."""
    return f"The sources disagree: see {one.location} and {other.location}."


class _Claim:
    """What a statement says, taken apart to be compared with another."""

    def __init__(self, statement: Statement) -> None:
        self.statement = statement
        self.sources = {citation.source for citation in statement.citations}
        self.dates = dates(statement.text)
        self.numbers: dict[str, list[Number]] = defaultdict(list)
        """By the kind of their unit, or the stem of what they count."""
        self.labels: set[Fraction] = set()
        text = statement.text
        quantities = numbers(text)
        for found in quantities:
            if not found.unit and _LABEL.search(text[: found.start]):
                self.labels.add(found.value)
                continue
            things = re.match(r"\s+([^\W\d_]+)", text[found.end :]) if not found.unit else None
            kind, _ = _UNITS.get(found.unit, (found.unit, 1))
            self.numbers[kind or " ".join(topic(things[1]) if things else ())].append(found)
        left = list(text)
        for start, end in (each[-2:] for each in (*self.dates, *quantities)):
            left[start:end] = " " * (end - start)
        rest = "".join(left)
        self.words = set(terms(rest))
        self.names = {term for name in _NAME.findall(rest) for term in topic(name)}

    def disagrees(self, other: "_Claim") -> bool:
        """Whether they are of different sources, of the same thing, and cannot both be so."""
        same, all_words = self.words & other.words, self.words | other.words
        if (
            self.sources & other.sources
            or len(same) < _SAME_SUBJECT * len(all_words)
            or not all_words
            or (self.names - other.words and other.names - self.words)
            or self.labels != other.labels
        ):
            return False
        is_other_time = _differ(self.dates, other.dates, _is_same_time)
        if not (self.numbers or other.numbers):
            return is_other_time
        years = [{date.year for date in each.dates if date.year} for each in (self, other)]
        if years[0] and years[1] and not years[0] & years[1]:
            return False
        differs = any(
            _differ(self.numbers[kind], other.numbers[kind], _is_same_amount)
            for kind in self.numbers.keys() & other.numbers.keys()
        )
        return differs is not is_other_time


def _differ(
    ones: Sequence[_Value], others: Sequence[_Value], agree: Callable[[_Value, _Value], bool]
) -> bool:
    """Whether each side says something that nothing on the other side agrees with."""
    return any(not any(agree(one, other) for other in others) for one in ones) and any(
        not any(agree(one, other) for one in ones) for other in others
    )


def _is_same_time(one: Date, other: Date) -> bool:
    """Whether two dates agree in the parts that both give."""
    return all(None in pair or pair[0] == pair[1] for pair in zip(one[:3], other[:3], strict=True))


def _is_same_amount(one: Number, other: Number) -> bool:
    """Whether both can be so at once; the units are of one kind."""
    (kind, size), (_, other_size) = (_UNITS.get(each.unit, ("", 1)) for each in (one, other))
    if kind == "money" and one.unit != other.unit:
        return False
    value, other_value = one.value * size, other.value * other_size
    share = _ABOUT if "≈" in (one.bound, other.bound) else _ROUNDED * (one.unit != other.unit)
    is_near = abs(value - other_value) <= share * max(abs(value), abs(other_value))
    holds, other_holds = _COMPARE.get(one.bound), _COMPARE.get(other.bound)
    if holds and other_holds:
        if (one.bound in "<≤") is (other.bound in "<≤"):
            return is_near
        return value < other_value if one.bound in ">≥" else other_value < value
    return bool(
        is_near
        or (holds and holds(other_value, value))
        or (other_holds and other_holds(value, other_value))
    )


class Standing(StrEnum):
    """What has become of a citation: its words stand at their place, elsewhere, or nowhere."""

    HELD = "held"
    MOVED = "moved"
    GONE = "gone"


class Checked(NamedTuple):
    """What has become of a citation, and where its words stand now (empty: nowhere)."""

    standing: Standing
    location: str = ""


def look_up(checked: dict[Citation, Checked], document: Document) -> None:
    """Note in `checked` where the words of each citation stand in a document.

    What is held stays so, and a place in the file that was cited goes before one in another,
    in whatever order the documents come.
    """
    for cited, (standing, _) in checked.items():
        is_source = document.source == cited.source
        if standing is Standing.HELD or (standing is Standing.MOVED and not is_source):
            continue
        places = [place.start() for place in re.finditer(re.escape(cited.quote), document.text)]
        if places:
            start = min(places, key=lambda place: abs(place - cited.start))
            standing = Standing.HELD if is_source and start == cited.start else Standing.MOVED
            section = [each for each in document.sections if each.start <= start][-1]
            lines = document.text.count("\n", section.start, start)
            where = locate(document.source, section.heading, section.unit, section.number, lines)
            checked[cited] = Checked(standing, where)


def read_answers(path: Path) -> list[Answer]:
    """The answers saved in a file: JSON, one or a list of them, or one on each line.

    Raises `AnswerFileRefused`, which names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnswerFileRefused(path, 0, f"{error}.") from None
    try:
        whole = json.loads(text)
        saved = [json.dumps(one) for one in (whole if isinstance(whole, list) else [whole])]
    except (ValueError, RecursionError):
        saved = text.splitlines()
    answers = []
    for number, one in enumerate(saved, 1):
        if one.strip():
            try:
                answers.append(Answer.from_json(one))
            except ValueError as error:
                raise AnswerFileRefused(path, number, str(error)) from None
    return answers
