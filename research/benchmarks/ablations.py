"""What each part of finding and reading is worth.

    python -m research.benchmarks.ablations SET_FOLDER [SET_FOLDER ...] [--most 400] [--plot SVG]

The product with one thing changed at a time is asked of all texts of each set, and of the article
that comes along: whether a passage that holds the answer is among the first 1 and 5, as found and
as the reader ranks them; whether the first sentence holds it; and how well the odds tell
questions with an answer from those without (AUROC). Each with its 95 % interval. A star: it
differs from the product, question by question, by more than chance (95 %). The first texts of a
set are also asked as a small folder, which the product reads whole.
"""

import argparse
import platform
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assistant.embed import SentenceTransformerEmbeddings
from assistant.evaluate import Question, read_questions
from assistant.load.folder import scan_folder
from assistant.load.readers import Readers
from assistant.pipeline import WHOLE
from assistant.split import TOKENS
from assistant.types import Document
from research.benchmarks.designs import DESIGNS, READ, Bench, Design, Outcome
from research.benchmarks.sets import auroc, interval, workplace, write_home

_REPOSITORY = Path(__file__).parents[2]
_COLUMNS = ("found, first 1", "first 5", "ranked, first 1", "first 5", "first sentence")
Shares = npt.NDArray[np.float64]
Results = Mapping[str, Sequence[Outcome]]


def documents(folder: Path) -> list[Document]:
    """What can be read of a folder."""
    limit = 50 * 2**20
    with Readers() as readers:
        read = [result for _, result in readers.read(scan_folder(folder, limit).files, limit, {})]
    return [each for each in read if isinstance(each, Document)]


def article() -> list[Question]:
    """The article's questions of which the right words are known, without those that follow up."""
    asked = read_questions(_REPOSITORY / "benchmarks" / "article.jsonl")
    return [each for each in asked if not each.history and (each.quote or not each.answerable)]


def measure(
    bench: Bench,
    texts: Sequence[Document],
    questions: Sequence[Question],
    designs: Sequence[Design] = DESIGNS,
) -> Results:
    """The outcomes of each design, in the order of the questions."""
    results: dict[str, list[Outcome]] = {design.name: [] for design in designs}
    for (tokens, headings), chosen in groupby(sorted(designs, key=_index), key=_index):
        generation, alike = bench.index(texts, tokens, headings=headings), list(chosen)
        for question in questions:
            for name, outcome in bench.ask(generation, question, alike):
                results[name].append(outcome)
    return results


def _index(design: Design) -> tuple[int, bool]:
    return design.tokens, design.headings


def small(bench: Bench, texts: Sequence[Document]) -> list[Document]:
    """The first of the texts: so many that the product reads the folder whole."""
    passages = accumulate(len(bench.cut(text, TOKENS)) for text in texts)
    return [text for text, count in zip(texts, passages, strict=True) if count <= WHOLE]


def shares(outcomes: Sequence[Outcome]) -> Shares:
    """For each question with an answer, whether it went well, by column: 1 or 0."""
    return np.array(
        [
            (each.found < 1, each.found < 5, each.ranked < 1, each.ranked < 5, each.first)
            for each in outcomes
            if each.answerable
        ],
        dtype=np.float64,
    )


def table(results: Results) -> Iterator[str]:
    """A line for each design."""
    outcomes = results[DESIGNS[0].name]
    product = shares(outcomes)
    yield f"{len(product)} questions with an answer, {len(outcomes) - len(product)} without"
    yield f"{'':24}" + "".join(f"{name:>17}" for name in (*_COLUMNS, "AUROC"))
    for name, outcomes in results.items():
        mine = shares(outcomes)
        cells = [
            interval(float(np.mean(column)), len(column)) + ("*" if differs else " ")
            for column, differs in zip(mine.T, _differ(mine - product), strict=True)
        ]
        yield f"{name:24}" + "".join(f"{cell:>17}" for cell in cells) + f"{_told(outcomes):>16}"


def _differ(differences: Shares) -> list[bool]:
    """Whether the mean of each column is further from 0 than chance would take it."""
    half = 1.96 * differences.std(axis=0) / len(differences) ** 0.5
    return list(np.abs(differences.mean(axis=0)) > half)


