"""From a new process to the first answer on an index that is there; memory; installed megabytes.

    python -m research.benchmarks.peers.cold SET_FOLDER --peers PYTHON [--runs 7]

Ours is `assistant ask QUESTION`, which answers with its citations; a peer's is the script of its
tutorial: open what was kept, load the model, search, print the chunks (`worker`, with a
question). In turn, after one run of each that is not counted, so all files are in the disk
cache. Memory is the most that the process had; installed is what a reader's environment gets,
in MB: the distributions and all they require, without compiled files (and, where ours is
installed editable, without its own 24 MB).
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

from research.benchmarks.peers.figures import Record, head, options, workplace
from research.benchmarks.peers.processes import OURS, Place, Worker, environment
from research.benchmarks.peers.speed import read_texts

QUESTION = "When did the oil crisis begin?"
_LINE = "  {:14}{:>10}{:>10}{:>12}{:>22}{:>12}{:>15}"


class Run(NamedTuple):
    """What one process took."""

    seconds: float
    megabytes: float


def run(place: Place, product: str, question: str) -> Run:
    """Ask in a new process. Raises `RuntimeError` where it fails."""
    command = place.command(product, question)
    if product == OURS:
        command = [sys.executable, "-m", "assistant", "ask", question]
    home = {"ASSISTANT_HOME": str(place.home)}
    begun = perf_counter()
    process = subprocess.Popen(
        command, env=environment() | home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not said:
        raise RuntimeError(f"{product} gave no answer: {' '.join(command)}")
    return Run(seconds, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10))


def alternate(
    place: Place, products: Sequence[str], question: str, runs: int
) -> dict[str, list[Run]]:
    """The runs of each product, in turn; the first of each is not counted."""
    done: dict[str, list[Run]] = {product: [] for product in products}
    for _ in range(runs + 1):
        for product in products:
            done[product].append(run(place, product, question))
    return {product: found[1:] for product, found in done.items()}


def prepare(place: Place, products: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Index the texts by every product; the installed megabytes of each."""
    (place.home / "knowledge").mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (place.home / "knowledge" / f"{number:05}.txt").write_text(text, encoding="utf-8")
    sizes = {}
    for product in products:
        with Worker(place, product) as worker:
            worker.ask("index")
            sizes[product] = worker.ask("installed")["megabytes"]
    return sizes


def main() -> None:
    """Print the table."""
    parser = options(__doc__)
    parser.add_argument("set", type=Path, help="folder of a question set")
    parser.add_argument("--most", type=int, default=200, help="texts in the index")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--question", default=QUESTION, help="one that the texts answer")
    given = parser.parse_args()
    record = Record(given.json)
    with workplace(given.work) as work:
        place = Place(given.peers, work / "cold")
        print(head(place, given.products), flush=True)
        sizes = prepare(place, given.products, read_texts(given.set, given.most))
        done = alternate(place, given.products, given.question, given.runs)
    print(f"{given.runs} runs of each, in turn")
    names = ("median s", "least s", "most s", "ours is of its time", "memory MB", "installed MB")
    print(_LINE.format("", *names))
    for product, runs in done.items():
        seconds = [each.seconds for each in runs]
        shares = [ours.seconds / each for ours, each in zip(done[OURS], seconds, strict=True)]
        memory = max(each.megabytes for each in runs)
        print(_LINE.format(
            product, f"{median(seconds):.2f}", f"{min(seconds):.2f}", f"{max(seconds):.2f}",
            f"{median(shares):.2f}", f"{memory:.0f}", f"{sizes[product]:.0f}",
        ))  # fmt: skip
        record.add(figure="cold", product=product, seconds=seconds, memory=memory,
                   installed=sizes[product], share=median(shares))  # fmt: skip


if __name__ == "__main__":
    main()
