"""CSV and Excel: each row is a line that says what its values are."""

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, time
from io import BytesIO, StringIO
from math import isfinite
from typing import Any

from assistant.load.builder import DocumentBuilder, Parsed, archive, lines
from assistant.load.plain import decode, real_title

_CELLS = 1_000_000  # of a workbook


def sheet(data: bytes) -> Parsed:
    """A .csv or .tsv. A row is a record, as a spreadsheet counts: a blank line is one too."""
    text, notes = decode(data)
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # the whole process's
    builder = DocumentBuilder()
    for number, line in lines(_records(text, _delimiter(text))):
        builder.row(line, number)
    return builder.finish("", notes)


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(StringIO(text, newline=""), delimiter=delimiter)


def _delimiter(text: str) -> str:
    """The sign that cuts most rows into the same number of cells, more than one."""
    sample = text[:100_000]

    def agreement(delimiter: str) -> tuple[int, int]:
        records = [row for row, _ in zip(_records(sample, delimiter), range(50), strict=False)]
        widths = [len(row) for row in records if len(row) > 1]
        usual = max(set(widths), key=widths.count, default=0)
        return widths.count(usual), usual

    return max(",;\t|", key=agreement)


def workbook(data: bytes) -> Parsed:
    """A .xlsx: the values of its visible sheets, those of formulas as they were last computed."""
    from openpyxl import load_workbook

    archive(data, "XLSX")
    book = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
    builder = DocumentBuilder()
    cells = 0

    def shown(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[str]]:
        nonlocal cells
        for row in rows:
            cells += len(row)
            if cells >= _CELLS:
                return
            yield [
                "" if cell.value is None else value(cell.value, cell.number_format) for cell in row
            ]

    for page in book.worksheets:
        if page.sheet_state == "visible":
            page.reset_dimensions()  # what a file says of its size may be anything
            builder.under(1, " ".join(page.title.split()))
            for number, line in lines(shown(page.iter_rows())):
                builder.row(line, number)
    notes = (f"only the first {_CELLS:,} cells were read",) * (cells >= _CELLS)
    return builder.finish(real_title(book.properties.title or ""), notes)


def value(found: object, form: str) -> str:
    """A cell as a person reads it; dates in the one way that means the same everywhere."""
    match found:
        case bool():
            return str(found).upper()
        case int() | float() if isfinite(found):
            return _number(found, form.split(";")[0])
        case datetime():
            return f"{found:%Y-%m-%d}" if found.time() == time() else f"{found:%Y-%m-%d %H:%M}"
        case time():
            return f"{found:%H:%M}"
    return str(found)


def _number(found: float, form: str) -> str:
    percent = "%" in form
    amount = round(found * 100, 10) if percent else found
    fraction = re.search(r"[0#]\.(0+)", form)
    places = len(fraction[1]) if fraction else 0
    comma = "," if "#,##" in form else ""
    fixed = (fraction or comma or form in ("0", "0%")) and not re.search(r"E[+-]", form)
    text = f"{amount:{comma}.{places}f}" if fixed else f"{amount:.15g}"  # as exact as Excel is
    money = re.search(r"\[\$([^-\]]+)[^\]]*\]|([$€£¥₽])", form)
    if money is None:
        return f"{text}{'%' * percent}"
    sign = money[1] or money[2]
    return f"{sign}{text}" if money.start() < form.find("0") else f"{text} {sign}"
