"""What a parser gives back, and what parsers share to make it.

A builder that writes a text with its sections; tables, whose rows become lines that say what each
value is ("item: Apples; price: 3"); and the zip archives that Office files and EPUBs are, judged
before they are unpacked.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import chain, islice
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

from assistant.text import blank
from assistant.types import Section


class Refused(Exception):
    """Why these bytes are no document: a fault of the file's, which stays until it changes."""

    sha256 = ""
    """Of the bytes; empty where a parser raises it, which does not know the file."""


class Unavailable(Exception):
    """Why a file cannot be read now: no fault of its bytes, so it is tried again later."""


class Parsed(NamedTuple):
    """What a file says."""

    text: str
    sections: list[Section]
    title: str = ""
    notes: tuple[str, ...] = ()


def clean(text: str) -> str:
    """The text without what no index can store, character for character."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


class DocumentBuilder:
    """Writes a text block by block, and its sections as it goes. What it writes is clean.

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
        """Rows of the open section's body; 1 where it holds anything else, 0 while it is empty."""

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._parts)

    def under(self, level: int, name: str) -> None:
        """What follows stands under this heading, which is not itself in the text."""
        self._close()
        self._path = [*(above for above in self._path if above[0] < level), (level, clean(name))]

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
        goes_on = unit == "row" and self._lines and bool(first) == bool(number)
        if not (goes_on and 0 <= gap <= 10):  # more empty rows end a section
            self._close()
            self._place, gap = ("row", number), 0
        self._write(text, "\n" * (gap + 1) if self._lines else "\n\n")
        self._lines += gap + 1

    def table(self, rows: Sequence["Row"]) -> None:
        """Write a table, or the cells of one that is no data as blocks."""
        if is_layout(rows):
            for row in rows:
                for cell in row:
                    self.block(cell)
        else:
            for _, line in lines(rows):
                self.row(line)

    def finish(self, title: str = "", notes: tuple[str, ...] = ()) -> Parsed:
        """The text and its sections. Raises `Refused` where there is nothing to read."""
        self._close()
        if self._length > self._start:  # a heading of nothing is text
            self.sections.append(Section(self._start, self._start, self._length, "", "", 0))
        if not self.sections:
            raise Refused("empty")
        return Parsed(self.text, self.sections, clean(title), tuple(map(clean, notes)))

    def _open(self, unit: str, number: int) -> None:
        if self._place != (unit, number):
            self._close()
            self._place = unit, number

    def _close(self) -> None:
        if self._lines:
            name = " › ".join(name for _, name in self._path)
            place = (self._start, self._body, self._length)
            self.sections.append(Section(*place, name, *self._place))
            self._start = self._body = self._length
            self._lines = 0

    def _write(self, text: str, apart: str) -> None:
        if self._parts:
            self._parts.append(apart)
            self._length += len(apart)
        if not self._lines and self._body == self._start:  # the section begins after the gap
            self._start = self._body = self._length
        self._parts.append(clean(text))
        self._length += len(text)


Row = Sequence[str]

_YEAR = re.compile(r"(19|20)\d\d")
_VALUE = re.compile(r"@|://|[.!?]$|^[\W\d_]*$")


def lines(rows: Iterable[Row]) -> Iterator[tuple[int, str]]:
    """Each row that is not empty as one line, with its number from 1.

    The row with the names of the columns gives no line of its own. Where there is none, columns
    are named by letter, as a spreadsheet does; a row of one value is that value.
    """
    coming = iter(rows)
    head = [[_cell(cell) for cell in row] for row in islice(coming, 20)]
    at = _header(head)
    names = {} if at is None else dict(enumerate(head[at]))
    for number, row in enumerate(chain(head, coming)):
        named = names if at is not None and number > at else {}
        cells = [
            (named.get(place) or letter(place), value)
            for place, cell in enumerate(row)
            if (value := _cell(cell))
        ]
        if len(cells) == 1 and not named:
            yield number + 1, cells[0][1]
        elif cells and number != at:
            yield number + 1, "; ".join(f"{name}: {value}" for name, value in cells)


def spanned(text: str, columns: str | None) -> list[str]:
    """A cell that spans so many columns, as a file says: the text, and empty cells after it."""
    known = columns and columns.isascii() and columns.isdigit() and len(columns) < 4
    return [text, *[""] * min(int(columns or 1) - 1 if known else 0, 100)]


def is_layout(rows: Sequence[Row]) -> bool:
    """Whether this is no data: one column or row, or cells full of prose."""
    columns = max((sum(map(bool, row)) for row in rows), default=0)
    return columns < 2 or len(rows) < 2 or any(len(cell) > 300 for row in rows for cell in row)


def _header(rows: Sequence[Row]) -> int | None:
    """Which row holds the names of the columns, if one does."""
    wide = [number for number, row in enumerate(rows) if sum(map(bool, row)) > 1]
    if len(wide) < 2:
        return None
    names = [name for name in rows[wide[0]] if name]
    width = max(sum(map(bool, rows[number])) for number in wide)
    named = len(names) >= width - 1 and len({name.casefold() for name in names}) == len(names)
    words = [bool(len(name) <= 80 and not _VALUE.search(name)) for name in names]
    years = [bool(_YEAR.fullmatch(name)) for name in names]
    sound = all(word or year for word, year in zip(words, years, strict=True))
    return wide[0] if named and sound and any(words) else None


def _cell(text: str) -> str:
    return " ".join(text.split())


def letter(place: int) -> str:
    """The name of a column, from 0: A to Z, then AA."""
    above, last = divmod(place, 26)
    return (letter(above - 1) if above else "") + chr(ord("A") + last)


def archive(data: bytes, kind: str) -> ZipFile:
    """The archive, which is read in memory only. Raises `Refused` for what it would unpack to."""
    if data.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):  # OLE, of old and of encrypted files
        locked = "EncryptedPackage".encode("utf-16-le") in data
        raise Refused("password protected" if locked else f"an old format: save it as {kind}")
    try:
        opened = ZipFile(BytesIO(data))
    except (BadZipFile, ValueError, OSError, NotImplementedError):
        raise Refused(f"damaged {kind}") from None
    entries = opened.infolist()
    total = sum(entry.file_size for entry in entries)
    # What is small may be packed as tightly as it likes.
    if len(entries) > 10_000 or total > max(2**20, min(200 * 2**20, 100 * len(data))):
        raise Refused("too large when opened")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refused("password protected")
    return opened
