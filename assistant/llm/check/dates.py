"""Dates: what is said may be less precise than the quotes, never more, and nothing else."""

import re
from bisect import bisect_left
from dataclasses import dataclass

from assistant import text as analysis
from assistant.llm.check.words import Sentence

# Decades, and words that stand for a date.
_OTHERS = re.compile(
    r"(?<![\w.,$€£¥])(?P<decade>(?:1\d|2[01])\d0|[2-9]0)['’]?s\b"
    r"|\b(?P<which>last|previous|prior|past|this|current|next|coming|following) (?P<period>year|"
    r"month|week|quarter|decade|century|season|summer|winter|spring|autumn|fall|weekend|night)\b"
    r"|\b(?P<ago>(?:year-|(?:a|one) year )(?:ago|earlier))\b"
    r"|\b(?P<day>(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|today|tomorrow|tonight)s?\b",
    re.IGNORECASE,
)
_WHICH = {"previous": "last", "prior": "last", "past": "last", "current": "this", "coming": "next",
          "following": "next"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Date:
    """A day, month, year or decade; or words that stand for one."""

    text: str
    first: int
    last: int
    """Its words in the sentence, the last one included."""
    year: int = 0
    month: int = 0
    day: int = 0
    span: int = 1
    """Years it covers: 10 for "the 1990s"."""
    words: str = ""
    """A weekday, or "last year"; what it means is not known."""

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
    text = ""
    for word in sentence:
        text = text.ljust(word.start) + word.text
    found = {match.span(): _other(match) for match in _OTHERS.finditer(text)}
    for each in analysis.dates(_OTHERS.sub(lambda match: "_" * len(match[0]), text)):
        found[each.start, each.end] = each.year or 0, each.month or 0, each.day or 0, 1, ""
    starts = [word.start for word in sentence]
    return [
        Date(text[start:end], bisect_left(starts, start), bisect_left(starts, end) - 1, *parts)
        for (start, end), parts in sorted(found.items())
    ]


def _other(match: re.Match[str]) -> tuple[int, int, int, int, str]:
    """Year, month, day, years covered, and words."""
    if match["decade"]:
        year = int(match["decade"])
        return year + 1900 * (year < 100), 0, 0, 10, ""
    if match["which"]:
        which = match["which"].lower()
        return 0, 0, 0, 1, f"{_WHICH.get(which, which)} {match['period'].lower()}"
    return 0, 0, 0, 1, "last year" if match["ago"] else match["day"].lower()
