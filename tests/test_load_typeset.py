"""Paragraphs and headings of pages, by how their lines look."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.load.pdf import Line, Typeset

BODY = [
    Line("The rent is due on the third day of", 12, 700),
    Line("the month, in advance.", 12, 686),
    Line("The deposit is three months of rent and", 12, 672),
    Line("kept apart.", 12, 658),
]


def blocks(*lines: Line) -> list[tuple[int, str]]:
    """Each block of the page, with its level."""
    typeset = Typeset([BODY, lines])
    return [
        (typeset.level(block), " ".join(line.text for line in block))
        for block in typeset.blocks(lines)
    ]


def test_lines_at_the_usual_distance_are_a_paragraph() -> None:
    assert blocks(*BODY) == [(0, " ".join(line.text for line in BODY))]


def test_a_wider_gap_begins_a_paragraph() -> None:
    assert blocks(Line("One line", 12, 500), Line("goes on.", 12, 486), Line("Two.", 12, 460)) == [
        (0, "One line goes on."),
        (0, "Two."),
    ]


def test_larger_letters_are_headings_by_their_size() -> None:
    found = blocks(
        Line("A lease of", 24, 800), Line("many pages", 24, 770),
        Line("Rent", 18, 740), Line("It is due.", 12, 720),
    )  # fmt: skip
    assert found == [(1, "A lease of many pages"), (2, "Rent"), (0, "It is due.")]


def test_a_bold_line_by_itself_is_a_heading_below_the_large_ones() -> None:
    found = blocks(
        Line("Rent", 18, 740), Line("It is due.", 12, 720),
        Line("When", 12, 706, bold=True), Line("On the third day.", 12, 692),
    )  # fmt: skip
    assert found == [(1, "Rent"), (0, "It is due."), (2, "When"), (0, "On the third day.")]


def test_bold_words_amid_a_sentence_are_no_heading() -> None:
    found = blocks(
        Line("The rent is due and", 12, 720),
        Line("must be paid in advance", 12, 706, bold=True),
        Line("by the tenant.", 12, 692),
    )
    assert found == [(0, "The rent is due and must be paid in advance by the tenant.")]


def test_where_all_is_bold_nothing_stands_out() -> None:
    page = [Line("Rent", 12, 700, bold=True), Line("It is due.", 12, 686, bold=True)]
    typeset = Typeset([page])
    assert [typeset.level(block) for block in typeset.blocks(page)] == [0]


@pytest.mark.parametrize(
    "text",
    ["It is due at once.", "$8.4", " ".join(["word"] * 13)],
    ids=["a sentence", "a figure", "a long line"],
)
def test_not_all_that_is_large_is_a_heading(text: str) -> None:
    assert blocks(Line(text, 18, 740)) == [(0, text)]


def test_a_word_that_goes_on_keeps_its_lines_together() -> None:
    assert len(blocks(Line("intro\x02", 12, 700), Line("duction", 12, 600))) == 1


def test_a_new_column_goes_on_with_the_paragraph() -> None:
    assert len(blocks(Line("The rent is", 12, 60), Line("due on Monday.", 12, 740))) == 1


def test_lines_of_unknown_look_are_one_block() -> None:
    lines = [Line("One"), Line("two"), Line("three")]
    assert list(Typeset([lines]).blocks(lines)) == [lines]


LINES = st.builds(
    Line,
    st.text(max_size=8),
    st.sampled_from([0.0, 10.0, 12.0, 24.0]),
    st.floats(-1e3, 1e3),
    st.booleans(),
)


@given(st.lists(st.lists(LINES, max_size=8), max_size=3))
def test_every_line_with_words_is_in_one_block_in_order(pages: list[list[Line]]) -> None:
    typeset = Typeset(pages)
    for page in pages:
        found = list(typeset.blocks(page))
        assert [line for block in found for line in block] == [
            line for line in page if line.text.strip()
        ]
        assert all(typeset.level(block) >= 0 for block in found)
