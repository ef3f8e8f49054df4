import pytest

from assistant.types import Abstention, Answer, Citation, Passage, Span, Statement, locate

PASSAGE = Passage("a.txt", 0, 20, "Heading\nOne. Two\nis.", (Span(8, 12), Span(13, 20)), number=4)


def citation(start: int, end: int) -> Citation:
    return Citation("a.txt", "f00d", start, end, PASSAGE.quote(Span(start, end)), PASSAGE)


def test_a_place_is_named_as_a_person_would_look_it_up() -> None:
    assert locate("a.pdf", "Trade", "page", 12) == "a.pdf, page 12"
    assert locate("a.pptx", "Trade", "slide", 3) == "a.pptx, slide 3"
    assert locate("a.csv", "", "row", 88) == "a.csv, row 88"
    assert locate("a.xlsx", "Prices", "row", 88) == "a.xlsx, “Prices”, row 88"
    assert locate("a.docx", "Trade › Tariffs", "", 0) == "a.docx, “Trade › Tariffs”"
    assert locate("a.docx", "", "row", 0) == "a.docx"
    assert locate("a.md", "Trade", "line", 88) == "a.md, “Trade”, line 88"
    assert locate("a.txt", "", "line", 88) == "a.txt, line 88"
    assert PASSAGE.location == "a.txt, line 4"
    assert citation(13, 20).location == "a.txt, line 5"


def test_citations_are_numbered_by_first_use() -> None:
    one, two = citation(8, 12), citation(13, 20)
    answer = Answer("?", (Statement("Two", (two,)), Statement("Both", (one, two))))
    assert answer.citations == (two, one)


def test_the_same_words_have_one_key_and_places_have_ids() -> None:
    elsewhere = Passage("b.txt", 0, 20, PASSAGE.text, PASSAGE.sentences, number=4)
    assert elsewhere.key == PASSAGE.key
    assert elsewhere.id != PASSAGE.id


@pytest.mark.parametrize("reason", Abstention)
def test_every_abstention_explains_itself(reason: Abstention) -> None:
    assert reason.explanation.endswith(".")


def test_programs_for_earlier_versions_find_the_probability_of_a_statement() -> None:
    statement = Statement("Two", (citation(13, 20),), probability=0.7)
    assert statement.odds == statement.probability == 0.7
