"""Who did what to whom: a name or number must stand where it stands in the quotes.

For each name of the claim it is asked how well the words around it fit those around the same name
in the quotes, and how well they would fit another. Where two exchanged would fit far better, they
were exchanged. Passives are turned round first, and names that "and" joins share their place.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations, islice

from assistant.llm.check import names
from assistant.llm.check.dates import Date, dates
from assistant.llm.check.names import root, same_name
from assistant.llm.check.numbers import Amount, amounts
from assistant.llm.check.words import STOP_WORDS, Sentence, listed
from assistant.types import Verdict


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and the best that can be said of a sentence that has it."""

    reason: str
    verdict: Verdict
    feature: str = ""
    """What it weighs in the score: "faults", "denial" or "names not held"; or nothing."""


@dataclass(frozen=True, slots=True)
class ParsedSentence:
    """A sentence, with the names, dates and numbers in it."""

    sentence: Sentence
    names: tuple[names.Name, ...]
    dates: tuple[Date, ...]
    amounts: tuple[Amount, ...]

    @property
    def is_speech(self) -> bool:
        """Whether it is of the form "Ana: I will"."""
        after = self.sentence[self.names[0].last + 1 :] if self.names else ()
        return bool(after) and self.names[0].first == 0 and after[0].text == ":"

    @classmethod
    def of(cls, sentence: Sentence, known: frozenset[str]) -> "ParsedSentence":
        """Read a sentence. `known` are words that stand somewhere without a capital."""
        found = dates(sentence)
        taken = frozenset(place for date in found for place in range(date.first, date.last + 1))
        counted = amounts(sentence, taken)
        taken |= {place for each in counted for place in range(each.first, each.last + 1)}
        named = names.names(sentence, known, taken)
        return cls(sentence, tuple(named), tuple(found), tuple(counted))


_WINDOW = 6  # words on each side
_LITTLE = 0.4  # what a word like "to" counts beside one of content
_BEYOND = 0.3  # what a word beyond a comma counts beside one before it
_SKIPPED = frozenset(("the", "a", "an", '"', "'", "“", "”", "‘", "’", "(", ")", "also", "both"))
_LIST = frozenset((",", "(", "and", "or", "&", "/", "-", "–", "the", "as", "well"))
_JOINING = frozenset(("(", "and", "or", "&", "/", "-", "–"))  # a comma alone may part clauses
_WHERE = frozenset(("in", "at", "near", "from"))
_BE = frozenset(("be", "get"))
_CLAUSE = listed(", ; : . that which who when while after before because although but and if")
_PEOPLE = re.compile(r"^\w+(?:[ie]an|ish|ese|ican|ench|erman|utch)$")  # of a place: "American"
_PARTICIPLES = listed(
    "met led won held made built bought sold paid kept sent told found known given taken written "
    "seen shown beaten driven chosen spoken drawn brought taught caught left hit set put cut read "
    "sung worn torn thrown grown run begun done overtaken struck hurt lost founded"
)

Same = Callable[[str, str], bool]
"""Whether two fillers, by their texts, are the same."""
Filler = names.Name | Date | Amount
Weighed = dict[str, float]
"""The words on one side of a place, the nearer the heavier."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A filler (a name or number), and the words on each side of it."""

    filler: str
    left: Weighed
    right: Weighed


def slots(sentence: Sentence, fillers: Sequence[Filler]) -> Iterator[Slot]:
    """The places of a sentence that the fillers stand in."""
    tokens = _tokens(sentence, fillers)
    # "B was met by A" becomes "A meet B", wherever it stands; only a passive keeps its mark.
    for place in reversed(range(len(tokens))):  # the last first, for what is before stays in place
        if tokens[place : place + 1] == [("by", False)]:
            tokens = _turned(tokens, place) or tokens
    tokens = [
        (token if place and tokens[place - 1][0] in _BE else token.rstrip("\0"), is_filler)
        for place, (token, is_filler) in enumerate(tokens)
    ]
    groups = _groups(tokens)
    for place, (token, is_filler) in enumerate(tokens):
        # Not where it only tells where the name before is: "Prescott, Arizona, is".
        is_place = place == 2 and tokens[0][1] and tokens[1] == (",", False)
        if is_filler and not is_place:
            first, last = groups.get(place, (place, place))
            before = (tokens[at][0] for at in range(first - 1, -1, -1))
            after = (tokens[at][0] for at in range(last + 1, len(tokens)))
            yield Slot(token, _reach(before), _reach(after))


Token = tuple[str, bool]


