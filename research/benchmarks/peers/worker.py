"""A product in a process of its own, asked over JSON lines, or one question from the shell.

    python -m research.benchmarks.peers.PRODUCT HOME WEIGHTS             serves requests on stdin
    python -m research.benchmarks.peers.PRODUCT HOME WEIGHTS QUESTION    answers one, ends

HOME holds the documents, `knowledge/`, and what each product keeps of them. This module runs in
the peers' environment too: it imports nothing of the product's.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from research.benchmarks.peers.installed import megabytes

POOL = 500
"""Of so many texts the vectors are real, where a large index is built cheaply."""
_SPREAD = 0.75  # of the noise: a cheap vector's cosine to the real one it is made of is 0.8


class Chunk(NamedTuple):
    """Characters `start` to `end` of a source, as it stands in the folder."""

    source: str
    start: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.start


class Found(NamedTuple):
    """What a person is shown for a question, best first; and whether it was refused."""

    chunks: Sequence[Chunk]
    refused: bool = False


class Product(Protocol):
    """What is asked of each product."""

    @property
    def distributions(self) -> Sequence[str]:
        """What a reader would install."""

    @property
    def ways(self) -> Sequence[str]:
        """How it finds; the first is the one it leads with."""

    @property
    def usual(self) -> int:
        """How many chunks it gives by default."""

    def embed(self, texts: list[str]) -> list[list[float]]:
        """Vectors of texts, as it makes them to index."""

    def index(self, *, cheaply: bool) -> int:
        """Index `knowledge/`: how many chunks. `cheaply` makes the vectors of a few real ones."""

    def open(self) -> None:
        """Open what was indexed."""

    def search(self, way: str, question: str, count: int) -> Found:
        """The chunks for a question, best first, at most about so many."""


def run(make: Callable[[Path, Path], Product]) -> None:
    """Serve a product, or answer one question."""
    home, weights, *question = sys.argv[1:]
    product = make(Path(home), Path(weights))
    if question:
        product.open()
        found = product.search(product.ways[0], question[0], product.usual)
        for chunk in found.chunks:
            print(chunk.source, read(Path(home), chunk.source)[chunk.start : chunk.end], sep="\n")
        return
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no reply
    for line in sys.stdin:
        asked = json.loads(line)
        begun = perf_counter()
        reply = _reply(product, asked.pop("do"), asked)
        print(json.dumps(reply | {"seconds": perf_counter() - begun}), file=replies, flush=True)


def _reply(product: Product, task: str, given: dict[str, Any]) -> dict[str, Any]:
    match task:
        case "describe":
            versions = {name: version(name) for name in product.distributions}
            return {"ways": product.ways, "usual": product.usual, "versions": versions}
        case "installed":
            return {"megabytes": megabytes(product.distributions)}
        case "embed":
            product.embed(given["texts"])
            return {}
        case "index":
            return {"chunks": product.index(cheaply=given.get("cheaply", False))}
        case "open":
            product.open()
            return {}
        case "search":
            return product.search(**given)._asdict()
    raise ValueError(task)


def documents(home: Path) -> Iterator[tuple[str, str]]:
    """Every document of a home: its name, its text."""
    folder = home / "knowledge"
    for path in sorted(folder.rglob("*.*")):
        source = path.relative_to(folder).as_posix()
        yield source, read(home, source)


def read(home: Path, source: str) -> str:
    """The text of a document, character for character."""
    return (home / "knowledge" / source).read_bytes().decode()


def locate(source: str, text: str, piece: str, near: int = 0) -> Chunk:
    """Where a piece of a text stands, from `near` on if it can; its white space may differ."""
    start = text.find(piece, near)
    if start < 0:
        start = text.find(piece)
    if start >= 0:
        return Chunk(source, start, start + len(piece))
    found = re.search(r"\s+".join(map(re.escape, piece.split())), text)
    if not found:
        raise ValueError(f"{source} does not hold: {piece[:80]!r}")
    return Chunk(source, *found.span())


def cheap(texts: Sequence[str], pool: Sequence[Sequence[float]]) -> list[list[float]]:
    """A vector for each text: a real one of the pool and noise, both chosen by the text's hash.

    So it lies among others as a real one does, but says nothing of its text.
    """
    real = np.array(pool)
    vectors = []
    for text in texts:
        draw = np.random.default_rng(list(sha256(text.encode()).digest()[:8]))
        noise = draw.normal(size=real.shape[1]) * _SPREAD / real.shape[1] ** 0.5
        vector = real[draw.integers(len(real))] + noise
        vectors.append((vector / np.linalg.norm(vector)).tolist())
    return vectors
