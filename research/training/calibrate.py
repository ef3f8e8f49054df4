"""Weigh the reader's evidence: which sentence comes first, and the probability that it answers.

    python -m research.training.calibrate SETS_FOLDER READER_FOLDER [--work FOLDER]

Two regressions on questions the network was not trained on (`dev/`, the sample article's in
benchmarks/article.jsonl, and those of benchmarks/typed_questions/), asked through the product:
RANK over the sentences of a question that has an answer, PROBABILITY over the one that ranks first.
A question of the sets is asked of all texts, of its own text alone (where the near-misses are
hardest), and of all but its own (where nothing answers). Two thirds end without an answer, many by
a near-miss, which is not how people ask: so for PROBABILITY each set weighs as much as the article,
and right as much as wrong. Prints how well the probabilities hold when fitted on the other sets
only, and writes `calibration.json` beside the weights they belong to.
"""

import argparse
import json
import shutil
from collections import Counter
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
from assistant.evaluate import Question, read_questions
from assistant.models import file_sha256
from assistant.read import Candidate, Reader, probability, weigh
from assistant.read.similarity import Evidence
from assistant.settings import Settings
from assistant.types import Hit
from research.benchmarks.sets import auroc, interval, workplace, write_home
from research.benchmarks.typed import read_typed

_RANKED = 12  # sentences of a question that are looked at
SETS = {"squad2_dev": 300, "squadshifts_reddit": 100}
"""Questions of each set."""
ARTICLE = Path("knowledge/china-belarus-joint-statement.txt")
QUESTIONS = Path("research/benchmarks/article.jsonl")
TYPED = Path("research/benchmarks/typed_questions")
RANK = ("span", "answers", "span close", "retrieval", "words", "other kind", "no sentence")
PROBABILITY = ("span close", "answers close", "retrieval", "other number")
WAYS = ("all texts", "own text", "all but its own")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """What was told of the likeliest sentences of one question, and which are right."""

    name: str
    """The set, which is left out as a whole when the fit is checked."""
    way: str
    told: list[dict[str, float]]
    right: list[bool]


class Recorder(Reader):
    """A reader that keeps what it ranked for the last question."""

    last: list[Candidate]

    def ranked(self, question: str, hits: Sequence[Hit], evidence: Evidence) -> list[Candidate]:
        """As the reader does."""
        self.last = super().ranked(question, hits, evidence)
        return self.last


def rows_of(
    home: Path,
    questions: Sequence[Question],
    embedder: SentenceTransformerEmbeddings,
    reader: Recorder,
) -> list[Row]:
    """Ask the questions of a home, in each way where there is a text that is their own."""
    settings = Settings(home=home, threshold=0.0)
    assistant = Assistant(settings=settings, embedder=embedder, reader=reader)
    assistant.sync()
    documents = assistant.status().documents
    rows = []
    for question in questions:
        ways = WAYS if question.answerable else WAYS[:2]
        for way in ways if question.source else WAYS[:1]:
            others = [name for name in documents if name != question.source]
            sources = {"own text": [question.source], "all but its own": others}.get(way)
            reader.last = []
            assistant.ask(question.question, history=question.history, sources=sources)
            if reader.last:
                rows.append(_row(home.name, way, question, reader.last))
    return rows


def _row(name: str, way: str, question: Question, ranked: Sequence[Candidate]) -> Row:
    right = [
        question.answerable
        and question.is_in(each.hit.passage.source, each.hit.passage.quote(each.sentence))
        for each in ranked[:_RANKED]
    ]
    return Row(name, way, [each.evidence for each in ranked[:_RANKED]], right)


def weights(rows: Sequence[Row], right: Sequence[bool]) -> Floats:
    """What each row counts: every set the same, and right the same as wrong. Shape (rows,)."""
    sizes = Counter(row.name for row in rows)
    each = np.array([1 / sizes[row.name] for row in rows])
    answers = np.array(right)
    for group in (answers, ~answers):
        each[group] /= each[group].sum()
    return each * len(rows) / 2


def fit_rank(rows: Sequence[Row]) -> dict[str, float]:
    """Weights by which the right sentence of a question comes first, where there is one.

    Conditional logit (McFadden 1974): the softmax over a question's sentences gives its right
    ones the most probability, which is by how much another one is less likely.
    """
    telling = [row for row in rows if any(row.right) and not all(row.right)]
    sizes = Counter(row.name for row in telling)
    share = np.array([1 / sizes[row.name] for row in telling])  # every set counts the same
    choices = [
        (np.array([[told[name] for name in RANK] for told in row.told]), np.array(row.right))
        for row in telling
    ]

    def cost(weights: Floats) -> float:
        scores = [(features @ weights, right) for features, right in choices]
        lost = [logsumexp(score) - logsumexp(score[right]) for score, right in scores]
        return float(np.average(lost, weights=share)) + 1e-3 * float(weights @ weights)

    weights = minimize(cost, np.full(len(RANK), 0.1)).x
    return dict(zip(RANK, weights.tolist(), strict=True))


