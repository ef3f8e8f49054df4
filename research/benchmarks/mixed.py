"""Sync a folder of files of every kind, good and bad, and see what comes of each.

    python -m research.benchmarks.mixed [--good 470]
    python -m research.benchmarks.mixed --small 10000

The first makes GOOD files in all formats and 30 that must be skipped, and says what was indexed,
what was skipped and why, how long it took, and how much memory this process and the largest of
its children took. Good is: all the good ones are indexed, each of the others is skipped for its
own reason, a question has the same citation with the bad files as without, and a second sync has
nothing to do. The second syncs so many small texts, then one of them changed, then none.
"""

import argparse
import os
import platform
import random
import resource
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.types import SyncReport
from research.benchmarks import files

_SYLLABLES = ("ba", "da", "ko", "li", "mu", "ne", "ri", "sa", "to", "vo")
_TOLD = (
    "The harbour of {} has {} berths.",
    "Ships that call at {} pay a toll of {} crowns.",
    "The council of {} meets on day {} of the year.",
    "A road of {1} miles leads from {0} to the hills.",
    "The mill of {} grinds {} sacks of barley a week.",
    "In winter the ferry to {} sails {} times a month.",
    "The school of {} was founded {} years ago by fishermen.",
    "Of the wool that {} sells, {} bales go over the sea.",
)


def town(number: int) -> str:
    """The name of a town, another one for each number below 10,000."""
    return "".join(_SYLLABLES[int(digit)] for digit in f"{number:04}").capitalize()


QUESTION = f"Who is the keeper of the lighthouse of {town(3)}?"


def facts(number: int) -> list[str]:
    """What is said of a town, in paragraphs."""
    chance = random.Random(number)
    name = town(number)
    told = [each.format(name, chance.randint(2, 300)) for each in chance.sample(_TOLD, len(_TOLD))]
    keeper = f"The keeper of the lighthouse of {name} is {town(9_999 - number)} Lind."
    return [keeper, *(" ".join(told[start : start + 4]) for start in (0, 4))]


def _table(number: int) -> list[list[str]]:
    cells = [["Number", "What is said"]]
    return cells + [[str(place), text] for place, text in enumerate(facts(number))]


def _text(number: int) -> bytes:
    return "\n\n".join(facts(number)).encode()


def _csv(number: int, delimiter: str) -> bytes:
    return "\n".join(f'{place}{delimiter}"{text}"' for place, text in _table(number)).encode()


def _html(number: int) -> str:
    return f"<h1>{town(number)}</h1>" + "".join(f"<p>{text}</p>" for text in facts(number))


GOOD: dict[str, Callable[[int], bytes]] = {
    ".txt": _text,
    ".md": lambda n: f"# {town(n)}\n\n".encode() + _text(n),
    ".rst": lambda n: f"{town(n)}\n========\n\n".encode() + _text(n),
    ".pdf": lambda n: files.pdf(*("\n".join(textwrap.wrap(text, 80)) for text in facts(n))),
    ".docx": lambda n: files.docx(f"# {town(n)}", *facts(n), _table(n)),
    ".pptx": lambda n: files.pptx(*((town(n), text, "") for text in facts(n))),
    ".xlsx": lambda n: files.xlsx(Towns=_table(n)),
    ".csv": lambda n: _csv(n, ","),
    ".tsv": lambda n: _csv(n, "\t"),
    ".html": lambda n: _html(n).encode(),
    ".epub": lambda n: files.epub(_html(n), title=town(n)),
    ".eml": lambda n: files.eml(town(n), "\n\n".join(facts(n))),
}


