from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.cite import (
    Checked,
    Standing,
    disagreements,
    is_exact,
    look_up,
    read_answers,
    verify,
)
from assistant.errors import AnswerFileRefused, KnowledgeMissing
from assistant.types import (
    Answer,
    Citation,
    Document,
    Passage,
    Section,
    Span,
    Statement,
)

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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The fee is 1.5 euros.", "The fee is 1.50 euros."),
        ("The board has five members.", "The board has 5 members."),
        ("The term is 24 months.", "The term is two years."),
        ("The route is 1.5 km long.", "The route is 1,500 m long."),
        ("The price was 5 euros in 2023.", "The price was 6 euros in 2024."),
        ("In March the price was 5 euros.", "In June the price was 6 euros."),
        (
            "The shop in Alden opens at 9 on weekdays.",
            "The shop in Brixton opens at 10 on weekdays.",
        ),
        ("The rent of flat 3 is 500 euros.", "The rent of flat 7 is 600 euros."),
        ("The firm has 5 offices in Berlin.", "The firm has 7 employees in Berlin."),
        ("Pump B2 delivers 5 bar.", "Pump B3 delivers 6 bar."),
        ("Trade exceeded 8 billion dollars.", "Trade exceeded 8,000 million dollars."),
        ("The fee is over 40 euros.", "The fee is 45 euros."),
        ("The fee is about 40 euros.", "The fee is 41 euros."),
        ("It was signed in March 2023.", "It was signed on 5 March 2023."),
        ("The box weighs 5 kg.", "The box is 7 m."),
        ("5", "6"),
    ],
)
def test_what_can_both_be_so_is_no_disagreement(one: str, other: str) -> None:
    assert disagreements([said(one, "a"), said(other, "b")]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It was signed in March.", "It was signed in June."),
        ("It was signed in March 2023.", "It was signed in June 2023."),
        ("The term ends on 31 December 2024.", "The term ends on 31 December 2025."),
        ("The price was 5 euros in 2023.", "The price was 6 euros in 2023."),
        ("The price was 5 euros in 2023.", "The price was 6 euros."),
        ("The board has five members.", "The board has 6 members."),
        ("The result is 5 million euros.", "The result is -5 million euros."),
        ("The fee is €5.", "The fee is $5."),
        ("The pressure is < 5 bar.", "The pressure is > 5 bar."),
        ("The fee is at most 40 euros.", "The fee is 45 euros."),
        ("The term is 24 months.", "The term is three years."),
        ("The share is 5 %.", "The share is 5.5 %."),
        ("The trade of Alden was 5 euros.", "The trade was 6 euros."),
    ],
)
def test_another_number_or_date_of_the_same_thing_is_a_disagreement(one: str, other: str) -> None:
    assert len(disagreements([said(one, "a"), said(other, "b")])) == 1
    assert len(disagreements([said(other, "b"), said(one, "a")])) == 1


@pytest.mark.parametrize(
    "order", list(permutations(["limit.txt", "copy.txt", "Z.txt"])), ids=" ".join
)
def test_a_citation_that_is_held_is_held_in_whatever_order_files_are_read(
    order: tuple[str, ...],
) -> None:
    text = "The limit is 5 percent."
    documents = {
        name: Document(name, f"{before}{text}", "", (Section(0, 0, len(before + text)),))
        for name, before in (("limit.txt", ""), ("copy.txt", "Old. "), ("Z.txt", "New. "))
    }
    cited = said(text, "limit.txt").citations[0]
    moved = replace(cited, start=3, end=26)
    checked = dict.fromkeys((cited, moved), Checked(Standing.GONE))
    for name in order:
        look_up(checked, documents[name])
    assert checked[cited] == Checked(Standing.HELD, "limit.txt, line 1")
    assert checked[moved] == Checked(Standing.MOVED, "limit.txt, line 1")


QUESTION = "What is the refund limit for each order?"


