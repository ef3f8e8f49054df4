"""Readings → statements with citations. Code makes every quote and every offset."""

from collections.abc import Mapping, Sequence

from assistant.terms import terms
from assistant.types import Citation, Passage, Span, Statement

Found = tuple[Passage, Span]


def cite(found: Sequence[Found], hashes: Mapping[str, str]) -> list[Statement]:
    """A statement for each sentence, in order; the same words found twice are one statement.

    `hashes` gives the sha256 of each source's bytes.
    """
    groups: dict[tuple[str, ...], list[Citation]] = {}
    for passage, span in found:
        citation = Citation(
            source=passage.source,
            sha256=hashes[passage.source],
            start=span.start,
            end=span.end,
            quote=passage.quote(span),
            passage=passage,
        )
        groups.setdefault(tuple(terms(citation.quote)), []).append(citation)
    return [Statement(group[0].quote, tuple(group)) for group in groups.values()]
