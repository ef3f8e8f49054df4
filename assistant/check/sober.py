"""A written sentence → whether anything stands out in it: a link, markup, a name."""

import re
from collections.abc import Sequence

from assistant.check.alike import root
from assistant.terms import singular

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


def is_sober(said: str, quotes: Sequence[str]) -> bool:
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
    return root(singular(word).casefold())


def _joined(text: str) -> str:
    """With U.K. as UK."""
    return _INITIALS.sub(lambda found: found[0].replace(".", ""), text)
