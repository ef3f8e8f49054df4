"""A written sentence and the exact quotes it cites → whether they support it, and why not.

Rules look at what must not differ: numbers with their units, dates, names and their places, what
is denied, how sure it is, and who said it. A calibrated score of similarity looks at the rest: a
logistic regression, fitted by research/training/support.py. English only: a sentence in another
language passes where it is a quote.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from operator import mul
from pathlib import Path
from typing import cast

from assistant.llm.check.faults import find_faults
from assistant.llm.check.roles import Fault
from assistant.llm.check.words import content, plain, sentences, words
from assistant.text import language
from assistant.types import Verdict

Embed = Callable[[list[str]], list[list[float]]]
"""Texts → vectors of length 1."""

FEATURES = {"words held": 1, "pairs held": 1, "cosine": 1,
            "faults": -1, "denial": -1, "names not held": -1}  # fmt: skip
"""What the score is weighed from, and whether it speaks for support or against."""


@cache
def weights() -> Mapping[str, float]:
    """The fitted weights, the constant, and the two limits of the verdicts."""
    path = Path(__file__).with_name("support.json")
    return cast("Mapping[str, float]", json.loads(path.read_text(encoding="utf-8")))


def support(features: Mapping[str, float], fitted: Mapping[str, float]) -> float:
    """The probability that the quotes support the claim."""
    logit = fitted["constant"] + sum(fitted[name] * features[name] for name in FEATURES)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


_MOST_CLAIM = 2_000  # characters of a sentence
_MOST_QUOTED = 20_000  # characters of all quotes that are read
_WORST = (Verdict.CONTRADICTED, Verdict.NOT_SUPPORTED, Verdict.PARTLY, Verdict.SUPPORTED)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the quotes support a sentence, and what is wrong with it."""

    verdict: Verdict
    reasons: tuple[str, ...]
    support: float
    """The probability that they do; 0 where a fault leaves no doubt."""


def check(text: str, quotes: Sequence[str], embed: Embed) -> Judgement:
    """Judge a sentence by its quotes, whose order does not matter.

    `embed` gives vectors of length 1 for texts.
    """
    claim = plain(text.encode(errors="replace").decode())
    quotes = sorted({quote.encode(errors="replace").decode() for quote in quotes} - {""})
    if any(_is_quoted("".join(claim.split()), quote) for quote in quotes):
        return Judgement(Verdict.SUPPORTED, (), 1.0)
    quoted = read(quotes)
    if not any(word.is_word or word.is_number for word in words(claim[:_MOST_CLAIM])):
        reason = "says nothing"
    elif not quoted:
        reason = "cites nothing"
    elif len(claim) > _MOST_CLAIM:
        reason = "is too long to check"
    elif language(claim) != "en":
        reason = "is in a language that can be quoted, not checked"
    else:
        return _judged(claim, quoted, embed)
    return Judgement(Verdict.NOT_SUPPORTED, (reason,), 0.0)


def read(texts: Sequence[str]) -> list[str]:
    """The sentences of the texts, as far as they are read."""
    left, found = _MOST_QUOTED, []
    for text in texts:
        found += [plain(sentence) for sentence in sentences(text[:left])]
        left = max(0, left - len(text))
    return [sentence for sentence in dict.fromkeys(found) if sentence]


def _is_quoted(claim: str, quote: str) -> bool:
    """Whether the claim, without spaces, is the quote or whole sentences of it."""
    if not claim or len(claim) > len(quote):
        return False
    cut = sentences(quote) if len(quote) <= _MOST_QUOTED else [quote]
    parts = ["".join(plain(part).split()) for part in cut]
    for first in range(len(parts)):
        end, place = 0, first
        while place < len(parts) and claim.startswith(parts[place], end):
            end, place = end + len(parts[place]), place + 1
        if end == len(claim):
            return True
    return False


def _judged(text: str, quoted: list[str], embed: Embed) -> Judgement:
    found = list(find_faults(list(map(words, sentences(text))), list(map(words, quoted))))
    reasons = tuple(dict.fromkeys(fault.reason for fault in found))
    worst = min((fault.verdict for fault in found), key=_WORST.index, default=Verdict.SUPPORTED)
    if worst in (Verdict.CONTRADICTED, Verdict.NOT_SUPPORTED):
        return Judgement(worst, reasons, 0.0)
    fitted = weights()
    probability = support(evidence(text, quoted, found, embed), fitted)
    if probability >= fitted["supported"]:
        return Judgement(worst, reasons, probability)
    if probability >= fitted["partly"]:
        return Judgement(Verdict.PARTLY, reasons or ("says more than the source",), probability)
    reasons = reasons or ("is not what the source says",)
    return Judgement(Verdict.NOT_SUPPORTED, reasons, probability)


def evidence(
    text: str, quoted: Sequence[str], found: Sequence[Fault], embed: Embed
) -> dict[str, float]:
    """What the score of a claim is weighed from: similarity to the sentences quoted, and faults."""
    stems = content(words(text))
    read = [content(words(sentence)) for sentence in quoted]
    held = {stem for sentence in read for stem in sentence}
    pairs = {pair for sentence in read for pair in pairwise(sentence)}
    rarity = {stem: math.sqrt(min(12, len(stem))) for stem in stems}  # longer words are rarer
    total = sum(rarity[stem] for stem in stems)
    shared = [len({*stems} & set(sentence)) for sentence in read]
    best = sorted(range(len(quoted)), key=lambda place: (-shared[place], quoted[place]))
    # The sentences that are embedded are those with most of the claim's words.
    vector, *vectors = embed([text, *(quoted[place] for place in sorted(best[:8]))])
    mean = [sum(column) for column in zip(*vectors, strict=True)]
    faults = {fault.feature for fault in found}
    return {
        "words held": sum(rarity[stem] for stem in stems if stem in held) / (total or 1.0),
        "pairs held": sum(pair in pairs for pair in pairwise(stems)) / max(1, len(stems) - 1),
        "cosine": float(sum(map(mul, vector, mean))) / (math.hypot(*mean) or 1.0),
        **{name: float(name in faults) for name in ("faults", "denial", "names not held")},
    }
