"""Plain text, Markdown and reStructuredText: the document's text is the file's own."""

from assistant.load.decode import decode
from assistant.load.outline import blank, markdown_headings, plain_headings, rst_headings, tile
from assistant.load.parsed import Parsed


def plain(data: bytes) -> Parsed:
    """A .txt."""
    text, notes = decode(data)
    headings = plain_headings(text)
    first = headings and blank(text[: headings[0].start])
    return Parsed(text, tile(text, headings), headings[0].name if first else "", notes)


def markdown(data: bytes) -> Parsed:
    """A .md."""
    text, notes = decode(data)
    headings = markdown_headings(text)
    title = next((heading.name for heading in headings if heading.level == 1), "")
    return Parsed(text, tile(text, headings), title, notes)


def rst(data: bytes) -> Parsed:
    """A .rst. No directive runs: what `include` or `raw` name is neither read nor fetched."""
    text, notes = decode(data)
    headings = rst_headings(text)
    first = headings and blank(text[: headings[0].start])
    return Parsed(text, tile(text, headings), headings[0].name if first else "", notes)
