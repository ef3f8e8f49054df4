"""A question as typed, and what was asked before → a question that can be searched for alone."""

import re
from collections.abc import Sequence

from assistant.errors import QuestionRefused
from assistant.terms import topic, visible

MOST_CHARACTERS = 4_000
"""A longer question is refused."""

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")
_CHAIN = 2  # questions before this one that may be joined with it
# A question with more words of its own means those by "it" or "their".
_OWN = 3
_EARLIER = 300  # characters of each
_SYMBOLS = 0x2100  # symbols from here on, such as emoji, may be all that is asked
# Words that point back to something said before.
_BACK = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|hers|that|those|there|then|one|ones|same|"
    r"он|она|оно|они|его|её|ее|их|это|этот|эта|эти|там)\b|它|他们|她|他|那",
    re.IGNORECASE,
)
_CONTINUES = re.compile(r"^\W*(?:and|but|or|so|also|what about|how about|а|и|но)\b", re.IGNORECASE)


def clean(question: str) -> str:
    """The question without control characters and needless space.

    Raises `TypeError` for anything but text, `QuestionRefused` where there is nothing to ask or
    more than `MOST_CHARACTERS`.
    """
    if not isinstance(question, str):
        raise TypeError(f"A question is text, not {type(question).__name__}.")
    if len(question) > MOST_CHARACTERS:
        raise QuestionRefused(
            f"The question has {len(question):,} characters; at most {MOST_CHARACTERS:,} are read."
        )
    plain = visible(_CONTROL.sub(" ", question)).encode(errors="replace").decode()
    plain = " ".join(plain.split())
    if not any(character.isalnum() or ord(character) >= _SYMBOLS for character in plain):
        raise QuestionRefused("Ask something that the documents might say.")
    return plain


def rephrase(question: str, history: Sequence[str]) -> str:
    """The question, after those it leans on; as it is where it stands alone.

    `history` are the questions before it, oldest first.
    """
    chain = [question]
    for earlier in reversed(history[-_CHAIN:]):
        if not _leans_back(chain[0]):
            break
        chain.insert(0, earlier.strip()[:_EARLIER])
    return " ".join(chain)


def _leans_back(question: str) -> bool:
    if _CONTINUES.search(question):
        return True
    own = len(topic(question))
    return not own or (own <= _OWN and bool(_BACK.search(question)))