def _tokens(sentence: Sentence, fillers: Sequence[Filler]) -> list[Token]:
    starts = {filler.first: filler for filler in fillers}
    found: list[Token] = []
    after = 0
    for place, word in enumerate(sentence):
        if place >= after and place in starts:
            after = starts[place].last + 1
            found.append((starts[place].text, True))
        elif place >= after:
            is_past = word.is_word and (word.lower.endswith("ed") or word.lower in _PARTICIPLES)
            # A participle keeps a mark by which a passive is known.
            found.append((f"{word.stem}\0" if is_past else word.stem, False))
    return found


def _reach(words: Iterable[str]) -> Weighed:
    reached: Weighed = {}
    share = 1.0
    for place, word in enumerate(islice((each for each in words if each not in _SKIPPED), _WINDOW)):
        if word in (".", ";", ":", "?", "!"):
            break
        if word == ",":
            share *= _BEYOND
        little = word in STOP_WORDS or not word[:1].isalnum()
        weight = share * (_LITTLE if little else 1.0) / (1 + place) ** 0.7
        reached.setdefault(word, weight)
    return reached


def _turned(tokens: list[Token], by: int) -> list[Token] | None:
    verb = next((i for i in range(by - 1, max(-1, by - 4), -1) if tokens[i][0][-1] == "\0"), None)
    if verb is None or by + 1 >= len(tokens):
        return None
    agent = _phrase_end(tokens, by + 1)
    if not any(is_filler for _, is_filler in tokens[by + 1 : agent]):
        return None
    start = verb
    while start and not (tokens[start - 1][0] in _CLAUSE and not tokens[start - 1][1]):
        start -= 1
    subject = [each for each in tokens[start:verb] if each[0] not in _BE]
    if not subject and start and tokens[start - 1][0] in ("and", ","):
        # What a sentence begins with, up to its first filler: a second verb speaks of it too.
        end = next((place for place in range(start) if tokens[place][1]), -1)
        subject = tokens[: end + 1] if end < 4 else []
    return [*tokens[:start], *tokens[by + 1 : agent], *tokens[verb:by], *subject, *tokens[agent:]]


def _phrase_end(tokens: Sequence[Token], start: int) -> int:
    """The word after a phrase that ends with its first filler, or the list of them."""
    end = start
    while end < len(tokens) and end < start + 5 and not tokens[end][1]:
        if tokens[end][0] in _CLAUSE:
            return start
        end += 1
    is_found = end < len(tokens) and tokens[end][1]
    return _groups(tokens).get(end, (end, end))[1] + 1 if is_found else start


def _groups(tokens: Sequence[Token]) -> dict[int, tuple[int, int]]:
    """For each filler that stands in a list, where the list starts and ends."""
    found: dict[int, tuple[int, int]] = {}
    places = [place for place, (_, is_filler) in enumerate(tokens) if is_filler]
    run, joints = places[:1], set[str]()
    for place in [*places[1:], len(tokens)]:
        between = [token for token, _ in tokens[run[-1] + 1 : place]] if run else []
        if place < len(tokens) and 0 < len(between) <= 4 and _LIST.issuperset(between):
            run, joints = [*run, place], joints | set(between)
            continue
        if joints & _JOINING:
            found |= {each: (run[0], run[-1]) for each in run}
        run, joints = [place], set()
    return found


def exchanged(
    claim: Sequence[Slot], quoted: Sequence[Slot], same: Same, least: float
) -> tuple[str, str] | None:
    """Two fillers that fit the quotes better in each other's place by `least`, of 2, or more."""
    for one, other in combinations(claim, 2):
        if not same(one.filler, other.filler):
            gains = _gain(one, other.filler, quoted, same), _gain(other, one.filler, quoted, same)
            if sum(gains) > least and min(gains) > -0.1:
                return one.filler, other.filler
    return None


def replaced(
    claim: Sequence[Slot], quoted: Sequence[Slot], same: Same, least: float
) -> tuple[str, str] | None:
    """A filler, and another of the quotes that fits its place better by `least`, of 1, or more."""
    others = dict.fromkeys(slot.filler for slot in quoted if not _PEOPLE.search(slot.filler))
    for slot in claim:
        for other in others:
            better = not same(slot.filler, other) and _gain(slot, other, quoted, same) > least
            if better and not _is_within(slot, other, quoted, same):
                return slot.filler, other
    return None


