"""Who speaks and who hears: sources seldom know either."""

from collections.abc import Iterator, Sequence

from assistant.check.words import Sentence, listed, stem

_SPEAKER = listed("i i'm i've i'd i'll my me myself we we're we've we'd we'll")
_SPEAKERS = _SPEAKER | listed("us our ours ourselves")
_HEARER = listed("you you're you've you'd you'll your yours yourself")
# "I know that …" says how its speaker comes to it, and no more.
_KNOWING = frozenset(map(stem, listed("know think believe guess hear read find see understand")))
_MOST_KNOWING = 4  # words to such a verb
# What you can or must do, a source may say of anyone.
_ALLOWED = listed("can could may might must should shall will would need have cannot also")


def personal(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim asks, or tells of who words it or who reads it; else "".

    That is known from quotes only in which somebody speaks of himself, or to somebody.
    """
    if claim and claim[-1].text == "?":
        return "asks, and says nothing"
    speaker = next(_persons(claim, _SPEAKER), "")
    if speaker and not _any_persons(quotes, _SPEAKERS):
        return f"says “{speaker}”, as no one in the source does"
    opening = [word.lower for word in claim[:2]]
    tells = opening[:1] == ["you"] and _ALLOWED.isdisjoint(opening)
    if tells and not _any_persons(quotes, _SPEAKERS | _HEARER):
        return "says “you”, as no one in the source does"
    return ""


def without_knowing(claim: Sentence) -> Sentence:
    """Without "I know that" before it, which tells nothing of its speaker."""
    for place, word in enumerate(claim[: 1 + _MOST_KNOWING]):
        if place and claim[0].lower in _SPEAKER and word.stem in _KNOWING:
            return claim[place + 1 :]
    return claim


def _any_persons(sentences: Sequence[Sentence], meant: frozenset[str]) -> bool:
    return any(True for sentence in sentences for _ in _persons(sentence, meant))


def _persons(sentence: Sentence, meant: frozenset[str]) -> Iterator[str]:
    """The words of a table that mean a person: not the I of World War I, of "i.e." or of I/O."""
    for place, word in enumerate(sentence):
        if word.lower in meant and not _is_name(sentence, place):
            yield word.text


def _is_name(sentence: Sentence, place: int) -> bool:
    text, after = sentence[place].text, sentence[place + 1 : place + 2]
    if text.casefold() == "i":
        numbers_what_is_before = text == "I" and place > 0 and sentence[place - 1].is_content
        return numbers_what_is_before or not (after and after[0].is_word)
    return len(text) > 1 and text.isupper()
