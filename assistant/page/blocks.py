"""A document's text in blocks: numbers of pages, headings, paragraphs, rows."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from assistant.show import bare, unwrapped, visible
from assistant.types import Document, Section, Span, counted, locate

_PARAGRAPH = re.compile(r"[^\s](?:[^\n]|\n(?![ \t\r]*\n))*")
_ROW = re.compile(r"[^\s][^\n]*")


@dataclass(frozen=True, slots=True)
class Block:
    """A page's number, a heading or a paragraph; `marked` are the words looked for."""

    kind: str
    """`number`, `heading`, or the unit of the text: `page`, `slide`, `row`, `line`."""
    text: str
    marked: str = ""
    rest: str = ""
    label: str = ""
    """The number of the line or row where that is how a place is found."""


def blocks(document: Document, window: Span, place: Span) -> Iterator[Block]:
    """What the window holds, in order; a page's number stands where the page begins."""
    last = ("", 0)
    for section in document.sections:
        if section.start >= window.end or section.end <= window.start:
            continue
        here = (section.unit, section.number)
        if section.unit in ("page", "slide") and section.number and here != last:
            if section.start >= window.start:
                yield Block("number", f"{section.unit.capitalize()} {section.number}")
            last = here
        yield from _under(document, section, window, place)


def _under(document: Document, section: Section, window: Span, place: Span) -> Iterator[Block]:
    """The heading of a section and its paragraphs, so far as the window holds them."""
    text = document.text
    if section.start >= window.start:
        for found in _PARAGRAPH.finditer(text, section.start, section.body):  # one may hold others
            block = _block(text, Span(*found.span()), place, "heading")
            yield block if block.marked else Block("heading", visible(bare(found[0])))
    pattern = _ROW if section.unit == "row" else _PARAGRAPH
    number, at = section.number, section.start
    bounds = max(section.body, window.start), min(section.end, window.end)
    for found in pattern.finditer(text, *bounds):
        number, at = number + text.count("\n", at, found.start()), found.start()
        label = str(number) if counted(section.unit, section.number) else ""
        yield _block(text, Span(*found.span()), place, section.unit, label)


def _block(text: str, span: Span, place: Span, kind: str, label: str = "") -> Block:
    start, end = (min(max(each, span.start), span.end) for each in place)
    shown = unwrapped(text[span.start : span.end].rstrip())
    cuts = [each - span.start for each in (start, end)]
    parts = shown[: cuts[0]], shown[cuts[0] : cuts[1]], shown[cuts[1] :]
    before, marked, after = (visible(part.replace("\r\n", "\n")) for part in parts)
    return Block(kind, before, marked, after, label)


def located(document: Document, start: int) -> str:
    """Where a person would look for this character."""
    at = bisect_right([section.start for section in document.sections], start) - 1
    section = document.sections[max(0, at)]
    lines = document.text.count("\n", section.start, start)
    return locate(document.source, section.heading, section.unit, section.number, lines)
