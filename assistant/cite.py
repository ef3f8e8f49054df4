"""Readings → statements with citations. Code makes every quote and every offset."""

from collections.abc import Mapping, Sequence

from assistant.text import terms
from assistant.types import Citation, Reading, Statement


def cite(readings: Sequence[Reading], hashes: Mapping[str, str]) -> list[Statement]:
    """A statement for each sentence, in order; the same words found twice are one statement.

    `hashes` gives the sha256 of each source's bytes.
    """
    groups: dict[tuple[str, ...], list[Citation]] = {}
    probability: dict[tuple[str, ...], float] = {}
    for reading in readings:
        citation = citation_of(reading, hashes)
        said = tuple(terms(citation.quote))
        groups.setdefault(said, []).append(citation)
        probability[said] = max(probability.get(said, 0.0), reading.probability)
    return [
        Statement(group[0].quote, tuple(group), probability=probability[said])
        for said, group in groups.items()
    ]


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