@pytest.fixture
def saved(assistant: Assistant, home: Path) -> Answer:
    """An answer that cites one sentence of `limit.txt`, among other files."""
    (home / "knowledge" / "limit.txt").write_text(
        "The council meets in spring.\nThe refund limit is 100 euros for each order.\n"
    )
    (home / "knowledge" / "other.txt").write_text("The entry fee is 3 euros.")
    answer = assistant.ask(QUESTION)
    assert [citation.source for citation in answer.citations] == ["limit.txt"]
    return answer


def checked(assistant: Assistant, answer: Answer) -> tuple[Standing, str]:
    (one,) = assistant.recheck([answer]).values()
    return one.standing, one.location


def test_what_did_not_change_is_held(assistant: Assistant, saved: Answer, home: Path) -> None:
    held = (Standing.HELD, "limit.txt, line 2")
    assert checked(assistant, saved) == held
    limit = home / "knowledge" / "limit.txt"
    limit.write_text(limit.read_text() + "It was set last year.\n")
    assert checked(assistant, saved) == held


def test_words_that_stand_elsewhere_moved(assistant: Assistant, saved: Answer, home: Path) -> None:
    limit = home / "knowledge" / "limit.txt"
    limit.write_text("Rules of old.\n\n" + limit.read_text())
    assert checked(assistant, saved) == (Standing.MOVED, "limit.txt, line 4")
    limit.rename(home / "knowledge" / "rules.md")
    assert checked(assistant, saved) == (Standing.MOVED, "rules.md, line 4")


def test_of_several_places_the_nearest_counts(
    assistant: Assistant, saved: Answer, home: Path
) -> None:
    sentence = saved.citations[0].quote
    (home / "knowledge" / "limit.txt").write_text(f"{sentence}\n{'X. ' * 40}\n{sentence}\n")
    assert checked(assistant, saved) == (Standing.MOVED, "limit.txt, line 1")


@pytest.mark.parametrize("text", ["The refund limit is 250 euros for each order.", None])
def test_words_that_stand_nowhere_are_gone(
    assistant: Assistant, saved: Answer, home: Path, text: str | None
) -> None:
    limit = home / "knowledge" / "limit.txt"
    limit.unlink() if text is None else limit.write_text(text)
    assert checked(assistant, saved) == (Standing.GONE, "")


def test_a_file_that_cannot_be_read_holds_nothing(
    assistant: Assistant, saved: Answer, home: Path
) -> None:
    (home / "knowledge" / "limit.txt").write_bytes(bytes(range(256)) * 40)
    assert checked(assistant, saved) == (Standing.GONE, "")


def test_each_of_two_cited_files_holds_the_sentence_they_share(
    assistant: Assistant, saved: Answer, home: Path
) -> None:
    sentence = saved.citations[0].quote
    (home / "knowledge" / "other.txt").write_text(f"It says: yes.\n{sentence}\n")
    (home / "knowledge" / "a.txt").write_text(f"Fees.\n\n{sentence}\n")
    assistant.sync()
    answer = assistant.ask(QUESTION)
    assert len({citation.source for citation in answer.citations}) == 3
    checked = assistant.recheck([answer])
    assert [each.standing for each in checked.values()] == [Standing.HELD] * 3


def test_without_the_folder_nothing_is_said_to_be_gone(
    assistant: Assistant, saved: Answer, home: Path
) -> None:
    (home / "knowledge").rename(home / "away")
    with pytest.raises(KnowledgeMissing):
        assistant.recheck([saved])


def test_answers_are_read_from_json_lists_and_lines(saved: Answer, tmp_path: Path) -> None:
    path = tmp_path / "answers.json"
    one = saved.to_json()
    for text, count in ((one, 1), (f"[{one}, {one}]", 2), (f"{one}\n\n{one}\n", 2)):
        path.write_text(text)
        assert read_answers(path) == [saved] * count


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"question": 3}', "answer 1 of .*not a saved answer"),
        (b"not json", "answer 1 of .*not a saved answer"),
        (b"\xff", "Cannot check .*json"),
        (None, "Cannot check .*No such file"),
    ],
)
def test_what_is_no_saved_answer_is_named(tmp_path: Path, text: bytes | None, problem: str) -> None:
    path = tmp_path / "answers.json"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(AnswerFileRefused, match=problem):
        read_answers(path)
