"""PDF, page by page."""

import ctypes
import re
from collections.abc import Iterator
from statistics import median
from typing import TYPE_CHECKING

from assistant.load.decode import clean
from assistant.load.parsed import Composer, Parsed, Refused
from assistant.load.titles import real_title
from assistant.load.typeset import Line, Typeset

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_HYPHEN = re.compile("[\x02\ufffe]\n?")  # PDFium's mark where a line's end broke a word
_BOLD = re.compile(rb"(?i)bold|black|heavy")
_NAME = 100  # bytes of a font's name


def pdf(data: bytes) -> Parsed:
    """A .pdf."""
    import pypdfium2

    composer = Composer()
    try:
        opened = pypdfium2.PdfDocument(data)
        pages = [list(_lines(opened[number])) for number in range(len(opened))]
        title = real_title(opened.get_metadata_value("Title"))
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise Refused("password protected" if locked else "damaged PDF") from None
    typeset = Typeset(pages)
    for number, lines in enumerate(pages, 1):
        for block in typeset.blocks(lines):
            text = clean(_HYPHEN.sub("", "\n".join(line.text for line in block)))
            if level := typeset.level(block):
                composer.heading(level, " ".join(text.split()))
            else:
                composer.block(text, "page", number)
    if not composer.text:
        raise Refused("no text (a scan?)")
    return composer.finish(title)


def _lines(page: "PdfPage") -> Iterator[Line]:
    words = page.get_textpage()
    at = 0
    for text in words.get_text_bounded().split("\r\n"):
        yield _line(words, text, at)
        at += _units(text) + 2
    words.close()
    page.close()  # else all pages stay in memory to the end


def _line(words: "PdfTextPage", text: str, at: int) -> Line:
    """The line with its look, by three of its letters: the first may be an initial."""
    places = [found.start() for found in re.finditer(r"\S", text)]
    some = {places[0], places[len(places) // 2], places[-1]} if places else set()
    looks = [
        look for place in some if (look := _look(words, text[place], at + _units(text[:place])))
    ]
    if not looks:
        return Line(text)
    heights, bottoms, bold = zip(*looks, strict=True)
    return Line(text, median(heights), min(bottoms), bold=sum(bold) * 2 > len(bold))


def _look(words: "PdfTextPage", letter: str, place: int) -> tuple[float, float, bool] | None:
    """Height and foot of a letter, in points, and whether it is bold; None where unknown."""
    from pypdfium2 import raw

    index = raw.FPDFText_GetCharIndexFromTextIndex(words, place)
    if index < 0 or raw.FPDFText_GetUnicode(words, index) != ord(letter):
        return None  # PDFium's two ways to count have parted
    box, font = raw.FS_RECTF(), ctypes.create_string_buffer(_NAME)
    raw.FPDFText_GetLooseCharBox(words, index, box)
    raw.FPDFText_GetFontInfo(words, index, font, _NAME, ctypes.c_int())
    return box.top - box.bottom, box.bottom, bool(_BOLD.search(font.value))


def _units(text: str) -> int:
    """PDFium counts in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
