"""Measure whether the check tells what quotes support from what they do not.

    python -m benchmarks.support SETS_FOLDER/train [--half held] [--work FOLDER]

Three sets that people labelled, by balanced accuracy, against likeness of words and of vectors
alone; then faults planted in true sentences of the sets and of the sample article, which must be
caught; and true sentences in other words, which must not be dropped. The groups (texts) of the
sets are split in halves: on the half "fitted" the weights were fitted and the rules tried
(training/support.py), and what is reported is the other. Intervals are of 95 %, by bootstrap over
the groups.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assistant.check import Embed, check, evidence, read
from assistant.check.faults import find_faults
from assistant.check.said import Fault
from assistant.check.support import support, weights
from assistant.check.words import plain, sentences, words
from assistant.embed import SentenceTransformerEmbeddings
from assistant.types import Verdict
from benchmarks.planted import (
    Case,
    paraphrases,
    replaced_names,
    swapped_names,
    wrong_numbers,
)
from benchmarks.sets import Line, read_lines

SETS = ("fever_symmetric", "summedits", "q2_wow")
HALVES = ("fitted", "held")
UNSEEN = "squad2_dev"
"""Texts to plant faults in, besides those of the sets."""
ARTICLE = Path("knowledge/china-belarus-joint-statement.txt")
PLANTED = 2_000
"""Faults of each sort that are planted."""
_RESAMPLES = 1_000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """A claim, what it is held against, and what people said of it."""

    name: str
    group: str
    claim: str
    evidence: str
    supported: bool
    contradicted: bool = False


def read_pairs(folder: Path, name: str) -> list[Pair]:
    """The pairs of a set, each with the group whose texts or claims hang together."""
    lines = read_lines(folder / name / "pairs.jsonl")
    corpus = folder / name / "corpus.jsonl"
    texts = {line["id"]: line["text"] for line in read_lines(corpus)} if corpus.exists() else {}
    pairs = []
    groups = _groups(lines)
    for line, group in zip(lines, groups, strict=True):
        evidence = line["evidence"] or texts[line["evidence_doc_id"]]
        label = line["label"]
        pairs.append(
            Pair(
                name, f"{name}:{group}", clean(line["claim"]), clean(evidence),
                label == "supported", label == "contradicted",
            )
        )  # fmt: skip
    return pairs


def _groups(lines: Sequence[Line]) -> list[str]:
    """For each pair the first claim or text that it hangs together with, however indirectly."""
    first: dict[str, str] = {}

    def root(key: str) -> str:
        while first.setdefault(key, key) != key:
            key = first[key]
        return key

    keys = [
        [f"text {line['evidence_doc_id']}"]
        if line.get("evidence_doc_id")
        else [f"text {line['evidence']}", f"claim {line['claim']}"]
        for line in lines
    ]
    for each in keys:
        for key in each[1:]:
            first[root(key)] = root(each[0])
    return [root(each[0]) for each in keys]


def half(group: str) -> str:
    """Which half a group is in, by a hash of its text."""
    return HALVES[sha256(group.encode()).digest()[0] % 2]


_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "``": '"', "''": '"'}


def clean(text: str) -> str:
    """Without the spaces and signs that tokenizers left."""
    for sign, meant in _BRACKETS.items():
        text = text.replace(sign, meant)
    text = re.sub(r" (?=[,.;:!?)\]%]|'s\b|n't\b)", "", text.replace(" ' ", "'"))
    text = re.sub(r"(?<=[(\[$]) ", "", text).replace(" -- ", "–").replace(" - ", "-")
    return text.strip()


@dataclass
class Vectors:
    """Embeds each text once; keeps the vectors in a file, if there is one."""

    embedder: SentenceTransformerEmbeddings
    kept: dict[str, list[float]] = field(default_factory=dict)

    def __call__(self, texts: list[str]) -> list[list[float]]:
        """A vector of length 1 for each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self.kept]
        if new:
            self.kept.update(zip(new, self.embedder.embed_documents(new), strict=True))
        return [self.kept[text] for text in texts]

    def read(self, path: Path) -> None:
        """Take up the vectors of an earlier run."""
        if path.exists():
            stored = np.load(path)
            texts = json.loads(str(stored["texts"]))
            self.kept.update(zip(texts, stored["vectors"].astype(float).tolist(), strict=True))

    def write(self, path: Path) -> None:
        """Keep the vectors for the next run."""
        vectors = np.array(list(self.kept.values()), dtype=np.float32)
        np.savez(path, texts=json.dumps(list(self.kept)), vectors=vectors)


def true_sentences(pairs: Iterable[Pair], wanted: str) -> Iterator[Case]:
    """Sentences of the texts with the ones around them as their quote."""
    texts = {pair.evidence: pair.group for pair in pairs if half(pair.group) == wanted}
    yield from _sentences_of(texts)


def unseen_sentences(folder: Path) -> Iterator[Case]:
    """The same of the article, and of texts that nothing here was fitted or tried on."""
    article = {ARTICLE.read_text(encoding="utf-8"): "article"}
    lines = read_lines(folder / UNSEEN / "corpus.jsonl")
    yield from _sentences_of(article | {line["text"]: line["title"] for line in lines})


