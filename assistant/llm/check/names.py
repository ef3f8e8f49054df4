"""Names: each one of a sentence must be in the quotes.

Some names are one: a place and its people, a person and several, a whole and its part.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from assistant.llm.check.words import STOP_WORDS, Sentence, Word, listed

# Names of one place or its people that no ending tells; the first is what they are compared by.
_PLACE_NAMES = (
    "usa us american america americans, uk british britain britons, france french frenchman, "
    "netherlands dutch holland, spain spanish spaniard spaniards, switzerland swiss, "
    "germany german germans, greece greek greeks, denmark danish dane danes, "
    "poland polish pole poles, turkey turkish türkiye turk turks, sweden swedish swede swedes, "
    "finland finnish finn finns, ireland irish, scotland scottish scot scots, wales welsh, "
    "england english englishman, thailand thai thais, philippines filipino philippine filipinos, "
    "norway norwegian, peru peruvian, cyprus cypriot, iceland icelandic, "
    "europe european europeans, belgium belgian belgians, portugal portuguese, china chinese, "
    "ukraine ukrainian, argentina argentine argentinian, kazakhstan kazakh, afghanistan afghan, "
    "pakistan pakistani, iraq iraqi, israel israeli, niger nigerien, czechia czech, "
    "lebanon lebanese"
)
_SAME = {form: each.split()[0] for each in _PLACE_NAMES.split(", ") for form in each.split()}
_SAME["nyc"] = "new york"
_PEOPLE = ("ians", "ian", "eans", "ean", "ans", "an", "ns", "n", "ese", "ish", "ic", "is", "i")
_PERSON = ("an", "er", "ist", "crat", "im")
_PLACES = ("", "a", "ia", "e", "es", "o", "y", "us", "land")


def root(word: str) -> str:
    """The same for a country and its people, where a table tells."""
    return _SAME.get(word, word)


@lru_cache(maxsize=1 << 14)
def same_word(one: str, other: str) -> bool:
    """Whether two words are one name: the same, or a place and its people."""
    one, other = root(one), root(other)
    short, long = sorted((one, other), key=len)
    is_plural = short.endswith(_PERSON) and long == f"{short}s"  # a Belarusian, Belarusians
    return one == other or is_plural or _of(one, other) or _of(other, one)


def _of(people: str, place: str) -> bool:
    stems = {people.removesuffix(ending) for ending in _PEOPLE} - {people}
    return any(
        len(stem) > 2 and place.startswith(stem) and place[len(stem) :] in _PLACES for stem in stems
    )


def same_name(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one is the other, or a part of it: "Li" is "Li Qiang"."""
    small, large = sorted((one, other), key=len)
    return all(any(same_word(word, each) for each in large) for word in small)


TITLES = listed(
    "president premier prime minister chancellor senator governor secretary general king queen "
    "prince princess pope mayor judge justice professor doctor chairman chairwoman director "
    "chief mr mrs ms dr sir lord lady saint st captain colonel ambassador"
)
_JOINING = listed("of the and for de la le du da van von der den di el al bin ibn")
_WITHIN = _JOINING - {"and", "the", "for"} | {"."}
_OPENERS = listed(
    "however moreover furthermore additionally meanwhile overall finally although though despite "
    "according yes many several another part like opposite instead therefore thus hence besides "
    "later earlier now today yesterday tomorrow never always often sometimes perhaps maybe after "
    "before across along around still yet even every everyone people let one two three four five "
    "six seven eight nine ten half much few little last next first second third whether either "
    "neither nor nearly almost based given together further nevertheless nonetheless regardless "
    "otherwise elsewhere meantime whereas unless amid throughout due thanks please note "
    "everything something anything nothing someone anyone nobody everybody upon through rather "
    "former past prior previous current recent modern present initial subsequent additional "
    "various numerous multiple certain similar different special specific particular main major "
    "minor key notable prominent famous popular common typical usual significant important large "
    "larger small smaller high higher low lower long short early late new old young free full "
    "whole top local regional national public private official personal professional political "
    "economic social cultural religious military scientific historical traditional original "
    "annual average total primary single double hundreds thousands millions billions dozens "
    "twenty members friends employees workers students teachers children parents women men "
    "individuals users players fans critics supporters opponents residents citizens scientists "
    "researchers scholars historians experts officials studies reports results sources data "
    "evidence history soon indeed likewise thereafter afterwards nowadays worldwide aside apart "
    "except beyond below above inside outside near towards toward alongside whilst whatever "
    "compared located born"
)
_PLURAL = re.compile(r"[^aious]s$")  # Paris, Texas and Columbus are none
_COMMON_ENDINGS = ("ly", "ing", "tion", "tions", "ment", "ments", "ness", "ities", "ists", "ors")
_CALENDAR = listed(
    "january february march april may june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday jan feb mar apr jun jul aug sep sept "
    "oct nov dec i i'm i've i'd i'll ok"
)


@dataclass(frozen=True, slots=True)
class Name:
    """A run of capitalised words, such as "Premier Li Qiang"."""

    words: tuple[Word, ...]
    first: int
    last: int
    """Its words in the sentence, the last one included."""

    @property
    def text(self) -> str:
        """As it stands in the text."""
        return " ".join(word.text for word in self.words)


