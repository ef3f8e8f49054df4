"""The child process that parses: files in on standard input, what they say out on standard output.

A frame is a length of eight bytes and so many bytes. In come a suffix and a file's content; out
come the text, and the rest as JSON. The process may do little, for a file may make it do anything:
it has a limit of memory, at which it dies, can write no file, and its parent ends it when it takes
too long.

A pool of child processes in which files are parsed, so that a bad file costs one file.

A child that is too slow is ended; one that died, or has read many files, is replaced.
"""

import json
import os
import signal
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import astuple
from queue import LifoQueue
from threading import Event, Timer
from typing import IO, Any

from assistant.load.builder import Parsed, Refused
from assistant.load.formats import parse, simple
from assistant.types import Section

CHARACTERS = 60_000_000
"""The longest text there may be."""
MEMORY = 2**30
_LENGTH = struct.Struct(">Q")
_ALARM = 60  # seconds after which a child ends itself, should its parent be gone


def main() -> None:
    """Parse until there is nothing more to read."""
    coming, going = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    _confine()
    while suffix := receive(coming, 100):
        if hasattr(signal, "alarm"):
            signal.alarm(_ALARM)
        text, rest = _answer(suffix.decode(), receive(coming, sys.maxsize) or b"")
        send(going, text)
        send(going, rest)


def send(stream: IO[bytes], data: bytes) -> None:
    """Write a frame."""
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes], most: int) -> bytes | None:
    """The next frame; None where there is none, or one longer than `most`."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length) if length <= most else b""
    return data if len(data) == length else None


def parsed(text: bytes, rest: bytes) -> Parsed:
    """What a child answered. Raises `Refused` with its reason.

    Raises `ValueError` for anything else: a harmful file may have taken the child over.
    """
    try:
        answer: dict[str, Any] = json.loads(rest)
        if "refused" in answer:
            raise Refused(str(answer["refused"]))
        found = text.decode()
        sections = [Section(*section) for section in answer["sections"]]
        notes = tuple(map(str, answer["notes"]))
        inside = all(0 <= s.start <= s.body <= s.end <= len(found) for s in sections)
        if inside and sections and not any(s.number < 0 for s in sections):
            return Parsed(found, sections, str(answer["title"]), notes)
    except (KeyError, TypeError, AttributeError):
        pass
    raise ValueError("no answer of a parser")


def _answer(suffix: str, data: bytes) -> tuple[bytes, bytes]:
    try:
        found = parse(suffix, data)
        if len(found.text) > CHARACTERS:
            raise Refused("too large when opened")
        sections = [astuple(section) for section in found.sections]
        rest = {"sections": sections, "title": found.title, "notes": found.notes}
        return found.text.encode(), json.dumps(rest).encode()
    except Refused as refusal:
        return b"", json.dumps({"refused": str(refusal)}).encode()


def _confine() -> None:
    with suppress(ImportError):  # Windows has only the time limit, which the parent keeps
        import resource

        for name, most in {"RLIMIT_AS": MEMORY, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, name), (most, most))


SECONDS = 20.0
"""The longest that a file may take."""
_HARMFUL = "could not be opened: too large or harmful"
_FILES = 500  # read by one child: whatever a library leaks, it leaks no longer
_REST = 200_000_000  # bytes of the JSON that may come beside a text
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # NumPy comes with openpyxl; threads reserve memory
_CODE = "import sys; sys.path[:] = sys.argv[1:]; from assistant.load.pool import main; main()"


class Parsers:
    """So many children, started when they are needed. `parse` is safe from several threads."""

    def __init__(self, count: int) -> None:
        self._idle: LifoQueue[_Child] = LifoQueue()
        self._all = [_Child() for _ in range(count)]
        for each in self._all:
            self._idle.put(each)

    def parse(self, suffix: str, data: bytes) -> Parsed:
        """What a file with this suffix and content says. Raises `Refused`."""
        if simple(suffix, data):
            return parse(suffix, data)
        one = self._idle.get()
        try:
            return one.parse(suffix, data)
        finally:
            self._idle.put(one)

    def stop(self) -> None:
        """End whatever the children are doing."""
        for each in self._all:
            each.stop()

    def close(self) -> None:
        """End the children. Nobody may be waiting for one."""
        for each in self._all:
            each.end()


class _Child:
    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._files = 0

    def parse(self, suffix: str, data: bytes) -> Parsed:
        process = self._started()
        late = Event()

        def expire() -> None:
            late.set()
            process.kill()

        timer = Timer(SECONDS, expire)
        timer.start()
        try:
            return self._asked(process, suffix, data)
        except (OSError, ValueError):
            self.end()
            raise Refused("took too long to open" if late.is_set() else _HARMFUL) from None
        finally:
            timer.cancel()
            timer.join()
            if late.is_set():  # if only just, the next file must not meet a child that is dying
                self.end()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, process: "subprocess.Popen[bytes]", suffix: str, data: bytes) -> Parsed:
        assert process.stdin is not None
        assert process.stdout is not None
        send(process.stdin, suffix.encode())
        send(process.stdin, data)
        text = receive(process.stdout, 4 * CHARACTERS)
        rest = receive(process.stdout, _REST)
        if text is None or rest is None:
            raise ValueError("no answer")
        return parsed(text, rest)

    def _started(self) -> "subprocess.Popen[bytes]":
        self._files += 1
        if self._process is None or self._files > _FILES:
            self.end()
            self._files = 1
            self._process = subprocess.Popen(  # noqa: S603 (our own code; the file is its input)
                [sys.executable, "-B", "-P", "-c", _CODE, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | _ENVIRONMENT,
            )
        return self._process
