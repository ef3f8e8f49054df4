"""The kinds of files, and which parser reads each: bytes → `Parsed`.

A parser is a plain function in a module of its kind, which imports its library when it is called:
in a child process, for whatever a file may do to it (see `readers`).
"""

from collections.abc import Callable
from typing import NamedTuple

from assistant.load.builder import Parsed, Refused, Unavailable
from assistant.load.html import eml, epub, html
from assistant.load.office import docx, pptx
from assistant.load.pdf import pdf
from assistant.load.plain import markdown, plain, rst
from assistant.load.sheets import sheet, workbook


class Format(NamedTuple):
    """A kind of file."""

    name: str
    parser: Callable[[bytes], Parsed]
    simple: bool = False
    """Whether it is read line by line, which needs no confinement."""


_KINDS = {
    (".txt", ".text"): Format("text", plain, simple=True),
    (".md", ".markdown"): Format("Markdown", markdown, simple=True),
    (".rst",): Format("reStructuredText", rst, simple=True),
    (".pdf",): Format("PDF", pdf),
    (".docx",): Format("DOCX", docx),
    (".pptx",): Format("PPTX", pptx),
    (".xlsx", ".xlsm"): Format("XLSX", workbook),
    (".csv", ".tsv"): Format("CSV", sheet),
    (".html", ".htm", ".xhtml"): Format("HTML", html),
    (".epub",): Format("EPUB", epub),
    (".eml",): Format("mail", eml),
}
"""A new kind of file is a line here."""

FORMATS = {suffix: kind for suffixes, kind in _KINDS.items() for suffix in suffixes}
"""The kind of each suffix."""

OLD = {".doc": "DOCX", ".xls": "XLSX", ".ppt": "PPTX"}
"""Formats of before 2007, and what to save them as."""


def parse(suffix: str, data: bytes) -> Parsed:
    """What a file with this suffix and content says.

    Raises `Refused`, `Unavailable` where its parser is not installed, or `MemoryError`.
    """
    if not data:
        raise Refused("empty")
    try:
        return FORMATS[suffix].parser(data)
    except ModuleNotFoundError as error:
        fix = "pip install --upgrade agreement-assistant"
        raise Unavailable(f"{error.name} is not installed: {fix}") from None
    except (Refused, MemoryError):  # a process that is out of memory is not to be used again
        raise
    except Exception:  # a library raises what it will on a bad file
        raise Refused(f"damaged {FORMATS[suffix].name}") from None
