"""How fast each product embeds the same text, and indexes the same folder from nothing.

    python -m research.benchmarks.peers.speed SET_FOLDER --peers PYTHON [--most 500] [--rounds 5]

The texts are the set's own, cut to 1,000 characters (what the tutorial chain's chunks have at
most). Every product embeds all of them in each round, in turn, after one short warm-up; given are
medians, and the median over rounds of how many times faster we are in the same round. Then every
product indexes the folder of these texts once, in a new process: read, cut, embed, store.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from research.benchmarks.peers.figures import Record, head, options, workplace
from research.benchmarks.peers.processes import OURS, Place, Worker, workers

_LONGEST = 1_000
_LINE = "  {:14}{:>12}{:>15}{:>16}{:>14}{:>14}"


def read_texts(folder: Path, most: int) -> list[str]:
    """The first texts of a set, cut to the same length."""
    lines = (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[:most]
    return [json.loads(line)["text"][:_LONGEST] for line in lines]


def embed(products: Sequence[Worker], texts: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each round, by product."""
    for worker in products:
        worker.ask("embed", texts=texts[:8])
    seconds: dict[str, list[float]] = {each.product: [] for each in products}
    for _ in range(rounds):
        for worker in products:
            seconds[worker.product].append(worker.ask("embed", texts=texts)["seconds"])
    return seconds


def index(place: Place, texts: Sequence[str], products: Sequence[str]) -> dict[str, float]:
    """Seconds to index the texts, each product in a new process."""
    (place.home / "knowledge").mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (place.home / "knowledge" / f"{number:05}.txt").write_text(text, encoding="utf-8")
    seconds = {}
    for product in products:
        with Worker(place, product) as worker:
            worker.ask("embed", texts=texts[:8])  # the model is loaded
            seconds[product] = worker.ask("index")["seconds"]
    return seconds


def main() -> None:
    """Print both."""
    parser = options(__doc__)
    parser.add_argument("set", type=Path, help="folder of a question set")
    parser.add_argument("--most", type=int, default=500, help="texts")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    record = Record(given.json)
    texts = read_texts(given.set, given.most)
    characters = sum(map(len, texts))
    with workplace(given.work) as work:
        place = Place(given.peers, work / "speed")
        print(head(place, given.products))
        with workers(place, given.products) as started:
            rounds = embed(started, texts, given.rounds)
        whole = index(place, texts, given.products)
    print(f"{len(texts)} texts, {characters} characters, {given.rounds} rounds")
    print(_LINE.format("", "texts/s", "characters/s", "we are faster", "lowest ratio", "index, s"))
    for product, seconds in rounds.items():
        ratios = [each / ours for each, ours in zip(seconds, rounds[OURS], strict=True)]
        print(_LINE.format(
            product, f"{len(texts) / median(seconds):.1f}", f"{characters / median(seconds):.0f}",
            f"{median(ratios):.2f} times", f"{min(ratios):.2f}", f"{whole[product]:.1f}",
        ))  # fmt: skip
        record.add(figure="speed", product=product, seconds=seconds, characters=characters,
                   texts=len(texts), ratio=median(ratios), index=whole[product])  # fmt: skip


if __name__ == "__main__":
    main()
