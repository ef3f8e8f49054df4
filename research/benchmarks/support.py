"""Measure whether the check tells what quotes support from what they do not.

    python -m research.benchmarks.support SETS_FOLDER/train [--half held] [--work FOLDER]

Three sets that people labelled, by balanced accuracy, against likeness of words and of vectors
alone; then faults planted in true sentences of the sets and of the sample article, which must be
caught; and true sentences in other words, which must not be dropped (pairs.py). Of the last:
by the rules alone, by the whole verdict, and as an answer shows them, where names and
markup must be the quote's too. Intervals are of 95 %, by bootstrap over the groups.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from assistant.embed import SentenceTransformerEmbeddings
from assistant.llm.check import Embed, check
from assistant.llm.check.hedging import is_plain_text
from assistant.types import Verdict
from research.benchmarks.balanced import interval, report_sets, rows_of, told_faults
from research.benchmarks.pairs import (
    HALVES,
    SETS,
    UNTOUCHED,
    Pair,
    Vectors,
    answered,
    half,
    is_paraphrase,
    plant,
    read_pairs,
    supported,
    true_sentences,
    unseen_sentences,
)
from research.benchmarks.planted import (
    Case,
    added_clauses,
    paraphrases,
    replaced_names,
    swapped_names,
    wrong_numbers,
)

PLANTED = 2_000
"""Wrong numbers and swapped names that are planted in true sentences."""
OTHERS = 500
"""Faults of each other sort."""
Keeps = Callable[[Case, Embed], bool]


def by_rules(case: Case, embed: Embed) -> bool:
    """Whether no rule finds a fault."""
    return not told_faults(case.claim, case.quotes)


def by_verdict(case: Case, embed: Embed) -> bool:
    """Whether the check finds it supported."""
    return check(case.claim, case.quotes, embed).verdict is Verdict.SUPPORTED


def in_answers(case: Case, embed: Embed) -> bool:
    """Whether an answer would show it."""
    return is_plain_text(case.claim, case.quotes) and by_verdict(case, embed)


def report_cases(title: str, cases: Sequence[Case], embed: Embed, keeps: Keeps) -> None:
    """How many of the cases are not kept, by how they were made."""
    kept = np.array([keeps(each, embed) for each in cases])
    kinds = np.array([each.kind for each in cases])
    print(f"{title:44} {'cases':>6} {'texts':>6}  {'caught or dropped':>22}", flush=True)
    for kind in ("all", *sorted(set(kinds))):
        rows = np.flatnonzero((kinds == kind) | (kind == "all")).tolist()
        lost = ~kept[rows]
        groups = [cases[i].group for i in rows]
        share = interval(groups, lambda drawn, lost=lost: float(lost[drawn].mean()))  # type: ignore[misc]
        print(f"  {kind:42} {len(rows):>6,} {len(set(groups)):>6,}  {share:>22}", flush=True)


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--half", choices=HALVES, default="held", help="of what faults are made")
    parser.add_argument("--work", type=Path, help="keep the vectors here, for the next time")
    options = parser.parse_args()
    embed = Vectors(SentenceTransformerEmbeddings())
    if options.work:
        embed.read(options.work / "vectors.npz")
    pairs = [pair for name in SETS for pair in read_pairs(options.sets, name)]
    fitted, held = (
        rows_of([pair for pair in pairs if half(pair.group) == each], embed) for each in HALVES
    )
    report_sets(fitted, held)
    true = list(true_sentences(pairs, options.half))
    if options.half == "held":
        true += unseen_sentences(options.sets)
    for title, cases in planted(true).items():
        print()
        report_cases(title, cases, embed, by_verdict)
    for title, claims in said_by_people(options.sets, pairs, options.half).items():
        for how, keeps in (
            ("rules", by_rules), ("verdict", by_verdict), ("answer", in_answers)
        ):  # fmt: skip
            print()
            report_cases(f"{title}: {how}", claims, embed, keeps)
    if options.work:
        embed.write(options.work / "vectors.npz")


def planted(true: Sequence[Case]) -> dict[str, list[Case]]:
    """Faults and paraphrases by rule, made of true sentences."""
    elsewhere = " ".join(each.claim for each in true[:: max(1, len(true) // 600)])
    some = elsewhere[: len(elsewhere) // 10]
    return {
        "wrong numbers": plant(true, lambda each: wrong_numbers(each.claim))[:PLANTED],
        "swapped names": plant(true, lambda each: swapped_names(each.claim))[:PLANTED],
        "other names": plant(
            true, lambda each: replaced_names(each.claim, each.quotes[0], some)
        )[:OTHERS],
        "added clauses of plain words": plant(
            true, lambda each: added_clauses(each.claim, elsewhere)
        )[:OTHERS],
        "true paraphrases, by rule": plant(true, lambda each: paraphrases(each.claim))[:PLANTED],
    }  # fmt: skip


def said_by_people(folder: Path, pairs: Sequence[Pair], wanted: str) -> dict[str, list[Case]]:
    """True paraphrases by people: of a half of the sets, and of a set that was left alone."""
    found = {
        f"people, {wanted}": [each for each in supported(pairs, wanted) if is_paraphrase(each)]
    }
    if (folder / UNTOUCHED).is_dir():
        untouched = dict.fromkeys(answered(folder / UNTOUCHED))
        found[f"people, {UNTOUCHED.name}"] = [each for each in untouched if is_paraphrase(each)]
    return found


if __name__ == "__main__":
    main()
