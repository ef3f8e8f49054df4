"""Fit the score of assistant/llm/check/: how likely it is that quotes support a sentence.

    python -m research.training.support SETS_FOLDER/train [--work FOLDER]

A logistic regression over the FEATURES of `assistant.llm.check.support`, on the half "fitted" of
three sets that people labelled (benchmarks/pairs.py); benchmarks/support.py measures on the other.
Every set counts the same, and in each the supported the same as the others. The limit of
"supported" keeps all but a few of the true paraphrases of that half: what the rules find is what
drops sentences, and the score drops only what is far from anything the quotes say. Writes
`assistant/llm/check/support.json`.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from assistant.embed import SentenceTransformerEmbeddings
from assistant.llm.check import FEATURES, support
from research.benchmarks.balanced import equal_weights, told_of
from research.benchmarks.pairs import (
    SETS,
    Vectors,
    half,
    is_paraphrase,
    plant,
    read_pairs,
    supported,
    true_sentences,
)
from research.benchmarks.planted import paraphrases

LOST = {"supported": 0.01, "partly": 0.0025}
"""The share of true paraphrases that falls below each limit."""
WEIGHTS = Path("assistant/llm/check/support.json")


Floats = npt.NDArray[np.float64]


def fit(features: Floats, fact: npt.NDArray[np.bool_], weight: Floats) -> dict[str, float]:
    """A logistic regression in which no feature may count against what it is for.

    Without that, "fewer words held" spoke for support: an accident of how one set was made.
    """
    signs = np.where(fact, 1.0, -1.0)
    share = weight / weight.mean()

    def cost(weights: Floats) -> float:
        logits = features @ weights[:-1] + weights[-1]
        lost = float(share @ np.logaddexp(0.0, -signs * logits))
        return lost + float(weights[:-1] @ weights[:-1]) / 2

    bounds = [(0, None) if sign > 0 else (None, 0) for sign in FEATURES.values()]
    start = np.zeros(len(FEATURES) + 1)
    found = minimize(cost, start, bounds=[*bounds, (None, None)], method="L-BFGS-B").x
    return dict(zip((*FEATURES, "constant"), found.tolist(), strict=True))


def main() -> None:
    """Fit, choose the limits, and write support.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--work", type=Path, help="keep the vectors here, for the next time")
    options = parser.parse_args()
    embed = Vectors(SentenceTransformerEmbeddings())
    if options.work:
        embed.read(options.work / "vectors.npz")
    everything = [pair for name in SETS for pair in read_pairs(options.sets, name)]
    pairs = [pair for pair in everything if half(pair.group) == "fitted"]
    told = [told_of(each.claim, [each.evidence], embed)[1] for each in pairs]
    features = np.array([[each[name] for name in FEATURES] for each in told])
    fact = np.array([pair.supported for pair in pairs])
    fitted = fit(features, fact, equal_weights(pairs))
    cases = [each for each in supported(everything, "fitted") if is_paraphrase(each)]
    by_rule = plant(
        list(true_sentences(everything, "fitted")), lambda each: paraphrases(each.claim)
    )
    limits = []
    for group in (cases, by_rule):
        found = [told_of(each.claim, each.quotes, embed) for each in group]
        probability = [support(told, fitted) for faults, told in found if not faults]
        limits.append(
            {name: float(np.quantile(probability, share)) for name, share in LOST.items()}
        )
    fitted |= {name: min(each[name] for each in limits) for name in LOST}
    rounded = {name: round(value, 4) for name, value in fitted.items()}
    WEIGHTS.write_text(json.dumps(rounded, indent=1) + "\n", encoding="utf-8")
    print(WEIGHTS.read_text())
    if options.work:
        embed.write(options.work / "vectors.npz")


if __name__ == "__main__":
    main()
