"""Measure how follow-up questions fare: as typed, as we condense them, as people rewrote them.

    python -m research.benchmarks.followups CANARD_FOLDER [--most 300]

CANARD (Elgohary et al. 2019) has conversations over Wikipedia sections, each follow-up rewritten
by a person so that it stands alone; the sections themselves are not in it. So a section is made
of the answers of its conversation, in their order, under its title. Right is the section whose
conversation it is, and in it the sentences of the answer that was given.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.types import Answer, Statement
from research.benchmarks.sets import Line, interval, read_lines

_LEAST_WORDS = 4  # "Yes." and "in 1985" tell no section apart


@dataclass(frozen=True)
class FollowUp:
    """A follow-up, what it leans on, and what is right."""

    question: str
    rewritten: str
    history: tuple[Answer, ...]
    source: str
    answer: str


def read_conversations(path: Path, home: Path) -> list[FollowUp]:
    """Write the sections into a home; the follow-ups that have an answer in them."""
    conversations: dict[str, dict[int, Line]] = defaultdict(dict)
    for line in read_lines(path):
        name, turn = line["id"].rsplit("#", 1)
        conversations[name][int(turn)] = line
    (home / "knowledge").mkdir(parents=True)
    found = []
    for name, turns in conversations.items():
        said = []
        for turn, line in sorted(turns.items()):
            after = turns.get(turn + 1, {"history": ()})["history"]
            answer = after[-1] if after and after[-2] == line["question"] else ""
            if len(answer.split()) < _LEAST_WORDS or "CANNOTANSWER" in answer:
                continue
            said.append(answer)
            if line["history"]:
                history = tuple(map(_answer, line["history"][::2], line["history"][1::2]))
                found.append(
                    FollowUp(line["question"], line["rewrite"], history, f"{name}.md", answer)
                )
        title, section = next(iter(turns.values()))["topic"]
        text = f"# {title}\n\n## {section}\n\n{' '.join(said)}\n"
        (home / "knowledge" / f"{name}.md").write_text(text, encoding="utf-8")
    return found


def _answer(question: str, said: str) -> Answer:
    return Answer(question, statements=(Statement(said, ()),))


WAYS: dict[str, Callable[[Assistant, FollowUp], Answer]] = {
    "as typed": lambda assistant, each: assistant.ask(each.question),
    "ours, from questions": lambda assistant, each: assistant.ask(
        each.question, history=[earlier.question for earlier in each.history]
    ),
    "ours, from answers too": lambda assistant, each: assistant.ask(
        each.question, history=each.history
    ),
    "a person's": lambda assistant, each: assistant.ask(each.rewritten),
}


def is_right(answer: Answer, each: FollowUp) -> bool:
    """Whether the first statement is of the answer's sentences."""
    return (
        any(
            citation.source == each.source
            and (citation.quote in each.answer or each.answer in citation.quote)
            for citation in answer.statements[0].citations
        )
        if answer.statements
        else False
    )


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("canard", type=Path)
    parser.add_argument("--most", type=int, default=300)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        found = read_conversations(options.canard / "queries.jsonl", Path(place))
        order = np.random.default_rng(0).permutation(len(found))[: options.most]
        chosen = [found[i] for i in order.tolist()]
        assistant = Assistant(settings=Settings(home=Path(place), threshold=0.0))
        assistant.sync()
        print(f"{len(chosen)} of {len(found)} follow-ups, {assistant.status().passages} passages")
        print(f"{'':24} {'section first':>16} {'answer first':>16}")
        for name, way in WAYS.items():
            answers = [(way(assistant, each), each) for each in chosen]
            section = [a.closest[0].passage.source == each.source for a, each in answers]
            right = [is_right(a, each) for a, each in answers]
            shares = [interval(float(np.mean(v)), len(v)) for v in (section, right)]
            print(f"{name:24} {shares[0]:>16} {shares[1]:>16}")


if __name__ == "__main__":
    main()
