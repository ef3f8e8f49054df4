"""What is wrong with a sentence by its quotes, in words for people."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from assistant.check import denial, manner, names
from assistant.check.amounts import Amount
from assistant.check.dates import Date
from assistant.check.held import comparable, holds, nearest
from assistant.check.misplaced import find_misplaced
from assistant.check.said import Fault, Kind, Said
from assistant.check.words import Sentence
from assistant.types import Verdict

_EXACTLY = frozenset(("only", "just", "exactly", "than", "least", "most", "no"))
_BESIDE = 4  # words between a number and the first of the names that it counts
_MOST_COUNTED = 12


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
        yield from find_misplaced(one, said)
        for kind, verdict, reason in (
            (Kind.DENIAL, Verdict.CONTRADICTED, denial.unlike(sentence, quotes)),
            (Kind.SURENESS, Verdict.PARTLY, manner.surer(sentence, quotes)),
            (Kind.SPEAKER, Verdict.PARTLY, manner.unattributed(sentence, quotes)),
        ):
            if reason:
                yield Fault(kind, reason, verdict)


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
    one, none = Fraction(1), frozenset[str]()
    return Amount(date.text, date.year * one, "", none, none, "", date.first, date.last, one)


def _is_held(said: Amount, held: Sequence[Amount], claim: Said, quotes: Sequence[Said]) -> bool:
    beside = frozenset(each.value for each in claim.amounts)
    of_these = [each for each in held if said.things & each.things]
    for each in held:
        quoted = comparable(said, each)
        is_of_these = each in of_these or not each.things or said.things & each.beside
        if holds(said, quoted, beside) and (not of_these or is_of_these):
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
