"""Reading files on all cores: each becomes a document, or the reason why not.

What is more than a short plain text is parsed in a child process, for a bad file may make its
parser do anything, and shall cost one file. A child can write no file, and it dies of too much
memory or processor time: that is the file's fault. Its parent ends it when it takes too long by
the clock: that may be the machine's.

Both sides write a line of JSON, which says the length of what follows: the content of a file with
its suffix to the child, the text with its sections back.
"""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple
from hashlib import sha256
from operator import index
from pathlib import PurePath
from queue import LifoQueue
from threading import Timer
from time import monotonic
from typing import IO, Any

from assistant.load.builder import Parsed, Refused, Unavailable
from assistant.load.folder import FileEntry, content
from assistant.load.formats import FORMATS, parse
from assistant.text import INVISIBLE
from assistant.types import Document, Section

SECONDS = 120.0
"""The longest that a file may take by the clock, on a machine that is busy with other things."""
PROCESSOR_SECONDS = 20.0
"""The longest that a file may take of a processor's time."""
MEMORY = 2**30
"""Bytes that a child may have."""
CHARACTERS = 60_000_000
"""The longest text there may be."""
_AT_HOME = 2**20  # bytes of plain text parsed in this process, in at most a few seconds
_FILES = 500  # read by one child: whatever a library leaks, it leaks no longer
_SLOW = "took too long to open"


class Unchanged:
    """A file's bytes are those that are known already."""


Outcome = Document | Unchanged | Refused | Unavailable
"""What comes of reading a file."""


class Readers:
    """So many readers, each with a child that is started when it is needed.

    To be used with `with`: at its end the children are gone.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count or os.cpu_count() or 1
        self._children = [_Child() for _ in range(self._count)]
        self._idle: LifoQueue[_Child] = LifoQueue()
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(self._count, "reader")

    def __enter__(self) -> "Readers":
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for child in self._children:
            child.leave()
        self._threads.shutdown()
        for child in self._children:
            child.end()

    def read(
        self, files: Iterable[FileEntry], limit: int, known: Mapping[str, str]
    ) -> Iterator[tuple[FileEntry, Outcome]]:
        """Each file with what comes of it, in order, as soon as it is there.

        `known` is the sha256 of each source that need not be read again. Only a few files are
        read ahead, so that a folder of any size fits into memory.
        """
        ahead: deque[tuple[FileEntry, Future[Outcome]]] = deque()
        for file in files:
            if len(ahead) >= 4 * self._count:
                first, task = ahead.popleft()
                yield first, task.result()
            ahead.append((file, self._threads.submit(self._read, file, limit, known)))
        for first, task in ahead:
            yield first, task.result()

    def parse(self, suffix: str, data: bytes) -> Parsed:
        """What a file with this suffix and content says. Raises `Refused` or `Unavailable`."""
        if FORMATS[suffix].simple and len(data) <= _AT_HOME:
            return parse(suffix, data)
        child = self._idle.get()
        try:
            return child.parse(suffix, data)
        finally:
            self._idle.put(child)

    def _read(self, file: FileEntry, limit: int, known: Mapping[str, str]) -> Outcome:
        try:
            data = content(file.path, limit)
        except Unavailable as problem:
            return problem
        digest = sha256(data).hexdigest()
        if digest == known.get(file.source):
            return Unchanged()
        try:
            found = self.parse(PurePath(file.source).suffix.lower(), data)
        except Unavailable as problem:
            return problem
        except Refused as refusal:
            refusal.sha256 = digest
            return refusal
        text, sections, title, notes = found
        if hidden := len(INVISIBLE.findall(text)):
            notes = (*notes, f"holds {hidden} hidden character{'s' if hidden > 1 else ''}")
        return Document(file.source, text, digest, tuple(sections), title, notes)


def read(file: FileEntry, limit: int, known: str = "") -> Outcome:
    """The document, or why there is none; `Unchanged` if its bytes have the sha256 `known`."""
    with Readers(1) as readers:
        ((_, outcome),) = readers.read([file], limit, {file.source: known})
        return outcome


class _Child:
    """A process that parses, one file at a time. It is replaced when it died or read many files."""

    def __init__(self) -> None:
        self._is_leaving = False
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0

    def parse(self, suffix: str, data: bytes) -> Parsed:
        """What a file with this suffix and content says. Raises `Refused` or `Unavailable`."""
        process, end = self._started(), monotonic() + SECONDS
        timer = Timer(SECONDS, process.kill)
        timer.start()
        try:
            return _ask(process, suffix, data)
        except (OSError, ValueError):
            status = 0
            with suppress(subprocess.TimeoutExpired):  # one that is dying needs a moment
                status = process.wait(1)
            self.end()
        finally:
            timer.cancel()
            timer.join()
            is_late = monotonic() >= end
            if is_late:  # if only just, the next file must not meet a child that is dying
                self.end()
        if is_late:
            raise Unavailable(_SLOW)
        if status == -getattr(signal, "SIGPROF", 0):
            raise Refused(_SLOW)
        if self._files > 1:  # it may be what earlier files left behind: try a new child
            return self.parse(suffix, data)
        if status == -getattr(signal, "SIGKILL", 0):  # nothing in the child does that
            raise Unavailable("could not be opened: the system ended its reader, try again")
        raise Refused("could not be opened: too large or harmful")

    def leave(self) -> None:
        """Stop what it is doing, and do nothing more; may be called from another thread."""
        self._is_leaving = True
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        """Have no process any more."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None or self._files >= _FILES:
            self.end()
            self._files = 0
            code = "import sys; sys.path[:] = sys.argv[1:]; from assistant.load import readers"
            code += f"; readers.main({PROCESSOR_SECONDS})"
            self._process = subprocess.Popen(  # noqa: S603 (our own code; the file is its input)
                [sys.executable, "-B", "-P", "-c", code, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # NumPy comes with openpyxl, and its threads reserve memory.
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )
        if self._is_leaving:
            self._process.kill()
        self._files += 1
        return self._process


def _ask(process: "subprocess.Popen[bytes]", suffix: str, data: bytes) -> Parsed:
    """What a child answers. Raises `OSError` or `ValueError` where it gives none."""
    assert process.stdin is not None
    assert process.stdout is not None
    head = json.dumps({"suffix": suffix, "length": len(data)})
    process.stdin.writelines((head.encode(), b"\n", data))
    process.stdin.flush()
    return parsed(process.stdout)


def main(seconds: float) -> None:
    """The child's side: parse until there is nothing more to read."""
    coming, going = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    _confine()
    for line in coming:
        head = json.loads(line)
        data = coming.read(head["length"])
        _limit(seconds)
        answer = _answer(head["suffix"], data)
        _limit(0)
        going.writelines(answer)
        going.flush()


def _confine() -> None:
    with suppress(ImportError):  # Windows has only the clock, which the parent looks at
        import resource

        for name, most in {"RLIMIT_AS": MEMORY, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, name), (most, most))


