from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.load.outline import markdown_headings, tile
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


def test_lines_and_pages_are_kept() -> None:
    text = "One.\n\nTwo.\nThree."
    first, second = cut(text, Section(0, 0, 4, page=1), Section(6, 6, len(text), page=2))
    assert (first.line, first.page, second.line, second.page) == (1, 1, 3, 2)


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
