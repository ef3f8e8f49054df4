"""PDF, page by page: paragraphs and headings, from how its lines look and where they stand."""

import ctypes
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from assistant.load.builder import DocumentBuilder, Parsed, Refused
from assistant.load.plain import real_title

if TYPE_CHECKING:
    from pypdfium2 import PdfPage, PdfTextPage

_LARGER = 1.15  # times the height of the body's letters, and a line is a heading
_ALIKE = 1.08  # up to this ratio two heights are one
_WORDS = 12  # of the longest line of a heading
_ENDS = re.compile(r"[.!?…:;。！？：；][\"'”’»)\]]*\s*$")


class Line(NamedTuple):
    """A line of a page. Heights and places are in points; a height of 0 says nothing is known."""

    text: str
    height: float = 0.0
    foot: float = 0.0
    """Above the foot of the page."""
    bold: bool = False


class Typeset:
    """What is usual in a document, and what stands out from it."""

    def __init__(self, pages: Sequence[Sequence[Line]]) -> None:
        lines = [line for page in pages for line in page if line.text.strip() and line.height > 0]
        sizes: Counter[float] = Counter()
        for line in lines:
            sizes[round(line.height, 1)] += len(line.text)
        self._height = max(sizes, key=lambda size: sizes[size], default=0.0)
        self._bold = sum(len(line.text) * (1 if line.bold else -1) for line in lines) > 0
        pitches = sorted(
            above.foot - line.foot
            for page in pages
            for above, line in pairwise(page)
            if above.foot > line.foot
            and abs(above.height - line.height) * 20 < self._height
            and not self._is_large(line)
        )
        # The distance of lines in a paragraph: more than a fifth of all lines are that near.
        self._pitch = pitches[len(pitches) // 5] if pitches else 0.0
        self._sizes = sorted(
            (size for size in sizes if size > self._height * _LARGER), reverse=True
        )

    def blocks(self, page: Sequence[Line]) -> list[list[Line]]:
        """The paragraphs and headings of a page, in order."""
        lines = [line for line in page if line.text.strip()]
        cuts = [at for at in range(1, len(lines)) if self._parts(lines[at - 1], lines[at])]
        edges = (0, *cuts, len(lines)) if lines else ()
        return [lines[start:end] for start, end in pairwise(edges)]

    def level(self, block: Sequence[Line]) -> int:
        """The level of a heading, from 1; 0 where the block is none."""
        text = " ".join(line.text for line in block)
        is_long = len(block) > 3 or any(len(line.text.split()) > _WORDS for line in block)
        if is_long or not re.search(r"[^\W\d_]", text) or _ENDS.search(text):
            return 0
        if self._is_large(block[0]):
            return 1 + sum(size > block[0].height * _ALIKE for size in self._sizes)
        return len(self._sizes) + 1 if self._is_marked(block[0]) else 0

    def _parts(self, above: Line, line: Line) -> bool:
        """Whether something new begins with the line."""
        low, high = sorted((above.height, line.height))
        if low <= 0 or above.text.rstrip().endswith(("\x02", "\ufffe")):  # PDFium's broken word
            return False
        if high > low * _ALIKE:
            return True
        if self._is_marked(above) != self._is_marked(line):
            return bool(_ENDS.search(above.text)) or line.text.strip()[0].isupper()
        return above.foot - line.foot > max(self._pitch, low) * 1.3

    def _is_large(self, line: Line) -> bool:
        return line.height > self._height * _LARGER

    def _is_marked(self, line: Line) -> bool:
        return line.bold and not self._bold


_HYPHEN = re.compile("[\x02\ufffe]\n?")  # PDFium's mark where a line's end broke a word


def pdf(data: bytes) -> Parsed:
    """A .pdf."""
    import pypdfium2

    builder = DocumentBuilder()
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
            text = _HYPHEN.sub("", "\n".join(line.text for line in block))
            if level := typeset.level(block):
                builder.heading(level, " ".join(text.split()))
            else:
                builder.block(text, "page", number)
    if not builder.text:
        raise Refused("no text (a scan?)")
    return builder.finish(title)


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
    box, font = raw.FS_RECTF(), ctypes.create_string_buffer(100)
    raw.FPDFText_GetLooseCharBox(words, index, box)
    raw.FPDFText_GetFontInfo(words, index, font, len(font), ctypes.c_int())
    is_bold = any(name in font.value.lower() for name in (b"bold", b"black", b"heavy"))
    return box.top - box.bottom, box.bottom, is_bold


def _units(text: str) -> int:
    """PDFium counts in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
