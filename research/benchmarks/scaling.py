"""Measure the index by its size: time to build, room, memory, time to search.

    python -m research.benchmarks.scaling [--sizes 10000 100000] [--ways local server words]

Three ways to hold the same passages, each in a process of its own, whose memory is measured.
"again" is the time that one changed document of 100 passages takes; `--once` leaves that out, for
a server is then given everything once more, which takes as long as the first time:

    local   a generation on disk, as without a server
    server  the same published to a real `chroma run` on loopback (writer), and brought from it
            to an empty home (reader)
    words   passages and their words alone, without vectors: what a reader holds

Passages are synthetic: 100 words each, drawn from 50,000 invented ones by Zipf's law; vectors
have 384 dimensions and lie around 1,000 random centres. So times, room and memory are measured,
and nothing is said of how well anything is found. A question has five such words, none of them
among the 200 most frequent, as the product leaves those out. The embedding is not counted: it
depends on the model alone. Needs 20 kB of disk for each passage; no file may grow over 30 GB.
"""

import argparse
import multiprocessing
import platform
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from assistant.store import Store
from assistant.store.draft import Draft
from assistant.store.generation import Generation
from assistant.store.server import Server
from assistant.text import topic
from assistant.types import Document, Passage, Span

_A_DOCUMENT = 100  # passages
_WORDS, _VOCABULARY = 100, 50_000
_DIMENSIONS, _CENTRES = 384, 1_000
_QUESTIONS, _ASKED = 200, 5  # words each
_STOP_WORDS = 200  # the most frequent words, which no question searches for
_MOST_BYTES = 30 * 2**30
_PATIENCE = 60.0  # seconds to a call: here a slow server is measured, not refused
_LINE = "{:>10}  {:8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>11}{:>9}{:>11}{:>9}"
_HEAD = _LINE.format(
    "passages", "way", "build s", "again s", "bytes/p", "MB", "server",
    "dense p50", "p95 ms", "words p50", "p95 ms",
)  # fmt: skip


@cache
def vocabulary() -> tuple[list[str], Any]:
    """Invented words, and how probable each is."""
    draw = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnoprstuvwy"))
    words = ["".join(draw.choice(letters, size)) for size in draw.integers(3, 11, _VOCABULARY)]
    shares = 1 / np.arange(1, _VOCABULARY + 1)
    return words, np.cumsum(shares / shares.sum())


def text(draw: np.random.Generator, size: int, rarer: int = 0) -> str:
    """Words as frequent as in a language, without so many of the most frequent."""
    words, shares = vocabulary()
    least = shares[rarer - 1] if rarer else 0
    return " ".join(words[at] for at in np.searchsorted(shares, draw.uniform(least, 1, size)))


