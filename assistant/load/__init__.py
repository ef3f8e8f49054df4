"""A folder → Documents.

    folder     what there is to read, and its bytes
    formats    the kinds of files
    plain, pdf, word, slides, sheets, web, book, mail    their parsers
    readers    the child processes in which they run; child is their side of it
    parsed     what a parser gives back; outline, tables, titles and decode are shared

A bad file costs one file: it is skipped, with the reason.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import PurePath
from types import TracebackType

from assistant.load.builder import Refused
from assistant.load.folder import FileEntry, content, problem, refusal, scan
from assistant.load.pool import Parsers
from assistant.text import INVISIBLE
from assistant.types import Document, Skipped

__all__ = [
    "VERSION",
    "FileEntry",
    "Readers",
    "Refused",
    "Result",
    "content",
    "digest",
    "problem",
    "read",
    "refusal",
    "scan",
]

VERSION = 3
"""Part of the index's recipe: raise it when the same bytes would become another document."""

_AHEAD = 4  # files for each core that are read before their turn

Result = Document | Skipped | None
"""What comes of a file; None where its bytes are those already known."""


class Readers:
    """Reads files on all cores, each in a child process where its kind needs that.

    To be used with `with`: at its end the children are gone.
    """

    def __init__(self, count: int | None = None) -> None:
        self._count = count or os.cpu_count() or 1
        self._parsers = Parsers(self._count)
        self._threads = ThreadPoolExecutor(self._count, "reader")

    def __enter__(self) -> "Readers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._parsers.stop()
        self._threads.shutdown()
        self._parsers.close()

    def read(
        self, files: Iterable[FileEntry], limit: int, known: Mapping[str, str]
    ) -> Iterator[tuple[FileEntry, Result]]:
        """Each file with what comes of it, in order, as soon as it is there.

        `known` is the sha256 of each source that need not be read again. Only a few files are
        read ahead, so that a folder of any size fits into memory.
        """
        ahead: deque[tuple[FileEntry, Future[Result]]] = deque()
        for file in files:
            if len(ahead) >= _AHEAD * self._count:
                yield _awaited(ahead)
            task = self._threads.submit(_read, self._parsers, file, limit, known.get(file.source))
            ahead.append((file, task))
        while ahead:
            yield _awaited(ahead)


def read(found: FileEntry, limit: int, known: str | None = None) -> Result:
    """The document, or why there is none; `None` if its bytes still have the sha256 `known`."""
    with Readers(1) as readers:
        ((_, result),) = readers.read([found], limit, {found.source: known} if known else {})
        return result


def digest(found: FileEntry, limit: int) -> str:
    """The sha256 of the file's bytes, or nothing where they cannot be read."""
    try:
        return sha256(content(found.path, limit)).hexdigest()
    except (Refused, OSError):
        return ""


def _awaited(ahead: deque[tuple[FileEntry, Future[Result]]]) -> tuple[FileEntry, Result]:
    file, task = ahead.popleft()
    return file, task.result()


def _read(parsers: Parsers, found: FileEntry, limit: int, known: str | None) -> Result:
    digest = ""
    try:
        data = content(found.path, limit)
        digest = sha256(data).hexdigest()
        return None if digest == known else _document(parsers, found, data, digest)
    except Refused as refusal:
        return Skipped(found.source, str(refusal), digest)
    except OSError as error:
        return Skipped(found.source, problem(error))


def _document(parsers: Parsers, found: FileEntry, data: bytes, digest: str) -> Document:
    text, sections, title, notes = parsers.parse(PurePath(found.source).suffix.lower(), data)
    if hidden := len(INVISIBLE.findall(text)):
        notes = (*notes, f"holds {hidden} hidden character{'s' if hidden > 1 else ''}")
    return Document(found.source, text, digest, tuple(sections), title, notes)
