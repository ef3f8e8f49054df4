"""What a parser gives back, and how it puts a text together."""

from typing import NamedTuple

from assistant.load.outline import blank
from assistant.types import Section


class Refused(Exception):
    """Why these bytes cannot be a document."""


class Parsed(NamedTuple):
    """What a file says."""

    text: str
    sections: list[Section]
    title: str = ""
    notes: tuple[str, ...] = ()


class Composer:
    """Writes a text block by block, and its sections as it goes.

    Blocks stand apart by a blank line, rows of a table by a newline: in a section of unit "row"
    each line is a row. A heading with nothing under it is part of the next one's section.
    """

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self._parts: list[str] = []
        self._length = 0
        self._path: list[tuple[int, str]] = []
        self._start = self._body = 0
        self._place = ("", 0)
        self._lines = 0
        """Lines of the open section's body."""

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    def under(self, level: int, name: str) -> None:
        """What follows stands under this heading, which is not itself in the text."""
        self._close()
        self._path = [*(above for above in self._path if above[0] < level), (level, name)]

    def heading(self, level: int, name: str) -> None:
        """Write a heading."""
        if blank(name):
            return
        self.under(level, name)
        self._write(name, "\n\n")
        self._body = self._length

    def block(self, text: str, unit: str = "", number: int = 0) -> None:
        """Write a paragraph, a page, or what else stands by itself."""
        if not blank(text):
            self._open(unit, number)
            self._write(text, "\n\n")
            self._lines = 1

    def item(self, text: str) -> None:
        """Write an item of a list, close to the one before."""
        if not blank(text):
            self._open("", 0)
            after_item = self._parts and self._parts[-1].startswith("- ")
            self._write(f"- {text}", "\n" if after_item else "\n\n")
            self._lines = 1

    def row(self, text: str, number: int = 0) -> None:
        """Write a row of a table; the line is the row's, so `number` is that of the row."""
        if blank(text):
            return
        unit, first = self._place
        gap = number - first - self._lines if number else 0
        if not (unit == "row" and self._lines and bool(first) == bool(number) and 0 <= gap <= _GAP):
            self._close()
            self._place, gap = ("row", number), 0
        self._write(text, "\n" * (gap + 1) if self._lines else "\n\n")
        self._lines += gap + 1

    def finish(self, title: str = "", notes: tuple[str, ...] = ()) -> Parsed:
        """The text and its sections. Raises `Refused` where there is nothing to read."""
        self._close(last=True)
        if not self.sections:
            raise Refused("empty")
        return Parsed(self.text, self.sections, title, notes)

    def _open(self, unit: str, number: int) -> None:
        if self._place != (unit, number):
            self._close()
            self._place = unit, number

    def _close(self, *, last: bool = False) -> None:
        name = " › ".join(name for _, name in self._path)
        if self._lines:
            self._section(self._body, name)
        elif last and self._length > self._start:  # a heading of nothing is text
            self._section(self._start, "")

    def _section(self, body: int, name: str) -> None:
        self.sections.append(Section(self._start, body, self._length, name, *self._place))
        self._start = self._body = self._length
        self._lines = 0

    def _write(self, text: str, apart: str) -> None:
        if self._parts:
            self._parts.append(apart)
            self._length += len(apart)
        if not self._lines and self._body == self._start:  # the section begins after the gap
            self._start = self._body = self._length
        self._parts.append(text)
        self._length += len(text)


_GAP = 10  # more empty rows than these start a section of their own
