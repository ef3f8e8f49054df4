import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.question import Kind
from assistant.select import (
    CANDIDATES,
    about,
    choose,
    missing_names,
    put_apart,
)
from assistant.types import Hit, Passage, Reading, Span


def passage(*sentences: str, heading: str = "", source: str = "a.txt") -> Passage:
    spans, at = [], 0
    for sentence in sentences:
        spans.append(Span(at, at + len(sentence)))
        at += len(sentence) + 1
    text = " ".join(sentences)
    return Passage(source, 0, len(text), text, tuple(spans), heading=heading)


def readings(found: Passage, *probabilities: float) -> list[Reading]:
    return [
        Reading(found, span, probability)
        for span, probability in zip(found.sentences, probabilities, strict=True)
    ]


def quotes(found: list[Reading]) -> list[str]:
    return [reading.quote for reading in found]


TEXT = passage("One is here.", "Two is here.", "Three is here.")


@pytest.mark.parametrize(
    ("probabilities", "shown"),
    [
        ((0.9, 0.8, 0.1), 2),
        ((0.9, 0.3, 0.3), 3),
        ((0.9, 0.1, 0.1), 1),
        ((0.3, 0.3, 0.3), 0),
    ],
)
def test_the_first_and_what_is_not_much_less_likely_answers(
    probabilities: tuple[float, ...], shown: int
) -> None:
    choice = choose(Kind.FACT, readings(TEXT, *probabilities), [], threshold=0.4, most=3)
    assert len(choice.answers) == shown
    assert bool(choice.possible) is not bool(choice.answers)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1))
def test_what_is_shown_is_the_beginning_of_what_was_read(
    probabilities: list[float], threshold: float
) -> None:
    ordered = readings(TEXT, *sorted(probabilities, reverse=True))
    choice = choose(Kind.FACT, ordered, [], threshold, most=3)
    shown = choice.answers or choice.possible
    assert shown == ordered[: len(shown)]
    assert bool(choice.answers) is (max(probabilities) >= threshold)


def test_nothing_is_asserted_where_something_named_is_missing() -> None:
    ordered = readings(TEXT, 0.9, 0.8, 0.7)
    choice = choose(Kind.FACT, ordered, ["X300"], threshold=0.4, most=3)
    assert choice.answers == []
    assert choice.possible == ordered[:CANDIDATES]


def test_what_is_no_sentence_is_never_shown() -> None:
    found = passage("7.", "478", "The rent is due.")
    choice = choose(Kind.FACT, readings(found, 0.9, 0.8, 0.7), [], threshold=0.4, most=3)
    assert quotes(choice.answers) == ["The rent is due."]


def test_what_stands_under_another_heading_must_be_likelier() -> None:
    here, there = passage("One is here.", heading="A"), passage("Two is there.", heading="B")
    both = [*readings(here, 0.9), *readings(there, 0.15)]
    assert len(choose(Kind.FACT, both, [], threshold=0.4, most=3).answers) == 1
    assert len(choose(Kind.FACT, [both[0], *readings(there, 0.2)], [], 0.4, 3).answers) == 2


def test_a_question_for_several_things_is_given_more_than_three() -> None:
    found = passage(*(f"Item {word} is here." for word in "abcdef"))
    choice = choose(Kind.LIST, readings(found, *[0.8] * 6), [], threshold=0.4, most=3)
    assert len(choice.answers) == 6


def frequencies(known: str) -> object:
    words = known.lower().split()
    return lambda asked: {term: int(term in words) for term in asked}


def test_a_name_the_documents_do_not_hold_is_missing() -> None:
    hits = [Hit(passage("Jane Merton earns much."), 0.9)]
    known = frequencies("jane merton earn much")
    missing = missing_names("What does John Merton earn?", hits, known, lambda _: [])  # type: ignore[arg-type]
    assert missing == ["John"]


def test_a_number_that_tells_things_apart_is_missing() -> None:
    hits = [Hit(passage("Hall 1 seats 90.", "Hall 2 seats 220."), 0.9)]
    known = frequencies("hall 1 2 seat 90 220")
    asked = "What is the capacity of hall 9?"
    assert missing_names(asked, hits, known, lambda _: []) == ["hall 9"]  # type: ignore[arg-type]
    asked = "What is the capacity of hall 2?"
    assert missing_names(asked, hits, known, lambda _: []) == []  # type: ignore[arg-type]


ROWS = passage(
    "Item: Stapler; Price: 11.90; Supplier: Norland",
    "Item: Whiteboard; Price: 89.00; Supplier: Norland",
    "Item: Paper clips; Price: 1.50; Supplier: Feder",
)


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Who supplies the paper clips?", ["Paper clips"]),
        ("Which items does Norland supply?", ["Stapler", "Whiteboard"]),
        ("Which item costs 89.00?", ["Whiteboard"]),
        ("What is the weight of the stapler?", []),  # there is no such column
        ("What is there?", []),
    ],
)
def test_the_rows_that_hold_what_the_question_tells_them_apart_by(
    question: str, rows: list[str]
) -> None:
    weighed = put_apart(question, readings(ROWS, 0.35, 0.35, 0.35))
    likely = [each.quote for each in weighed if each.probability > 0.5]
    assert [quote.split("; ")[0].removeprefix("Item: ") for quote in likely] == rows


def test_a_sentence_of_another_year_is_not_the_answer() -> None:
    found = passage("Revenue was 7 million in 2022.", "Revenue was 8 million in 2023.")
    weighed = put_apart("What was the revenue in 2023?", readings(found, 0.8, 0.7))
    assert weighed[0].quote == "Revenue was 8 million in 2023."
    assert weighed[1].probability <= 0.1


def test_what_gives_no_date_does_not_answer_when() -> None:
    found = passage("They hold joint exercises.", "The exercises begin on 5 May 2024.")
    weighed = put_apart("when are the exercises", readings(found, 0.8, 0.7))
    assert [each.probability for each in weighed] == [0.7, 0.3]


def test_what_is_said_about_a_subject() -> None:
    rent = passage("It is 900 pounds.", "It is due on the first.", heading="Rent")
    other = passage("The rent may rise.", "Pets are allowed.", heading="Other")
    found = about("rent", [Hit(other, 0.9), Hit(rent, 0.5)])
    assert quotes(found) == ["It is 900 pounds.", "It is due on the first.", "The rent may rise."]
    assert about("garage", [Hit(other, 0.9)]) == []
    assert about("the", [Hit(other, 0.9)]) == []
