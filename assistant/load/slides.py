"""PowerPoint, slide by slide."""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from assistant.load.archive import archive
from assistant.load.decode import clean
from assistant.load.parsed import Composer, Parsed, Refused
from assistant.load.tables import lines
from assistant.load.titles import real_title

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from pptx.slide import Slide

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def pptx(data: bytes) -> Parsed:
    """A .pptx: slide by slide, the title first, the notes last."""
    import pptx

    archive(data, "PPTX")
    composer = Composer()
    opened = pptx.Presentation(BytesIO(data))
    for number, slide in enumerate(opened.slides, 1):
        if slide.element.get("show") != "0":
            _slide(composer, slide, number)
    if not composer.text:
        raise Refused("no text (pictures only?)")
    return composer.finish(real_title(opened.core_properties.title))


def _slide(composer: Composer, slide: "Slide", number: int) -> None:
    heading = slide.shapes.title
    name = " ".join(_drawn(heading._element)) if heading is not None else ""
    blocks = [text for shape in slide.shapes if shape != heading for text in _shown(shape)]
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
        blocks += _drawn(notes._element)
    composer.under(1, "")
    if blocks:
        composer.heading(1, name)
    for text in blocks or [name]:
        composer.block(text, "slide", number)


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
        parts = (
            " " if part.tag == f"{_A}br" else part.text or ""
            for part in paragraph.iter(f"{_A}t", f"{_A}br")
        )
        paragraphs.append(clean(" ".join("".join(parts).split())))
    return [text for text in paragraphs if text]
