"""Who speaks and who hears: sources seldom know either."""

from collections.abc import Sequence

from assistant.check.words import Sentence, listed, stem

_SPEAKER = listed("i i'm i've i'd i'll my me myself we we're we've we'd we'll")
_SPEAKERS = _SPEAKER | listed("us our ours ourselves")
_HEARER = listed("you you're you've you'd you'll your yours yourself")
# "I'm not sure, but …" and "I know that …" say how their speaker comes to a thing, and no more.
_DOUBTING = frozenset(("i", "i'm", "we", "we're"))
_DOUBTED = frozenset(("sure", "certain", "know"))
_MOST_DOUBT = 9  # words, "but" included
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
    speaker = _person([claim], _SPEAKER)
    if speaker and not _person(quotes, _SPEAKERS):
        return f"says “{speaker}”, as no one in the source does"
    opening = [word.lower for word in claim[:2]]
    tells = opening[:1] == ["you"] and _ALLOWED.isdisjoint(opening)
    if tells and not _person(quotes, _SPEAKERS | _HEARER):
        return "says “you”, as no one in the source does"
    return ""


def without_doubt(claim: Sentence) -> Sentence:
    """Without "I'm not sure, but" before it, which denies nothing."""
    opening = [word.lower for word in claim[:_MOST_DOUBT]]
    doubt = opening[: opening.index("but")] if "but" in opening else []
    is_doubt = not (_DOUBTING.isdisjoint(doubt[:1]) or _DOUBTED.isdisjoint(doubt))
    return claim[len(doubt) + 1 :] if is_doubt else claim


def without_knowing(claim: Sentence) -> Sentence:
    """Without "I know that" before it, which tells nothing of its speaker."""
    is_own = bool(claim) and claim[0].lower in _SPEAKER
    for place, word in enumerate(claim[1 : 1 + _MOST_KNOWING] if is_own else (), start=1):
        if word.stem in _KNOWING:
            return claim[place + 1 :]
    return claim


def _person(sentences: Sequence[Sentence], meant: frozenset[str]) -> str:
    """The first word of a table that means a person: not the I of World War I, or of "i.e."."""
    found = (
        word.text
        for sentence in sentences
        for place, word in enumerate(sentence)
        if word.lower in meant and not _is_name(sentence, place)
    )
    return next(found, "")


def _is_name(sentence: Sentence, place: int) -> bool:
    text, after = sentence[place].text, sentence[place + 1 : place + 2]
    if text.casefold() == "i":
        numbers_what_is_before = text == "I" and place > 0 and sentence[place - 1].is_content
        return numbers_what_is_before or not (after and after[0].is_word)
    return len(text) > 1 and text.isupper()