def fit_probability(rows: Sequence[Row], rank: dict[str, float]) -> dict[str, float]:
    """Whether the sentence that ranks first is right: a logistic regression, with its constant."""
    told, right = zip(*(first(row, rank) for row in rows), strict=True)
    features = np.array([[each[name] for name in PROBABILITY] for each in told])
    model = LogisticRegression(C=1.0, max_iter=5000)
    model.fit(features, np.array(right), sample_weight=weights(rows, right))
    fitted = dict(zip(PROBABILITY, model.coef_[0].tolist(), strict=True))
    return {**fitted, "constant": float(model.intercept_[0])}


def first(row: Row, rank: dict[str, float]) -> tuple[dict[str, float], bool]:
    """The sentence that ranks first, and whether it is right."""
    place = int(np.argmax([weigh(told, rank) for told in row.told]))
    return row.told[place], row.right[place]


def check(rows: Sequence[Row]) -> None:
    """Print what each set's probabilities are worth when fitted on the other sets."""
    said, fact = np.zeros(len(rows)), np.zeros(len(rows), dtype=bool)
    names = np.array([row.name for row in rows])
    for name in sorted(set(names)):
        others = [row for row in rows if row.name != name] or list(rows)
        rank = fit_rank(others)
        fitted = fit_probability(others, rank)
        for place in np.flatnonzero(names == name).tolist():
            told, fact[place] = first(rows[place], rank)
            said[place] = probability(weigh(told, fitted))
    groups = [f"{row.name}, {row.way}" for row in rows]
    for group in sorted(set(groups)):
        inside = np.array([each == group for each in groups])
        good, bad = said[inside & fact].tolist(), said[inside & ~fact].tolist()
        print(f"{group:36} right first {interval(len(good) / inside.sum(), inside.sum())}", end="")
        print(f"  AUROC of right {auroc(good, bad):.3f}" if good and bad else "")
    print("\nprobability given, right in fact, as the fit weighs them")
    weight = weights(rows, fact.tolist())
    for low in np.arange(0, 1, 0.1):
        inside = (low <= said) & (said < low + 0.1)
        if inside.any():
            share = float(np.average(fact[inside], weights=weight[inside]))
            mean = np.average(said[inside], weights=weight[inside])
            print(f"  {mean:.2f}  {interval(share, inside.sum())}  ({inside.sum()})")


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
        asked = {name: write_home(options.sets / name, work / name, SETS[name]) for name in SETS}
        (work / "article" / "knowledge").mkdir(parents=True, exist_ok=True)
        shutil.copy(ARTICLE, work / "article" / "knowledge")
        asked["article"] = [each for each in read_questions(QUESTIONS) if each.kind != "overview"]
        for folder in [*sorted(TYPED.iterdir()), options.sets / "real"]:
            home = work / f"typed {folder.name}"
            documents = folder / "knowledge"
            (home / "knowledge").mkdir(parents=True, exist_ok=True)
            if documents.is_dir():
                shutil.copytree(documents, home / "knowledge", dirs_exist_ok=True)
            else:
                shutil.copy(ARTICLE, home / "knowledge")
            asked[home.name] = [
                Question(
                    question=each["question"],
                    answerable=each.get("answerable", True),
                    quote=tuple(each["quote"]),
                    history=tuple(each.get("history", ())),
                )
                for each in read_typed(folder / "questions.jsonl")
                if each["kind"] != "overview"
            ]
        rows = [
            row
            for name, questions in asked.items()
            for row in rows_of(work / name, questions, embedder, reader)
        ]
    check(rows)
    rank = fit_rank(rows)
    calibration = {
        "sha256": file_sha256(options.reader / "model.onnx"),
        "rank": {name: round(weight, 4) for name, weight in rank.items()},
        "probability": {
            name: round(weight, 4) for name, weight in fit_probability(rows, rank).items()
        },
    }
    path = options.reader / "calibration.json"
    path.write_text(json.dumps(calibration, indent=1) + "\n", encoding="utf-8")
    print(f"\n{path}\n{path.read_text()}")


if __name__ == "__main__":
    main()