def vectors(draw: np.random.Generator, size: int) -> Any:  # noqa: ANN401 (an array)
    """Vectors of length 1 around the centres."""
    centres = np.random.default_rng(1).normal(size=(_CENTRES, _DIMENSIONS))
    drawn = centres[draw.integers(0, _CENTRES, size)] + draw.normal(size=(size, _DIMENSIONS))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def fill(draft: Draft, size: int, *, embedded: bool, seed: int = 0) -> None:
    """Put so many passages into a draft, a document at a time."""
    draw = np.random.default_rng([size, seed])
    for number in range(size // _A_DOCUMENT):
        source, start, passages = f"folder/{number}.txt", 0, list[Passage]()
        for _ in range(_A_DOCUMENT):
            words = text(draw, _WORDS)
            span = Span(start, start + len(words))
            middle = span.start + words.index(" ", len(words) // 2)
            sentences = (Span(span.start, middle), Span(middle + 1, span.end))
            passages.append(Passage(source, *span, words, sentences, f"Title {number}"))
            start = span.end + 1
        draft.add(Document(source, "", f"{seed:016}{number:048}", ()), passages)
        if embedded:
            drawn = vectors(draw, _A_DOCUMENT)
            draft.add_vectors([passage.key for passage in passages], drawn)
        draft.unembedded.clear()


def asked(search: Callable[[int], object]) -> tuple[float, float]:
    """Milliseconds of a search, the median and the 95th of 100; the first one is not counted."""
    search(0)
    seconds = []
    for number in range(1, _QUESTIONS + 1):
        begun = time.perf_counter()
        search(number)
        seconds.append(time.perf_counter() - begun)
    median, late = np.quantile(seconds, [0.5, 0.95]) * 1_000
    return float(median), float(late)


def searched(generation: Generation, *, embedded: bool) -> tuple[float, ...]:
    """Milliseconds of the searches by vector and by words, as the product asks for them."""
    draw = np.random.default_rng(2)
    asking = vectors(draw, _QUESTIONS + 1).tolist()
    terms = [topic(text(draw, _ASKED, _STOP_WORDS)) for _ in range(_QUESTIONS + 1)]
    dense = (np.nan, np.nan)
    if embedded:
        dense = asked(lambda number: generation.nearest(asking[number], 50))
    return (*dense, *asked(lambda number: generation.matching(terms[number], 50)))


def peak(process: int | str = "self") -> float:
    """The most memory that a process has had, in MB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1_024


def room(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def build(home: Path, size: int, address: str, *, embedded: bool, again: bool) -> tuple[float, ...]:
    """Build and search an index: seconds, twice, bytes, MB, and the times of the searches."""
    store = Store(home, {}, Server(address, seconds=_PATIENCE) if address else None)
    begun = time.perf_counter()
    with store.write() as draft:
        fill(draft, size, embedded=embedded)
        if embedded:
            store.publish(draft, [])
        else:
            draft.finish(store.recipe, [], chroma=False)
            draft.folder.rename(home / "words")
    built = time.perf_counter() - begun
    generation = store.current() if embedded else Generation(home / "words")
    assert generation is not None
    used, most = room(home), peak()
    times = searched(generation, embedded=embedded)
    del generation
    return built, change(store) if embedded and again else np.nan, used, most, *times


def change(store: Store) -> float:
    """Seconds to publish an index of which one document changed."""
    begun = time.perf_counter()
    with store.write() as draft:
        fill(draft, _A_DOCUMENT, embedded=True, seed=1)
        store.publish(draft, [])
    return time.perf_counter() - begun


def bring(home: Path, address: str, *, again: bool) -> tuple[float, ...]:
    """The same for a machine that brings the index from a server."""
    store = Store(home, {}, Server(address, seconds=_PATIENCE))
    home.mkdir(exist_ok=True)
    built = follow(store)
    generation = store.current()
    assert generation is not None
    used, most = room(home), peak()
    times = searched(generation, embedded=True)
    del generation
    if again:
        change(Store(home.parent / "writer", {}, store.server))
    return built, follow(store) if again else np.nan, used, most, *times


def follow(store: Store) -> float:
    """Seconds to bring what was published."""
    begun = time.perf_counter()
    assert store.fetch()
    return time.perf_counter() - begun


def alone(task: Callable[..., tuple[float, ...]], *given: Any, **named: Any) -> tuple[float, ...]:  # noqa: ANN401
    """What a task says that has a new process to itself."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _limit) as pool:
        return pool.submit(task, *given, **named).result()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))


@contextmanager
def chroma(folder: Path) -> Iterator[tuple[str, int]]:
    """A Chroma server on loopback: its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--host", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--port", str(port), "--path", str(folder)],
        stdout=subprocess.DEVNULL,
        preexec_fn=_limit,
    ) as process:
        try:
            while not _answers(port):
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def show(size: int, way: str, found: Sequence[float], server: float = 0) -> None:
    """Print one line of the table."""
    built, again, used, most, *times = found
    shown = ("" if np.isnan(each) else f"{each:.1f}" for each in (again, *times))
    print(
        _LINE.format(
            size, way, f"{built:.0f}", next(shown), f"{used / size:.0f}", f"{most:.0f}",
            f"{server:.0f}" if server else "", *shown,
        ),
        flush=True,
    )  # fmt: skip


def measure(size: int, ways: Sequence[str], place: Path, *, again: bool) -> None:
    """Print the lines of one size."""
    if "words" in ways:
        show(size, "words", alone(build, place / "words", size, "", embedded=False, again=False))
        shutil.rmtree(place / "words")
    if "local" in ways:
        show(size, "local", alone(build, place / "local", size, "", embedded=True, again=again))
        shutil.rmtree(place / "local")
    if "server" in ways:
        with chroma(place / "chroma") as (address, process):
            found = alone(build, place / "writer", size, address, embedded=True, again=again)
            show(size, "writer", found, peak(process))
            found = alone(bring, place / "reader", address, again=again)
            show(size, "reader", found, peak(process))
            kept, held = room(place / "chroma") / size, "three generations" if again else "one"
            print(f"{'':12}on the server, with {held}: {kept:.0f} bytes/p")


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--ways", nargs="+", default=["words", "local", "server"])
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}. 2 cores, {platform.system()}, "
        f"Python {platform.python_version()}, Chroma {version('chromadb')}.\n\n{_HEAD}",
        flush=True,
    )
    for size in options.sizes:
        with TemporaryDirectory() as place:
            if shutil.disk_usage(place).free < 20_000 * size:
                sys.exit(f"too little room for {size} passages")
            measure(size, options.ways, Path(place), again=not options.once)


if __name__ == "__main__":
    main()
