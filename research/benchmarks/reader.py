"""How well the reader finds the words that answer, and refuses where nothing does.

    python -m research.benchmarks.reader SET_FOLDER [SET_FOLDER ...] [--most 1200] [--plot FOLDER]

Every question of a set is asked twice: of its own text alone, where an unanswerable one is a
near-miss, and of all texts of the set. Each share comes with its 95 % interval and the number of
questions. Last, what reading costs: ten passages, against embedding the question. `--plot` draws
what each threshold costs and buys, asked of all texts.
"""

import argparse
import platform
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.evaluate import Question, evaluate, plot
from assistant.read import Reader
from assistant.settings import Settings
from assistant.types import Answer, Citation, Hit
from research.benchmarks.sets import auroc, interval, workplace, write_home

Floats = npt.NDArray[np.float64]
_FALSE_REFUSALS = 0.10
_RESAMPLES = 1000  # of the questions, for the intervals of AUROC and of refusals
_TIMED = 30


@dataclass(frozen=True)
class Asked:
    """A question, its answer, and how near retrieval alone came."""

    question: Question
    answer: Answer
    hits: Sequence[Hit]

    @property
    def similarity(self) -> float:
        """The best cosine."""
        return max((hit.dense for hit in self.hits), default=0.0)


def ask(assistant: Assistant, questions: Sequence[Question], *, own: bool) -> list[Asked]:
    """Ask every question: of its own text, or of all."""
    return [
        Asked(
            question,
            assistant.ask(question.question, sources=[question.source] if own else None),
            () if own else assistant.find(question.question, 10),
        )
        for question in questions
    ]


def cited(answer: Answer) -> list[Citation]:
    """What is cited, as the answer or as what may be meant; nothing where a name is missing."""
    possible = [each.citations[0] for each in answer.candidates]
    return [*answer.citations, *([] if answer.missing else possible)]


def f1(answer: str, right: str) -> float:
    """Words in common, as SQuAD counts them (Rajpurkar et al. 2016)."""
    said, wanted = _words(answer), _words(right)
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else float(said == wanted)


def _words(text: str) -> list[str]:
    plain = "".join(" " if char in string.punctuation else char for char in text.lower())
    return re.sub(r"\b(a|an|the)\b", " ", plain).split()


def report_own(asked: Sequence[Asked]) -> None:
    """F1, and how answerable questions are told from near-misses."""
    best = [
        max(
            (
                f1(first.answer, right)
                for first in cited(each.answer)[:1]
                for right in each.question.quote
            ),
            default=0.0,
        )
        for each in asked
        if each.question.answerable
    ]
    half = 1.96 * float(np.std(best)) / len(best) ** 0.5
    print(f"  own text: F1 on answerable {np.mean(best):.3f} ± {half:.3f} ({len(best)})")
    can = np.array([each.answer.confidence for each in asked if each.question.answerable])
    cannot = np.array([each.answer.confidence for each in asked if not each.question.answerable])
    if not len(cannot):
        return
    chance = np.random.default_rng(0)
    drawn = [
        (chance.choice(can, len(can)), chance.choice(cannot, len(cannot)))
        for _ in range(_RESAMPLES)
    ]
    for name, measure in (
        ("AUROC against near-misses", lambda a, b: auroc(a.tolist(), b.tolist())),
        ("near-misses refused at 10 % false refusals", _refused),
    ):
        low, high = np.quantile([measure(*sample) for sample in drawn], [0.025, 0.975])
        print(f"  own text: {name} {measure(can, cannot):.3f} [{low:.3f}, {high:.3f}]", end="")
        print(f" ({len(can)} and {len(cannot)})")


def _refused(
    can: "np.typing.NDArray[np.float64]", cannot: "np.typing.NDArray[np.float64]"
) -> float:
    return float(np.mean(cannot < np.quantile(can, _FALSE_REFUSALS)))


def report_all(asked: Sequence[Asked]) -> None:
    """Whether the right passage, and the right sentence, come first."""
    chosen = [each for each in asked if each.question.answerable]
    rows = {
        "right passage first by cosine": [
            _source(max(each.hits, key=lambda hit: hit.dense)) == each.question.source
            for each in chosen
        ],
        "right passage first by the fused score": [
            _source(each.hits[0]) == each.question.source for each in chosen
        ],
        "right passage first by the reader": [
            any(first.source == each.question.source for first in cited(each.answer)[:1])
            for each in chosen
        ],
        "first cited sentence holds the answer": [
            any(each.question.is_in(it.source, it.quote) for it in cited(each.answer)[:1])
            for each in chosen
        ],
    }
    for name, values in rows.items():
        print(
            f"  all texts: {name} {interval(float(np.mean(values)), len(values))} ({len(values)})"
        )


def _source(hit: Hit) -> str:
    return hit.passage.source


def report_cost(assistant: Assistant, reader: Reader, questions: Sequence[Question]) -> None:
    """Reading ten passages, warm, as a multiple of embedding the question."""
    ratios = []
    for question in questions[:_TIMED]:
        hits = assistant.find(question.question, 10)
        started = perf_counter()
        assistant.embedder.embed_query(question.question)
        embedded = perf_counter()
        reader.read(question.question, hits, lambda terms: dict.fromkeys(terms, 1), 100)
        ratios.append((perf_counter() - embedded, embedded - started))
    read, embed = (1000 * median(times) for times in zip(*ratios[5:], strict=True))
    ratio = median(r / e for r, e in ratios[5:])
    print(f"  ten passages read in {read:.0f} ms, embedding {embed:.1f} ms: {ratio:.1f} times")


def main() -> None:
    """Measure each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=1200, help="questions of each set")
    parser.add_argument("--work", type=Path, help="keep the indexes here, for the next time")
    parser.add_argument("--reader", default="", help="another reader's folder")
    parser.add_argument("--plot", type=Path, help="draw the refusal trade-off of each set here")
    options = parser.parse_args()
    embedder = SentenceTransformerEmbeddings()
    reader = Reader(options.reader, embedder.embed_documents)
    print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}")
    with workplace(options.work) as work:
        for folder in options.sets:
            questions = write_home(folder, work / folder.name, options.most)
            home = Settings(home=work / folder.name, threshold=0.0, statements=1)
            assistant = Assistant(settings=home, embedder=embedder, reader=reader)
            passages = assistant.sync().passages
            name = f"{folder.parent.name}/{folder.name}"
            print(f"{name}: {len(questions)} questions, {passages} passages")
            report_own(ask(assistant, questions, own=True))
            report_all(ask(assistant, questions, own=False))
            report_cost(assistant, reader, questions)
            if options.plot:
                usual = Assistant(
                    settings=Settings(home=home.home), embedder=embedder, reader=reader
                )
                picture = plot(evaluate(usual, questions))
                (options.plot / f"{folder.name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
