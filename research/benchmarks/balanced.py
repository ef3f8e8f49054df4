"""Balanced accuracy on pairs that people labelled, and intervals by bootstrap over their texts."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assistant.llm.check import Embed, check, evidence, read, support, weights
from assistant.llm.check.faults import find_faults
from assistant.llm.check.roles import Fault
from assistant.llm.check.words import plain, sentences, words
from assistant.types import Verdict
from research.benchmarks.pairs import SETS, Pair

_RESAMPLES = 1_000
Floats = npt.NDArray[np.float64]


def interval(groups: Sequence[str], measure: Callable[[npt.NDArray[np.intp]], float]) -> str:
    """A measure of rows with its 95 % interval, by bootstrap over the groups they are in."""
    places = defaultdict(list)
    for place, group in enumerate(groups):
        places[group].append(place)
    rows = [np.array(each) for each in places.values()]
    chance = np.random.default_rng(0)
    drawn = [
        measure(np.concatenate([rows[i] for i in chance.integers(0, len(rows), len(rows))]))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return f"{measure(np.arange(len(groups))):.3f} [{low:.3f}, {high:.3f}]"


def balanced(said: Sequence[bool], fact: Sequence[bool]) -> Callable[[npt.NDArray[np.intp]], float]:
    """Balanced accuracy of some rows: the mean of what is right of either answer."""
    says, is_so = np.array(said), np.array(fact)

    def measure(rows: npt.NDArray[np.intp]) -> float:
        a, b = says[rows], is_so[rows]
        with np.errstate(invalid="ignore"):
            return float((a[b].mean() + (~a[~b]).mean()) / 2)

    return measure


@dataclass(frozen=True)
class Rows:
    """The pairs of a half, what is told of each, and what the check found."""

    pairs: list[Pair]
    told: list[dict[str, float]]
    verdicts: list[Verdict]

    def column(self, name: str) -> Floats:
        """One feature of all pairs."""
        return np.array([each[name] for each in self.told])


def told_of(
    claim: str, quotes: Sequence[str], embed: Embed
) -> tuple[list[Fault], dict[str, float]]:
    """The faults of a claim, and what its score is weighed from, faults or not."""
    text, quoted, found = plain(claim), read(quotes), told_faults(claim, quotes)
    return found, evidence(text, quoted, found, embed)


def told_faults(claim: str, quotes: Sequence[str]) -> list[Fault]:
    """The faults of a claim."""
    said = list(map(words, sentences(plain(claim))))
    return list(find_faults(said, list(map(words, read(quotes)))))


def rows_of(pairs: Sequence[Pair], embed: Embed) -> Rows:
    """Look at each pair as the check does."""
    told, verdicts = [], []
    for pair in pairs:
        told.append(told_of(pair.claim, [pair.evidence], embed)[1])
        verdicts.append(check(pair.claim, [pair.evidence], embed).verdict)
    return Rows(list(pairs), told, verdicts)


def best_limit(score: Floats, fact: npt.NDArray[np.bool_], weight: Floats) -> float:
    """The limit by which the score has the best balanced accuracy."""
    limits = np.quantile(score, np.linspace(0.02, 0.98, 97))

    def right(limit: float) -> float:
        says = score >= limit
        good = np.average(says[fact], weights=weight[fact])
        return float(good + np.average(~says[~fact], weights=weight[~fact]))

    return float(max(limits, key=right))


def equal_weights(pairs: Sequence[Pair]) -> Floats:
    """Every set counts the same, and in each the supported the same as the others."""
    sizes = Counter((pair.name, pair.supported) for pair in pairs)
    return np.array([len(pairs) / sizes[pair.name, pair.supported] for pair in pairs])


def report_sets(fitted: Rows, held: Rows) -> None:
    """Balanced accuracy on the half held out; every limit is chosen on the other."""
    weight = equal_weights(fitted.pairs)
    fact = np.array([pair.supported for pair in fitted.pairs])
    scores: dict[str, tuple[Floats, Floats]] = {
        "likeness of words": (fitted.column("words held"), held.column("words held")),
        "likeness of vectors": (fitted.column("cosine"), held.column("cosine")),
        "the score": tuple(  # type: ignore[dict-item]
            np.array([support(told, weights()) for told in rows.told]) for rows in (fitted, held)
        ),
    }
    said = {
        name: held_score >= best_limit(fitted_score, fact, weight)
        for name, (fitted_score, held_score) in scores.items()
    }
    said["the verdict"] = np.array([each == Verdict.SUPPORTED for each in held.verdicts])
    print(f"{'balanced accuracy':22}" + "".join(f"{name:>24}" for name in (*SETS, "mean")))
    names = np.array([pair.name for pair in held.pairs])
    sizes = [int((names == name).sum()) for name in SETS]
    print(f"{'pairs':22}" + "".join(f"{size:>24,}" for size in (*sizes, sum(sizes))))
    for way, says in said.items():
        cells = [_cell(held.pairs, says, names == name) for name in SETS]
        print(f"{way:22}" + "".join(f"{cell:>24}" for cell in [*cells, _mean(held.pairs, says)]))
    for way in said:
        if way != "the verdict":
            print(f"the verdict above {way}: {_lead(held.pairs, said['the verdict'], said[way])}")
    print("verdicts of supported pairs, and of the others")
    for wanted in (True, False):
        counts = Counter(
            str(verdict)
            for verdict, pair in zip(held.verdicts, held.pairs, strict=True)
            if pair.supported is wanted
        )
        print("  ", ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


Marks = npt.NDArray[np.bool_]


def _cell(pairs: Sequence[Pair], says: Marks, inside: Marks) -> str:
    rows = np.flatnonzero(inside).tolist()
    fact = [pairs[i].supported for i in rows]
    return interval([pairs[i].group for i in rows], balanced(says[rows].tolist(), fact))


def _mean_of(pairs: Sequence[Pair], says: Marks) -> Callable[[npt.NDArray[np.intp]], float]:
    names = np.array([pair.name for pair in pairs])
    of_all = balanced(says.tolist(), [pair.supported for pair in pairs])
    return lambda rows: float(np.mean([of_all(rows[names[rows] == name]) for name in SETS]))


def _mean(pairs: Sequence[Pair], says: Marks) -> str:
    return interval([pair.group for pair in pairs], _mean_of(pairs, says))


def _lead(pairs: Sequence[Pair], one: Marks, other: Marks) -> str:
    first, second = _mean_of(pairs, one), _mean_of(pairs, other)
    return interval([pair.group for pair in pairs], lambda rows: first(rows) - second(rows))
