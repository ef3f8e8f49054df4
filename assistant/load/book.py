"""EPUB: the chapters of a book, in the order of its spine."""

import posixpath
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote
from zipfile import ZipFile

from assistant.load.archive import archive
from assistant.load.decode import decode
from assistant.load.parsed import Composer, Parsed, Refused
from assistant.load.web import write

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_CONTAINER = "META-INF/container.xml"
_LOCKS = "META-INF/encryption.xml"
_PAGES = {"application/xhtml+xml", "text/html"}


def epub(data: bytes) -> Parsed:
    """A .epub."""
    opened = archive(data, "EPUB")
    package = _package(opened)
    locked = _locked(opened)
    composer = Composer()
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


def _xml(opened: ZipFile, path: str) -> "Element":
    from lxml.etree import XMLParser, fromstring

    return fromstring(opened.read(path), XMLParser(resolve_entities=False, no_network=True))


def _all(root: "Element", name: str) -> "Iterator[Element]":
    return (each for each in root.iter("{*}" + name))
