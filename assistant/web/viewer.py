"""A document for the page's viewer: its text around a place in blocks, as JSON.

The browser puts it on the page as text, never as HTML; only who may ask gets here, by `auth`.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from assistant.assistant import Assistant
from assistant.errors import AssistantError
from assistant.show import bare, spell_out, unwrapped
from assistant.types import Document, Section, Span, counted, locate
from assistant.web.chat import error_message

WINDOW = 20_000
"""Characters that are sent on each side of a place, more or less."""
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
    """What the window holds, in order; a page's number comes where the page begins."""
    last = ("", 0)
    for section in document.sections:
        if section.start >= window.end or section.end <= window.start:
            continue
        here = (section.unit, section.number)
        if section.unit in ("page", "slide") and section.number and here != last:
            if section.start >= window.start:
                yield Block("number", f"{section.unit.capitalize()} {section.number}")
            last = here
        yield from _section(document, section, window, place)


def _section(document: Document, section: Section, window: Span, place: Span) -> Iterator[Block]:
    """The heading of a section and its paragraphs, so far as the window holds them."""
    text = document.text
    if section.start >= window.start:
        for found in _PARAGRAPH.finditer(text, section.start, section.body):  # one may hold others
            block = _block(text, Span(*found.span()), place, "heading")
            yield block if block.marked else Block("heading", spell_out(bare(found[0])))
    pattern = _ROW if section.unit == "row" else _PARAGRAPH
    number, at = section.number, section.start
    bounds = max(section.body, window.start), min(section.end, window.end)
    for found in pattern.finditer(text, *bounds):
        number, at = number + text.count("\n", at, found.start()), found.start()
        label = str(number) if counted(section.unit, section.number) else ""
        yield _block(text, Span(*found.span()), place, section.unit, label)


def _block(text: str, span: Span, place: Span, kind: str, label: str = "") -> Block:
    shown = unwrapped(text[span.start : span.end].rstrip())
    start, end = (min(max(each, span.start), span.end) - span.start for each in place)
    parts = shown[:start], shown[start:end], shown[end:]
    before, marked, after = (spell_out(part.replace("\r\n", "\n")) for part in parts)
    return Block(kind, before, marked, after, label)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a browser asks for: a place as it was cited, or more of what it shows."""

    source: str
    sha256: str = ""
    start: int = 0
    end: int = 0
    words: str = ""
    """The words that were cited, to be looked for where the file is another by now."""
    before: int | None = None
    after: int | None = None
    """Show what comes before, or after, this character."""


def document_route(assistant: Assistant) -> Route:
    """Where the viewer asks for a document."""
    adapter = TypeAdapter(Wanted)

    def answer(wanted: Wanted) -> JSONResponse:
        try:
            return JSONResponse(view(assistant.read(wanted.source), wanted))
        except Exception as error:
            status = 200 if isinstance(error, AssistantError) else 500  # gone is an answer too
            return JSONResponse({"message": spell_out(error_message(error))}, status)

    async def document(request: Request) -> JSONResponse:
        try:
            wanted = adapter.validate_json(await request.body(), strict=True)
        except ValidationError:
            return JSONResponse({"message": "That is no place in a document."}, 400)
        return await run_in_threadpool(answer, wanted)

    return Route("/document", document, methods=["POST"])


def view(document: Document, wanted: Wanted) -> dict[str, object]:
    """What the viewer shows of the document."""
    cited = Span(wanted.start, wanted.end)
    found = re.finditer(re.escape(wanted.words), document.text) if wanted.words else ()
    places = [Span(*each.span()) for each in found]
    if wanted.sha256 == document.sha256 and 0 <= cited.start < cited.end <= len(document.text):
        places = [cited]
    # Where the cited words are now, nearest to where they were.
    place = min(places, key=lambda place: abs(place.start - cited.start), default=None)
    start = place.start if place else min(max(0, wanted.start), len(document.text))
    window = _window(document.text, wanted, place or Span(start, start))
    message, changed = "", "This file has changed since it was cited. The cited words are"
    if place is None and (wanted.words or wanted.end):
        message = f"{changed} no longer in it."
    elif wanted.sha256 not in ("", document.sha256):
        message = f"{changed} still in it: they are marked."
    # Where a person would look for the place.
    at = bisect_right([section.start for section in document.sections], start) - 1
    section = document.sections[max(0, at)]
    lines = document.text.count("\n", section.start, start)
    location = locate(document.source, section.heading, section.unit, section.number, lines)
    return {
        "title": spell_out(document.title),
        "place": spell_out(location) if place else "",
        "message": message,
        "blocks": [asdict(block) for block in blocks(document, window, place or Span(0, 0))],
        "sha256": document.sha256,
        "from": window.start,
        "to": window.end,
        "length": len(document.text),
    }


def _window(text: str, wanted: Wanted, place: Span) -> Span:
    """The stretch of text to send, from the start of a line to the end of one."""
    if wanted.before is not None:
        last = min(max(0, wanted.before), len(text))
        return Span(_line_start(text, last - WINDOW), last)
    if wanted.after is not None:
        first = min(max(0, wanted.after), len(text))
        return Span(first, _line_end(text, first + WINDOW))
    last = min(place.end, place.start + WINDOW)
    return Span(_line_start(text, place.start - WINDOW), _line_end(text, last + WINDOW))


def _line_start(text: str, place: int) -> int:
    """The start of the line; where lines are endless, the place itself."""
    start = text.rfind("\n", max(0, place - WINDOW), max(0, place))
    return start + 1 if start >= 0 else 0 if place <= WINDOW else place


def _line_end(text: str, place: int) -> int:
    """The end of the line; where lines are endless, the place itself."""
    end = text.find("\n", place, place + WINDOW)
    return end + 1 if end >= 0 else min(place, len(text))