def _limit(seconds: float) -> None:
    """Have this process end by SIGPROF after so much of a processor's time; 0: no more."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _answer(suffix: str, data: bytes) -> tuple[bytes, bytes, bytes]:
    text = b""
    try:
        found = parse(suffix, data)
        if len(found.text) > CHARACTERS:
            raise Refused("too large when opened")
        text = found.text.encode()
        head = {"sections": list(map(astuple, found.sections)), "length": len(text)}
        head |= {"title": found.title, "notes": found.notes}
    except (Refused, Unavailable) as problem:
        head = {type(problem).__name__: str(problem)}
    return json.dumps(head).encode(), b"\n", text


def parsed(stream: IO[bytes]) -> Parsed:
    """What a child answers. Raises `Refused` or `Unavailable` with its reason.

    Raises `ValueError` for anything else: a harmful file may have taken the child over.
    """
    try:
        head: dict[str, Any] = json.loads(stream.readline(200_000_000))
        for problem in (Refused, Unavailable):
            if problem.__name__ in head:
                raise problem(str(head[problem.__name__]))
        text = stream.read(min(max(head["length"], 0), 4 * CHARACTERS))
        found = text.decode()
        sections = [
            Section(index(start), index(body), index(end), str(heading), str(unit), index(number))
            for start, body, end, heading, unit, number in head["sections"]
        ]
        notes = tuple(map(str, head["notes"]))
        inside = all(0 <= s.start <= s.body <= s.end <= len(found) for s in sections)
        is_whole = len(text) == head["length"]
        if is_whole and inside and sections and not any(s.number < 0 for s in sections):
            return Parsed(found, sections, str(head["title"]), notes)
    except (KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError("no answer of a parser")
