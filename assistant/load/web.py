"""HTML, e-books and mail: what a browser would show, without the frame around it."""

import re
from typing import TYPE_CHECKING, Any

from assistant.load.decode import clean, decode
from assistant.load.parsed import Composer, Parsed
from assistant.load.tables import layout, lines

if TYPE_CHECKING:
    from lxml.html import HtmlElement as Element

_DECLARED = re.compile(rb"""(?i)(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""")
_HEAD = 4096  # bytes in which an encoding is declared
_FRAME = {"nav", "aside"}
_MASTHEAD = {"header", "footer"}  # of the whole page; one of an article holds its title
_CONTENT = {"article", "main", "section"}
_SILENT = {
    "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select",
    "button", "textarea", "head", "audio", "video", "canvas",
}  # fmt: skip
_UNSEEN = re.compile(r"(?i)(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))")
_BLOCKS = {
    "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html",
    "legend", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
    "th", "thead", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip
_LEVELS = {f"h{level}": level for level in range(1, 7)}


def html(data: bytes) -> Parsed:
    """A .html."""
    declared = _DECLARED.search(data[:_HEAD])
    text, notes = decode(data, declared[1].decode("ascii") if declared else "")
    composer = Composer()
    return composer.finish(write(composer, text), notes)


def write(composer: Composer, text: str) -> str:
    """Write what the HTML shows; its title. Raises `Refused` where there is nothing."""
    root = tree(text)
    title = root.find(".//title")
    name = " ".join(title.text_content().split()) if title is not None else ""
    for element in list(root.iter()):
        if not _seen(element) and element.getparent() is not None:
            element.drop_tree()
    _Page(composer).write(root)
    return clean(name)


def tree(text: str) -> "Element":
    """The HTML as a tree. Comments go, entities of a DTD stay what they are, nothing is fetched."""
    from lxml import etree, html

    parser = html.HTMLParser(
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        no_network=True,
        huge_tree=True,  # else what stands in more than 255 elements is lost
    )
    try:
        return html.document_fromstring(text.encode(), parser=parser)
    except etree.ParserError:  # there is nothing in it
        return html.Element("html")


def _seen(element: "Element") -> bool:
    tag = element.tag
    if tag in _FRAME or tag in _SILENT or "hidden" in element.attrib:
        return False
    if tag in _MASTHEAD:
        return any(above.tag in _CONTENT for above in element.iterancestors())
    return not _UNSEEN.search(element.get("style") or "")


class _Page:
    """Writes the elements of a page in order, a block at a time."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._words: list[str] = []
        self._tag = ""

    def write(self, root: "Element") -> None:
        from lxml.etree import iterwalk

        walk: Any = iterwalk(root, events=("start", "end"))
        for event, element in walk:
            if event == "end":
                self._end(element)
            elif element.tag == "table" and self._table(element):
                walk.skip_subtree()
            else:
                self._start(element)

    def _start(self, element: "Element") -> None:
        if element.tag in _BLOCKS:
            self._flush()
            self._tag = element.tag
        elif element.tag == "br":
            self._words.append("\n")
        self._words.append(self._spaced(element, element.text))

    def _end(self, element: "Element") -> None:
        if element.tag in _BLOCKS:
            self._flush()
        above = element.getparent()
        self._words.append(self._spaced(above, element.tail))

    def _spaced(self, element: "Element | None", text: str | None) -> str:
        if not text or (element is not None and element.tag == "pre"):
            return text or ""
        return _SPACE.sub(" ", text)

    def _flush(self) -> None:
        text = clean("".join(self._words))
        self._words.clear()
        tag, self._tag = self._tag, ""
        if tag != "pre":
            text = "\n".join(" ".join(line.split()) for line in text.split("\n"))
        text = text.strip("\n") if tag == "pre" else text.strip()
        if level := _LEVELS.get(tag):
            self._composer.heading(level, " ".join(text.split()))
        elif tag == "li":
            self._composer.item(text)
        else:
            self._composer.block(text)

    def _table(self, table: "Element") -> bool:
        """Write a table of data, row by row; False for one that only lays out the page."""
        if table.find(".//table") is not None:
            return False
        rows = [_cells(row) for row in table.iter("tr")]
        if layout(rows):
            return False
        self._flush()
        for caption in table.iter("caption"):
            self._composer.block(clean(_text(caption)))
        for _, line in lines(rows):
            self._composer.row(clean(line))
        return True


_SPACE = re.compile(r"\s+")


def _cells(row: "Element") -> list[str]:
    """The cells of a row; one that spans columns is followed by empty ones."""
    cells = []
    for cell in row.iterchildren("td", "th"):
        span = cell.get("colspan") or ""
        wide = int(span) if span.isascii() and span.isdigit() and len(span) < 4 else 1
        cells += [_text(cell), *[""] * min(wide - 1, 100)]
    return cells


def _text(element: "Element") -> str:
    return " ".join(" ".join(element.itertext()).split())
