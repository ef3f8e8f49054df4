from dataclasses import replace

import pytest

from assistant.types import Citation, Passage, Span, Statement
from assistant.verify import disagreements, is_exact, verify

TEXT = "Trade grew. The limit is 5 percent."
PASSAGE = Passage("a.txt", 10, 45, TEXT, (Span(10, 21), Span(22, 45)))
CITATION = Citation("a.txt", "", 22, 45, "The limit is 5 percent.", PASSAGE)


def said(text: str, source: str) -> Statement:
    passage = Passage(source, 0, len(text), text, (Span(0, len(text)),))
    return Statement(text, (Citation(source, "", 0, len(text), text, passage),))


def test_a_quote_at_its_place_is_kept() -> None:
    statement = Statement("The limit is 5 percent.", (replace(CITATION, words=Span(35, 44)),))
    assert statement.citations[0].answer == "5 percent"
    assert verify([statement]) == [statement]


@pytest.mark.parametrize(
    "citation",
    [
        replace(CITATION, quote="The limit is 6 percent."),
        replace(CITATION, start=21),
        replace(CITATION, end=44, quote="The limit is 5 percent"),
        replace(CITATION, start=26, quote="limit is 5 percent."),
        replace(CITATION, source="b.txt"),
        replace(CITATION, start=22, end=22, quote=""),
        replace(CITATION, words=Span(10, 21)),
        replace(CITATION, words=Span(25, 25)),
    ],
    ids=[
        "other words",
        "shifted",
        "cut short",
        "not a sentence",
        "other file",
        "empty",
        "marked elsewhere",
        "nothing marked",
    ],
)
def test_an_inexact_quote_takes_its_statement_with_it(citation: Citation) -> None:
    assert not is_exact(citation)
    assert verify([Statement(citation.quote, (citation,))]) == []


def test_a_statement_that_says_more_than_its_quote_is_dropped() -> None:
    assert verify([Statement("The limit is 5 percent, or 6.", (CITATION,))]) == []


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        (("The refund limit is 100 euros.", "a"), ("The refund limit is 200 euros.", "b"), True),
        (("The refund limit is 100 euros.", "a"), ("The refund limit is 200 euros.", "a"), False),
        (
            ("The refund limit is 1,000 euros.", "a"),
            ("The refund limit is 1000 euros.", "b"),
            False,
        ),
        (("The refund limit is 100 euros.", "a"), ("Trade grew by 200 percent.", "b"), False),
    ],
    ids=["differ", "same file", "same number", "other matter"],
)
def test_q13_sources_that_disagree_are_named(
    one: tuple[str, str], other: tuple[str, str], disagree: bool
) -> None:
    assert bool(disagreements([said(*one), said(*other)])) is disagree
