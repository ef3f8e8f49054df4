"""PDF, page by page."""

import re
from typing import TYPE_CHECKING

from assistant.load.decode import clean
from assistant.load.parsed import Composer, Parsed, Refused
from assistant.load.titles import real_title

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_HYPHEN = re.compile("[\x02\ufffe]\n?")  # PDFium's mark where a line's end broke a word


def pdf(data: bytes) -> Parsed:
    """A .pdf."""
    import pypdfium2

    composer = Composer()
    try:
        opened = pypdfium2.PdfDocument(data)
        for number in range(len(opened)):
            composer.block(_page(opened[number]), "page", number + 1)
        title = real_title(opened.get_metadata_value("Title"))
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise Refused("password protected" if locked else "damaged PDF") from None
    if not composer.text:
        raise Refused("no text (a scan?)")
    return composer.finish(title)


def _page(page: "PdfPage") -> str:
    words = page.get_textpage()
    text = words.get_text_bounded()
    words.close()
    page.close()  # else all pages stay in memory to the end
    return clean(_HYPHEN.sub("", text.replace("\r\n", "\n")))
