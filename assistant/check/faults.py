"""What is wrong with a sentence by its quotes, in words for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from assistant.check import denial, manner, names, roles
from assistant.check.amounts import Amount, amounts, comparable, holds, nearest
from assistant.check.dates import Date, dates
from assistant.check.words import Sentence
from assistant.types import Verdict


_EXACTLY = frozenset(("only", "just", "exactly", "than", "least", "most", "no"))
_BESIDE = 4  # words between a number and the first of the names that it counts
_MOST_COUNTED = 12


class Kind(StrEnum):
    """What a fault is about."""

    NUMBER = "number"
    DATE = "date"
    NAME = "name"
    ROLE = "role"
    DENIAL = "denial"
    SURENESS = "sureness"
    SPEAKER = "speaker"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and the best that can be said of a sentence that has it."""

    kind: Kind
    reason: str
    verdict: Verdict


def find_faults(
    claim: Sequence[Sentence], quotes: Sequence[Sentence], around: Sequence[Sentence]
) -> Iterator[Fault]:
    """The faults of the sentences of a claim. Names may also stand in what is `around`."""
    known = names.uncapitalised(quotes)
    said = [Said.of(sentence, known) for sentence in quotes]
    for sentence in claim:
        one = Said.of(sentence, known)
        yield from _dates(one, said)
        yield from _amounts(one, said)
        yield from _names(one, [*quotes, *around])
        yield from _roles(one, said)
        for kind, verdict, reason in (
            (Kind.DENIAL, Verdict.CONTRADICTED, denial.unlike(sentence, quotes)),
            (Kind.SURENESS, Verdict.PARTLY, manner.surer(sentence, quotes)),
            (Kind.SPEAKER, Verdict.PARTLY, manner.unattributed(sentence, quotes)),
        ):
            if reason:
                yield Fault(kind, reason, verdict)


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence, with the names, dates and numbers in it."""

    sentence: Sentence
    names: tuple[names.Name, ...]
    dates: tuple[Date, ...]
    amounts: tuple[Amount, ...]

    @property
    def is_speech(self) -> bool:
        """Whether it is of the form "Ana: I will"."""
        first = self.names[0] if self.names else None
        after = self.sentence[first.last + 1 :] if first and not first.first else ()
        return bool(after) and after[0].text == ":"

    @classmethod
    def of(cls, sentence: Sentence, known: frozenset[str]) -> "Said":
        """Read a sentence. `known` are words that stand somewhere without a capital."""
        found = dates(sentence)
        taken = frozenset(place for date in found for place in range(date.first, date.last + 1))
        counted = amounts(sentence, taken)
        taken |= {place for each in counted for place in range(each.first, each.last + 1)}
        named = names.names(sentence, known, taken)
        return cls(sentence, tuple(named), tuple(found), tuple(counted))


def _dates(claim: Said, quotes: Sequence[Said]) -> Iterator[Fault]:
    held = [date for quote in quotes for date in quote.dates]
    values = {amount.value for quote in quotes for amount in quote.amounts if not amount.unit}
    for date in claim.dates:
        bare = date.year and not date.month and date.span == 1
        if any(date.covers(each) for each in held) or (bare and date.year in values):
            continue
        other = [each for each in held if bool(each.words) == bool(date.words)]
        if len(other) == 1 and not other[0].covers(date):
            reason = f"says {date.text} where the source says {other[0].text}"
            yield Fault(Kind.DATE, reason, Verdict.CONTRADICTED)
        else:
            yield Fault(Kind.DATE, f"{date.text} is not in the source", Verdict.NOT_SUPPORTED)


def _amounts(claim: Said, quotes: Sequence[Said]) -> Iterator[Fault]:
    held = [amount for quote in quotes for amount in quote.amounts]
    held += [
        _of_year(date) for quote in quotes for date in quote.dates if date.year and not date.month
    ]
    for amount in claim.amounts:
        if _is_held(amount, held, claim, quotes):
            continue
        other = nearest(amount, held)
        if other and not other.same(amount):
            reason = f"says {amount.text} where the source says {other.text}"
            yield Fault(Kind.NUMBER, reason, Verdict.CONTRADICTED)
        elif other and other.unit == amount.unit:
            reason = f"says {_bounded(amount)} where the source says {_bounded(other)}"
            yield Fault(Kind.NUMBER, reason, Verdict.CONTRADICTED)
        else:
            reason = f"{amount.text} is not in the source"
            yield Fault(Kind.NUMBER, reason, Verdict.NOT_SUPPORTED)


def _bounded(amount: Amount) -> str:
    return f"{amount.bound} {amount.text}".strip()


def _of_year(date: Date) -> Amount:
    one = Fraction(1)
    return Amount(date.text, date.year * one, "", frozenset(), "", date.first, date.last, one)


def _is_held(said: Amount, held: Sequence[Amount], claim: Said, quotes: Sequence[Said]) -> bool:
    beside = frozenset(each.value for each in claim.amounts)
    of_these = [each for each in held if said.things & each.things]
    for each in held:
        quoted = comparable(said, each)
        if holds(said, quoted, beside) and (not of_these or each in of_these or not each.things):
            return True
    return (_is_article(said, claim) and not of_these) or _is_count(said, claim)


def _is_article(said: Amount, claim: Said) -> bool:
    """Whether "one" counts no more than "a" would."""
    before = claim.sentence[said.first - 1].lower if said.first else ""
    return said.text.casefold() == "one" and before not in _EXACTLY


def _is_count(said: Amount, claim: Said) -> bool:
    """Whether it counts names that stand beside it: "Two friends, Ana and Li, meet"."""
    after = [name for name in claim.names if 0 < name.first - said.last <= _BESIDE]
    if not after or not said.things or not 1 < said.value <= _MOST_COUNTED:
        return False
    counted = names.in_list(claim.sentence, claim.names, after[0])
    return len(counted) == said.value


def _names(claim: Said, quotes: Sequence[Sentence]) -> Iterator[Fault]:
    for name in claim.names:
        lacking = names.missing(name, quotes)
        if lacking:
            reason = f"{' '.join(lacking)} is not in the source"
            yield Fault(Kind.NAME, reason, Verdict.NOT_SUPPORTED)
        elif not names.is_joined(name, quotes):
            reason = f"no one in the source is called {name.text}"
            yield Fault(Kind.NAME, reason, Verdict.NOT_SUPPORTED)


def _roles(claim: Said, quotes: Sequence[Said]) -> Iterator[Fault]:
    said = roles.slots(claim.sentence, _named(claim))
    speak = sum(quote.is_speech for quote in quotes) > 1
    quoted = [
        slot
        for quote in quotes
        for slot in roles.slots(quote.sentence, _named(quote, speak=speak))
    ]
    found = roles.exchanged(said, quoted, _same)
    if found:
        reason = f"says of {found[0]} what the source says of {found[1]}, and the other way about"
        yield Fault(Kind.ROLE, reason, Verdict.CONTRADICTED)
        return
    other = roles.replaced(said, quoted, _same)
    if other:
        reason = f"says of {other[0]} what the source says of {other[1]}"
        yield Fault(Kind.ROLE, reason, Verdict.CONTRADICTED)
    for unit in dict.fromkeys([amount.unit for amount in claim.amounts] + [""]):
        yield from _misplaced(claim, quotes, unit)


def _misplaced(claim: Said, quotes: Sequence[Said], unit: str) -> Iterator[Fault]:
    """A fault where a number stands in the place of another one of its unit."""
    meant: dict[str, object] = {
        each.text: each.value for one in (claim, *quotes) for each in one.amounts
    }
    meant |= {each.text: each.year for one in (claim, *quotes) for each in one.dates}
    said = roles.slots(claim.sentence, _counted(claim, unit))
    quoted = [
        slot for quote in quotes for slot in roles.slots(quote.sentence, _counted(quote, unit))
    ]

    def same(one: str, other: str) -> bool:
        return meant[one] == meant[other]

    found = roles.exchanged(said, quoted, same) or roles.replaced(said, quoted, same)
    if found:
        reason = f"says {found[0]} where the source says {found[1]}"
        yield Fault(Kind.NUMBER, reason, Verdict.CONTRADICTED)


def _named(said: Said, *, speak: bool = False) -> list[tuple[int, int, str]]:
    """The places of its names, but of whoever speaks where the quotes are a conversation."""
    found = said.names[speak and said.is_speech :]
    return [(name.first, name.last, name.text) for name in found]


def _counted(said: Said, unit: str) -> list[tuple[int, int, str]]:
    """The places of its numbers of a unit; years are numbers without one."""
    found = [(each.first, each.last, each.text) for each in said.amounts if each.unit == unit]
    years = [each for each in said.dates if each.year and not unit]
    return found + [(each.first, each.last, each.text) for each in years]


@lru_cache(maxsize=1 << 14)
def _same(one: str, other: str) -> bool:
    return names.same(_key(one), _key(other)) or _stands_for(one, other) or _stands_for(other, one)


def _stands_for(short: str, long: str) -> bool:
    """Whether one may be the other's initials, or those of a longer name that it is a part of."""
    initials = "".join(word[0] for word in long.split() if word[0].isupper())
    return len(initials) > 1 and short.isupper() and initials in short


def _key(text: str) -> frozenset[str]:
    own = [word for word in text.casefold().split() if word not in names.TITLES]
    return frozenset(map(names.root, own or text.casefold().split()))
