"""Fit the weights of the reader by similarity on one question set and measure them on another.

    python -m research.benchmarks.evidence TRAIN_FOLDER TEST_FOLDER [--most 2500]

Two logistic regressions over the FEATURES of `assistant.read.similarity`: RANK over all sentences
retrieved for a question (does this one hold the answer, in the text it belongs to), PROBABILITY
over the sentence that ranks first. A question of one article is asked of that article (as many
near misses as the set has) and, for every fourth, of another article (nothing there answers).
"""

import argparse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from assistant.embed import SentenceTransformerEmbeddings
from assistant.read.similarity import FEATURES, PROBABILITY, RANK, Evidence, Vectors, weigh_up
from assistant.retrieve import fuse
from assistant.text import terms, topic
from assistant.types import Hit
from research.benchmarks.sets import Question, QuestionSet, auroc, embed, interval, read_set

READ = 10  # passages, as in the product


@dataclass(frozen=True)
class Case:
    """A question's sentences: features, shape (sentences, features), and which answer."""

    answerable: bool
    near_miss: bool
    features: Vectors
    answers: list[bool]


class Article:
    """The passages of one article, searched as the product searches a small folder."""

    def __init__(self, questions: QuestionSet, name: str, sentences: dict[str, Vectors]) -> None:
        here = [i for i, p in enumerate(questions.passages) if questions.articles[p.source] == name]
        self._passages = [questions.passages[i] for i in here]
        self._vectors = questions.vectors[here]
        self._sentences = sentences
        self._terms = [frozenset(terms(f"{p.title} {p.text}")) for p in self._passages]
        self._counts = Counter(term for held in self._terms for term in held)

    def ask(self, question: Question, vector: Vectors) -> Case:
        """Retrieve, and weigh every sentence."""
        size = len(self._passages)
        frequencies = {term: self._counts[term] for term in topic(question.text)}
        evidence = Evidence(question.text, lambda _: frequencies, size)
        features, answers = [], []
        for hit in self._hits(question, vector):
            texts = [hit.passage.quote(span) for span in hit.passage.sentences]
            for text in texts:
                cosine = float(vector @ self._sentences[text])
                features.append(weigh_up(evidence, hit, text, cosine))
                answers.append(
                    hit.passage.source in question.gold
                    and any(answer.lower() in text.lower() for answer in question.answers)
                )
        here = question.gold & {passage.source for passage in self._passages}
        return Case(
            answerable=bool(question.answers and here),
            near_miss=bool(here) and not question.answers,
            features=np.array(features, dtype=np.float32),
            answers=answers,
        )

    def _hits(self, question: Question, vector: Vectors) -> list[Hit]:
        asked = frozenset(topic(question.text))
        dense = list(zip(self._passages, (self._vectors @ vector).tolist(), strict=True))
        size = len(self._passages)
        lexical = [
            (p, sum(np.log(1 + size / self._counts[term]) for term in asked & held))
            for p, held in zip(self._passages, self._terms, strict=True)
        ]
        return fuse(dense, lexical)[:READ]


def cases(questions: QuestionSet, embedder: SentenceTransformerEmbeddings) -> list[Case]:
    """Every question asked of its own article, every fourth of the next one as well."""
    texts = list({p.quote(span) for p in questions.passages for span in p.sentences})
    sentences = dict(zip(texts, embed(embedder, texts), strict=True))
    names = sorted(set(questions.articles.values()))
    articles = {name: Article(questions, name, sentences) for name in names}
    made = []
    for i, (question, vector) in enumerate(zip(questions.questions, questions.asked, strict=True)):
        own = questions.articles[min(question.gold)]
        made.append(articles[own].ask(question, vector))
        if i % 4 == 0:
            made.append(articles[names[names.index(own) - 1]].ask(question, vector))
    return made


def fit(features: Vectors, labels: list[bool]) -> tuple[float, ...]:
    """Weights of a logistic regression, the constant last."""
    model = LogisticRegression(C=10, max_iter=2000).fit(features, labels)
    return (*model.coef_[0].round(2).tolist(), round(float(model.intercept_[0]), 2))


def train(made: list[Case]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """RANK and PROBABILITY."""
    rank = fit(
        np.concatenate([case.features for case in made]),
        [answers for case in made for answers in case.answers],
    )
    firsts = [(case, _first(case, rank)) for case in made]
    probability = fit(
        np.array([case.features[first] for case, first in firsts]),
        [case.answers[first] for case, first in firsts],
    )
    return rank, probability


def _first(case: Case, rank: tuple[float, ...]) -> int:
    return int(np.argmax(case.features @ np.array(rank[:-1], dtype=np.float32)))


def report(
    made: list[Case], rank: tuple[float, ...], probability: tuple[float, ...], name: str
) -> None:
    """Print how well the right sentence comes first, and how well questions are refused."""
    scores: dict[str, list[float]] = {"answerable": [], "near miss": [], "elsewhere": []}
    right = []
    for case in made:
        first = _first(case, rank)
        logit = (
            float(case.features[first] @ np.array(probability[:-1], dtype=np.float32))
            + probability[-1]
        )
        group = "near miss" if case.near_miss else "elsewhere"
        scores["answerable" if case.answerable else group].append(logit)
        if case.answerable:
            right.append(case.answers[first])
    print(f"{name}: right sentence first {interval(float(np.mean(right)), len(right))}")
    threshold = float(np.quantile(scores["answerable"], 0.1))
    for group in ("near miss", "elsewhere"):
        if scores[group]:
            refused = float(np.mean(np.array(scores[group]) < threshold))
            print(
                f"  answerable against {group} ({len(scores[group])}): "
                f"AUROC {auroc(scores['answerable'], scores[group]):.3f}; refused at 10 % false "
                f"refusals {interval(refused, len(scores[group]))}"
            )


def main() -> None:
    """Print the fitted weights and what the shipped and the fitted ones reach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--most", type=int, default=2500)
    options = parser.parse_args()
    embedder = SentenceTransformerEmbeddings()
    rank, probability = train(cases(read_set(options.train, options.most, embedder), embedder))
    for i, feature in enumerate((*FEATURES, "constant")):
        print(f"{feature:55} rank {rank[i]:6.2f}  probability {probability[i]:6.2f}")
    made = cases(read_set(options.test, options.most, embedder), embedder)
    cosine = (1.0, *[0.0] * len(FEATURES))
    report(made, cosine, cosine, "similarity of the sentence")
    report(made, RANK, PROBABILITY, "shipped weights")
    report(made, rank, probability, "weights as fitted now")


if __name__ == "__main__":
    main()
