"""One changed file among many: our sync beside a peer's rebuild.

    python -m research.benchmarks.peers.sync --peers PYTHON [--files N] [--rounds 3]

The files are small texts, as `benchmarks.mixed --small` writes them: a sentence, or with two
paragraphs more 500 characters, which are one chunk for the peers. In every round one of them is
changed, and each product is brought up to date in turn. A peer of these has no command for that:
its tutorial builds the index, so it is built again (a program of one's own can do better with
LangChain's record manager, LlamaIndex's document store, txtai's `upsert` or Haystack's writer,
where it finds out by itself what has changed and what is gone). "In a running process" leaves out
the imports and the loading of the model, "as a command" counts them.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from research.benchmarks.mixed import facts
from research.benchmarks.peers.figures import Record, head, options, workplace
from research.benchmarks.peers.processes import OURS, Place, Worker

_LINE = "  {:14}{:>24}{:>16}{:>24}{:>16}"


class Time(NamedTuple):
    """Seconds to bring an index up to date."""

    running: float
    command: float


def write(home: Path, count: int, paragraphs: int) -> list[Path]:
    """So many small files of so many paragraphs, 500 to a folder."""
    paths = [home / "knowledge" / f"{n // 500:02}" / f"{n:05}.txt" for n in range(count)]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(facts(number)[:paragraphs]), encoding="utf-8")
    return paths


def change(path: Path, number: int) -> None:
    """Change a file."""
    path.write_text(f"The lighthouse fell in the storm of day {number}.", encoding="utf-8")


def update(place: Place, product: str, paths: Sequence[Path], number: int) -> Time:
    """One file changes, and a new process follows; ours once more, as it is then running."""
    change(paths[2 * number], number)
    begun = perf_counter()
    with Worker(place, product) as worker:
        if product != OURS:
            worker.ask("embed", texts=["The model is loaded."])
        running = worker.ask("index")["seconds"]
        command = perf_counter() - begun
        if product == OURS:
            change(paths[2 * number + 1], number)
            running = worker.ask("index")["seconds"]
    return Time(running, command)


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--paragraphs", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    record = Record(given.json)
    times: dict[str, list[Time]] = {product: [] for product in given.products}
    with workplace(given.work) as work:
        place = Place(given.peers, work / "sync")
        print(head(place, given.products), flush=True)
        paths = write(place.home, given.files, given.paragraphs)
        with Worker(place, OURS) as worker:
            built = worker.ask("index")["seconds"]
        print(f"{given.files} files of {given.paragraphs} paragraphs, {given.rounds} rounds; "
              f"our first sync {built:.1f} s", flush=True)  # fmt: skip
        for number in range(given.rounds):
            for product in given.products:
                times[product].append(update(place, product, paths, number))
    names = ("in a running process, s", "ours is of it", "as a command, s", "ours is of it")
    print(_LINE.format("", *names))
    for product, found in times.items():
        cells = []
        for of in ("running", "command"):
            seconds = [getattr(each, of) for each in found]
            shares = [getattr(each, of) / s for each, s in zip(times[OURS], seconds, strict=True)]
            cells += [f"{median(seconds):.2f}", f"{median(shares):.2%}"]
            record.add(figure="sync", product=product, of=of, files=given.files,
                       paragraphs=given.paragraphs, seconds=seconds,
                       share=median(shares))  # fmt: skip
        print(_LINE.format(product, *cells))


if __name__ == "__main__":
    main()
