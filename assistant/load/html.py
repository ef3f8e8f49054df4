"""HTML, EPUB and mail: what a browser or a mail program would show, without the frame around it."""

import posixpath
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from zipfile import ZipFile

from assistant.load.builder import DocumentBuilder, Parsed, Refused, archive, is_layout, spanned
from assistant.load.plain import decode

if TYPE_CHECKING:
    from lxml.etree import _Element as XmlElement
    from lxml.html import HtmlElement as Element

_UNSEEN_TAGS = {
    "nav", "aside", "script", "style", "template", "noscript", "svg", "math", "iframe", "object",
    "select", "button", "textarea", "head", "audio", "video", "canvas",
}  # fmt: skip
_UNSEEN_STYLE = re.compile(r"(?i)(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))")
_BLOCKS = {
    "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "html",
    "legend", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
    "th", "thead", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6",
}  # fmt: skip
_ENCRYPTED = {"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}  # mail


def html(data: bytes) -> Parsed:
    """A .html."""
    declared = re.search(rb"""(?i)(?:charset|encoding)\s*=\s*["']?([\w.:-]+)""", data[:4096])
    text, notes = decode(data, declared[1].decode("ascii") if declared else "")
    builder = DocumentBuilder()
    return builder.finish(write(builder, text), notes)


def write(builder: DocumentBuilder, text: str) -> str:
    """Write what the HTML shows; its title. Raises `Refused` where it is too large.

    Comments go, entities of a DTD stay what they are, nothing is fetched.
    """
    from lxml import etree, html

    parser = html.HTMLParser(
        encoding="utf-8",
        remove_comments=True,
        remove_pis=True,
        no_network=True,
        huge_tree=True,  # else what stands in more than 255 elements is lost
    )
    try:
        root = html.document_fromstring(text.encode(), parser=parser)
    except etree.ParserError:  # there is nothing in it
        return ""
    except etree.XMLSyntaxError:  # every fault is mended but a lack of memory
        raise Refused("too large when opened") from None
    title = root.find(".//title")
    name = " ".join(title.text_content().split()) if title is not None else ""
    for element in list(root.iter()):
        if not _seen(element) and element.getparent() is not None:
            element.drop_tree()
    _Page(builder).write(root)
    return name


def _seen(element: "Element") -> bool:
    if element.tag in _UNSEEN_TAGS or "hidden" in element.attrib:
        return False
    if element.tag in ("header", "footer"):  # of the whole page; one of an article holds its title
        return any(True for _ in element.iterancestors("article", "main", "section"))
    return not _UNSEEN_STYLE.search(element.get("style") or "")


class _Page:
    """Writes the elements of a page in order, a block at a time."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._words: list[str] = []
        self._tag = ""

    def write(self, root: "Element") -> None:
        from lxml.etree import iterwalk

        walk: Any = iterwalk(root, events=("start", "end"))
        for event, element in walk:
            around, text = element, element.text
            if event == "start" and element.tag == "table" and self._table(element):
                walk.skip_subtree()
                continue
            if element.tag in _BLOCKS:
                self._flush()
            if event == "end":
                around, text = element.getparent(), element.tail
            elif element.tag in _BLOCKS:
                self._tag = element.tag
            elif element.tag == "br":
                self._words.append("\n")
            is_verbatim = around is not None and around.tag == "pre"
            self._words.append((text or "") if is_verbatim else re.sub(r"\s+", " ", text or ""))

    def _flush(self) -> None:
        """Write the block that ends here."""
        text = "".join(self._words)
        self._words.clear()
        tag, self._tag = self._tag, ""
        if tag == "pre":
            self._builder.block(text.strip("\n"))
        elif re.fullmatch("h[1-6]", tag):
            self._builder.heading(int(tag[1]), " ".join(text.split()))
        else:
            write = self._builder.item if tag == "li" else self._builder.block
            write("\n".join(" ".join(line.split()) for line in text.split("\n")).strip())

    def _table(self, table: "Element") -> bool:
        """Write a table of data, row by row; False for one that only lays out the page."""
        if table.find(".//table") is not None:
            return False
        rows = [
            [
                text
                for cell in row.iterchildren("td", "th")
                for text in spanned(_text(cell), cell.get("colspan"))
            ]
            for row in table.iter("tr")
        ]
        if is_layout(rows):
            return False
        self._flush()
        for caption in table.iter("caption"):
            self._builder.block(_text(caption))
        self._builder.table(rows)
        return True


def _text(element: "Element") -> str:
    return " ".join(" ".join(element.itertext()).split())


def epub(data: bytes) -> Parsed:
    """A .epub: the chapters of the book, in the order of its spine."""
    opened = archive(data, "EPUB")
    files = [each.get("full-path") for each in _all(opened, "META-INF/container.xml", "rootfile")]
    if not files or not files[0]:
        raise Refused("damaged EPUB")
    locked = set()  # with copy protection, the chapters; else the fonts
    if (locks := "META-INF/encryption.xml") in opened.namelist():
        references = _all(opened, locks, "CipherReference")
        locked = {unquote(each.get("URI") or "") for each in references}
    builder = DocumentBuilder()
    for path in _chapters(opened, str(files[0])):
        if path in locked:
            raise Refused("password protected")
        try:
            text, _ = decode(opened.read(path), "utf-8")
        except Refused:  # an empty page, or none of text
            continue
        write(builder, text)
    title = next((each.text or "" for each in _all(opened, str(files[0]), "title")), "")
    return builder.finish(" ".join(title.split()))


def _chapters(opened: ZipFile, package: str) -> Iterator[str]:
    """The paths of the book's pages; what lists the others is not one."""
    items = {each.get("id"): each for each in _all(opened, package, "item")}
    names = set(opened.namelist())
    for reference in _all(opened, package, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in ("application/xhtml+xml", "text/html"):
            continue
        above, href = posixpath.dirname(package), unquote(item.get("href") or "")
        path = posixpath.normpath(posixpath.join(above, href))
        if path in names and "nav" not in (item.get("properties") or "").split():
            yield path


def _all(opened: ZipFile, path: str, name: str) -> "Iterator[XmlElement]":
    """The elements of that name in a part of the archive."""
    from lxml.etree import XMLParser, fromstring

    root = fromstring(opened.read(path), XMLParser(resolve_entities=False, no_network=True))
    return (each for each in root.iter("{*}" + name))


def eml(data: bytes) -> Parsed:
    """A .eml: the fields a reader sees, then the body, as text if it has one."""
    from email import message_from_bytes, policy
    from email.message import EmailMessage

    message = message_from_bytes(data, policy=policy.default)
    if not isinstance(message, EmailMessage) or not message.keys():
        raise Refused("damaged mail")
    if message.get_content_type() in _ENCRYPTED:
        raise Refused("password protected")
    fields = {
        name: " ".join(str(message.get(name, "")).split())
        for name in ("From", "To", "Cc", "Date", "Subject")
    }
    subject = fields.pop("Subject")
    builder = DocumentBuilder()
    builder.block("; ".join(f"{name}: {field}" for name, field in fields.items() if field))
    notes: tuple[str, ...] = ()
    if (body := message.get_body(("plain", "html"))) is not None:
        found, text = body.get_payload(decode=True), ""
        with suppress(Refused):  # an empty body: what is in the fields is all there is
            charset = str(body.get_content_charset() or "")
            text, notes = decode(found if isinstance(found, bytes) else b"", charset)
        if body.get_content_type() == "text/html":
            write(builder, text)
        else:
            for paragraph in re.split(r"\r?\n(?:[ \t]*\r?\n)+", text):
                builder.block(paragraph.strip())
    files = [part.get_filename("no name") for part in message.iter_attachments()]
    unread = (f"attachments not read: {', '.join(files)}",) if files else ()
    return builder.finish(subject, notes + unread)
