from assistant.cite import cite
from assistant.types import Passage, Span


def passage(source: str, text: str, start: int = 0) -> Passage:
    return Passage(source, start, start + len(text), text, (Span(start, start + len(text)),))


def test_a_citation_is_cut_by_code_from_the_passage() -> None:
    text = "Trade grew. It surpassed $8.4 billion."
    whole = Passage("a.txt", 100, 138, text, (Span(100, 111), Span(112, 138)), line=7)
    (statement,) = cite([(whole, Span(112, 138))], {"a.txt": "f00d"})
    (citation,) = statement.citations
    assert statement.text == citation.quote == "It surpassed $8.4 billion."
    assert (citation.start, citation.end, citation.sha256) == (112, 138, "f00d")
    assert citation.location == "a.txt, line 7"


def test_f24_the_same_words_in_two_files_are_one_statement_with_two_citations() -> None:
    found = [(passage(name, "The  limit is 5."), Span(0, 16)) for name in ("a.txt", "b.txt")]
    (statement,) = cite(found, {"a.txt": "", "b.txt": ""})
    assert [citation.source for citation in statement.citations] == ["a.txt", "b.txt"]


def test_statements_keep_their_order() -> None:
    found = [(passage("a.txt", text), Span(0, len(text))) for text in ("Two.", "One.")]
    assert [statement.text for statement in cite(found, {"a.txt": ""})] == ["Two.", "One."]
