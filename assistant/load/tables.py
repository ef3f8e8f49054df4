"""Rows of cells → lines that say what each value is: "item: Apples; price: 3"."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

Row = Sequence[str]

_LOOK = 20  # rows in which the names of the columns are looked for
_NAME = 80  # characters of the longest name of a column
_YEAR = re.compile(r"(19|20)\d\d")
_VALUE = re.compile(r"@|://|[.!?]$|^[\W\d_]*$")
_PROSE = 300  # a longer cell means that the table is a layout, not data


def lines(rows: Iterable[Row]) -> Iterator[tuple[int, str]]:
    """Each row that is not empty as one line, with its number from 1.

    The row with the names of the columns gives no line of its own. Where there is none, columns
    are named by letter, as a spreadsheet does; a row of one value is that value.
    """
    coming = iter(rows)
    head = [[_cell(cell) for cell in row] for row in islice(coming, _LOOK)]
    at = _header(head)
    names = [] if at is None else head[at]
    for number, row in enumerate(chain(head, coming), 1):
        if number - 1 != at and (
            line := _line(row, names if at is not None and number > at else [])
        ):
            yield number, line


def layout(rows: Sequence[Row]) -> bool:
    """Whether this is no data: one column or row, or cells full of prose."""
    columns = max((sum(map(bool, row)) for row in rows), default=0)
    return columns < 2 or len(rows) < 2 or any(len(cell) > _PROSE for row in rows for cell in row)


def _header(rows: Sequence[Row]) -> int | None:
    """Which row holds the names of the columns, if one does."""
    wide = [number for number, row in enumerate(rows) if sum(map(bool, row)) > 1]
    if len(wide) < 2:
        return None
    names = [name for name in rows[wide[0]] if name]
    width = max(sum(map(bool, rows[number])) for number in wide)
    named = len(names) >= width - 1 and len({name.casefold() for name in names}) == len(names)
    words = [bool(len(name) <= _NAME and not _VALUE.search(name)) for name in names]
    years = [bool(_YEAR.fullmatch(name)) for name in names]
    sound = all(word or year for word, year in zip(words, years, strict=True))
    return wide[0] if named and sound and any(words) else None


def _line(row: Row, names: Row) -> str:
    cells = [(place, value) for place, cell in enumerate(row) if (value := _cell(cell))]
    if len(cells) == 1 and not names:
        return cells[0][1]
    return "; ".join(
        f"{names[place] if place < len(names) and names[place] else letter(place)}: {value}"
        for place, value in cells
    )


def _cell(text: str) -> str:
    return " ".join(text.split())


def letter(place: int) -> str:
    """The name of a column, from 0: A to Z, then AA."""
    above, last = divmod(place, 26)
    return (letter(above - 1) if above else "") + chr(ord("A") + last)
