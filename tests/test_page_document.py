"""What the viewer is sent of a document, and to whom."""

from typing import TYPE_CHECKING, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.show import visible
from assistant.types import Document, Section, Span
from assistant.web.viewer import WINDOW, Wanted, blocks, view
from tests.scripted import DIGEST, QUOTES, TEXT

if TYPE_CHECKING:
    pass

PAGES = "First page.\n\nIt ends.\n\nSecond page.\n\nRow one\nRow two\n"
DOCUMENT = Document(
    "a.pdf",
    PAGES,
    DIGEST,
    (
        Section(0, 0, 23, "", "page", 1),
        Section(23, 23, 37, "", "page", 2),
        Section(37, 37, len(PAGES), "", "row", 8),
    ),
    "A title",
)


def said(document: Document, place: Span) -> list[tuple[str, str, str, str]]:
    whole = Span(0, len(document.text))
    return [
        (each.kind, each.label, each.text + each.marked + each.rest, each.marked)
        for each in blocks(document, whole, place)
    ]


def test_pages_and_rows_are_numbered_and_the_place_is_marked() -> None:
    at = PAGES.index("page.\n\nRow")
    assert said(DOCUMENT, Span(at, at + 5)) == [
        ("number", "", "Page 1", ""),
        ("page", "", "First page.", ""),
        ("page", "", "It ends.", ""),
        ("number", "", "Page 2", ""),
        ("page", "", "Second page.", "page."),
        ("row", "8", "Row one", ""),
        ("row", "9", "Row two", ""),
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=300)


@given(TEXTS, st.integers(0, 300), st.integers(0, 300))
def test_every_character_is_shown_once_and_the_mark_holds_the_exact_words(
    text: str, one: int, other: int
) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    document = Document("a", text, DIGEST, (Section(0, 0, len(text)),))
    shown = said(document, Span(start, end))
    assert "".join("".join(each[2] for each in shown).split()) == "".join(visible(text).split())
    marked = "".join("".join(each[3] for each in shown).split())
    assert marked == "".join(visible(text[start:end]).split())


def test_words_that_moved_are_found_again_nearest_to_where_they_stood() -> None:
    text = "Yes. " * 100
    document = Document("a", text, "new", (Section(0, 0, 500),))
    seen = view(document, Wanted("a", "old", 248, 252, "Yes."))
    assert "has changed" in str(seen["message"])
    marked = [each["text"] for each in cast("list[dict[str, str]]", seen["blocks"])]
    assert len(marked[0]) in (245, 250)
    assert view(document, Wanted("a", "new", 250, 254, "Yes."))["message"] == ""
    assert "no longer" in str(view(document, Wanted("a", "old", 0, 3, "Never."))["message"])


@pytest.mark.parametrize("line", ["A line of it.\n\n", "no end of a line "])
def test_a_large_document_comes_in_windows_that_meet(line: str) -> None:
    text = line * 200_000
    document = Document("a", text, DIGEST, (Section(0, 0, len(text)),))
    place = len(text) // 2
    seen = view(document, Wanted("a", DIGEST, place, place + 5))
    first, last = cast("int", seen["from"]), cast("int", seen["to"])
    assert 0 <= place - first <= 2 * WINDOW
    assert 0 <= last - place <= 2 * WINDOW + 5
    assert view(document, Wanted("a", DIGEST, before=first))["to"] == first
    assert view(document, Wanted("a", DIGEST, after=last))["from"] == last


def asked(address: str, **wanted: object) -> httpx.Response:
    return httpx.post(f"{address}document", json=wanted)


def test_the_page_serves_a_document_around_a_place(address: str) -> None:
    start = 50 + TEXT.index(QUOTES[2])
    got = asked(address, source="visit.md", sha256=DIGEST, start=start, end=start + 27).json()
    assert [each["marked"] for each in got["blocks"] if each["marked"]] == [QUOTES[2]]
    assert got["place"] == "visit.md, “Visit”, line 7"
    assert asked(address, source="gone.md").json() == {"message": "gone.md is not there."}


@pytest.mark.parametrize("wanted", [{}, {"source": 1}, {"source": "a", "start": "x"}])
def test_anything_else_is_refused(address: str, wanted: dict[str, object]) -> None:
    assert asked(address, **wanted).status_code == 400
    assert httpx.get(f"{address}document").status_code in (404, 405)
    elsewhere = {"Origin": "https://evil.example"}
    sent = httpx.post(f"{address}document", json={"source": "visit.md"}, headers=elsewhere)
    assert sent.status_code == 403
