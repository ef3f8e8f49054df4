"""How likely it is that the quotes support a sentence: likeness of words and vectors, weighed.

The weights are a logistic regression's, fitted by training/support.py, which says on what.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from operator import mul
from pathlib import Path

from assistant.check.words import Sentence, content, words

Embed = Callable[[list[str]], list[list[float]]]
"""Texts → vectors of length 1."""

FEATURES = {
    "words held": 1,
    "pairs held": 1,
    "cosine": 1,
    "faults": -1,
    "denial": -1,
    "names not held": -1,
}
"""What the score is weighed from, and whether it speaks for support or against."""
_WEIGHTS = Path(__file__).with_name("support.json")
_SENTENCES = 8  # of the quotes that are embedded, those with most of the claim's words


@cache
def weights() -> Mapping[str, float]:
    """The fitted weights, the constant, and the two limits of the verdicts."""
    fitted: dict[str, float] = json.loads(_WEIGHTS.read_text(encoding="utf-8"))
    return fitted


def support(features: Mapping[str, float], fitted: Mapping[str, float]) -> float:
    """The odds, as a probability, that the quotes support the claim."""
    logit = fitted["constant"] + sum(fitted[name] * features[name] for name in FEATURES)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


def likeness(claim: Sentence, text: str, quoted: Sequence[str], embed: Embed) -> dict[str, float]:
    """The features that words and vectors give; `quoted` are the sentences of the quotes."""
    said = content(claim)
    read = [content(words(sentence)) for sentence in quoted]
    pairs = {pair for sentence in read for pair in _pairs(sentence)}
    return {
        "words held": _share(said, {stem for sentence in read for stem in sentence}),
        "pairs held": sum(pair in pairs for pair in _pairs(said)) / max(1, len(said) - 1),
        "cosine": _cosine(text, _chosen(set(said), quoted, read), embed),
    }


def _pairs(stems: Sequence[str]) -> Iterable[tuple[str, str]]:
    return pairwise(stems)


def _share(said: Sequence[str], held: set[str]) -> float:
    """The share of the words that are held; the longer ones, which are rarer, count more."""
    total = sum(map(_rarity, said))
    return sum(_rarity(stem) for stem in said if stem in held) / total if total else 0.0


def _rarity(stem: str) -> float:
    return math.sqrt(min(12, len(stem)))


def _chosen(said: set[str], quoted: Sequence[str], read: Sequence[list[str]]) -> list[str]:
    """The sentences with most of the words, in their order."""
    shared = [len(said & set(stems)) for stems in read]
    best = sorted(range(len(quoted)), key=lambda place: (-shared[place], quoted[place]))
    return [quoted[place] for place in sorted(best[:_SENTENCES])]


def _cosine(text: str, quoted: list[str], embed: Embed) -> float:
    """Of the claim and the mean of the sentences."""
    if not quoted:
        return 0.0
    said, *vectors = embed([text, *quoted])
    mean = [sum(column) for column in zip(*vectors, strict=True)]
    return float(sum(map(mul, said, mean))) / (math.hypot(*mean) or 1.0)
