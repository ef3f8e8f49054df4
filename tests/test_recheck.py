from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.errors import AnswerFileRefused, KnowledgeMissing
from assistant.types import Answer, Standing
from assistant.verify import read_answers

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
