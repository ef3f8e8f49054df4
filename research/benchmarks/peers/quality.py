"""What each product finds, what it cites first, and how much is to be read.

    python -m research.benchmarks.peers.quality SET_FOLDER ... --peers PYTHON [--most 1200]

Every product indexes the same files, an article each (`articles`), and is asked every question
in turn, for 10 chunks. A chunk holds the answer where it covers one of the right answers in a
text that the set names for the question; where an answer is no words of these texts (all of
cranfield, much of inscit), half of one counts, or a chunk of which half is such a text.
Follow-ups are left out: a peer has nothing to understand them with but a language model.
Intervals are of 95 %, by bootstrap over questions.

First table: shares of answerable questions with the answer in the first 1, 5 and 10 chunks, and
nDCG@10 of the texts. Second table: what is shown first, for a peer its first chunk, for us the
first cited sentence; how long that is; the characters from the top to the end of what holds the
answer (median, mean; where nothing does, all that is shown: ten chunks, or our quotes and ten
passages); how many questions are refused. Peers refuse nothing: without a language model they
show the nearest chunks to any question.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from research.benchmarks.peers import scores
from research.benchmarks.peers.articles import Question, read_questions, write_articles
from research.benchmarks.peers.figures import Record, head, options, workplace
from research.benchmarks.peers.processes import LANGCHAIN, OURS, Place, Worker, workers
from research.benchmarks.peers.worker import Found

COUNT = 10
_RANKS, _CITES = ("search", "retriever"), ("answer", "never refusing")
_LINE = "  {:28}{:>22}{:>22}{:>22}{:>22}"
_FOUND = _LINE.format("", "found at 1", "at 5", "at 10", "nDCG@10")
_CITED = _LINE.format("", "first one holds it", "characters of it", "read, median", "read, mean")


def ask(products: Sequence[Worker], questions: Sequence[Question]) -> dict[str, list[Found]]:
    """What each way of each product shows for each question, asked in turn."""
    ways = [
        (worker, way, f"{worker.product}, {way}")
        for worker in products
        for way in worker.ask("describe")["ways"]
    ]
    shown: dict[str, list[Found]] = {name: [] for _, _, name in ways}
    for question in questions:
        for worker, way, name in ways:
            shown[name].append(worker.search(way, question.text, COUNT))
    return shown


class Tables:
    """The two tables of a set, printed and kept."""

    def __init__(self, name: str, questions: Sequence[Question], record: Record) -> None:
        self._set, self._record = name, record
        self._questions = questions
        self._can = [place for place, each in enumerate(questions) if each.golds]

    def found(self, shown: Mapping[str, Sequence[Found]]) -> None:
        """Print what is found, and the misses beside those of LangChain's chain."""
        print(_FOUND)
        at_5 = {}
        for name, found in _of(shown, _RANKS):
            chosen = [(found[i].chunks, self._questions[i].golds) for i in self._can]
            ranks = np.array([scores.rank(*each) for each in chosen])
            hits = {at: ((ranks > 0) & (ranks <= at)).astype(float) for at in (1, 5, COUNT)}
            at_5[name] = hits[5]
            cells = [self._cell(name, f"found at {at}", hits[at]) for at in hits]
            cells.append(self._cell(name, "nDCG@10", [scores.ndcg(*each) for each in chosen]))
            print(_LINE.format(name, *cells))
        base = next((name for name in at_5 if name.startswith(LANGCHAIN)), "")
        for name in [each for each in at_5 if base and each != base]:
            share, low, high = scores.interval(scores.misses, at_5[name], at_5[base])
            self._keep(name, "misses at 5 against langchain", share, low, high)
            print(f"  misses at 5, as a share of langchain's: {name} ", end="")
            print(f"{share:.2f} [{low:.2f}, {high:.2f}]")

    def cited(self, shown: Mapping[str, Sequence[Found]]) -> None:
        """Print what is shown first, and how much is to be read."""
        print(_CITED)
        for name, found in _of(shown, _CITES):
            chosen = [(found[i], self._questions[i].golds) for i in self._can]
            first = [_first_holds(each, golds) for each, golds in chosen]
            sizes = [each.chunks[0].size for each, _ in chosen
                     if each.chunks and not each.refused]  # fmt: skip
            read = [scores.read_until(each.chunks, golds) for each, golds in chosen]
            cells = (
                self._cell(name, "first holds", first),
                self._cell(name, "characters of the first", sizes, digits=0),
                self._cell(name, "read, median", read, "median", digits=0),
                self._cell(name, "read, mean", read, digits=0),
            )
            print(_LINE.format(name, *cells))
            if name == f"{OURS}, answer":
                self._refused(name, found)

    def _refused(self, name: str, found: Sequence[Found]) -> None:
        cannot = sorted(set(range(len(found))) - set(self._can))
        for kind, places in (("answerable", self._can), ("unanswerable", cannot)):
            if places:
                cell = self._cell(name, f"refused, {kind}", [found[i].refused for i in places])
                print(f"  {'':28}refused, {kind}: {cell} ({len(places)})")

    def _cell(
        self, name: str, measure: str, values: scores.Values, of: str = "mean", digits: int = 3
    ) -> str:
        value, low, high = scores.interval(getattr(scores, of), values)
        self._keep(name, measure, value, low, high)
        return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    def _keep(self, name: str, measure: str, value: float, low: float, high: float) -> None:
        self._record.add(
            figure="quality", set=self._set, product=name, measure=measure,
            value=value, low=low, high=high, questions=len(self._can),
        )  # fmt: skip


def _of(
    shown: Mapping[str, Sequence[Found]], ours: Sequence[str]
) -> Iterator[tuple[str, Sequence[Found]]]:
    """All of the peers' ways, and these of ours."""
    names = {f"{OURS}, {way}" for way in ours}
    for name, found in shown.items():
        if not name.startswith(OURS) or name in names:
            yield name, found


def _first_holds(found: Found, golds: Sequence[scores.Gold]) -> bool:
    return not found.refused and scores.rank(found.chunks[:1], golds) == 1


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def main() -> None:
    """Measure each set."""
    parser = options(__doc__)
    parser.add_argument("sets", type=Path, nargs="+", help="folders of question sets")
    parser.add_argument("--most", type=int, default=1_200, help="questions of each set")
    given = parser.parse_args()
    record = Record(given.json)
    with workplace(given.work) as work:
        print(head(Place(given.peers, work), given.products), flush=True)
        for folder in given.sets:
            place = Place(given.peers, work / folder.name)
            places = write_articles(folder, place.home)
            questions = read_questions(folder, places, given.most)
            name = f"{folder.parent.name}/{folder.name}"
            with workers(place, given.products) as started:
                chunks = {each.product: each.ask("index")["chunks"] for each in started}
                for each in started:
                    each.ask("open")
                shown = ask(started, questions)
            files = len({each.source for each in places.values()})
            can = sum(bool(each.golds) for each in questions)
            print(f"{name}: {files} files of {len(places)} texts; {len(questions)} questions, "
                  f"{can} answerable; chunks: {_listed(chunks)}")  # fmt: skip
            tables = Tables(name, questions, record)
            tables.found(shown)
            tables.cited(shown)
            print(flush=True)


if __name__ == "__main__":
    main()
