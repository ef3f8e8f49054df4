"""Dates: what is said may be less precise than the quotes, never more, and nothing else."""

import re
from dataclasses import dataclass
from itertools import pairwise

from assistant.llm.check.numbers import value_of
from assistant.llm.check.words import STOP_WORDS, Sentence, Word, listed, lower_at, written

_NAMES = """january jan, february feb, march mar, april apr, may, june jun, july jul, august aug,
    september sep sept, october oct, november nov, december dec"""
_MONTHS = {
    name: number for number, names in enumerate(_NAMES.split(","), 1) for name in names.split()
}
_DAYS = listed("monday tuesday wednesday thursday friday saturday sunday")
_RELATIVE = listed("yesterday today tomorrow tonight")
_WHICH = {"last": "last", "previous": "last", "prior": "last", "past": "last", "this": "this",
          "current": "this", "next": "next", "coming": "next", "following": "next"}  # fmt: skip
_PERIODS = listed("year month week quarter decade century season summer winter spring autumn "
                     "fall weekend night")  # fmt: skip
_BEFORE_YEAR = listed("in since until till by from to of during after before year early late "
                         "mid around circa through ( - – , and or")  # fmt: skip
_YEARS = range(1000, 2200)


@dataclass(frozen=True, slots=True)
class Date:
    """A day, month, year, decade or century; or words that stand for one."""

    text: str
    year: int = 0
    month: int = 0
    day: int = 0
    span: int = 1
    """Years it covers: 10 for "the 1990s", 100 for a century."""
    words: str = ""
    """A weekday, or "last year"; what it means is not known."""
    first: int = 0
    last: int = 0
    """Its words in the sentence, the last one included."""

    def covers(self, other: "Date") -> bool:
        """Whether the other one, which may be more precise, says so."""
        if self.words or other.words:
            return self.words == other.words
        return (
            (not self.year or self.year <= other.year < self.year + self.span)
            and (not self.year or other.span <= self.span)
            and self.month in (0, other.month)
            and self.day in (0, other.day)
        )


def dates(sentence: Sentence) -> list[Date]:
    """The dates of a sentence, in order."""
    found: list[Date] = []
    for place in range(len(sentence)):
        if (not found or place > found[-1].last) and (date := _date(sentence, place)):
            found.append(date)
    return found


def _date(sentence: Sentence, place: int) -> Date | None:
    word = sentence[place]
    if word.is_number:
        return _by_numbers(sentence, place) or _day_first(sentence, place) or _year(sentence, place)
    if word.lower in _MONTHS and _is_month(sentence, place):
        return _month_first(sentence, place)
    return _named(sentence, place)


def _named(sentence: Sentence, place: int) -> Date | None:
    word, after = sentence[place], sentence[place + 1 : place + 2]
    name = word.lower.removesuffix("s") if word.text[0].isupper() else word.lower
    if name in _DAYS or name in _RELATIVE:
        return Date(word.text, words=name, first=place, last=place)
    ago = " ".join(each.lower for each in sentence[place : place + 3])
    if re.fullmatch("(?:year -|a year|one year) (?:ago|earlier)", ago):
        text = written(sentence, place, place + 3)
        return Date(text, words="last year", first=place, last=place + 2)
    if word.lower in _WHICH and after and after[0].lower in _PERIODS:
        named = f"{_WHICH[word.lower]} {after[0].lower}"
        return Date(f"{word.text} {after[0].text}", words=named, first=place, last=place + 1)
    return None


def _by_numbers(sentence: Sentence, place: int) -> Date | None:
    """2023-09-15 or 15/9/2023; 9/15/2023 is told by its 15, and 5/9/2023 is taken day first."""
    parts = sentence[place : place + 5]
    if len(parts) < 5 or any(a.end != b.start for a, b in pairwise(parts)):
        return None
    if parts[1].text != parts[3].text or parts[1].text not in "-/.":
        return None
    if not all(part.text.isdecimal() for part in parts[::2]):
        return None
    one, two, three = (int(part.text[:9]) for part in parts[::2])
    year, month, day = (one, two, three) if one in _YEARS else (three, two, one)
    if month > 12:
        month, day = day, month
    if year < 100 and year != one:
        year += 2000 if year < 50 else 1900
    if year not in _YEARS or not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    text = written(sentence, place, place + 5)
    return Date(text, year, month, day, first=place, last=place + 4)


