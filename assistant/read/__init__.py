"""Question and passages → the sentences that answer, the words that do, and how probable it is.

A small extractive question-answering model reads the question together with each passage, and
the best sentences once more, each with the one before it. Its best span in each sentence, its
verdicts and the retrieval score, calibrated, give one probability that the sources answer.
Similarity alone decides nothing: the most similar sentence may be about the right thing and not
say it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.read.similarity import (
    Embed,
    Evidence,
    Frequencies,
    SimilarityReader,
    asks_for_several,
    central,
    is_overview,
    probability,
)
from assistant.read.spans import SpanModel, Window
from assistant.text import is_known
from assistant.types import Hit, Reading, Span

__all__ = ["Candidate", "Reader", "asks_for_several", "central", "is_overview", "weigh"]

UNKNOWN = (
    "The reader knows English only. What is shown was found by likeness, which is far less "
    "sure: check it."
)
"""The notice that goes with an answer in a language the reader does not know."""
_MOST_WORDS = 40  # tokens of an answer
_CUT = 12.0  # logits further out say no more
_AGAIN = 4  # sentences read once more; more of them gained nothing
_BAND = np.triu(np.tril(np.ones((512, 512), dtype=bool), _MOST_WORDS - 1))
# Of a model without a calibration of its own: its span against "no answer", as it is.
_PLAIN: Mapping[str, Mapping[str, float]] = {"rank": {"span": 1.0}, "probability": {"span": 1.0}}


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
    close: "Candidate | None" = None
    """The same, of the sentence read with little around it, where that was done."""

    @property
    def evidence(self) -> dict[str, float]:
        """What speaks for it, by the names that a calibration weighs."""
        close = self.close or self
        return {
            "span": _cut(self.span),
            "answers": _cut(self.answers),
            "span close": _cut(close.span),
            "answers close": _cut(close.answers),
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
        self._similarity = SimilarityReader(embed)

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
            return self._similarity.read(question, evidence, hits), (UNKNOWN,)
        weights = (self._spans.calibration or _PLAIN)["probability"]
        return [
            Reading(
                each.hit.passage,
                each.sentence,
                probability(weigh(each.evidence, weights)),
                each.words,
            )
            for each in self.ranked(question, known)
        ], ()

    def ranked(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """Every sentence of the hits with its best words, the likeliest to answer first."""
        rank = (self._spans.calibration or _PLAIN)["rank"]

        def ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
            return sorted(candidates, key=lambda each: -weigh(each.evidence, rank))

        first = ordered(self._candidates(question, hits))
        return [*ordered(self._again(question, first[:_AGAIN])), *first[_AGAIN:]]

    def _again(self, question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, each also read close: what is said elsewhere lends it nothing."""
        hits = [_close(each) for each in candidates]
        read = {
            (each.hit.passage, each.sentence): each for each in self._candidates(question, hits)
        }
        return [
            replace(each, close=read.get((hit.passage, each.sentence)))
            for each, hit in zip(candidates, hits, strict=True)
        ]

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


def _cut(logit: float) -> float:
    return max(-_CUT, min(_CUT, logit))


def _close(candidate: Candidate) -> Hit:
    """The sentence and the one before it, which tells whom "they" means, as a passage."""
    passage = candidate.hit.passage
    place = passage.sentences.index(candidate.sentence)
    sentences = passage.sentences[max(0, place - 1) : place + 1]
    start, end = sentences[0].start, sentences[-1].end
    text = passage.quote(Span(start, end))
    return replace(
        candidate.hit,
        passage=replace(passage, start=start, end=end, text=text, sentences=sentences),
    )


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
