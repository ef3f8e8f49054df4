"""HTML, e-books and mail: what a browser would show, without the frame around it.

EPUB: the chapters of a book, in the order of its spine.
"""

import posixpath
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zipfile import ZipFile

from assistant.load.builder import DocumentBuilder, Parsed, Refused, archive, layout, lines
from assistant.load.plain import clean, decode

if TYPE_CHECKING:
    from lxml.etree import _Element as XmlElement
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
_SPACE = re.compile(r"\s+")
_LEVELS = {f"h{level}": level for level in range(1, 7)}


def html(data: bytes) -> Parsed:
    """A .html."""
    declared = _DECLARED.search(data[:_HEAD])
    text, notes = decode(data, declared[1].decode("ascii") if declared else "")
    composer = DocumentBuilder()
    return composer.finish(write(composer, text), notes)


def write(composer: DocumentBuilder, text: str) -> str:
    """Write what the HTML shows; its title. Raises `Refused` where it is too large."""
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
    except etree.XMLSyntaxError:  # every fault is mended but a lack of memory
        raise Refused("too large when opened") from None


def _seen(element: "Element") -> bool:
    tag = element.tag
    if tag in _FRAME or tag in _SILENT or "hidden" in element.attrib:
        return False
    if tag in _MASTHEAD:
        return any(above.tag in _CONTENT for above in element.iterancestors())
    return not _UNSEEN.search(element.get("style") or "")


class _Page:
    """Writes the elements of a page in order, a block at a time."""

    def __init__(self, composer: DocumentBuilder) -> None:
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


_CONTAINER = "META-INF/container.xml"
_LOCKS = "META-INF/encryption.xml"
_PAGES = {"application/xhtml+xml", "text/html"}


def epub(data: bytes) -> Parsed:
    """A .epub."""
    opened = archive(data, "EPUB")
    package = _package(opened)
    locked = _locked(opened)
    composer = DocumentBuilder()
    for path in _chapters(opened, package):
        if path in locked:
            raise Refused("password protected")
        try:
            text, _ = decode(opened.read(path), "utf-8")
        except Refused:  # an empty page, or none of text
            continue
        write(composer, text)
    title = next((each.text or "" for each in _all(_xml(opened, package), "title")), "")
    return composer.finish(" ".join(title.split()))


def _package(opened: ZipFile) -> str:
    files = [each.get("full-path") for each in _all(_xml(opened, _CONTAINER), "rootfile")]
    if not files or not files[0]:
        raise Refused("damaged EPUB")
    return str(files[0])


def _chapters(opened: ZipFile, package: str) -> Iterator[str]:
    """The paths of the book's pages; what lists the others is not one."""
    root = _xml(opened, package)
    items = {each.get("id"): each for each in _all(root, "item")}
    names = set(opened.namelist())
    for reference in _all(root, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in _PAGES:
            continue
        path = _joined(package, item.get("href") or "")
        if path in names and "nav" not in (item.get("properties") or "").split():
            yield path


def _locked(opened: ZipFile) -> set[str]:
    """What cannot be read without a key: with copy protection, the chapters; else the fonts."""
    if _LOCKS not in opened.namelist():
        return set()
    references = _all(_xml(opened, _LOCKS), "CipherReference")
    return {unquote(each.get("URI") or "") for each in references}


def _joined(package: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(href)))


def _xml(opened: ZipFile, path: str) -> "XmlElement":
    from lxml.etree import XMLParser, fromstring

    return fromstring(opened.read(path), XMLParser(resolve_entities=False, no_network=True))


def _all(root: "XmlElement", name: str) -> "Iterator[XmlElement]":
    return (each for each in root.iter("{*}" + name))
