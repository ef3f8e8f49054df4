"""Names and numbers that stand in the place of others."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from assistant.check import names, roles
from assistant.check.alike import root
from assistant.check.alike import same as same_name
from assistant.check.said import Fault, Kind, Said
from assistant.types import Verdict

Filler = tuple[int, int, str]
"""First word, last word, and text."""
Compare = Callable[
    [Sequence[roles.Slot], Sequence[roles.Slot], Callable[[str, str], bool], float],
    tuple[str, str] | None,
]
# How much better two exchanged must fit (of 2), and another one in a place (of 1): chosen on the
# half of the sets for developing, where lower limits catch no more names, and higher ones fewer.
_NAMES_EXCHANGED, _NAME_REPLACED = 0.25, 0.7
_NUMBERS_EXCHANGED, _NUMBER_REPLACED = 0.12, 0.6


def find_misplaced(claim: Said, quotes: Sequence[Said]) -> Iterator[Fault]:
    """Faults where a name, or a number of some unit, has the place that another has in a quote."""
    yield from _names(claim, quotes)
    for unit in dict.fromkeys([amount.unit for amount in claim.amounts] + [""]):
        yield from _numbers(claim, quotes, unit)


def _names(claim: Said, quotes: Sequence[Said]) -> Iterator[Fault]:
    speak = sum(quote.is_speech for quote in quotes) > 1
    fillers = [_named(claim), *(_named(quote, speak=speak) for quote in quotes)]
    exchanged = _compared(roles.exchanged, _NAMES_EXCHANGED, (claim, *quotes), fillers, _same)
    replaced = exchanged or _compared(
        roles.replaced, _NAME_REPLACED, (claim, *quotes), fillers, _same
    )
    if replaced:
        reason = f"says of {replaced[0]} what the source says of {replaced[1]}"
        reason += ", and the other way about" if exchanged else ""
        yield Fault(Kind.ROLE, reason, Verdict.CONTRADICTED)


def _numbers(claim: Said, quotes: Sequence[Said], unit: str) -> Iterator[Fault]:
    every = (claim, *quotes)
    years = {each.text: each.year for one in every for each in one.dates if each.year}
    meant = {each.text: each.value for one in every for each in one.amounts} | years

    def same(one: str, other: str) -> bool:
        return meant[one] == meant[other]

    fillers = [_counted(each, unit) for each in every]
    found = _compared(roles.exchanged, _NUMBERS_EXCHANGED, every, fillers, same)
    for are_years in (False, True):  # a year is no number of things, nor the other way about
        some = [[each for each in one if (each[2] in years) is are_years] for one in fillers]
        found = found or _compared(roles.replaced, _NUMBER_REPLACED, every, some, same)
    if found:
        reason = f"says {found[0]} where the source says {found[1]}"
        yield Fault(Kind.NUMBER, reason, Verdict.CONTRADICTED)


def _compared(
    compare: Compare,
    least: float,
    every: Sequence[Said],
    fillers: Sequence[Sequence[Filler]],
    same: Callable[[str, str], bool],
) -> tuple[str, str] | None:
    """What is found of the first sentence by the others, by the places of the fillers of each."""
    said, *quoted = (
        roles.slots(each.sentence, own) for each, own in zip(every, fillers, strict=True)
    )
    return compare(said, [slot for slots in quoted for slot in slots], same, least)


def _named(said: Said, *, speak: bool = False) -> list[Filler]:
    """The places of its names, but of whoever speaks where the quotes are a conversation."""
    found = said.names[speak and said.is_speech :]
    return [(name.first, name.last, name.text) for name in found]


def _counted(said: Said, unit: str) -> list[Filler]:
    """The places of its numbers of a unit; years are numbers without one."""
    found = [(each.first, each.last, each.text) for each in said.amounts if each.unit == unit]
    years = [each for each in said.dates if each.year and not unit]
    return found + [(each.first, each.last, each.text) for each in years]


@lru_cache(maxsize=1 << 14)
def _same(one: str, other: str) -> bool:
    return same_name(_key(one), _key(other)) or _stands_for(one, other) or _stands_for(other, one)


def _stands_for(short: str, long: str) -> bool:
    """Whether one may be the other's initials, or those of a longer name that it is a part of."""
    initials = "".join(word[0] for word in long.split() if word[0].isupper())
    return len(initials) > 1 and short.isupper() and initials in short


def _key(text: str) -> frozenset[str]:
    own = [word for word in text.casefold().split() if word not in names.TITLES]
    return frozenset(map(root, own or text.casefold().split()))
