import pytest

from assistant.cite import cite, wording
from assistant.types import Passage, Reading, Span


def passage(source: str, text: str, start: int = 0) -> Passage:
    return Passage(source, start, start + len(text), text, (Span(start, start + len(text)),))


def reading(
    found: Passage, span: Span, words: Span | None = None, probability: float = 0.5
) -> Reading:
    return Reading(found, span, probability, words)


def test_a_citation_is_cut_by_code_from_the_passage() -> None:
    text = "Trade grew. It surpassed $8.4 billion."
    whole = Passage("a.txt", 100, 138, text, (Span(100, 111), Span(112, 138)), number=7)
    (statement,) = cite([reading(whole, Span(112, 138), Span(125, 137), 0.8)], {"a.txt": "f00d"})
    (citation,) = statement.citations
    assert statement.text == citation.quote == "It surpassed $8.4 billion."
    assert (citation.start, citation.end, citation.sha256) == (112, 138, "f00d")
    assert citation.location == "a.txt, line 7"
    assert citation.answer == "$8.4 billion"
    assert statement.probability == 0.8


def test_f24_the_same_words_in_two_files_are_one_statement_with_two_citations() -> None:
    found = [
        reading(passage(name, "The  limit is 5."), Span(0, 16), probability=probability)
        for name, probability in (("a.txt", 0.5), ("b.txt", 0.7))
    ]
    (statement,) = cite(found, {"a.txt": "", "b.txt": ""})
    assert [citation.source for citation in statement.citations] == ["a.txt", "b.txt"]
    assert statement.probability == 0.7


def test_statements_keep_their_order() -> None:
    found = [reading(passage("a.txt", text), Span(0, len(text))) for text in ("Two.", "One.")]
    assert [statement.text for statement in cite(found, {"a.txt": ""})] == ["Two.", "One."]


def statements(*texts: str) -> list[str]:
    """The statements made of these sentences, each of a file of its own."""
    found = [reading(passage(f"{n}.txt", text), Span(0, len(text))) for n, text in enumerate(texts)]
    return [each.text for each in cite(found, {f"{n}.txt": "" for n in range(len(texts))})]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The pressure is < 5 bar.", "The pressure is > 5 bar."),
        ("It earned 5 million.", "It earned -5 million."),
        ("The fee is $5.", "The fee is €5."),
        ("It employs many.", "It employed many."),
        ("It rose by 5 %.", "It rose by 5."),
        ("It holds 1.5 l.", "It holds 15 l."),
        ("It takes 5 mW.", "It takes 5 MW."),
        ("It is 5 ± 1 m.", "It is 5 1 m."),
        ("The pressure is ≤ 5 bar.", "The pressure is ≥ 5 bar."),
        ("It is 10² m.", "It is 102 m."),
        ("Who pays?", "Who pays!"),
    ],
)
def test_another_word_sign_unit_or_number_is_another_statement(one: str, other: str) -> None:
    assert statements(one, other) == [one, other]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The limit is 5.", "The\n limit\u00a0is  5."),
        ("It’s “the” limit.", 'It\'s "the" limit.'),
        ("A co\u00adoperation.", "A cooperation."),
        ("A cafe\u0301.", "A café."),
    ],
)
def test_white_space_and_the_form_of_a_character_make_no_other_statement(
    one: str, other: str
) -> None:
    assert statements(one, other) == [one]
    assert wording(one) == wording(other)
