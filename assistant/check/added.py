"""Clauses of which no quote says a word."""

from collections.abc import Iterator, Sequence

from assistant.check.words import Sentence, listed

_OPENS = listed("and but or nor so which who where while because although though whereas since as")
_ALONE = listed("because although though whereas while ;")  # open a clause without a comma too
_LEAST = 3  # words of content of a clause that says something
HELD = 0.3
"""The least share of them that the quotes have; chosen on paraphrases by people."""


def added(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where a clause beside others says what no quote speaks of; else ""."""
    held = {word.stem for sentence in quotes for word in sentence}
    clauses = list(_clauses(claim))
    for clause in clauses if len(clauses) > 1 else ():
        said = {word.stem for word in clause if word.is_content}
        if len(said) >= _LEAST and len(said & held) < HELD * len(said):
            words = " ".join(word.text for word in clause if word.is_word)
            return f"adds “{words}”"
    return ""


def _clauses(sentence: Sentence) -> Iterator[Sentence]:
    start = 0
    for place, word in enumerate(sentence):
        after_comma = place > 0 and sentence[place - 1].text == ","
        if word.lower in _ALONE or (after_comma and word.lower in _OPENS):
            yield sentence[start:place]
            start = place
    yield sentence[start:]
