"""What is wrong with a sentence by its quotes, in words for people.

A number must be that of a quote, or that rounded and called so; no clause may be of what no quote
speaks of.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from assistant.llm.check import hedging, names
from assistant.llm.check.numbers import Amount
from assistant.llm.check.roles import Fault, ParsedSentence, find_role_swaps
from assistant.llm.check.words import Sentence, content, listed, lower_at, opposite
from assistant.types import Verdict

_PER_CENT = {("%", "share"): Fraction(100), ("share", "%"): Fraction(1, 100)}


def matches(said: Amount, quoted: Amount, beside: frozenset[Fraction]) -> bool:
    """Whether the quoted number says what is said: the same one, or rounded and said to be.

    Half is 50 %. One end of a range needs the other end `beside` it, or to be said to be a bound.
    """
    if times := _PER_CENT.get((said.unit, quoted.unit)):
        quoted = replace(quoted, value=quoted.value * times, unit=said.unit)
    is_share = {said.unit, quoted.unit} <= {"share", "times", ""} and said.value < 1
    is_end = quoted.other is not None and quoted.other not in beside
    if (said.unit != quoted.unit and not is_share) or (is_end and not said.bound):
        return False
    if said.value == quoted.value:
        return {said.bound, quoted.bound} != {"over", "under"}
    return bool(said.bound) and _is_rounded(said, quoted)


def _is_rounded(said: Amount, quoted: Amount) -> bool:
    """Whether it is the quoted number to fewer digits, on the side it is said to be."""
    value, source = abs(said.value) / said.size, abs(quoted.value) / said.size
    digits, power = _digits(value)
    if said.value * quoted.value <= 0 or len(digits) >= len(_digits(source)[0]):
        return False
    # What the last of its digits that is not zero counts: 0.1 of 8.4, 100 of 8,400.
    step = Fraction(10) ** (power + 1 - len(digits))
    if abs(value - source) >= step or abs(value - source) > source / 10:
        return False
    if said.bound == "about":
        return 2 * abs(value - source) <= step
    return value < source if said.bound == "over" else value > source


def _digits(value: Fraction) -> tuple[str, int]:
    """Its first digits up to zeros at their end, and the power of ten that the first counts."""
    exactly = Decimal(abs(value.numerator)) / value.denominator
    mantissa, power = f"{exactly:.11e}".split("e")
    return mantissa.replace(".", "").rstrip("0"), int(power)


def nearest(said: Amount, quoted: Sequence[Amount]) -> Amount | None:
    """The quoted number that most likely stands where this one is said; none where none does."""
    alike = [each for each in quoted if each.unit == said.unit]
    scaled = [each for each in alike if _digits(each.value)[0] == _digits(said.value)[0]]
    pool = scaled or [each for each in alike if each.unit or each.things & said.things]
    return min(pool, key=lambda each: abs(each.value - said.value), default=None)


_OPENS = listed("and but or nor so which who where while because although though whereas since as")
_ALONE = listed("because although though whereas while ;")  # open a clause without a comma too
_LEAST = 3  # words of content of a clause that says something
_SHARE = 0.3  # the least share of them that the quotes have; chosen on paraphrases by people


def unsupported_clause(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where a clause beside others says what no quote speaks of; else ""."""
    held = {word.stem for sentence in quotes for word in sentence}
    opens = [
        place
        for place, word in enumerate(claim)
        if word.lower in _ALONE or (word.lower in _OPENS and lower_at(claim, place - 1) == ",")
    ]
    for start, end in pairwise([0, *opens, len(claim)]) if opens else ():
        said = {word.stem for word in claim[start:end] if word.is_content}
        if len(said) >= _LEAST and len(said & held) < _SHARE * len(said):
            words = " ".join(word.text for word in claim[start:end] if word.is_word)
            return f"adds “{words}”"
    return ""


_EXACTLY = frozenset(("only", "just", "exactly", "than", "least", "most", "no"))
_LEADS = frozenset((":", "namely", "are", "were", "include", "includes", "including", "being"))


def find_faults(claim: Sequence[Sentence], quotes: Sequence[Sentence]) -> Iterator[Fault]:
    """The faults of the sentences of a claim."""
    known = frozenset(word.lower for one in quotes for word in one if word.text[0].islower())
    said = [ParsedSentence.of(sentence, known) for sentence in quotes]
    for sentence in claim:
        one = ParsedSentence.of(sentence, known)
        sure = hedging.without_doubt(sentence)
        told = hedging.without_knowing(sure)
        yield from _dates(one, said)
        yield from _amounts(one, said)
        for name in one.names:
            if reason := names.unknown(name, quotes):
                yield Fault(reason, Verdict.NOT_SUPPORTED, "names not held")
        yield from _repeated(one, said)
        yield from find_role_swaps(one, said)
        if reason := opposite(sure, quotes):
            yield Fault(reason, Verdict.CONTRADICTED, "denial")
        for reason in (
            hedging.overstated(sentence, quotes),
            hedging.unattributed(told, quotes),
            hedging.pronouns(told, quotes),
            unsupported_clause(sentence, quotes),
        ):
            if reason:
                yield Fault(reason, Verdict.PARTLY)