def write_good(folder: Path, count: int) -> list[str]:
    """Write so many good files of every kind, fifty to a folder; their sources."""
    suffixes = list(GOOD)
    sources = []
    for number in range(count):
        suffix = suffixes[number % len(suffixes)]
        sources.append(f"{number // 50:02}/{number:03}{suffix}")
        path = folder / sources[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(GOOD[suffix](number))
    return sources


def write_bad(folder: Path, megabytes: int) -> dict[str, str]:
    """Write 30 files that cannot be documents, and why not; `megabytes` is the largest allowed."""
    bad = _broken() | _harmful() | _unfit()
    for name, (data, _) in bad.items():
        (folder / name).write_bytes(data)
    with (folder / "large.txt").open("wb") as file:
        file.truncate((megabytes + 1) * 2**20)
    os.mkfifo(folder / "pipe.txt")
    (folder / "passwords.txt").symlink_to("/etc/passwd")
    return {name: reason for name, (_, reason) in bad.items()} | {
        "large.txt": f"over the {megabytes} MB limit",
        "pipe.txt": "not a regular file",
        "passwords.txt": "link outside the folder",
    }


_Bad = dict[str, tuple[bytes, str]]
_LOCKED = "password protected"
_HARMFUL = "could not be opened: too large or harmful"


def _broken() -> _Bad:
    """Files cut in half, or of another kind than their names say."""
    kinds = {"pdf": "PDF", "docx": "DOCX", "pptx": "PPTX", "xlsx": "XLSX", "epub": "EPUB"}
    noise, whole = random.Random(0).randbytes(50_000), {kind: GOOD[f".{kind}"](0) for kind in kinds}
    halves = {
        f"half.{kind}": (whole[kind][: len(whole[kind]) // 2], f"damaged {name}")
        for kind, name in kinds.items()
    }
    return halves | {
        "noise.txt": (noise, "not text"),
        "noise.csv": (noise, "not text"),
        "picture.pdf": (b"\x89PNG\r\n\x1a\n" + noise, "damaged PDF"),
        "text.docx": (_text(0), "damaged DOCX"),
        "a-pdf.xlsx": (whole["pdf"], "damaged XLSX"),
    }


def _harmful() -> _Bad:
    """Files that would take all memory, or never end; and those that are locked."""
    many = files.zipped({str(number): b"" for number in range(20_000)})
    laughs = files.part(GOOD[".epub"](0), "OEBPS/book.opf").replace("</dc", "&j;</dc")
    drm = '<x><CipherReference URI="OEBPS/text/c%200.xhtml"/></x>'
    mail = b"From: a\nContent-Type: application/pkcs7-mime\n\nxyz"
    return {
        "bomb.pdf": (files.bomb_pdf(), _HARMFUL),
        "bomb.docx": (files.bomb_zip(), "too large when opened"),
        "many.xlsx": (many, "too large when opened"),
        "loop.pdf": (files.loop_pdf(pages=True), "damaged PDF"),
        "laughs.epub": (
            files.with_part(GOOD[".epub"](0), "OEBPS/book.opf", files.LAUGHS + laughs),
            "damaged EPUB",
        ),
        "locked.pdf": (files.pdf("Words.", trailer=files.LOCK), _LOCKED),
        "locked.docx": (files.ENCRYPTED, _LOCKED),
        "locked.eml": (mail, _LOCKED),
        "locked.epub": (
            files.with_part(GOOD[".epub"](0), "META-INF/encryption.xml", drm),
            _LOCKED,
        ),
    }


def _unfit() -> _Bad:
    """Files with nothing to read, or not meant to be read."""
    return {
        "empty.txt": (b"", "empty"),
        "blank.md": (b" \n\n", "empty"),
        "scan.pdf": (files.pdf(""), "no text (a scan?)"),
        "pictures.pptx": (files.pptx(("", "", "")), "no text (pictures only?)"),
        "old.doc": (files.OLE, "an old format: save it as DOCX"),
        "program.exe": (b"MZ", "unknown format .exe"),
        "id_rsa": (b"-----BEGIN", "looks like a key"),
        ".env": (b"KEY=1", "hidden"),
    }


@dataclass(frozen=True)
class Outcome:
    """What a sync of the mixed folder did, and the next one."""

    first: SyncReport
    again: SyncReport
    reasons: dict[str, str]
    """Why each file is to be skipped."""
    before: str
    """Where the answer stood without the bad files."""
    after: str

    @property
    def good(self) -> bool:
        """Whether all is as it should be."""
        skipped = {skip.source: skip.reason for skip in self.first.skipped}
        return (
            skipped == self.reasons
            and self.before == self.after != ""
            and self.again.unchanged == self.first.added
            and self.again.skipped == self.first.skipped
            and not (self.again.added or self.again.changed or self.again.embedded)
        )


def mixed(assistant: Assistant, count: int) -> Outcome:
    """Sync and ask without the bad files; then with them, from nothing; then again."""
    knowledge = assistant.settings.knowledge
    sources = write_good(knowledge, count)
    assistant.sync()
    before = _cited(assistant)
    reasons = write_bad(knowledge, assistant.settings.file_megabytes)
    first = assistant.sync(rebuild=True)
    assert sorted(first.added) == sorted(sources), set(first.added) ^ set(sources)
    return Outcome(first, assistant.sync(), reasons, before, _cited(assistant))


def _cited(assistant: Assistant) -> str:
    answer = assistant.ask(QUESTION)
    return "; ".join(f"{cited.location}: {cited.quote}" for cited in answer.citations)


def small(assistant: Assistant, count: int) -> dict[str, SyncReport]:
    """Sync so many small texts, then with one of them changed, then unchanged."""
    knowledge = assistant.settings.knowledge
    for number in range(count):
        path = knowledge / f"{number // 500:02}" / f"{number:04}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(facts(number)[0], encoding="utf-8")
    new = assistant.sync()
    (knowledge / "00" / "0000.txt").write_text("The lighthouse fell.", encoding="utf-8")
    return {"new": new, "one changed": assistant.sync(), "unchanged": assistant.sync()}


def summary(report: SyncReport) -> str:
    """How much a sync read and embedded, and how fast."""
    read, whole = len(report.added) + len(report.changed), len(report.unchanged)
    return (
        f"{read} read, {whole} unchanged, {len(report.skipped)} skipped; {report.passages} passages"
        f", {report.embedded} embedded; {report.seconds:.1f} s,"
        f" {report.embedded / report.seconds:.0f} passages a second"
    )


def memory() -> str:
    """The most memory this process and the largest of its children had."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    own, child = (
        resource.getrusage(whose).ru_maxrss // unit
        for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return f"{own} MB at most in this process, {child} MB in the largest of its children"


def _show(outcome: Outcome) -> None:
    for skip in outcome.first.skipped:
        wanted = outcome.reasons.get(skip.source)
        print(f"  {skip.source:15} {skip.reason}" + f" (not: {wanted})" * (skip.reason != wanted))
    print(f"first: {summary(outcome.first)}")
    print(f"again: {summary(outcome.again)}")
    print(f"{QUESTION}\n  without the bad files  {outcome.before}")
    print(f"  with them              {outcome.after}")
    print(f"all as it should be: {'yes' if outcome.good else 'NO'}")


def main() -> int:
    """Print what came of it; 1 if it was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--good", type=int, default=470)
    parser.add_argument("--small", type=int, default=0)
    options = parser.parse_args()
    print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}")
    good = True
    with TemporaryDirectory() as place:
        assistant = Assistant(settings=Settings(home=Path(place)))
        assistant.settings.knowledge.mkdir()
        if options.small:
            for name, report in small(assistant, options.small).items():
                print(f"{name}: {summary(report)}")
        else:
            outcome = mixed(assistant, options.good)
            good = outcome.good
            _show(outcome)
    print(memory())
    return int(not good)


if __name__ == "__main__":
    raise SystemExit(main())
