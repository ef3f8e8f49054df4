"""Which of the sentences that were read are shown: as the answer, or as what may be meant.

A sentence that speaks of something else than the question names, such as another year, another hall
or another row of a table, is not the answer, however alike it is otherwise.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from assistant.question import (
    Kind,
    has_digit,
    is_known,
    kind_asked,
    lacks,
    names_in,
    numbered_in,
)
from assistant.text import dates, is_sentence, numbers, terms, topic
from assistant.types import Hit, Passage, Reading, Span

SHARE = 0.15
"""A further statement needs this share of the first one's probability, ..."""
SEVERAL = 0.1
"""... or this, where the question asks for several things; ..."""
ELSEWHERE = 0.8
"""... and its own counts so much where it is of another section."""
MOST_LISTED = 20
"""At most so many statements answer a question for several things."""
CANDIDATES = 3
"""At most so many sentences are shown as what may be meant."""

_OTHER, _NO_KIND, _ROW = 0.1, 0.3, 0.6
# What takes all rows of a table to tell, not one.
_SUPERLATIVE = re.compile(
    r"\b(?:largest|biggest|highest|lowest|smallest|cheapest|most|least|fewest|longest|shortest|"
    r"oldest|newest|total|sum|average|mean|altogether|in all)\b",
    re.IGNORECASE,
)
_ASKING = topic("list name show give find")
_COLUMN = re.compile(
    r"\bwhat(?:'?s| is| are| was| were)\s+the\s+(.+?)\s+(?:of|for|in|on|at)\b", re.IGNORECASE
)
# What may tell when, or how much, without a date or a number.
_TELLING = {
    "date": re.compile(
        r"\d|\b(?:after|before|until|till|within|during|once|while|daily|weekly|monthly|yearly|"
        r"annually|morning|evening|noon|midnight|night|immediately|always|never|whenever|when|upon|"
        r"every|each|as soon|at the (?:start|end))\b",
        re.IGNORECASE,
    ),
    "number": re.compile(
        r"\d|\b(?:free|none|nothing|no|unlimited|full|all|most|few|every|often|double|never|"
        r"always|daily|weekly|monthly|yearly|annually)\b",
        re.IGNORECASE,
    ),
}
_KEY = re.compile(r"(?:^|; )([^:;\n]{1,60}): ")
Frequencies = Callable[[Sequence[str]], Mapping[str, int]]
"""In how many of all passages each term stands."""
Alike = Callable[[str], Iterable[str]]
"""The terms of the documents that begin as one does."""


class Choice(NamedTuple):
    """What is shown for a question: as its answer, or else as what may be meant."""

    answers: list[Reading]
    possible: list[Reading]


def choose(
    kind: Kind, readings: Sequence[Reading], missing: Sequence[str], threshold: float, most: int
) -> Choice:
    """The sentences to show, of readings with the likeliest first.

    They answer where the first is as probable as the `threshold` and nothing that the question
    names is missing. Those that follow are not much less likely, and less so where they are of
    another section. At most so many are shown, unless several things are asked for.
    """
    shown = [each for each in readings if is_sentence(each.quote)]
    if missing or not shown or shown[0].probability < threshold:
        return Choice([], shown[:CANDIDATES])
    first = shown[0]
    share, count = (SEVERAL, MOST_LISTED) if kind is Kind.LIST else (SHARE, most)
    likely = [
        each
        for each in shown
        if each.probability * (1 if section(each) == section(first) else ELSEWHERE)
        >= share * first.probability
    ]
    return Choice(likely[:count], [])


def section(reading: Reading) -> tuple[str, str]:
    """The document and the heading that a sentence stands under."""
    return reading.passage.source, reading.passage.heading


def missing_names(
    question: str, hits: Sequence[Hit], frequencies: Frequencies, alike: Alike
) -> list[str]:
    """What the question speaks of by name and the documents nowhere do, as it is written."""
    names = names_in(question)
    counts = frequencies([stem for name in names for stem in terms(name)])
    unknown = [
        name
        for name in names
        if not is_known(name, counts, (near for stem in terms(name) for near in alike(stem[:4])))
    ]
    # Terms part a code into letters and digits, so it is looked for as it stands.
    if codes := [each for each in names if has_digit(each) and not each.isdigit()]:
        held = _joined(" ".join(whole(hit.passage) for hit in hits))
        unknown += [each for each in codes if _joined(each) not in held]
    for word, number in numbered_in(question):
        others = {found for hit in hits for found in _numbers_of(word, whole(hit.passage))}
        if others and number not in others:
            unknown.append(f"{word} {number}")
    return list(dict.fromkeys(unknown))


def _joined(text: str) -> str:
    """The letters and digits of a text, in small letters, with nothing between them."""
    return re.sub(r"[\W_]+", "", text).casefold()


