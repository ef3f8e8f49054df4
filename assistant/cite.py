"""Readings → statements with citations. Code makes every quote and every offset."""

from collections.abc import Mapping, Sequence
from unicodedata import normalize

from assistant.text import visible
from assistant.types import Citation, Reading, Statement

_QUOTE_MARKS = str.maketrans("‘’‛“”„«»", "'''" + '"' * 5)


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
