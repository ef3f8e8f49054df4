import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assistant.assistant import Assistant
from assistant.cli import main
from assistant.errors import QuestionFileRefused
from assistant.evaluate import (
    ANSWERED,
    FIRST,
    LATER,
    OTHER,
    REFUSED,
    Evaluation,
    Outcome,
    Question,
    evaluate,
    plot,
    read_questions,
)

LINES = [
    {"question": "What was the value of bilateral trade last year?",
     "quote": "surpassed $8.4 billion"},
    {"question": "How many cities does it cover?", "history": ["What is the Greater Bay Area?"],
     "quote": ["ten cities", "nine cities"], "kind": "follow-up"},
    {"question": "Who won the 2022 World Cup?", "answerable": False},
    {"question": "What is this about?", "kind": "overview"},
]  # fmt: skip


def written(folder: Path, *lines: object) -> Path:
    path = folder / "questions.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )
    return path


def outcome(*said: tuple[float, bool], answerable: bool = True, retrieved: bool = True) -> Outcome:
    asked = Question("Who?", answerable, ("Ana",))
    return Outcome(asked, said, marked=True, retrieved=retrieved, seconds=0.01)


def test_a_question_file_is_asked_of_the_documents(on_article: Assistant, tmp_path: Path) -> None:
    questions = read_questions(written(tmp_path, *LINES))
    found = evaluate(on_article, questions)
    assert [each.at(found.threshold) for each in found.outcomes] == [FIRST, FIRST, REFUSED, FIRST]
    assert all(each.retrieved for each in found.outcomes[:2])
    assert found.outcomes[0].marked
    assert found.threshold == on_article.settings.threshold


@pytest.mark.parametrize(
    ("said", "threshold", "expected"),
    [
        ([(0.8, True)], 0.5, FIRST),
        ([(0.8, True)], 0.9, REFUSED),
        ([(0.8, False), (0.7, True)], 0.5, LATER),
        ([(0.8, False), (0.7, True)], 0.75, OTHER),
        ([], 0.0, REFUSED),
    ],
)
def test_the_outcome_at_a_threshold(
    said: list[tuple[float, bool]], threshold: float, expected: str
) -> None:
    assert outcome(*said).at(threshold) == expected
    if expected == FIRST:
        assert outcome(*said, answerable=False).at(threshold) == ANSWERED


def test_the_curve_goes_from_all_answered_to_all_refused() -> None:
    found = Evaluation(
        (outcome((0.9, True)), outcome((0.3, True)), outcome((0.4, True), answerable=False)), 0.5
    )
    curve = {threshold: (right, refused) for threshold, right, refused in found.curve()}
    assert curve[0.0] == (1.0, 0.0)
    assert curve[0.35] == (0.5, 0.0)
    assert curve[0.5] == (0.5, 1.0)
    assert curve[0.95] == (0.0, 1.0)


def test_what_is_refused_has_its_price_in_right_answers() -> None:
    answers = [outcome((probability, True)) for probability in (0.3, 0.6, 0.9)] + [
        outcome((0.1, False))
    ]
    cannot = [
        outcome((probability, True), answerable=False) for probability in (0.2, 0.5, 0.6, 0.8)
    ]
    found = Evaluation((*answers, *cannot), 0.5)
    assert [sum(found.refused_for(lost)) for lost in range(4)] == [1, 2, 4, 4]
    assert "for one right answer" in str(found)


def test_the_table_counts_each_kind() -> None:
    text = str(Evaluation((outcome((0.9, True)), outcome((0.1, True)), outcome((0.8, False))), 0.5))
    rows = {line[:24].strip(): line.split()[-3:] for line in text.splitlines() if " of " in line}
    assert rows[FIRST] == rows[OTHER] == rows[REFUSED] == ["1", "of", "3"]
    assert rows["right passage read"] == ["3", "of", "3"]


def test_the_plot_is_a_picture_that_runs_nothing() -> None:
    found = Evaluation((outcome((0.9, True)), outcome((0.2, True), answerable=False)), 0.5)
    picture = ElementTree.fromstring(plot(found))
    assert {element.tag.split("}")[1] for element in picture.iter()} <= {
        "svg", "rect", "path", "text", "polyline"
    }  # fmt: skip
    lines = [element.get("points", "") for element in picture.iter() if "polyline" in element.tag]
    assert [line.split()[0] for line in lines] == ["0,0", "0,250"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{not json", "line 2 of .*questions.jsonl"),
        ("[]", "line 2"),
        ({"question": 3}, "no text under “question”"),
        ({"quote": "x"}, "no text under “question”"),
        ({"question": "Who?", "answerable": "no"}, "neither true nor false"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: object, problem: str) -> None:
    with pytest.raises(QuestionFileRefused, match=problem):
        read_questions(written(tmp_path, {"question": "Who?"}, line))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe"])
def test_a_file_without_questions_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(content)
    with pytest.raises(QuestionFileRefused, match="empty.jsonl"):
        read_questions(path)
    with pytest.raises(QuestionFileRefused, match="No such file"):
        read_questions(tmp_path / "missing.jsonl")


def test_on_the_command_line(
    article_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["evaluate", "--home", str(article_home), str(written(tmp_path, *LINES[:3]))]
    assert main([*command, "--each", "--plot", str(tmp_path / "curve.svg")]) == 0
    told = capsys.readouterr().out
    assert "right words first" in told
    assert "Who won the 2022 World Cup?" in told
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")
    assert main([*command, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert [each["outcome"] for each in read["outcomes"]] == [FIRST, FIRST, REFUSED]
    assert main(["evaluate", "--home", str(article_home), str(tmp_path / "no.jsonl")]) == 2
    assert "Cannot evaluate" in capsys.readouterr().err