def whole(passage: Passage) -> str:
    """The passage with all that stands above it: its headings and the name of its file."""
    return f"{passage.source}\n{passage.title}\n{passage.heading}\n{passage.text}"


def _numbers_of(word: str, text: str) -> list[str]:
    """The numbers that tell things of one name apart in a text: 1 and 2 of "Hall 1, hall 2"."""
    stem = re.escape(word.rstrip("s"))
    return re.findall(rf"\b{stem}s?\s+(?:no\.?\s*|number\s+|#\s*)?(\d+)\b", text, re.IGNORECASE)


def put_apart(question: str, readings: Sequence[Reading]) -> list[Reading]:
    """The readings, the likeliest first, after those less likely that speak of something else.

    These are no likelier than `_OTHER`. The row of a table that has all the question names is
    at least as likely as `_ROW`, and one without the kind of thing asked for less than `_NO_KIND`.
    """
    years = {date.year for date in dates(question) if date.year}
    numbered, kind = numbered_in(question), kind_asked(question)
    asked = frozenset(terms(question))
    rows, telling = _rows_asked(question, readings), _TELLING.get(kind)
    is_superlative = bool(_SUPERLATIVE.search(question))

    def is_other(passage: Passage, quote: str) -> bool:
        if years and (given := {date.year for date in dates(quote) if date.year}):
            near = f"{passage.source.replace('_', ' ')} {passage.title} {passage.heading} {quote}"
            if not years & {date.year for date in dates(near)}:
                return bool(given)
        others = ((number, _numbers_of(word, quote)) for word, number in numbered)
        return any(found and number not in found for number, found in others)

    def probability(reading: Reading) -> float:
        passage, quote = reading.passage, reading.quote
        is_row = rows.get((passage, reading.span))
        if is_superlative and len(_KEY.findall(quote)) > 1:
            return min(_NO_KIND, reading.probability)
        if is_row is False or is_other(passage, quote):
            return min(_OTHER, reading.probability)
        if is_row:
            return max(_ROW, reading.probability)
        if telling and not (
            telling.search(quote) or numbers(quote) or not lacks(kind, quote, asked)
        ):
            return min(_NO_KIND, reading.probability)
        return reading.probability

    weighed = [replace(each, probability=probability(each)) for each in readings]
    return sorted(weighed, key=lambda each: -each.probability)


def _rows_asked(
    question: str, readings: Sequence[Reading]
) -> dict[tuple[Passage, Span], bool | None]:
    """Of rows of tables, whether the question is about that one; None where it does not tell.

    "Who supplies the paper clips?" is about the row that holds paper and clip; what stands in
    every row, or in the head of a column, tells none apart. "What is the weight of a stapler?"
    asks for a column: where there is none of that name, no row is known to answer.
    """
    tables: dict[tuple[str, tuple[str, ...]], dict[tuple[Passage, Span], frozenset[str]]] = {}
    for reading in readings:
        keys = tuple(_KEY.findall(reading.quote))
        if len(keys) > 1:
            values = frozenset(terms(_KEY.sub(" ", reading.quote)))
            rows = tables.setdefault((reading.passage.source, keys), {})
            rows[reading.passage, reading.span] = values
    found: dict[tuple[Passage, Span], bool | None] = {}
    column = _COLUMN.search(question)
    for (_, keys), rows in tables.items():
        heads = terms(" ".join(keys))
        asked = {term for term in topic(question) if not _is_alike(term, [*heads, *_ASKING])}
        held = [values & asked for values in rows.values()]
        telling = set().union(*held) - set(held[0]).intersection(*held) if len(held) > 1 else set()
        if not telling:
            continue
        best = max(len(values & telling) for values in held)
        is_there = column is None or any(_is_alike(term, heads) for term in topic(column[1]))
        for row, values in rows.items():
            if len(values & telling) < best or not is_there:
                found[row] = False
            else:
                left = asked - values
                is_it = best == len(telling) and len(left) <= best and not any(map(has_digit, left))
                found[row] = is_it or None
    return found


def _is_alike(term: str, others: Iterable[str]) -> bool:
    """Whether a term is one of the others, or begins as one: supplies and supplier."""
    return any(term == other or (len(term) > 5 and term[:5] == other[:5]) for other in others)


def about(subject: str, hits: Sequence[Hit]) -> list[Reading]:
    """What the passages say about a subject: the sections it heads, then the sentences with it.

    Every term of the subject must stand there. In the order of the hits.
    """
    asked = set(topic(subject))
    headed: list[Reading] = []
    holding: list[Reading] = []
    for passage in (hit.passage for hit in hits):
        is_headed = asked <= set(terms(f"{passage.heading}"))
        for span in passage.sentences:
            quote = passage.quote(span)
            if is_sentence(quote) and (is_headed or asked <= set(terms(quote))):
                (headed if is_headed else holding).append(Reading(passage, span, 0.9))
    return [*headed, *holding] if asked else []