def _dates(claim: ParsedSentence, quotes: Sequence[ParsedSentence]) -> Iterator[Fault]:
    held = [date for quote in quotes for date in quote.dates]
    values = {amount.value for quote in quotes for amount in quote.amounts if not amount.unit}
    for date in claim.dates:
        bare = date.year and not date.month and date.span == 1
        if any(date.covers(each) for each in held) or (bare and date.year in values):
            continue
        other = [each for each in held if bool(each.words) == bool(date.words)]
        if len(other) == 1 and not other[0].covers(date):
            reason = f"says {date.text} where the source says {other[0].text}"
            yield Fault(reason, Verdict.CONTRADICTED, "faults")
        else:
            yield Fault(f"{date.text} is not in the source", Verdict.NOT_SUPPORTED, "faults")


def _amounts(claim: ParsedSentence, quotes: Sequence[ParsedSentence]) -> Iterator[Fault]:
    heard = [(quote.sentence, each) for quote in quotes for each in _numbers(quote)]
    for amount in claim.amounts:
        if _is_held(amount, heard, claim):
            continue
        other = nearest(amount, [each for _, each in heard])
        if other is None:
            yield Fault(f"{amount.text} is not in the source", Verdict.NOT_SUPPORTED, "faults")
            continue
        claimed, quoted = amount.text, other.text
        if other.value == amount.value:
            claimed, quoted = (f"{each.bound} {each.text}".strip() for each in (amount, other))
        reason = f"says {claimed} where the source says {quoted}"
        yield Fault(reason, Verdict.CONTRADICTED, "faults")


def _repeated(claim: ParsedSentence, quotes: Sequence[ParsedSentence]) -> Iterator[Fault]:
    """A number or year that is said more often than in all of the quotes: one was another.

    But for "one", which need not count.
    """
    said = [each for each in _numbers(claim) if each.value != 1]
    heard = Counter(each.value for quote in quotes for each in _numbers(quote))
    often = Counter(each.value for each in said)
    for value, text in {each.value: each.text for each in said}.items():
        if often[value] > heard[value] > 0:
            yield Fault(f"says {text} more often than the source", Verdict.NOT_SUPPORTED, "faults")


def _numbers(quote: ParsedSentence) -> list[Amount]:
    """Its numbers, years included."""
    years = [date for date in quote.dates if date.year and not date.month]
    return [*quote.amounts, *(Amount(date.text, Fraction(date.year)) for date in years)]


def _is_held(said: Amount, heard: Sequence[tuple[Sentence, Amount]], claim: ParsedSentence) -> bool:
    """Whether a quote has the number, and of what is said: things may have other names there.

    Where other numbers are of those things, it must be beside them, or in a sentence that has more
    of the claim's words.
    """
    beside = frozenset(each.value for each in claim.amounts)
    of_these = [(sentence, each) for sentence, each in heard if said.things & each.things]
    if _is_count(said, claim) or _is_article(said, claim, alone=not of_these):
        return True
    own = set(content(claim.sentence))
    most = max((len(own & {*content(sentence)}) for sentence, _ in of_these), default=-1)
    return any(
        matches(said, each, beside)
        and (
            not each.things
            or bool(said.things & (each.things | each.beside))
            or len(own & {*content(sentence)}) > most
        )
        for sentence, each in heard
    )


def _is_article(said: Amount, claim: ParsedSentence, *, alone: bool) -> bool:
    """Whether "one" counts no more than "a" would: "one of the largest"; or things left uncounted.

    `alone` where no number of such things is in the quotes.
    """
    before = lower_at(claim.sentence, said.first - 1)
    after = [word.lower for word in claim.sentence[said.last + 1 : said.last + 3]]
    is_one = said.text.casefold() == "one" and before not in _EXACTLY
    is_one_of = after[:1] == ["of"] and after[1:] in (["the"], ["its"], ["their"], ["his"], ["her"])
    return is_one and (alone or is_one_of)


def _is_count(said: Amount, claim: ParsedSentence) -> bool:
    """Whether it counts what is then listed.

    "Two friends, Ana and Li, meet"; "of three kinds: hard, soft and blue".
    """
    if not said.things or not 1 < said.value <= 12:
        return False
    after = [name for name in claim.names if 0 < name.first - said.last <= 4]  # words
    counted = names.in_list(claim.sentence, claim.names, after[0]) if after else ()
    return said.value in (len(counted), *_listed(claim.sentence[said.last + 1 :]))


def _listed(after: Sentence) -> Iterator[int]:
    """How many things are listed to the end of a sentence, from each word that leads to a list."""
    read = [word.lower for word in after if word.text not in (".", "!", "?")]
    for place, word in enumerate(read):
        if word in _LEADS:
            yield 1 + sum(
                one in ("and", "or") or (one == "," and other not in ("and", "or"))
                for one, other in pairwise((*read[place + 1 :], ""))
            )
