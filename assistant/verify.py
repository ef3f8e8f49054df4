"""Each statement against its exact quotes: keep it, or drop it with its citations."""

from collections.abc import Sequence
from itertools import combinations

from assistant.terms import numbers, terms
from assistant.types import Citation, Span, Statement, disagreement

# Share of words two sentences have in common when they speak of the same thing.
_SAME_MATTER = 0.6


def verify(statements: Sequence[Statement]) -> list[Statement]:
    """The statements that say nothing beyond the sentences they cite."""
    return [statement for statement in statements if is_supported(statement)]


def is_supported(statement: Statement) -> bool:
    """Whether every citation is exact and the statement is one of the quotes, word for word."""
    return all(map(is_exact, statement.citations)) and statement.text in {
        citation.quote for citation in statement.citations
    }


def is_exact(citation: Citation) -> bool:
    """Whether the quote is where it says, made of whole sentences, and holds the words marked."""
    passage = citation.passage
    starts = {span.start for span in passage.sentences}
    ends = {span.end for span in passage.sentences}
    return (
        _holds(citation, citation.words)
        and citation.start in starts
        and citation.end in ends
        and citation.source == passage.source
        and bool(citation.quote)
        and citation.quote == passage.quote(Span(citation.start, citation.end))
    )


def _holds(citation: Citation, words: Span | None) -> bool:
    return words is None or citation.start <= words.start < words.end <= citation.end


def disagreements(statements: Sequence[Statement]) -> list[str]:
    """A notice for each two sources that speak of the same thing and differ in a number."""
    return [
        disagreement(one.citations[0], other.citations[0])
        for one, other in combinations(statements, 2)
        if _disagree(one, other)
    ]


def _disagree(one: Statement, other: Statement) -> bool:
    sources = [{citation.source for citation in each.citations} for each in (one, other)]
    if sources[0] & sources[1] or numbers(one.text) == numbers(other.text):
        return False
    words = [frozenset(terms(each.text)) - numbers(each.text) for each in (one, other)]
    return len(words[0] & words[1]) >= _SAME_MATTER * len(words[0] | words[1])
