"""Question and passages → the sentences that answer, the words that do, and the odds of it.

A small extractive question-answering model reads the question together with each passage. Its
best span in each sentence, weighed with evidence that it cannot see (`evidence.py`), gives one
probability that the sources answer. Similarity decides nothing: the most similar sentence may be
about the right thing and not say it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.read.evidence import (
    Evidence,
    Frequencies,
    asks_for_several,
    probability,
    surroundings,
)
from assistant.read.language import is_known
from assistant.read.likeness import Embed, LikenessReader
from assistant.read.overview import central, is_overview
from assistant.read.spans import SpanModel, Window
from assistant.types import Hit, Reading, Span

__all__ = ["Candidate", "Reader", "asks_for_several", "central", "is_overview"]

UNKNOWN = (
    "The reader knows English only. What is shown was found by likeness, which is far less "
    "sure: check it."
)
"""The notice that goes with an answer in a language the reader does not know."""
_WEIGHED = 12  # sentences, the best by the network, for which all evidence is gathered
_MOST_WORDS = 40  # tokens of an answer
_OTHERS = 3  # candidates of other passages that may agree
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
    def own(self) -> dict[str, float]:
        """What the network and retrieval say of it."""
        return {
            "span": max(-_CUT, min(_CUT, self.span)),
            "answers": max(-_CUT, min(_CUT, self.answers)),
            "retrieval": self.hit.score,
            "constant": 1.0,
        }

    @property
    def said(self) -> str:
        """The words, to compare."""
        return self.hit.passage.quote(self.words).casefold()


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
        evidence = Evidence(question, frequencies, size)
        known = [hit for hit in hits if is_known(hit.passage.text)] if is_known(question) else []
        if hits and not known:
            return self._likeness.read(question, evidence, hits), (UNKNOWN,)
        odds = (self._spans.calibration or _PLAIN)["odds"]
        return [
            Reading(each.hit.passage, each.sentence, probability(weigh(told, odds)), each.words)
            for each, told in self.weighed(question, known, evidence)
        ], ()

    def weighed(
        self, question: str, hits: Sequence[Hit], evidence: Evidence
    ) -> list[tuple[Candidate, dict[str, float]]]:
        """The likeliest sentences of the hits, each with all that speaks for and against it."""
        ranks = (self._spans.calibration or _PLAIN)["rank"]
        ranked = sorted(self._candidates(question, hits), key=lambda each: -weigh(each.own, ranks))
        return [(each, gather(evidence, each, ranked)) for each in ranked[:_WEIGHED]]

    def _candidates(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """Every sentence of the hits with its best words, in the order of the hits."""
        best: dict[tuple[int, Span], Candidate] = {}
        for window in self._spans.read(question, [hit.passage.embedded for hit in hits]):
            for candidate in _candidates(hits[window.passage], window):
                place = (window.passage, candidate.sentence)
                if place not in best or candidate.span > best[place].span:
                    best[place] = candidate
        return list(best.values())


def weigh(told: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The logit of what is told, by these weights."""
    return sum(weight * told[name] for name, weight in weights.items())


def gather(
    evidence: Evidence, candidate: Candidate, ranked: Sequence[Candidate]
) -> dict[str, float]:
    """All that speaks for and against a candidate, by name."""
    passage = candidate.hit.passage
    around, sentence = surroundings(passage), passage.quote(candidate.sentence)
    others = [each for each in ranked if each.hit is not candidate.hit][:_OTHERS]
    return {
        **candidate.own,
        "dense": candidate.hit.dense,
        "passage has the words": evidence.share(around),
        "sentence has the words": evidence.share(sentence),
        "lacks a number": float(evidence.lacks_number(around)),
        "lacks names": evidence.missing_names(around),
        "other kind": float(evidence.lacks_kind(passage.quote(candidate.words))),
        "agreed": float(any(each.said == candidate.said for each in others)),
    }


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