def _is_within(slot: Slot, other: str, quoted: Sequence[Slot], same: Same) -> bool:
    """Whether a place is said that the other is a part of: "in the Maghreb region of Africa"."""
    return bool(_WHERE & set(list(slot.left)[:1])) and any(
        other in list(each.left)[:3] and bool({"of", *_WHERE} & set(list(each.left)[:1]))
        for each in quoted
        if same(each.filler, slot.filler)
    )


def _gain(slot: Slot, other: str, quoted: Sequence[Slot], same: Same) -> float:
    hidden = {slot.filler, other}
    own = [_fit(slot, each, hidden) for each in quoted if same(each.filler, slot.filler)]
    theirs = [_fit(slot, each, hidden) for each in quoted if same(each.filler, other)]
    return max(theirs) - max(own) if own and theirs else 0.0


def _fit(slot: Slot, quoted: Slot, hidden: set[str]) -> float:
    """The share of the words around a slot that stand around the quoted one, by nearness."""
    total = held = 0.0
    for said, heard in ((slot.left, quoted.left), (slot.right, quoted.right)):
        total += sum(said.values())
        held += sum(min(said[word], heard.get(word, 0.0)) for word in said if word not in hidden)
    return held / total if total else 0.0


# How much better two exchanged must fit (of 2), and another one in a place (of 1): chosen on the
# half of the sets for developing, where lower limits catch no more names, and higher ones fewer.
_NAMES_EXCHANGED, _NAME_REPLACED = 0.25, 0.7
_NUMBERS_EXCHANGED, _NUMBER_REPLACED = 0.12, 0.6


def find_role_swaps(claim: ParsedSentence, quotes: Sequence[ParsedSentence]) -> Iterator[Fault]:
    """Faults where a name, or a number of some unit, has the place that another has in a quote."""
    every = (claim, *quotes)
    yield from _names(every)
    for unit in dict.fromkeys([amount.unit for amount in claim.amounts] + [""]):
        yield from _numbers(every, unit)


def _names(every: Sequence[ParsedSentence]) -> Iterator[Fault]:
    # Whoever speaks where the quotes are a conversation has no place in what is said.
    speak = sum(quote.is_speech for quote in every[1:]) > 1
    own, others = _slots(
        every,
        [each.names[place > 0 and speak and each.is_speech :] for place, each in enumerate(every)],
    )
    swap = exchanged(own, others, _same, _NAMES_EXCHANGED)
    found = swap or replaced(own, others, _same, _NAME_REPLACED)
    if found:
        reason = f"says of {found[0]} what the source says of {found[1]}"
        reason += ", and the other way about" if swap else ""
        yield Fault(reason, Verdict.CONTRADICTED, "faults")


def _numbers(every: Sequence[ParsedSentence], unit: str) -> Iterator[Fault]:
    """Of the numbers of a unit; years are numbers without one."""
    years = {each.text: each.year for one in every for each in one.dates if each.year}
    meant = {each.text: each.value for one in every for each in one.amounts} | years

    def same(one: str, other: str) -> bool:
        return meant[one] == meant[other]

    counted: list[Sequence[Filler]] = [
        [each for each in one.amounts if each.unit == unit]
        + [each for each in one.dates if each.year and not unit]
        for one in every
    ]
    found = exchanged(*_slots(every, counted), same, _NUMBERS_EXCHANGED)
    for are_years in (False, True):  # a year is no number of things, nor the other way about
        some = [[each for each in one if (each.text in years) is are_years] for one in counted]
        found = found or replaced(*_slots(every, some), same, _NUMBER_REPLACED)
    if found:
        reason = f"says {found[0]} where the source says {found[1]}"
        yield Fault(reason, Verdict.CONTRADICTED, "faults")


def _slots(
    every: Sequence[ParsedSentence], fillers: Sequence[Sequence[Filler]]
) -> tuple[list[Slot], list[Slot]]:
    """The places of the fillers of the first sentence, and of all others."""
    own, *others = (slots(each.sentence, one) for each, one in zip(every, fillers, strict=True))
    return list(own), list(chain.from_iterable(others))


@lru_cache(maxsize=1 << 14)
def _same(one: str, other: str) -> bool:
    return same_name(_key(one), _key(other)) or _stands_for(one, other) or _stands_for(other, one)


def _stands_for(short: str, long: str) -> bool:
    """Whether one may be the other's initials, or those of a longer name that it is a part of."""
    initials = "".join(word[0] for word in long.split() if word[0].isupper())
    return len(initials) > 1 and short.isupper() and initials in short


def _key(text: str) -> frozenset[str]:
    words = text.casefold().split()
    return frozenset(map(root, [word for word in words if word not in names.TITLES] or words))
