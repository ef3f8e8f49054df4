"""How questions typed as people type them are answered: right, on the screen, wrong, refused.

    python -m research.benchmarks.typed [--set NAME HOME QUESTIONS]...

Two sets lie beside this file, in `typed_questions/`: on the sample article, and on eleven documents
of a household and an office, written for it by people who did not see the answers. Further ones are
named by a home and a file of questions, in the form of `assistant evaluate` or with `quotes`.

- *right*: a statement is shown whose quote holds acceptable words;
- *on the screen*: acceptable words are printed, as the answer or as what may be meant;
- *wrong*: statements are shown, and none of them holds acceptable words.
"""

import argparse
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.assistant import Assistant
from assistant.types import Answer
from research.benchmarks.sets import interval, workplace

FOLDER = Path(__file__).parent / "typed_questions"
ARTICLE = Path("knowledge/china-belarus-joint-statement.txt")


def read_typed(path: Path) -> list[dict[str, Any]]:
    """The questions of a file, each with its acceptable words under `quote`."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [line | {"quote": line.get("quote", line.get("quotes", []))} for line in lines]


def flat(text: str) -> str:
    """Letters and digits in small letters, a space between words."""
    return re.sub(r"\W+", " ", text).lower().strip()


def holds(text: str, quotes: Sequence[str]) -> bool:
    """Whether a text holds one of the acceptable words, or is the greater part of them."""
    plain = flat(text)
    return any(flat(each) in plain or (len(plain) > 30 and plain in flat(each)) for each in quotes)


def outcome(question: dict[str, Any], answer: Answer) -> str:
    """What came of a question: `right`, `wrong`, `possible` (the right words), `refused`."""
    quotes = question["quote"]
    if answer.statements:
        cited = [citation.quote for citation in answer.citations]
        return "right" if any(holds(each, quotes) for each in cited) else "wrong"
    return "possible" if holds(str(answer), quotes) else "refused"


def measure(name: str, home: Path, questions: Sequence[dict[str, Any]]) -> None:
    """Ask the questions of a home and print what came of them, with 95 % intervals."""
    assistant = Assistant(home)
    assistant.sync()
    can, cannot = list[str](), list[str]()
    for question in questions:
        history: list[Answer] = []
        for earlier in question.get("history", []):
            history.append(assistant.ask(earlier, history=history[-3:]))
        answer = assistant.ask(question["question"], history=history)
        came = outcome(question, answer)
        if question.get("answerable", True):
            can.append(came)
        else:
            cannot.append("asserted" if answer.statements else "refused")
    print(f"{name}: {len(can)} answerable, {len(cannot)} not")
    for label, group, counted in (
        ("right", can, {"right"}),
        ("on the screen", can, {"right", "possible"}),
        ("something else asserted", can, {"wrong"}),
        ("unanswerable, asserted", cannot, {"asserted"}),
    ):
        share = sum(each in counted for each in group) / max(1, len(group))
        print(f"  {label:24} {interval(share, len(group))}")


def main() -> None:
    """Measure the sets that lie here, and those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    three = ("NAME", "HOME", "QUESTIONS")
    parser.add_argument("--set", nargs=3, action="append", default=[], metavar=three)
    options = parser.parse_args()
    with workplace(None) as work:
        for name in ("article", "household"):
            (work / name / "knowledge").mkdir(parents=True)
            of_set = FOLDER / name / "knowledge"
            for path in of_set.iterdir() if of_set.is_dir() else [ARTICLE]:
                shutil.copy(path, work / name / "knowledge")
            measure(name, work / name, read_typed(FOLDER / name / "questions.jsonl"))
        for name, home, questions in options.set:
            copied = work / name
            shutil.copytree(Path(home) / "knowledge", copied / "knowledge")
            measure(name, copied, read_typed(Path(questions)))


if __name__ == "__main__":
    main()
