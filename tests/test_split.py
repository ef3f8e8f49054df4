from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.load.plain import markdown_headings, tile
from assistant.split import TOKENS, split
from assistant.types import Document, Passage, Section

LIMIT = 200


def by_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def document(text: str, *sections: Section) -> Document:
    return Document("a.txt", text, "", sections or (Section(0, 0, len(text)),), title="Title")


def cut(text: str, *sections: Section) -> list[Passage]:
    return split(document(text, *sections), by_words, LIMIT)


PIECES = [*"abcAB .!?\n\t-#’“”é1中国。！Яж\u202e😀", "\r\n", " The ", ". ", "\n# ", "\n\n"]
PROSE = st.lists(st.sampled_from(PIECES), max_size=300).map(lambda pieces: "".join(pieces) + "x")


@given(PROSE)
def test_a_passage_is_where_it_says(text: str) -> None:
    for passage in cut(text):
        assert text[passage.start : passage.end] == passage.text
        assert passage.sentences
        for span in passage.sentences:
            assert passage.start <= span.start < span.end <= passage.end
            assert passage.quote(span) == text[span.start : span.end]
            assert passage.quote(span) == passage.quote(span).strip()


@given(PROSE)
def test_nothing_is_lost_and_nothing_is_twice(text: str) -> None:
    sections = tuple(tile(text, markdown_headings(text)))
    held = [0] * len(text)
    for passage in cut(text, *sections):
        for place in range(passage.start, passage.end):
            held[place] += 1
    assert all(held[i] == 1 for i, character in enumerate(text) if not character.isspace())
    assert max(held) <= 1


@given(PROSE)
def test_a_passage_never_crosses_a_heading(text: str) -> None:
    sections = tuple(tile(text, markdown_headings(text)))
    for passage in cut(text, *sections):
        assert any(s.start <= passage.start and passage.end <= s.end for s in sections)


def test_a_heading_is_in_the_passage_and_embedded_but_never_quoted() -> None:
    text = "Trade\nIt grew. It will likely grow on."
    (passage,) = cut(text, Section(0, 6, len(text), heading="Trade"))
    assert passage.text == text
    assert [passage.quote(span) for span in passage.sentences] == [
        "It grew.",
        "It will likely grow on.",
    ]
    assert passage.embedded == "Title\nTrade\nIt grew. It will likely grow on."


def test_a_title_that_is_the_heading_is_embedded_once() -> None:
    text = "Title\nIt grew."
    (passage,) = cut(text, Section(0, 6, len(text), heading="Title"))
    assert passage.embedded == "Title\nIt grew."


def test_passages_are_even_and_about_the_size_aimed_at() -> None:
    text = " ".join(f"Sentence number {i} has seven words." for i in range(60))
    sizes = by_words([passage.text for passage in cut(text)])
    assert max(sizes) <= TOKENS * 1.1
    assert min(sizes) > max(sizes) / 2


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Li paid $8.4 billion. It rose.", ["Dr. Li paid $8.4 billion.", "It rose."]),
        ("Г. Иванов приехал в 2020 г. утром. Он уехал.", 2),
        ("中国和白俄罗斯同意合作。去年贸易额超过84亿美元！", 2),
        ("- one item\n- another item\n- a third", ["- one item", "- another item", "- a third"]),
        ("A line that\nis wrapped by hand. Next.", ["A line that\nis wrapped by hand.", "Next."]),
    ],
)
def test_sentences_of_several_languages(text: str, sentences: list[str] | int) -> None:
    (passage,) = cut(text)
    found = [passage.quote(span) for span in passage.sentences]
    assert found == sentences if isinstance(sentences, list) else len(found) == sentences


def test_a_passage_is_on_the_page_of_its_section() -> None:
    text = "One.\n\nTwo.\nThree."
    pages = Section(0, 0, 4, "", "page", 1), Section(6, 6, len(text), "", "page", 2)
    assert [(found.unit, found.number) for found in cut(text, *pages)] == [("page", 1), ("page", 2)]


def test_lines_are_counted() -> None:
    text = "One.\n\n" + "Two words. " * 60 + "\n\n" + "Three more words. " * 60
    first, *_, last = cut(text, Section(0, 0, 6), Section(6, 6, len(text), number=3))
    assert (first.number, last.number) == (1, 5)
    assert last.location == "a.txt, line 5"


def test_each_row_of_a_table_is_one_sentence_with_its_number() -> None:
    rows = [f"item: No. {i}. Fine; price: {i} euros" for i in range(100)]
    text = "Prices\n\n" + "\n".join(rows)
    passages = cut(text, Section(8, 8, len(text), "", "row", 2))
    assert [found.quote(span) for found in passages for span in found.sentences] == rows
    assert len(passages) > 1
    for found in passages:
        assert rows[found.number - 2] == found.quote(found.sentences[0])


def test_rows_in_a_document_have_no_number() -> None:
    (found,) = cut("a: 1\nb: 2", Section(0, 0, 9, "Prices", "row", 0))
    assert found.location == "a.txt, “Prices”"


@pytest.mark.parametrize("unit", ["x", "中", "word "])
def test_f9_a_line_without_end_is_cut_by_size(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    passages = cut(text)
    assert max(len(passage.text) for passage in passages) <= LIMIT * 8
    assert "".join(passage.text for passage in passages).replace(" ", "") == text.replace(" ", "")


def test_f9_time_grows_with_the_length_not_with_its_square() -> None:
    calls: list[int] = []

    def counting(texts: Sequence[str]) -> list[int]:
        calls.append(sum(map(len, texts)))
        return by_words(texts)

    def work(length: int) -> int:
        calls.clear()
        split(document("x" * length), counting, LIMIT)
        return sum(calls)

    assert work(1_000_000) < 12 * work(100_000)
