"""Weigh the reader's evidence: which sentence comes first, and the odds that it answers.

    python -m training.calibrate SETS_FOLDER READER_FOLDER [--work FOLDER]

Two regressions on questions the network was not trained on (`dev/`), asked through the product:
RANK over the sentences of a question that has an answer, ODDS over the sentence that
ranks first. A question is asked of all texts, of its own text alone (where the near-misses are
hardest), and of all but its own (where nothing answers). Prints how well the odds hold when
fitted on the other sets only, and writes `calibration.json` beside the weights they belong to.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.evaluate import Question
from assistant.hub import sha256
from assistant.read import Candidate, Reader, weigh
from assistant.settings import Settings
from assistant.types import Hit
from benchmarks.sets import auroc, interval, workplace, write_home

_RANKED = 12  # sentences of a question that are looked at
SETS = {"squad2_dev": 450, "squadshifts_reddit": 150}
"""Questions of each set."""
RANK = ("span", "answers", "retrieval")
ODDS = ("span", "answers", "retrieval")
WAYS = ("all texts", "own text", "all but its own")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """What was told of the likeliest sentences of one question, and which are right."""

    group: str
    """Set and way: what is left out together when the fit is checked."""
    told: list[dict[str, float]]
    right: list[bool]


class Recorder(Reader):
    """A reader that keeps what it ranked for the last question."""

    last: list[Candidate]

    def ranked(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """As the reader does."""
        self.last = super().ranked(question, hits)
        return self.last


def rows_of(
    folder: Path, work: Path, embedder: SentenceTransformerEmbeddings, reader: Recorder, most: int
) -> list[Row]:
    """Ask the questions of a set in each way."""
    questions = write_home(folder, work / folder.name, most)
    home = Settings(home=work / folder.name, threshold=0.0)
    assistant = Assistant(settings=home, embedder=embedder, reader=reader)
    assistant.sync()
    documents = assistant.status().documents
    rows = []
    for question in questions:
        for way in WAYS if question.answerable else WAYS[:2]:
            others = [name for name in documents if name != question.source]
            sources = {"own text": [question.source], "all but its own": others}.get(way)
            reader.last = []
            assistant.ask(question.question, history=question.history, sources=sources)
            if reader.last:
                rows.append(_row(f"{folder.name}, {way}", question, reader.last))
    return rows


def _row(group: str, question: Question, ranked: Sequence[Candidate]) -> Row:
    right = [
        question.answerable
        and question.is_in(each.hit.passage.source, each.hit.passage.quote(each.sentence))
        for each in ranked[:_RANKED]
    ]
    return Row(group, [each.evidence for each in ranked[:_RANKED]], right)


def fit(
    told: Sequence[dict[str, float]], right: Sequence[bool], names: Sequence[str]
) -> dict[str, float]:
    """Weights of a logistic regression, with the constant."""
    features = np.array([[each[name] for name in names] for each in told])
    model = LogisticRegression(C=1.0, max_iter=5000).fit(features, np.array(right))
    weights = dict(zip(names, model.coef_[0].tolist(), strict=True))
    return {**weights, "constant": float(model.intercept_[0])}


def fit_rank(rows: Sequence[Row]) -> dict[str, float]:
    """Weights by which the right sentence of a question comes first, where there is one.

    Conditional logit (McFadden 1974): the softmax over a question's sentences gives its right
    ones the most probability. Only proportions matter, so the span weighs 1.
    """
    choices = [
        (np.array([[told[name] for name in RANK] for told in row.told]), np.array(row.right))
        for row in rows
        if any(row.right) and not all(row.right)
    ]

    def cost(weights: Floats) -> float:
        scores = [(features @ weights, right) for features, right in choices]
        lost = [logsumexp(score) - logsumexp(score[right]) for score, right in scores]
        return float(np.mean(lost)) + 1e-3 * float(weights @ weights)

    weights = minimize(cost, np.full(len(RANK), 0.1)).x
    return dict(zip(RANK, (weights / weights[0]).tolist(), strict=True))


def fit_odds(rows: Sequence[Row], rank: dict[str, float]) -> dict[str, float]:
    """Whether the sentence that ranks first is right."""
    firsts = [first(row, rank) for row in rows]
    return fit([told for told, _ in firsts], [right for _, right in firsts], ODDS)


def first(row: Row, rank: dict[str, float]) -> tuple[dict[str, float], bool]:
    """The sentence that ranks first, and whether it is right."""
    place = int(np.argmax([weigh(told, rank) for told in row.told]))
    return row.told[place], row.right[place]


def check(rows: Sequence[Row]) -> None:
    """Print what each set's odds are worth when fitted on the other sets."""
    groups = sorted({row.group for row in rows})
    reliability: list[tuple[float, bool]] = []
    by_set: dict[str, dict[bool, list[float]]] = defaultdict(lambda: {True: [], False: []})
    for name in sorted({group.split(",")[0] for group in groups}):
        others = [row for row in rows if not row.group.startswith(name)] or list(rows)
        rank = fit_rank(others)
        odds = fit_odds(others, rank)
        for row in rows:
            if row.group.startswith(name):
                told, right = first(row, rank)
                logit = weigh(told, odds)
                by_set[row.group][right].append(logit)
                reliability.append((1 / (1 + float(np.exp(-logit))), right))
    for group in groups:
        good, bad = by_set[group][True], by_set[group][False]
        count = len(good) + len(bad)
        print(f"{group:36} right first {interval(len(good) / count, count)}", end="")
        print(f"  AUROC of right {auroc(good, bad):.3f}" if good and bad else "")
    print("\nodds said, right in fact")
    for low in np.arange(0, 1, 0.1):
        inside = [right for odds, right in reliability if low <= odds < low + 0.1]
        if inside:
            said = [odds for odds, _ in reliability if low <= odds < low + 0.1]
            fact = interval(float(np.mean(inside)), len(inside))
            print(f"  {np.mean(said):.2f}  {fact}  ({len(inside)})")


def main() -> None:
    """Fit, check, and write calibration.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("reader", type=Path)
    parser.add_argument("--work", type=Path, help="keep the indexes here, for the next time")
    options = parser.parse_args()
    embedder = SentenceTransformerEmbeddings()
    reader = Recorder(str(options.reader), embedder.embed_documents)
    with workplace(options.work) as work:
        rows = [
            row
            for name, most in SETS.items()
            for row in rows_of(options.sets / name, work, embedder, reader, most)
        ]
    check(rows)
    rank = fit_rank(rows)
    calibration = {
        "sha256": sha256(options.reader / "model.onnx"),
        "rank": {name: round(weight, 4) for name, weight in rank.items()},
        "odds": {name: round(weight, 4) for name, weight in fit_odds(rows, rank).items()},
    }
    path = options.reader / "calibration.json"
    path.write_text(json.dumps(calibration, indent=1) + "\n", encoding="utf-8")
    print(f"\n{path}\n{path.read_text()}")


if __name__ == "__main__":
    main()
