from assistant.cite import cite
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
