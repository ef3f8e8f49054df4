"""Bytes → text, sections and title: one parser for each kind of file.

A parser is a plain function. PDFs and large files are given to theirs in a child process with a
limit of time and memory, so that the worst a file can do is to be skipped.
"""

import json
import re
import subprocess
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple
from typing import Any, NamedTuple

from assistant.load.outline import blank, markdown_headings, plain_headings, tile
from assistant.types import Section

_AT_HOME = 2**20  # bytes parsed in this process, in at most a few seconds
_SECONDS = 60
_MEMORY = 2 * 2**30
_CHARACTERS = 50_000_000
_HARMFUL = "could not be opened: too large or harmful"

_UTF16 = {BOM_UTF16_LE: "utf-16-le", BOM_UTF16_BE: "utf-16-be"}
_UPPER = rb"[\xa1\xa5\xa8\xaa\xaf\xb2\xc0-\xdf]"  # in cp1251: Russian, Ukrainian, Belarusian
_LOWER = rb"[\xa2\xb3\xb4\xb8\xba\xbf\xe0-\xff]"
_CYRILLIC = re.compile(rb"%b?%b+|%b+" % (_UPPER, _LOWER, _UPPER))
_CONTROLS = re.compile("[\0-\x08\x0e-\x1f\x7f\ufffd]")
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")
_HYPHEN = re.compile("[\x02\ufffe]\n?")  # PDFium's mark where a line's end broke a word
_NO_TITLE = re.compile(
    r"(?i)untitled|microsoft (word|powerpoint|excel)|about:|https?:|.*\.[a-z]{2,4}$|.{200}"
)


class Refused(Exception):
    """Why these bytes cannot be a document."""


class Parsed(NamedTuple):
    """What a file says."""

    text: str
    sections: list[Section]
    title: str = ""
    guessed: str = ""
    """The encoding, where nothing but the text tells it."""


def parse(suffix: str, data: bytes) -> Parsed:
    """What a file with this suffix and content says. Raises `Refused`."""
    confined = suffix == ".pdf" or len(data) > _AT_HOME
    return _confined(suffix, data) if confined else PARSERS[suffix](data)


def _confined(suffix: str, data: bytes) -> Parsed:
    code = (
        "import sys; sys.path[:] = sys.argv[2:]; from assistant.load.formats import child; child()"
    )
    try:
        done = subprocess.run(  # noqa: S603 (our own code; the file is its input)
            [sys.executable, "-P", "-c", code, suffix, *sys.path],
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        raise Refused(_HARMFUL) from None
    if "refused" in answer:
        raise Refused(answer["refused"])
    return Parsed(**answer | {"sections": [Section(*section) for section in answer["sections"]]})


def child() -> None:
    """Parse standard input in this process, which may die of it; the answer is JSON."""
    _confine()
    try:
        parsed = PARSERS[sys.argv[1]](sys.stdin.buffer.read())
        if len(parsed.text) > _CHARACTERS:
            raise Refused(_HARMFUL)
        sections = [astuple(section) for section in parsed.sections]
        answer = parsed._asdict() | {"sections": sections}
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    json.dump(answer, sys.stdout)


def _confine() -> None:
    with suppress(ImportError):  # Windows has only the time limit, which the parent keeps
        import resource

        limits = {"RLIMIT_AS": _MEMORY, "RLIMIT_CPU": _SECONDS, "RLIMIT_CORE": 0}
        for name, most in limits.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, name), (most, most))


def _plain(data: bytes) -> Parsed:
    text, guessed = _decode(data)
    headings = plain_headings(text)
    first = headings and blank(text[: headings[0].start])
    return Parsed(text, tile(text, headings), headings[0].name if first else "", guessed)


def _markdown(data: bytes) -> Parsed:
    text, guessed = _decode(data)
    headings = markdown_headings(text)
    title = next((heading.name for heading in headings if heading.level == 1), "")
    return Parsed(text, tile(text, headings), title, guessed)


def _pdf(data: bytes) -> Parsed:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
        pages = [_page(page.get_textpage().get_text_bounded()) for page in pdf]
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise Refused("password protected" if locked else "damaged PDF") from None
    sections, at = [], 0
    for number, page in enumerate(pages, 1):
        if not blank(page):
            sections.append(Section(at, at, at + len(page), page=number))
        at += len(page) + 2
    if not sections:
        raise Refused("no text (a scan?)")
    title = " ".join(_clean(pdf.get_metadata_value("Title")).split())
    return Parsed("\n\n".join(pages), sections, "" if _NO_TITLE.match(title) else title)


def _page(text: str) -> str:
    return _clean(_HYPHEN.sub("", text.replace("\r\n", "\n")))


PARSERS: dict[str, Callable[[bytes], Parsed]] = {
    ".txt": _plain,
    ".text": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".pdf": _pdf,
}
"""A new kind of file is a line here."""


def _decode(data: bytes) -> tuple[str, str]:
    """The text, and its encoding if that was guessed."""
    guessed = ""
    if encoding := _UTF16.get(data[:2]):
        text = data[2:].decode(encoding, "replace")
    else:
        data = data.removeprefix(BOM_UTF8)
        try:
            text = data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            guessed = _guess(data[:_AT_HOME])
            text = data.decode(guessed, "replace")
    if blank(text):
        raise Refused("empty")
    if len(_CONTROLS.findall(text)) > len(text) / (50 if guessed else 3):
        raise Refused("not text")
    return _clean(text), guessed


def _guess(data: bytes) -> str:
    """The likeliest encoding of text that is not UTF-8.

    In Cyrillic and Chinese, high bytes come in runs; only in Cyrillic do the runs look like words
    in lower or upper case. On short texts this is right more often than charset-normalizer.
    """
    runs = re.findall(rb"[\x80-\xff]+", data)
    high = sum(map(len, runs))
    if 10 * data.decode("utf-8", "replace").count("\ufffd") < high:
        return "utf-8"
    if 2 * sum(len(run) for run in runs if len(run) > 1) <= high:
        return "cp1252"
    words = sum(len(run) for run in runs if _CYRILLIC.fullmatch(run))
    return "cp1251" if 2 * words > high else "gb18030"


def _clean(text: str) -> str:
    """The text without what no index can store, character for character."""
    return _IMPOSSIBLE.sub("\ufffd", text)
