"""Each statement against its exact quotes: keep it, or drop it with its citations."""

import re
from collections.abc import Sequence
from itertools import combinations

from assistant.terms import numbers, singular, terms
from assistant.types import Citation, Span, Statement, disagreement

# Share of words two sentences have in common when they speak of the same thing.
_SAME_MATTER = 0.6
# What leads out of the page or acts on it: addresses, links, tags.
_FOREIGN = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+|\b(?:javascript|data|mailto|file|vbscript|tel):\S+|\S+@\S+"
    r"|\b[\w-]{2,}(?:\.[\w-]{2,})*\.[a-z]{2,}\b(?:[/?#]\S*)?|</?[a-z!][^>]*>?|\]\(|!\[",
    re.IGNORECASE,
)
_LEAST_WORDS = 3  # of a sentence: an order to say a word is a document's too
_MARKUP = frozenset("<>[]{}［］【】|\\^~`*_#…")
_OWNER = re.compile(r"['’]s\b")
_INITIALS = re.compile(r"\b(?:[A-Z]\.){2,}")
_WORD = re.compile(r"[^\W\d_]+")
# A word with a capital, but for the first letter of the sentence.
_CAPITAL = re.compile(r"(?!^)\b[^\W\d_]*[A-ZА-ЯЁ][^\W\d_]*|^[^\W\d_]+?[A-ZА-ЯЁ][^\W\d_]*")


def verify(statements: Sequence[Statement]) -> list[Statement]:
    """The statements that say nothing beyond the sentences they cite."""
    return [statement for statement in statements if is_supported(statement)]


def is_supported(statement: Statement) -> bool:
    """Whether every citation is exact and the statement is one of the quotes, word for word."""
    return all(map(is_exact, statement.citations)) and statement.text in {
        citation.quote for citation in statement.citations
    }


def is_sober(statement: Statement) -> bool:
    """Whether every citation is exact, and nothing stands out from their quotes."""
    quotes = [citation.quote for citation in statement.citations]
    return all(map(is_exact, statement.citations)) and is_plain(statement.text, quotes)


def is_plain(said: str, quotes: Sequence[str]) -> bool:
    """Whether it is a sentence in which nothing stands out.

    No address or link, whoever wrote it first; no name or character of markup but a quote's. One
    CNN of several CNNs has its name from them, and the U.K. from the British.
    """
    quoted = " ".join(" ".join(quote.split()) for quote in quotes)
    words = {_name(word) for word in _WORD.findall(_joined(_OWNER.sub("", quoted)))}
    names = {_name(found[0]) for found in _CAPITAL.finditer(_joined(said))}
    return (
        said.isprintable()
        and {*said} & _MARKUP <= {*quoted}
        and len(said.split()) >= _LEAST_WORDS
        and not _FOREIGN.search(said)
        and names <= words
    )


def _name(word: str) -> str:
    """What a word is compared by: the U.K. is the British."""
    from assistant.check.alike import root  # only where a model words the answer

    return root(singular(word).casefold())


def _joined(text: str) -> str:
    """With U.K. as UK."""
    return _INITIALS.sub(lambda found: found[0].replace(".", ""), text)


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