def _sentences_of(texts: Mapping[str, str]) -> Iterator[Case]:
    for text, group in texts.items():
        parts = sentences(text)
        for place, sentence in enumerate(parts):
            if 6 <= len(sentence.split()) <= 60:
                around = " ".join(parts[max(0, place - 1) : place + 2])
                yield Case(sentence, (around,), "true", group)


def supported(pairs: Iterable[Pair], wanted: str) -> Iterator[Case]:
    """The sentences of the claims that people found supported."""
    for pair in pairs:
        if pair.supported and half(pair.group) == wanted:
            for sentence in sentences(pair.claim):
                yield Case(sentence, (pair.evidence,), pair.name, pair.group)


_DENIES = re.compile(r"\b(?:not|no|never|none|without|only|cannot|refuse\w*)\b|n['’]t\b")


def is_paraphrase(case: Case) -> bool:
    """Whether a supported claim puts the text in other words, and infers nothing.

    It has six words or more, half of those with four letters or more stand in the text, and so do
    all its capitalised words and its digits: else who is meant is known from elsewhere. Neither or
    both of them deny something.
    """
    own_words = re.findall(r"[^\W\d_]{4,}", case.claim.casefold())
    text = case.quotes[0].casefold()
    own = re.findall(r"(?<!^)\b[A-Z][\w’']+|^[A-Z]\w+(?= [A-Z])|\d+", case.claim)
    held = sum(word[:5] in text for word in own_words)
    denies = [bool(_DENIES.search(each)) for each in (case.claim.casefold(), text)]
    return (
        len(case.claim.split()) >= 6
        and held >= len(own_words) / 2
        and denies[0] <= denies[1]
        and all(each.casefold().removesuffix("'s") in text for each in own)
    )


def plant(cases: Sequence[Case], make: Callable[[Case], Iterable[tuple[str, str]]]) -> list[Case]:
    """What is made of the cases, in an order that no text leads; the article's first."""
    made = {
        claim: Case(claim, case.quotes, kind, case.group)
        for case in cases
        for kind, claim in make(case)
    }
    order = sorted(made.values(), key=lambda each: sha256(each.claim.encode()).digest())
    return sorted(order, key=lambda each: each.group != "article")


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
    text, quoted = plain(claim), read(quotes)
    found = list(find_faults(list(map(words, sentences(text))), list(map(words, quoted)), ()))
    return found, evidence(text, quoted, found, embed)


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


def report_cases(title: str, cases: Sequence[Case], embed: Embed) -> None:
    """How many of the cases are kept, and how many are not, by how they were made."""
    kept = np.array(
        [check(each.claim, each.quotes, embed).verdict == Verdict.SUPPORTED for each in cases]
    )
    kinds = np.array([each.kind for each in cases])
    print(f"{title:44} {'cases':>6} {'texts':>6}  {'caught or dropped':>22}")
    for kind in ("all", *sorted(set(kinds))):
        rows = np.flatnonzero((kinds == kind) | (kind == "all")).tolist()
        lost = ~kept[rows]
        groups = [cases[i].group for i in rows]
        share = interval(groups, lambda drawn, lost=lost: float(lost[drawn].mean()))  # type: ignore[misc]
        print(f"  {kind:42} {len(rows):>6,} {len(set(groups)):>6,}  {share:>22}")


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
    for title, cases in planted(pairs, options, embed).items():
        print()
        report_cases(title, cases, embed)
    if options.work:
        embed.write(options.work / "vectors.npz")


def planted(
    pairs: Sequence[Pair], options: argparse.Namespace, embed: Embed
) -> dict[str, list[Case]]:
    """The faults and paraphrases, made of one half, and of what nothing was fitted to."""
    true = list(true_sentences(pairs, options.half))
    if options.half == "held":
        true += unseen_sentences(options.sets)
    claims = list(supported(pairs, options.half))
    kept = [
        each
        for each in claims
        if check(each.claim, each.quotes, embed).verdict == Verdict.SUPPORTED
    ]
    elsewhere = " ".join(each.claim for each in true[:: max(1, len(true) // 60)])
    numbers = plant(true, lambda each: wrong_numbers(each.claim))
    names = plant(true, lambda each: swapped_names(each.claim))
    return {
        "wrong numbers in true sentences": numbers[:PLANTED],
        "swapped names in true sentences": names[:PLANTED],
        "other names in true sentences": plant(
            true, lambda each: replaced_names(each.claim, each.quotes[0], elsewhere)
        )[:PLANTED],
        "wrong numbers in claims that were kept": plant(
            kept, lambda each: wrong_numbers(each.claim)
        )[:PLANTED],
        "swapped names in claims that were kept": plant(
            kept, lambda each: swapped_names(each.claim)
        )[:PLANTED],
        "true paraphrases, by rule": plant(true, lambda each: paraphrases(each.claim))[:PLANTED],
        "true paraphrases, by people": [each for each in claims if is_paraphrase(each)],
        "all claims that people found supported": claims,
    }


if __name__ == "__main__":
    main()
