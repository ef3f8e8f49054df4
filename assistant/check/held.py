"""Whether a number of the quotes says what is said: the same one, or one rounded and said to be."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from assistant.check.amounts import Amount

_HUGE = 10**30  # a number as large is never rounded
_CLOSE = Fraction(1, 10)  # how far from the source a rounded number may be, as a share of it


def holds(said: Amount, quoted: Amount, beside: frozenset[Fraction]) -> bool:
    """Whether the quoted number says what is said: the same one, or rounded and said to be.

    One end of a range needs the other end `beside` it, or to be said to be a bound.
    """
    if not _alike(said, quoted):
        return False
    if quoted.other is not None and quoted.other not in beside and not said.bound:
        return False
    if said.same(quoted):
        return {said.bound, quoted.bound} != {"over", "under"}
    return bool(said.bound) and _is_rounded(said, quoted)


def _alike(said: Amount, quoted: Amount) -> bool:
    """Whether both are of one kind; things may have other names."""
    if {said.unit, quoted.unit} == {"share", "%"}:
        return True
    if {said.unit, quoted.unit} <= {"share", "times", ""} and said.value < 1:
        return True
    return said.unit == quoted.unit


def comparable(said: Amount, quoted: Amount) -> Amount:
    """The quoted number, in the unit of what is said: half is 50 %."""
    if said.unit == "%" and quoted.unit == "share":
        return replace(quoted, value=quoted.value * 100, unit="%")
    if said.unit == "share" and quoted.unit == "%":
        return replace(quoted, value=quoted.value / 100, unit="share")
    return quoted


def _is_rounded(said: Amount, quoted: Amount) -> bool:
    """Whether it is the quoted number to fewer digits, on the side it is said to be."""
    value, source = abs(said.value) / said.size, abs(quoted.value) / said.size
    if not 0 < value < _HUGE or abs(value - source) > _CLOSE * source:
        return False
    if said.value * quoted.value < 0 or digits(value) >= digits(source):
        return False
    step = _step(value)
    if abs(value - source) >= step:
        return False
    if said.bound == "over":
        return value < source
    if said.bound == "under":
        return value > source
    return 2 * abs(value - source) <= step


def _step(value: Fraction) -> Fraction:
    """What the last of its digits that is not zero counts: 0.1 of 8.4, 100 of 8,400."""
    mantissa, exponent = f"{float(value):.11e}".split("e")
    return Fraction(10) ** (int(exponent) - len(mantissa.rstrip("0").rstrip(".")[2:]))


def digits(value: Fraction) -> int:
    """How many digits it has that are not zeros at an end."""
    return len(_mantissa(value))


def _mantissa(value: Fraction) -> str:
    if abs(value) >= _HUGE:
        return str(value.numerator).strip("-0")
    return f"{float(abs(value)):.11e}".split("e")[0].replace(".", "").strip("0")


def nearest(said: Amount, quoted: Sequence[Amount]) -> Amount | None:
    """The quoted number that most likely stands where this one is said; none where none does."""
    alike = [
        each
        for each in quoted
        if each.unit == said.unit and (each.unit or each.things & said.things)
    ]
    scaled = [
        each
        for each in quoted
        if each.unit == said.unit and _mantissa(each.value) == _mantissa(said.value)
    ]
    pool = scaled or alike
    if not pool:
        return None
    return min(pool, key=lambda each: abs(each.value - said.value))
