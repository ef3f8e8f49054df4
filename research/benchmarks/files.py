"""Files of every kind, good and bad, made by code: for the tests and for `mixed`."""

import zlib
from collections.abc import Iterable, Sequence
from email.message import EmailMessage
from io import BytesIO
from itertools import pairwise
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

LOCK = "/ID[<00><00>]/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<{0}>/U<{0}>>>".format("00" * 32)
"""What makes a PDF ask for a password, for its trailer."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
ENCRYPTED = OLE + "EncryptedPackage".encode("utf-16-le") + bytes(480)
"""An Office file with a password, as far as its directory goes."""
_TENFOLD = (f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in pairwise("abcdefghij"))
LAUGHS = f'<!DOCTYPE x [<!ENTITY a "ha">{"".join(_TENFOLD)}]>'
"""Entities of which the last, `&j;`, is a billion laughs."""
THIEF = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
"""An entity, `&e;`, that is another file."""


def pdf(*pages: str, title: str = "", trailer: str = "") -> bytes:
    """A PDF of these lines of Latin text, page by page."""
    stream = "BT /F 12 Tf 14 TL 50 700 Td {} ET".format
    shown = [stream(" ".join(f"({line}) Tj T*" for line in page.split("\n"))) for page in pages]
    streams = [f"<</Length {len(s)}>>stream\n{s}\nendstream".encode() for s in shown]
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(streams)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(streams)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Title({title})>>".encode(),
    ]
    for number, body in enumerate(streams):
        page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Resources<</Font<</F 3 0 R>>>>"
        objects += [f"{page}/Contents {6 + 2 * number} 0 R>>".encode(), body]
    return objects_to_pdf(objects, f"/Info 4 0 R{trailer}")


def objects_to_pdf(objects: Sequence[bytes], trailer: str = "") -> bytes:
    """A PDF of these objects, the first of which is the catalogue."""
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    size, start = len(objects) + 1, len(out)
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    end = f"trailer<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n"
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode()


def bomb_pdf(megabytes: int = 1024) -> bytes:
    """A page whose content is packed twice: a few kilobytes that become `megabytes`."""
    pack = zlib.compressobj(9)
    once = b"".join(pack.compress(b"BT ET " * 174_763) for _ in range(megabytes)) + pack.flush()
    twice = zlib.compress(once, 9)
    head = b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n" % len(twice)
    return objects_to_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>",
            head + twice + b"\nendstream",
        ]
    )


def loop_pdf(*, pages: bool) -> bytes:
    """A PDF whose drawing and outline lead back to themselves, and its tree of pages if wanted."""
    itself = b"/Resources<</XObject<</X 4 0 R>>>>"
    return objects_to_pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R/Outlines 6 0 R>>",
            b"<</Type/Pages/Count %d/Kids[3 0 R%b]/Parent 2 0 R>>"
            % ((9, b" 2 0 R 2 0 R") if pages else (1, b"")),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 5 0 R" + itself + b">>",
            b"<</Subtype/Form/BBox[0 0 9 9]/Length 5" + itself + b">>stream\n/X Do\nendstream",
            b"<</Length 5>>stream\n/X Do\nendstream",
            b"<</First 7 0 R/Last 7 0 R/Count 1>>",
            b"<</Title(a)/Parent 6 0 R/Next 7 0 R/First 7 0 R>>",
        ]
    )


def docx(*blocks: str | Sequence[Sequence[str]], title: str = "") -> bytes:
    """A Word file: "# " begins a heading, "- " an item, rows are a table, the rest paragraphs."""
    from docx import Document

    document = Document()
    document.core_properties.title = title
    for block in blocks:
        if not isinstance(block, str):
            table = document.add_table(0, len(block[0]))
            for row in block:
                for cell, text in zip(table.add_row().cells, row, strict=True):
                    cell.text = text
        elif block.startswith("#"):
            signs, words = block.split(" ", 1)
            document.add_heading(words, len(signs))
        elif block.startswith("- "):
            document.add_paragraph(block[2:], "List Bullet")
        else:
            document.add_paragraph(block)
    return saved(document)


def pptx(*slides: tuple[str, str, str]) -> bytes:
    """A PowerPoint file: title, text and notes of each slide."""
    from pptx import Presentation

    deck = Presentation()
    for title, text, notes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return saved(deck)


def xlsx(**sheets: Iterable[Sequence[object]]) -> bytes:
    """An Excel file: the rows of each sheet."""
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    return saved(book)


def epub(*chapters: str, title: str = "A Book", head: str = "") -> bytes:
    """An e-book: the body of each chapter."""
    items = "".join(
        f'<item id="c{n}" href="text/c%20{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata><dc:title>{title}</dc:title></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    pages = {
        f"OEBPS/text/c {n}.xhtml": f'<?xml version="1.0"?>{head}<html><body>{body}</body></html>'
        for n, body in enumerate(chapters)
    }
    return zipped({"META-INF/container.xml": container, "OEBPS/book.opf": package, **pages})


def eml(subject: str, text: str, html: str = "", files: Sequence[str] = ()) -> bytes:
    """A mail from Ana to Bo."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ana <ana@a.example>", "bo@b.example"
    mail["Subject"], mail["Date"] = subject, "Tue, 24 Nov 2026 10:00:00 +0000"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for name in files:
        mail.add_attachment(b"x", maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes()


def zipped(entries: dict[str, str | bytes]) -> bytes:
    """A zip archive."""
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(ZipInfo(name), data, ZIP_DEFLATED)
    return out.getvalue()


def with_part(data: bytes, name: str, part: str | bytes) -> bytes:
    """The archive with one of its entries replaced, or with another one."""
    with ZipFile(BytesIO(data)) as archive:
        entries: dict[str, str | bytes] = {each: archive.read(each) for each in archive.namelist()}
    return zipped(entries | {name: part})


def part(data: bytes, name: str) -> str:
    """An entry of the archive, as text."""
    with ZipFile(BytesIO(data)) as archive:
        return archive.read(name).decode()


def bomb_zip(megabytes: int = 1024) -> bytes:
    """A Word file with an entry of so many megabytes of zeros."""
    out = BytesIO(docx("Words."))
    with ZipFile(out, "a", ZIP_DEFLATED) as archive, archive.open("word/big.xml", "w") as entry:
        for _ in range(megabytes):
            entry.write(bytes(2**20))
    return out.getvalue()


def saved(document: object) -> bytes:
    """What a library's document saves."""
    out = BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()
