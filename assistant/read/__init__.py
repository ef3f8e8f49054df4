"""Question and passages → the sentences that answer, the words that do, and the odds of it.

A small extractive question-answering model reads the question together with each passage. Its
best span in each sentence, its verdict on the passage and the retrieval score, calibrated, give
one probability that the sources answer. Similarity alone decides nothing: the most similar
sentence may be about the right thing and not say it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.read.evidence import (
    Evidence,
    Frequencies,
    asks_for_several,
    probability,
)
from assistant.read.language import is_known
from assistant.read.likeness import Embed, LikenessReader
from assistant.read.overview import central, is_overview
from assistant.read.spans import SpanModel, Window
from assistant.types import Hit, Reading, Span

__all__ = ["Candidate", "Reader", "asks_for_several", "central", "is_overview", "weigh"]

UNKNOWN = (
    "The reader knows English only. What is shown was found by likeness, which is far less "
    "sure: check it."
)
"""The notice that goes with an answer in a language the reader does not know."""
_MOST_WORDS = 40  # tokens of an answer
_CUT = 12.0  # logits further out say no more
_BAND = np.triu(np.tril(np.ones((512, 512), dtype=bool), _MOST_WORDS - 1))
# Of a model without a calibration of its own: its span against "no answer", as it is.
_PLAIN: Mapping[str, Mapping[str, float]] = {"rank": {"span": 1.0}, "odds": {"span": 1.0}}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, and its best words."""

    hit: Hit
    sentence: Span
    words: Span
    span: float
    """Logit of the words against "no answer here"."""
    answers: float
    """Logit that the passage answers."""

    @property
    def evidence(self) -> dict[str, float]:
        """What speaks for it, by the names that a calibration weighs."""
        return {
            "span": max(-_CUT, min(_CUT, self.span)),
            "answers": max(-_CUT, min(_CUT, self.answers)),
            "retrieval": self.hit.score,
            "constant": 1.0,
        }


class Reader:
    """Reads passages; the same question and passages give the same readings.

    `model` names the network (empty: the one that comes along); `embed` gives vectors of length
    1 for texts, and serves where the network does not know the language.
    """

    def __init__(self, model: str, embed: Embed) -> None:
        self._spans = SpanModel(model)
        self._likeness = LikenessReader(embed)

    def read(
        self,
        question: str,
        hits: Sequence[Hit],
        frequencies: Frequencies,
        size: int,
    ) -> tuple[list[Reading], tuple[str, ...]]:
        """Readings with their odds, the likeliest to answer first; and notices.

        `frequencies` gives in how many of all `size` passages each term stands. Raises
        `ModelUnavailable`.
        """
        known = [hit for hit in hits if is_known(hit.passage.text)] if is_known(question) else []
        if hits and not known:
            evidence = Evidence(question, frequencies, size)
            return self._likeness.read(question, evidence, hits), (UNKNOWN,)
        odds = (self._spans.calibration or _PLAIN)["odds"]
        return [
            Reading(
                each.hit.passage, each.sentence, probability(weigh(each.evidence, odds)), each.words
            )
            for each in self.ranked(question, known)
        ], ()

    def ranked(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """Every sentence of the hits with its best words, the likeliest to answer first."""
        rank = (self._spans.calibration or _PLAIN)["rank"]
        return sorted(self._candidates(question, hits), key=lambda c: -weigh(c.evidence, rank))

    def _candidates(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """Every sentence of the hits with its best words, in the order of the hits."""
        best: dict[tuple[int, Span], Candidate] = {}
        for window in self._spans.read(question, [hit.passage.embedded for hit in hits]):
            for candidate in _candidates(hits[window.passage], window):
                place = (window.passage, candidate.sentence)
                if place not in best or candidate.span > best[place].span:
                    best[place] = candidate
        return list(best.values())


def weigh(evidence: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The logit of the evidence, by these weights."""
    return sum(weight * evidence[name] for name, weight in weights.items())


def _candidates(hit: Hit, window: Window) -> Iterator[Candidate]:
    """The best words in each sentence that the window covers."""
    passage = hit.passage
    body = passage.sentences[0].start
    moved = window.offsets + (body - (len(passage.embedded) - (passage.end - body)))
    for sentence in passage.sentences:
        first = int(np.searchsorted(moved[:, 0], sentence.start))
        last = int(np.searchsorted(moved[:, 1], sentence.end, side="right"))
        if first >= last:
            continue
        sums = window.start[first:last, None] + window.end[None, first:last]
        sums = np.where(_BAND[: last - first, : last - first], sums, -np.inf)
        start, end = np.unravel_index(int(sums.argmax()), sums.shape)
        words = Span(int(moved[first + start, 0]), int(moved[first + end, 1]))
        yield Candidate(hit, sentence, words, float(sums[start, end]), window.answers)