def _told(outcomes: Sequence[Outcome]) -> str:
    """AUROC of the odds, with half the width of its interval (Hanley and McNeil 1982)."""
    can = [each.probability for each in outcomes if each.answerable]
    cannot = [each.probability for each in outcomes if not each.answerable]
    if not cannot:
        return "–"
    area = auroc(can, cannot)
    two, other = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area)
    variance += (len(can) - 1) * (two - area**2) + (len(cannot) - 1) * (other - area**2)
    half = 1.96 * (max(0.0, variance) / (len(can) * len(cannot))) ** 0.5
    return f"{area:.3f} ± {half:.3f}"


def plot(sets: Mapping[str, Results]) -> str:
    """An SVG picture: for each set and design, the share of first sentences, with its interval."""
    names = list(next(iter(sets.values())))
    ends = [_first(each)[0] for results in sets.values() for each in results.values()]
    low = min(0.9, np.floor(10 * min(ends)) / 10)
    bottom = 24 * len(names)
    labels = "".join(f'<text x="0" y="{24 * i + 16}">{name}</text>' for i, name in enumerate(names))
    panels = "".join(
        f'<g transform="translate({170 + 230 * number} 0)"><text y="-10">{name}</text>'
        + "".join(_tick(share, low, bottom) for share in np.arange(round(10 * low), 11) / 10)
        + "".join(_point(each, i, low) for i, each in enumerate(results.values()))
        + "</g>"
        for number, (name, results) in enumerate(sets.items())
    )
    width = 190 + 230 * len(sets)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -30 {width} {bottom + 80}" '
        f'width="{width}" font-family="sans-serif" font-size="12"><rect x="-10" y="-30" '
        f'width="{width}" height="{bottom + 80}" fill="white"/>{labels}{panels}<text x="170" '
        f'y="{bottom + 40}">share of first sentences that hold the answer</text></svg>\n'
    )


def _first(outcomes: Sequence[Outcome]) -> Shares:
    """The share of first sentences that hold the answer, and the ends of its interval."""
    column = shares(outcomes)[:, -1]
    share = float(column.mean())
    half = 1.96 * float(column.std()) / len(column) ** 0.5
    return np.array([max(0.0, share - half), share, min(1.0, share + half)])


def _tick(share: float, low: float, bottom: int) -> str:
    at = 200 * (share - low) / (1 - low)
    return (
        f'<path d="M{at:.0f} 0v{bottom}" stroke="#ddd"/>'
        f'<text x="{at - 8:.0f}" y="{bottom + 16}">{share:.1f}</text>'
    )


def _point(outcomes: Sequence[Outcome], row: int, low: float) -> str:
    ends = 200 * (_first(outcomes) - low) / (1 - low)
    colour = "#1a5fb4" if row else "#a51d2d"
    return (
        f'<path d="M{ends[0]:.0f} {24 * row + 12}H{ends[2]:.0f}" stroke="{colour}"/>'
        f'<circle cx="{ends[1]:.0f}" cy="{24 * row + 12}" r="4" fill="{colour}"/>'
    )


def main() -> None:
    """Measure each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="*")
    parser.add_argument("--most", type=int, default=400, help="questions of each set")
    parser.add_argument("--plot", type=Path, help="draw the shares of first sentences here")
    options = parser.parse_args()
    print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}")
    embedder, found = SentenceTransformerEmbeddings(), {}
    with workplace(None) as work:
        places = [(_REPOSITORY / "knowledge", "the article", article())]
        for folder in options.sets:
            home = work / folder.name
            questions = write_home(folder, home, options.most)
            places.append((home / "knowledge", f"{folder.parent.name}/{folder.name}", questions))
        for place, name, questions in places:
            bench = Bench.over(embedder, work / f"{place.parent.name} indexes")
            texts = documents(place)
            found[name] = measure(bench, texts, questions)
            print(f"\n{name}, {len(texts)} texts", *table(found[name]), sep="\n", flush=True)
            few = small(bench, texts)
            sources = {text.source for text in few}
            about = [each for each in questions if each.source in sources]
            if len(few) < len(texts):
                results = measure(bench, few, about, READ)
                print(f"\n{name}, {len(few)} texts", *table(results), sep="\n", flush=True)
    if options.plot:
        options.plot.write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main()