def _day_first(sentence: Sentence, place: int) -> Date | None:
    """15 September 2023, 15th of September."""
    day, after = _day(sentence, place)
    if not day:
        return None
    if lower_at(sentence, after) == "of":
        after += 1
    month = _MONTHS.get(lower_at(sentence, after), 0)
    if not month or not _is_month(sentence, after):
        return None
    last, year = _year_after(sentence, after)
    return Date(written(sentence, place, last + 1), year, month, day, first=place, last=last)


def _month_first(sentence: Sentence, place: int) -> Date:
    """September 15, 2023; September 2023; September."""
    month = _MONTHS[sentence[place].lower]
    after = place + 1 + (lower_at(sentence, place + 1) == ".")
    day, behind = _day(sentence, after) if after < len(sentence) else (0, after)
    last, year = _year_after(sentence, behind - 1 if day else place)
    return Date(written(sentence, place, last + 1), year, month, day, first=place, last=last)


def _is_month(sentence: Sentence, place: int) -> bool:
    """Whether "May" or "March" is the month: capital, and not where a verb would stand.

    One without a capital has a number beside it.
    """
    word = sentence[place]
    is_clear = word.lower not in ("may", "march", "mar", "jan", "dec")
    if not word.text[0].isupper():
        beside = sentence[max(0, place - 1) : place + 2]
        return is_clear and any(each.is_number for each in beside)
    if is_clear:
        return True
    before = lower_at(sentence, place - 1)
    after = sentence[place + 1] if place + 1 < len(sentence) else None
    return before in _BEFORE_YEAR | _WHICH.keys() | {"on", "th", "st", "nd", "rd"} or bool(
        (after and after.is_number) or (place and sentence[place - 1].is_number)
    )


def _day(sentence: Sentence, place: int) -> tuple[int, int]:
    word = sentence[place]
    if not word.text.isdecimal() or len(word.text) > 2 or not 1 <= int(word.text) <= 31:
        return 0, place
    ordinal = lower_at(sentence, place + 1) in ("st", "nd", "rd", "th")
    return int(word.text), place + 1 + ordinal


def _year_after(sentence: Sentence, last: int) -> tuple[int, int]:
    place = last + 1
    while lower_at(sentence, place) in (",", ".", "of") and place <= last + 2:
        place += 1
    if place < len(sentence) and _is_year(sentence[place]):
        return place, int(sentence[place].text)
    return last, 0


def _is_year(word: Word) -> bool:
    return word.text.isdecimal() and len(word.text) == 4 and int(word.text) in _YEARS


def _year(sentence: Sentence, place: int) -> Date | None:
    """1998, the 1990s; a number of things is none."""
    word, behind = sentence[place], sentence[place + 1] if place + 1 < len(sentence) else None
    touches = behind is not None and behind.start == word.end
    value = value_of(word.text) if word.text.isdecimal() else 0
    last = place + 1 + (lower_at(sentence, place + 1) in ("'", "’"))
    is_plural = lower_at(sentence, last) == "s" and sentence[last].end - word.end <= 2
    if is_plural and value % 10 == 0 and (value in _YEARS or 20 <= value <= 90):
        year = int(value) if value in _YEARS else 1900 + int(value)
        return Date(f"{word.text}s", year, span=10, first=place, last=last)
    if not _is_year(word):
        return None
    before = lower_at(sentence, place - 1)
    if before in ("$", "€", "£", "¥") or (touches and behind and behind.is_word):
        return None
    if behind and (behind.is_word or behind.text in "%°") and before not in _BEFORE_YEAR:
        is_thing = behind.lower not in STOP_WORDS and not behind.text[0].isupper()
        if is_thing:
            return None
    return Date(word.text, int(word.text), first=place, last=place)
