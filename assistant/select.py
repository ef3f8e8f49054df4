"""Which of the sentences that were read are shown: as the answer, or as what may be meant.

A sentence that speaks of something else than the question names, such as another year, another hall
or another row of a table, is not the answer, however alike it is otherwise.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from assistant.question import Kind, is_known, names_in, numbered_in
from assistant.text import dates, terms, topic
from assistant.types import Hit, Passage, Reading, Span

ALMOST = 0.75
"""A further statement needs this share of the first one's probability, ..."""
SEVERAL = 0.5
"""... or this, where the question asks for several things."""
MOST_LISTED = 20
"""At most so many statements answer a question for several things."""
CANDIDATES = 3
"""At most so many sentences are shown as what may be meant."""

_KEY = re.compile(r"(?:^|; )([^:;\n]{1,60}): ")
_WORD = re.compile(r"[^\W\d_]{2,}")
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
    """The sentences to show, the likeliest first.

    They answer where the first is as probable as the `threshold` and nothing that the question
    names is missing; those that follow are nearly as likely. At most so many are shown, unless
    several things are asked for.
    """
    shown = [each for each in readings if is_sentence(each.quote)]
    if missing or not shown or shown[0].probability < threshold:
        return Choice([], shown[:CANDIDATES])
    share, count = (SEVERAL, MOST_LISTED) if kind is Kind.LIST else (ALMOST, most)
    least = max(threshold, share * shown[0].probability)
    return Choice([each for each in shown if each.probability >= least][:count], [])


def is_sentence(quote: str) -> bool:
    """Whether it says anything by itself: the number of a list item or of a page does not."""
    return len(_WORD.findall(quote)) > 1


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
    for word, number in numbered_in(question):
        others = {found for hit in hits for found in _numbers_of(word, whole(hit.passage))}
        if others and number not in others:
            unknown.append(f"{word} {number}")
    return list(dict.fromkeys(unknown))


def whole(passage: Passage) -> str:
    """The passage with all that stands above it: its headings and the name of its file."""
    return f"{passage.source}\n{passage.title}\n{passage.heading}\n{passage.text}"


def _numbers_of(word: str, text: str) -> list[str]:
    """The numbers that tell things of one name apart in a text: 1 and 2 of "Hall 1, hall 2"."""
    stem = re.escape(word.rstrip("s"))
    return re.findall(rf"\b{stem}s?\s+(?:no\.?\s*|number\s+|#\s*)?(\d+)\b", text, re.IGNORECASE)


def put_apart(question: str, readings: Sequence[Reading]) -> list[Reading]:
    """The readings, those last, and no likelier than one in ten, that speak of something else."""
    years = {date.year for date in dates(question) if date.year}
    numbered = numbered_in(question)
    other_rows = _other_rows(question, readings)

    def is_other(reading: Reading) -> bool:
        passage, quote = reading.passage, reading.quote
        if (passage, reading.span) in other_rows:
            return True
        near = f"{passage.source.replace('_', ' ')} {passage.title} {passage.heading} {quote}"
        said = {date.year for date in dates(quote) if date.year}
        if years and said and not years & {date.year for date in dates(near)}:
            return True
        return any(
            (others := _numbers_of(word, quote)) and number not in others
            for word, number in numbered
        )

    apart = [is_other(reading) for reading in readings]
    same = [each for each, other in zip(readings, apart, strict=True) if not other]
    others = [each for each, other in zip(readings, apart, strict=True) if other]
    return [*same, *(replace(each, probability=min(0.1, each.probability)) for each in others)]


def _other_rows(question: str, readings: Sequence[Reading]) -> set[tuple[Passage, Span]]:
    """The rows of tables that lack a value by which the question tells rows apart.

    "Who supplies the paper clips?" is answered by the row that holds paper and clip; what stands
    in every row, or in the head of a column, tells none apart.
    """
    tables: dict[tuple[str, tuple[str, ...]], dict[tuple[Passage, Span], frozenset[str]]] = {}
    for reading in readings:
        keys = tuple(_KEY.findall(reading.quote))
        if len(keys) > 1:
            values = frozenset(terms(_KEY.sub(" ", reading.quote)))
            rows = tables.setdefault((reading.passage.source, keys), {})
            rows[reading.passage, reading.span] = values
    found = set()
    for (_, keys), rows in tables.items():
        asked = set(topic(question)) - set(terms(" ".join(keys)))
        held = [values & asked for values in rows.values()]
        telling = set().union(*held) - set(held[0]).intersection(*held) if len(held) > 1 else set()
        if telling:
            best = max(len(values & telling) for values in held)
            found |= {row for row, values in rows.items() if len(values & telling) < best}
    return found


def in_one_order(readings: Sequence[Reading]) -> list[Reading]:
    """The readings in their order, none less probable than one that comes after it.

    The reader ranks sentences by other weights than it gives probabilities by. Its rank tells
    better which sentence answers; that one does is at least as probable as for any single one.
    """
    least = [*accumulate((reading.probability for reading in reversed(readings)), max)]
    return [replace(each, probability=least.pop()) for each in readings]


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
