"""Sync a folder of every kind of file, some of them as bad as files get.

    python -m benchmarks.mixed [--files 500]

Writes the folder by code, 30 bad files among the good ones, and syncs it with the embedding model
that comes along. Good is: every good file is indexed, every bad one reported with its reason, and
a second sync finds nothing to do. Prints the reasons, where passages of each kind say they are,
and the most memory that the process and its children held.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from assistant.assistant import Assistant
from assistant.embed import Embedder, SentenceTransformerEmbeddings
from assistant.load import Readers, scan
from assistant.settings import Settings
from assistant.types import SyncReport
from benchmarks import files

LIMIT = 50 * 2**20
_HARMFUL = "could not be opened: too large or harmful"


def _prose(number: int) -> str:
    return (
        f"The fee of region {number} is {number} euros a year. It was agreed in {1900 + number}. "
        f"Who does not pay it within {number % 50 + 7} days loses the licence."
    )


def _rows(number: int) -> list[list[str]]:
    head = ["Item", "Region", "Price"]
    return [head, *([f"thing {row}", str(number), f"{row} euros"] for row in range(1, 40))]


_GOOD: dict[str, Callable[[int], bytes]] = {
    ".txt": lambda n: _prose(n).encode(),
    ".md": lambda n: f"# Region {n}\n\n## Fees\n\n{_prose(n)}\n".encode(),
    ".rst": lambda n: f"Region {n}\n==========\n\n{_prose(n)}\n".encode(),
    ".pdf": lambda n: files.pdf(*(f"Page {page}.\n{_prose(n + page)}" for page in range(1, 4))),
    ".docx": lambda n: files.docx(f"# Region {n}", _prose(n), _rows(n)[:5]),
    ".pptx": lambda n: files.pptx((f"Region {n}", _prose(n), "Speak slowly."), ("End", "", "")),
    ".xlsx": lambda n: files.xlsx(Prices=_rows(n), Notes=[[_prose(n)]]),
    ".csv": lambda n: "\n".join(map(";".join, _rows(n))).encode(),
    ".html": lambda n: f"<nav>Home</nav><h1>Region {n}</h1><p>{_prose(n)}</p>".encode(),
    ".epub": lambda n: files.epub(f"<h1>Region {n}</h1><p>{_prose(n)}</p>", f"<p>{_prose(n)}</p>"),
    ".eml": lambda n: files.eml(f"Region {n}", _prose(n), files=["bill.pdf"]),
    ".tsv": lambda n: "\n".join(map("\t".join, _rows(n))).encode("cp1251"),
    ".text": lambda n: f"Сбор региона {n} равен {n} евро. Он взимается ежегодно.".encode("cp1251"),
}


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _laughing() -> bytes:
    data = files.docx("Words.")
    text = files.part(data, "word/document.xml")
    text = text.replace("?>", f"?>{files.LAUGHS}", 1).replace("Words.", "&j;")
    return files.with_part(data, "word/document.xml", text)


_BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.txt": (lambda: b"", "empty"),
    "blank.md": (lambda: b" \n\t\n", "empty"),
    "empty.docx": (lambda: b"", "empty"),
    "frame.html": (lambda: b"<nav>Home</nav><script>x()</script>", "empty"),
    "noise.txt": (lambda: os.urandom(64_000), "not text"),
    "photo.md": (lambda: b"\x89PNG\r\n\x1a\n" + os.urandom(5_000), "not text"),
    "cut.pdf": (lambda: _half(files.pdf("Words. " * 50)), "damaged PDF"),
    "loop.pdf": (lambda: files.loop_pdf(pages=True), "damaged PDF"),
    "locked.pdf": (lambda: files.pdf("Words.", trailer=files.LOCK), "password protected"),
    "bomb.pdf": (files.bomb_pdf, _HARMFUL),
    "scan.pdf": (lambda: files.pdf("", ""), "no text (a scan?)"),
    "cut.docx": (lambda: _half(files.docx("Words.")), "damaged DOCX"),
    "locked.docx": (lambda: files.ENCRYPTED, "password protected"),
    "bomb.docx": (lambda: files.bomb_zip(300), "too large when opened"),
    "laughs.docx": (_laughing, "damaged DOCX"),
    "really.docx": (lambda: files.pdf("Words."), "damaged DOCX"),
    "old.doc": (lambda: files.OLE, "an old format: save it as DOCX"),
    "older.xlsx": (lambda: files.OLE, "an old format: save it as XLSX"),
    "cut.xlsx": (lambda: _half(files.xlsx(A=[["a"]])), "damaged XLSX"),
    "entries.xlsx": (
        lambda: files.zipped({str(n): b"" for n in range(20_000)}),
        "too large when opened",
    ),
    "pictures.pptx": (lambda: files.pptx(("", "", "")), "no text (pictures only?)"),
    "cut.epub": (lambda: _half(files.epub("<p>Words.</p>")), "damaged EPUB"),
    "locked.eml": (
        lambda: b"From: a\nContent-Type: multipart/encrypted\n\nx",
        "password protected",
    ),
    "tool.exe": (lambda: b"MZ", "unknown format .exe"),
    "server.pem": (lambda: b"x", "looks like a key"),
    ".env": (lambda: b"KEY=1", "hidden"),
}


def make(folder: Path, count: int) -> dict[str, str]:
    """Write so many files, 30 of them bad; the reason for each of these."""
    reasons = {name: reason for name, (_, reason) in _BAD.items()}
    for name, (data, _) in _BAD.items():
        (folder / name).write_bytes(data())
    os.mkfifo(folder / "pipe.txt")
    (folder / "passwd.txt").symlink_to("/etc/passwd")
    (folder / "again").symlink_to(".")
    with (folder / "huge.txt").open("wb") as file:
        file.truncate(200 * 2**20)
    reasons |= {
        "pipe.txt": "not a regular file",
        "passwd.txt": "link outside the folder",
        "again": "link",
        "huge.txt": "over the 50 MB limit",
    }
    kinds = list(_GOOD.items())
    for number in range(count - len(reasons)):
        suffix, write = kinds[number % len(kinds)]
        place = folder / f"region {number % 7}" / f"file {number}{suffix}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(write(number))
    return reasons


def trial(home: Path, embedder: Embedder, count: int) -> tuple[Assistant, SyncReport, SyncReport]:
    """Two syncs of a mixed folder. Raises `AssertionError` where one is not as it should be."""
    (home / "knowledge").mkdir(parents=True)
    reasons = make(home / "knowledge", count)
    assistant = Assistant(settings=Settings(home=home), embedder=embedder)
    first, second = assistant.sync(), assistant.sync()
    assert {skip.source: skip.reason for skip in first.skipped} == reasons
    assert len(first.added) == count - len(reasons)
    assert len(second.unchanged) == len(first.added)
    assert (second.generation, second.embedded) == (first.generation, 0)
    return assistant, first, second


def places(assistant: Assistant, sources: Sequence[str]) -> list[str]:
    """Where a file of each kind says the passage nearest to a question is."""
    of_kind = {Path(source).suffix: source for source in sources}
    answers = [
        assistant.ask("What is the fee of the region?", sources=[source])
        for _, source in sorted(of_kind.items())
    ]
    return [answer.closest[0].passage.location for answer in answers]


def reading(folder: Path, count: int) -> list[str]:
    """Lines that say how long it takes to read so many small texts, new and unchanged."""
    for number in range(count):
        (folder / f"{number}.{'md' if number % 2 else 'txt'}").write_text(_prose(number) * 5)
    found, _ = scan(folder, LIMIT)
    known: dict[str, str] = {}
    told = []
    for state in ("new", "unchanged"):
        started = perf_counter()
        with Readers() as readers:
            for file, result in readers.read(found, LIMIT, known):
                if result is not None:
                    known[file.source] = getattr(result, "sha256", "")
        told.append(f"{count:,} small texts, {state}: read in {perf_counter() - started:.1f} s")
    return told


def memory() -> str:
    """The most memory that this process and its children held."""
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    own, of_children = (resource.getrusage(who).ru_maxrss // unit for who in whose)
    return f"Peak memory: {own} MB here, {of_children} MB in the largest child"


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=500)
    options = parser.parse_args()
    machine = f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
    print(f"{datetime.now(UTC):%Y-%m-%d}. {machine}.\n")
    with TemporaryDirectory() as place:
        embedder = SentenceTransformerEmbeddings()
        assistant, first, second = trial(Path(place) / "home", embedder, options.files)
        print(str(first).split("\n", 1)[0])
        print(str(second).split("\n", 1)[0] + ": nothing to do")
        print(f"{memory()}\n")
        print("\n".join(f"{skip.source:15} {skip.reason}" for skip in first.skipped), "\n")
        print("\n".join(places(assistant, first.added)), "\n")
        texts = Path(place) / "texts"
        texts.mkdir()
        print("\n".join(reading(texts, 10_000)))


if __name__ == "__main__":
    main()
