"""How likely it is that the quotes support a sentence: likeness of words and vectors, weighed.

The weights are a logistic regression's, fitted by training/support.py, which says on what.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import mul
from pathlib import Path

from assistant.check.words import Sentence, content, words

Embed = Callable[[list[str]], list[list[float]]]
"""Texts → vectors of length 1."""

FEATURES = (
    "words held",
    "words held by one sentence",
    "pairs held",
    "words not held",
    "cosine of the nearest sentence",
    "cosine of all",
    "faults",
    "denial",
    "names not held",
    "sureness",
)
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
    held = {stem for sentence in read for stem in sentence}
    pairs = {pair for sentence in read for pair in _pairs(sentence)}
    nearest, whole = _cosines(text, _chosen(set(said), quoted, read), embed)
    return {
        "words held": _share(said, held),
        "words held by one sentence": max((_share(said, set(each)) for each in read), default=0.0),
        "pairs held": sum(pair in pairs for pair in _pairs(said)) / max(1, len(said) - 1),
        "words not held": math.log1p(len(set(said) - held)),
        "cosine of the nearest sentence": nearest,
        "cosine of all": whole,
    }


def _pairs(stems: Sequence[str]) -> Iterable[tuple[str, str]]:
    return zip(stems, stems[1:], strict=False)


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


def _cosines(text: str, quoted: list[str], embed: Embed) -> tuple[float, float]:
    if not quoted:
        return 0.0, 0.0
    said, *vectors = embed([text, *quoted])
    mean = [sum(column) for column in zip(*vectors, strict=True)]
    length = math.hypot(*mean) or 1.0
    nearest = max(sum(map(mul, said, vector)) for vector in vectors)
    return nearest, sum(map(mul, said, mean)) / length
