"""The child process that parses: files in on standard input, what they say out on standard output.

A frame is a length of eight bytes and so many bytes. In come a suffix and a file's content; out
come the text, and the rest as JSON. The process may do little, for a file may make it do anything:
it has a limit of memory, can write no file, and its parent ends it when it takes too long.
"""

import json
import struct
import sys
from contextlib import suppress
from dataclasses import astuple
from typing import IO, Any

from assistant.load.formats import parse
from assistant.load.parsed import Parsed, Refused
from assistant.types import Section

CHARACTERS = 60_000_000
"""The longest text there may be."""
MEMORY = 2**30
_LENGTH = struct.Struct(">Q")
_LARGE = "too large when opened"


def main() -> None:
    """Parse until there is nothing more to read."""
    coming, going = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    _confine()
    while suffix := receive(coming, 100):
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
    """What a child answered. Raises `Refused` with its reason."""
    answer: dict[str, Any] = json.loads(rest)
    if "refused" in answer:
        raise Refused(answer["refused"])
    sections = [Section(*section) for section in answer["sections"]]
    return Parsed(text.decode(), sections, answer["title"], tuple(answer["notes"]))


def _answer(suffix: str, data: bytes) -> tuple[bytes, bytes]:
    try:
        found = parse(suffix, data)
        if len(found.text) > CHARACTERS:
            raise Refused(_LARGE)
        sections = [astuple(section) for section in found.sections]
        rest = {"sections": sections, "title": found.title, "notes": found.notes}
        return found.text.encode(), json.dumps(rest).encode()
    except Refused as refusal:
        return b"", json.dumps({"refused": str(refusal)}).encode()
    except MemoryError:
        return b"", json.dumps({"refused": _LARGE}).encode()


def _confine() -> None:
    with suppress(ImportError):  # Windows has only the time limit, which the parent keeps
        import resource

        for name, most in {"RLIMIT_AS": MEMORY, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}.items():
            with suppress(ValueError, OSError):
                resource.setrlimit(getattr(resource, name), (most, most))