def is_name(sentence: Sentence, place: int, known: frozenset[str]) -> bool:
    """Whether a word is one of a name. `known` are words that stand somewhere without a capital."""
    word = sentence[place]
    if not word.is_word or not word.text[0].isupper() or word.lower in _CALENDAR:
        return False
    if word.text.isupper() and len(word.text) > 1:
        return word.lower not in STOP_WORDS or word.text in ("US", "IT", "WHO")
    before = [each for each in sentence[max(0, place - 2) : place] if each.text not in "\"'“”‘’(*"]
    # No capital is due here anyhow.
    if before and not (before[-1].text in ".:!?•–—-" and len(before[-1].text) == 1):
        return word.lower not in STOP_WORDS
    if word.lower in STOP_WORDS | _OPENERS | known:
        return False
    follows = sentence[place + 1] if place + 1 < len(sentence) else None
    if follows and follows.is_word and follows.text[0].isupper() and follows.lower not in _CALENDAR:
        return True
    return not (word.lower.endswith(_COMMON_ENDINGS) or _is_many(sentence, place))


def _is_many(sentence: Sentence, place: int) -> bool:
    """Whether a word is the plural that a verb agrees with: "Shares in the firm have fallen"."""
    after = [word.lower for word in sentence[place + 1 : place + 9]]
    if (
        not after
        or after[0] in ("and", "or", "&", ",")
        or not _PLURAL.search(sentence[place].lower)
    ):
        return False
    verbs = (word for word in after if word in ("are", "were", "have", "is", "was", "has"))
    return next(verbs, "") in ("are", "were", "have")


def names(sentence: Sentence, known: frozenset[str], taken: frozenset[int]) -> list[Name]:
    """The names of a sentence, in order, without the words `taken` for dates and numbers."""
    runs: list[list[int]] = []
    for place in range(len(sentence)):
        if place not in taken and is_name(sentence, place, known):
            between = [word.lower for word in sentence[runs[-1][-1] + 1 : place]] if runs else []
            if runs and len(between) <= 2 and _WITHIN.issuperset(between):
                runs[-1].append(place)
            else:
                runs.append([place])
    return [Name(tuple(sentence[each] for each in run), run[0], run[-1]) for run in runs]


def in_list(sentence: Sentence, found: Sequence[Name], first: Name) -> list[Name]:
    """The name and those that follow it in a list: "Ana, Bo and Li"."""
    run = [first]
    for name in found:
        between = {word.lower for word in sentence[run[-1].last + 1 : name.first]}
        if name.first > run[-1].last and between and between <= {",", "and", "&"}:
            run.append(name)
    return run


def unknown(name: Name, quotes: Sequence[Sentence]) -> str:
    """A reason where the quotes have no such name; else "".

    They have its words, or its initials, or what a word is initials of. The words stand together
    in a quote too, for no one is made of two; but an owner and what it owns are two: "the European
    Union's Commission".
    """
    every = {word.lower for sentence in quotes for word in sentence if word.is_word}
    held = [word for word in name.words if any(same_word(word.lower, each) for each in every)]
    if len(held) < len(name.words) and (lacking := _without_initials(name, held, quotes)):
        return f"{' '.join(lacking)} is not in the source"
    own = [word for word in held if word.lower not in _JOINING]
    is_joined = all(
        one.text.endswith(("'s", "’s"))
        or any(_together(one.lower, other.lower, sentence) for sentence in quotes)
        for one, other in pairwise(own)
    )
    return "" if is_joined else f"no one in the source is called {name.text}"


def _without_initials(name: Name, held: Sequence[Word], quotes: Sequence[Sentence]) -> list[str]:
    """The words of a name that are not held, nor their initials, nor what they are initials of."""
    capitals = [
        [each.text for each in one if each.is_word and each.text[0].isupper()] for one in quotes
    ]
    initials = "".join(word.text[0] for word in name.words if word.lower not in _JOINING)
    if len(initials) > 2 and any(initials in one for one in capitals):
        return []
    runs = ["".join(each[0] for each in one if len(each) > 1) for one in capitals]
    lacking = [word.text for word in name.words if word not in held]
    return [
        word
        for word in lacking
        if not (word.isupper() and len(word) > 1 and any(word in run for run in runs))
    ]


def _together(one: str, other: str, sentence: Sentence) -> bool:
    """Whether they stand in this order, or the other way about as in "Li, the premier of China"."""
    places = [place for place, word in enumerate(sentence) if same_word(word.lower, one)]
    others = [place for place, word in enumerate(sentence) if same_word(word.lower, other)]
    for a in places:
        for b in others:
            between = [word.lower for word in sentence[min(a, b) + 1 : max(a, b)][:9]]
            if b < a:
                is_close = len(between) <= 4 and bool({",", "of", "the", "'"} & set(between))
            else:
                is_close = len(between) <= 5 and sum(word.isalpha() for word in between) <= 2
            if is_close and "and" not in between:
                return True
    return False
