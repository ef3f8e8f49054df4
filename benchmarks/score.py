"""Score the assistant on a file of questions about the documents of a home.

    python -m benchmarks.score QUESTIONS.jsonl [--home .]

A line of the file: {"id", "question", "answerable", "quote", "history", "kind"}. An answerable
question is right when its first statement cites a sentence that holds `quote`; an overview, when
it is answered at all. An unanswerable one is right when it is refused.
"""

import argparse
import json
from collections import Counter
from pathlib import Path
from time import perf_counter

from assistant import Answer, Assistant


def judge(wanted: dict[str, object], answer: Answer) -> str:
    """The outcome of one question."""
    if not wanted["answerable"]:
        return "refused" if answer.abstention else "answered though unanswerable"
    if answer.abstention:
        return "refused though answerable"
    quotes = [" ".join(citation.quote.split()) for citation in answer.citations]
    if str(wanted["quote"]) in quotes[0]:
        return "right words first"
    return "right words later" if any(str(wanted["quote"]) in q for q in quotes) else "wrong words"


def main() -> None:
    """Print each question with its outcome, then the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--home", default=".")
    options = parser.parse_args()
    assistant = Assistant(options.home)
    assistant.sync()
    outcomes: Counter[tuple[str, str]] = Counter()
    started = perf_counter()
    lines = options.questions.read_text(encoding="utf-8").splitlines()
    for wanted in map(json.loads, lines):
        answer = assistant.ask(wanted["question"], history=wanted.get("history", ()))
        outcome = judge(wanted, answer)
        group = "unanswerable" if not wanted["answerable"] else wanted.get("kind", "fact")
        group = "follow-up" if wanted.get("history") else group
        outcomes[group, outcome] += 1
        print(f"{wanted['id']:5} {outcome:30} {answer.confidence:.2f}  {wanted['question']}")
    print()
    for (group, outcome), count in sorted(outcomes.items()):
        total = sum(n for (each, _), n in outcomes.items() if each == group)
        print(f"{group:14} {outcome:30} {count:3} of {total}")
    print(f"{1000 * (perf_counter() - started) / len(lines):.0f} ms a question")


if __name__ == "__main__":
    main()
