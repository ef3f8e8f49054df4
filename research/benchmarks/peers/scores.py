"""What a list of chunks is worth for a question whose answer is known."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
import numpy.typing as npt

from research.benchmarks.peers.worker import Chunk

RESAMPLES = 1_000
Numbers = npt.NDArray[np.float64]
Values = Sequence[float] | Numbers


@dataclass(frozen=True)
class Gold:
    """A text that answers."""

    text: Chunk
    """Where it stands."""
    grade: int = 1
    """How relevant it is."""
    spans: tuple[tuple[int, int], ...] = ()
    """Where the words stand that answer, each place enough; none: the text as a whole does."""

    def is_held_by(self, chunk: Chunk) -> bool:
        """Whether a chunk covers a whole span; without spans, half of the shorter of the two."""
        if chunk.source != self.text.source:
            return False
        if self.spans:
            return any(chunk.start <= start and end <= chunk.end for start, end in self.spans)
        common = min(chunk.end, self.text.end) - max(chunk.start, self.text.start)
        return 2 * common >= min(chunk.size, self.text.size)


def spans(text: str, answers: Sequence[str], start: int = 0) -> list[tuple[int, int]]:
    """Where answers stand in a text that begins at `start`, in any case and white space."""
    patterns = (r"\s+".join(map(re.escape, answer.split())) for answer in answers)
    return [
        (start + found.start(), start + found.end())
        for pattern in patterns
        if pattern
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


def holds(chunk: Chunk, golds: Sequence[Gold]) -> bool:
    """Whether a chunk holds the answer."""
    return any(gold.is_held_by(chunk) for gold in golds)


def rank(chunks: Sequence[Chunk], golds: Sequence[Gold]) -> int:
    """The place, from 1, of the first chunk that holds the answer; 0 where none does."""
    return next((place for place, chunk in enumerate(chunks, 1) if holds(chunk, golds)), 0)


def ndcg(chunks: Sequence[Chunk], golds: Sequence[Gold], depth: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), grades as gains.

    A text counts once, at its first chunk; a chunk that holds several counts for the best.
    """
    left = sorted(golds, key=lambda gold: -gold.grade)
    ideal = sum(gold.grade / log2(1 + place) for place, gold in enumerate(left[:depth], 1))
    gained = 0.0
    for place, chunk in enumerate(chunks[:depth], 1):
        held = next((gold for gold in left if gold.is_held_by(chunk)), None)
        if held:
            left.remove(held)
            gained += held.grade / log2(1 + place)
    return gained / ideal


def read_until(chunks: Sequence[Chunk], golds: Sequence[Gold]) -> int:
    """Characters read from the top to the end of the first chunk that holds the answer.

    Where none does, all were read for nothing.
    """
    last = rank(chunks, golds) or len(chunks)
    return sum(chunk.size for chunk in chunks[:last])


def interval(measure: Callable[..., float], *values: Values) -> tuple[float, float, float]:
    """A measure of questions with its 95 % interval, by bootstrap over them.

    Each of `values` has a number for each question; a question is drawn with all of its numbers.
    """
    table = np.array(values, dtype=np.float64)
    draw, count = np.random.default_rng(0), table.shape[1]
    drawn = [measure(*table[:, draw.integers(0, count, count)]) for _ in range(RESAMPLES)]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return measure(*table), float(low), float(high)


def mean(values: Numbers) -> float:
    """The mean."""
    return float(np.mean(values))


def median(values: Numbers) -> float:
    """The median."""
    return float(np.median(values))


def misses(found: Numbers, others: Numbers) -> float:
    """Misses as a share of another's, on the same questions."""
    missed = len(others) - float(np.sum(others))
    return (len(found) - float(np.sum(found))) / missed if missed else float("nan")
