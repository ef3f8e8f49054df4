"""Answers of a running process as the folder grows: time, memory, room.

    python -m research.benchmarks.peers.warm SET_FOLDER --peers PYTHON [--sizes 100 1000 10000 …]

The documents have 100 paragraphs each, made of sentences drawn at random from the set's texts and
long enough that every product makes about one passage of each; so words are as frequent as in a
language, and no two passages are the same. Real vectors of so many would take hours: the first
500 are real, each further one is one of these and noise (cosine 0.8), so that they lie as real
ones do, but nothing is said of how well anything is found. The questions are the set's own, with
their real vectors. Only LangChain's chain is measured beside ours: the other stores keep all in
memory or are rebuilt with real vectors only.

Ours is measured twice: `answer` is the whole answer, read and cited; `search` is what a peer
does, which only retrieves. Each size is indexed in one process and asked in a new one, whose
memory is then measured (Linux).
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from research.benchmarks.peers.figures import Record, head, options, workplace
from research.benchmarks.peers.processes import LANGCHAIN, OURS, Place, Worker

_A_DOCUMENT = 100  # paragraphs
_PARAGRAPH = 510  # characters: two are over the 1,000 of a chunk, one is near the 128 of a passage
_FOLDERS = {LANGCHAIN: "langchain", OURS: "index"}
_WAYS = {LANGCHAIN: (("similarity", 4),), OURS: (("answer", 0), ("search", 10))}
_LINE = "  {:>9}  {:24}{:>10}{:>10}{:>10}{:>12}{:>14}{:>10}"


def write(folder: Path, home: Path, size: int) -> None:
    """Documents of so many paragraphs in all."""
    texts = [json.loads(line)["text"] for line in _lines(folder / "corpus.jsonl")]
    sentences = [each for text in texts for each in re.split(r"(?<=[.?!])\s+", text)]
    chance = random.Random(size)
    (home / "knowledge").mkdir(parents=True)
    for number in range(0, size, _A_DOCUMENT):
        count = min(_A_DOCUMENT, size - number)
        text = "\n\n".join(_paragraph(sentences, chance) for _ in range(count))
        (home / "knowledge" / f"{number // _A_DOCUMENT:05}.txt").write_text(text, "utf-8")


def _paragraph(sentences: Sequence[str], chance: random.Random) -> str:
    text = ""
    while len(text) < _PARAGRAPH:
        text += f" {chance.choice(sentences)}"[: 2 * _PARAGRAPH - len(text)]
    return text.strip()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def measure(place: Place, product: str, questions: Sequence[str]) -> Iterator[dict[str, object]]:
    """Index in one process, ask in another: a row for each way."""
    with Worker(place, product) as worker:
        built = worker.ask("index", cheaply=True)
    room = sum(
        path.stat().st_size
        for path in (place.home / _FOLDERS[product]).rglob("*")
        if path.is_file()
    )
    for way, count in _WAYS[product]:
        with Worker(place, product) as worker:
            worker.ask("open")
            seconds = [
                worker.ask("search", way=way, question=question, count=count)["seconds"]
                for question in questions
            ][1:]
            half, late = 1_000 * np.quantile(seconds, [0.5, 0.95])
            yield {
                "product": f"{product}, {way}", "chunks": built["chunks"], "p50": float(half),
                "p95": float(late), "memory": worker.memory(), "bytes": room / built["chunks"],
                "build": built["seconds"],
            }  # fmt: skip


def main() -> None:
    """Print a line for each size and way."""
    parser = options(__doc__)
    parser.add_argument("set", type=Path, help="folder of a question set")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--questions", type=int, default=200)
    given = parser.parse_args()
    folder, record = given.set, Record(given.json)
    products = [each for each in (LANGCHAIN, OURS) if each in given.products]
    lines = _lines(folder / "queries.jsonl")
    chosen = np.random.default_rng(0).permutation(len(lines))[: given.questions + 1]
    questions = [json.loads(lines[i])["question"] for i in chosen.tolist()]
    with workplace(given.work) as work:
        print(head(Place(given.peers, work), products))
        names = ("chunks", "p50 ms", "p95 ms", "memory MB", "bytes/chunk", "build s")
        print(_LINE.format("size", "", *names), flush=True)
        for size in given.sizes:
            place = Place(given.peers, work / f"warm-{size}")
            if not (place.home / "knowledge").is_dir():
                write(folder, place.home, size)
            for product in products:
                for row in measure(place, product, questions):
                    record.add(figure="warm", size=size, **row)
                    print(_LINE.format(
                        size, str(row["product"]), str(row["chunks"]), f"{row['p50']:.1f}",
                        f"{row['p95']:.1f}", f"{row['memory']:.0f}", f"{row['bytes']:.0f}",
                        f"{row['build']:.0f}",
                    ), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
