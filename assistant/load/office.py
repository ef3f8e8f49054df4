"""Word and PowerPoint: paragraphs, lists, tables and slides, without what is hidden or deleted."""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from assistant.load.builder import DocumentBuilder, Parsed, Refused, archive, lines, spanned
from assistant.load.plain import real_title

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_UNSEEN = {_FALLBACK, *(f"{_W}{name}" for name in ("del", "moveFrom", "pPr", "rPr", "sdtPr"))}
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_BOX = f"{_W}txbxContent"


def docx(data: bytes) -> Parsed:
    """A .docx; what is printed above and below each page is left out."""
    import docx

    archive(data, "DOCX")
    opened = docx.Document(BytesIO(data))
    styles = list(opened.styles.element.iter(f"{_W}style"))
    levels = _levels(styles)
    lists = {style.get(f"{_W}styleId") or "" for style in styles if _numbered(style)}
    builder = DocumentBuilder()
    title = ""
    for element in _blocks(opened.element.body):
        if element.tag == f"{_W}tbl":
            builder.table([_cells(row) for row in _inside(element, "tr")])
            continue
        text, style = _text(element), _value(element, f"pPr/{_W}pStyle")
        own = _outline(element)
        level = levels.get(style) if own is None else own
        if level is not None:
            builder.heading(level, " ".join(text.split()))
            title = title or (text if level == 0 else "")
        elif _numbered(element) or style in lists:
            builder.item(text)
        else:
            builder.block(text)
    return builder.finish(real_title(title or opened.core_properties.title))


def _cells(row: "Element") -> list[str]:
    cells = []
    for cell in _inside(row, "tc"):
        paragraphs = (_text(element) for element in cell.iter(f"{_W}p"))
        text = " ".join(filter(None, paragraphs))
        cells += spanned(text, _value(cell, f"tcPr/{_W}gridSpan"))
    return cells


def _inside(element: "Element", name: str) -> Iterator["Element"]:
    """The children of that name, also those in a content control."""
    for child in element:
        if child.tag == f"{_W}{name}":
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent"):
            yield from _inside(child, name)


def _blocks(element: "Element") -> Iterator["Element"]:
    """The paragraphs and tables, in order; a text box comes after the paragraph it hangs on."""
    for child in element:
        if child.tag == f"{_W}tbl":
            yield child
        elif child.tag == f"{_W}p":
            yield child
            for box in child.iter(_BOX):
                if not any(above.tag == _FALLBACK for above in box.iterancestors()):
                    yield from _blocks(box)
        elif child.tag not in _UNSEEN and isinstance(child.tag, str):
            yield from _blocks(child)


def _text(element: "Element") -> str:
    return "".join(_pieces(element)).strip()


def _pieces(element: "Element") -> Iterator[str]:
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _SIGNS:
            yield _SIGNS[child.tag]
        elif child.tag not in _UNSEEN and child.tag != _BOX:
            hidden = child.find(f"{_W}rPr/{_W}vanish")
            if hidden is None or hidden.get(f"{_W}val") in ("0", "false", "off"):
                yield from _pieces(child)


def _numbered(element: "Element") -> bool:
    return element.find(f"{_W}pPr/{_W}numPr") is not None


def _levels(styles: list["Element"]) -> dict[str, int]:
    """The level of each style of headings. Word translates ids, not the names of its own styles."""
    levels: dict[str, int] = {}
    above: dict[str, str] = {}
    for style in styles:
        key, name = style.get(f"{_W}styleId") or "", _value(style, "name")
        above[key] = _value(style, "basedOn")
        if (heading := re.fullmatch(r"(?i)heading (\d)", name)) is not None:
            levels[key] = int(heading[1])
        elif name.casefold() == "title":
            levels[key] = 0
        elif (outline := _outline(style)) is not None:
            levels[key] = outline
    for key in above:
        chain = [key]  # of a bad file it may be a circle
        while chain[-1] not in levels and (base := above.get(chain[-1], key)) not in chain:
            chain.append(base)
        if level := levels.get(chain[-1]):  # a subtitle based on the title is none
            levels[key] = level
    return levels


def _outline(element: "Element") -> int | None:
    level = _value(element, f"pPr/{_W}outlineLvl")
    return int(level) + 1 if level in set("012345678") else None


def _value(element: "Element", name: str) -> str:
    found = element.find(f"{_W}{name}")
    return (found.get(f"{_W}val") or "") if found is not None else ""


_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def pptx(data: bytes) -> Parsed:
    """A .pptx: slide by slide, the title first, the notes last."""
    import pptx

    archive(data, "PPTX")
    builder = DocumentBuilder()
    opened = pptx.Presentation(BytesIO(data))
    for number, slide in enumerate(opened.slides, 1):
        if slide.element.get("show") == "0":
            continue
        heading = slide.shapes.title
        name = " ".join(_drawn(heading._element)) if heading is not None else ""
        blocks = [text for shape in slide.shapes if shape != heading for text in _shown(shape)]
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
            blocks += _drawn(notes._element)
        builder.under(1, "")
        if blocks:
            builder.heading(1, name)
        for text in blocks or [name]:
            builder.block(text, "slide", number)
    if not builder.text:
        raise Refused("no text (pictures only?)")
    return builder.finish(real_title(opened.core_properties.title))


def _shown(shape: Any) -> Iterator[str]:  # noqa: ANN401 (each kind of shape is another class)
    if hasattr(shape, "shapes"):
        for inner in shape.shapes:
            yield from _shown(inner)
    elif shape.has_text_frame:
        yield from _drawn(shape._element)
    elif getattr(shape, "has_table", False):
        rows = [[" ".join(_drawn(cell._tc)) for cell in row.cells] for row in shape.table.rows]
        yield from (line for _, line in lines(rows))


def _drawn(element: "Element") -> list[str]:
    """The paragraphs of a shape."""
    paragraphs = []
    for paragraph in element.iter(f"{_A}p"):
        parts = paragraph.iter(f"{_A}t", f"{_A}br")
        text = "".join(" " if part.tag == f"{_A}br" else part.text or "" for part in parts)
        paragraphs.append(" ".join(text.split()))
    return list(filter(None, paragraphs))
