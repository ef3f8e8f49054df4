"""A folder → Documents. A bad file costs one file: it is skipped, with the reason.

Nothing here trusts a file: links are not followed, what is no regular file is not opened, and
what a parser might choke on is parsed in a child process (see `formats`).
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path, PurePath

from assistant.errors import KnowledgeMissing
from assistant.load.formats import PARSERS, Refused, parse
from assistant.terms import INVISIBLE
from assistant.types import Document, Skipped

__all__ = ["VERSION", "Found", "read", "scan"]

VERSION = 1
"""Part of the index's recipe: raise it when the same bytes would become another document."""

_KEYS = ("id_[rde]*", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.ppk", "*.kdbx", "*.env")
_PROBLEMS = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ENOENT: "disappeared",
    errno.ENOTDIR: "disappeared",
    errno.ELOOP: "link",
    errno.ENXIO: "not a regular file",  # a socket
}


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may become a document."""

    source: str
    """The path below the folder, with `/`. Backslashes and what cannot be shown are escaped."""
    path: Path


def scan(folder: Path, limit: int) -> tuple[list[Found], list[Skipped]]:
    """Every file below `folder`, by source; `limit` is in bytes. Raises `KnowledgeMissing`."""
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        raise KnowledgeMissing(folder)  # an unreadable folder is not an empty one
    files = sorted(_walk(folder, limit), key=lambda file: file.source)
    found = [file for file in files if isinstance(file, Found)]
    return found, [file for file in files if isinstance(file, Skipped)]


def read(found: Found, limit: int, known: str | None = None) -> Document | Skipped | None:
    """The document, or why there is none; `None` if its bytes still have the sha256 `known`."""
    try:
        data = _bytes(found.path, limit)
        digest = sha256(data).hexdigest()
        return None if digest == known else _document(found, data, digest)
    except Refused as refusal:
        return Skipped(found.source, str(refusal))
    except OSError as error:
        return Skipped(found.source, _problem(error))


def _document(found: Found, data: bytes, digest: str) -> Document:
    text, sections, title, guessed = parse(found.path.suffix.lower(), data)
    notes = [f"guessed encoding {guessed}"] if guessed else []
    if hidden := len(INVISIBLE.findall(text)):
        notes.append(f"holds {hidden} hidden character{'s' if hidden > 1 else ''}")
    return Document(found.source, text, digest, tuple(sections), title, tuple(notes))


def _walk(folder: Path, limit: int) -> Iterator[Found | Skipped]:
    waiting = [("", folder)]
    while waiting:
        above, place = waiting.pop()
        try:
            with os.scandir(place) as listing:
                entries = list(listing)
        except OSError as error:
            yield Skipped(above.rstrip("/") or ".", _problem(error))
            continue
        for entry in entries:
            source, path = above + _shown(entry.name), Path(entry.path)
            if reason := _refusal(entry, folder, limit):
                yield Skipped(source, reason)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append((f"{source}/", path))
            else:
                yield Found(source, path)


def _shown(name: str) -> str:
    """The name, safe to show; two names never become one."""
    return "".join(
        c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name
    )


def _refusal(entry: os.DirEntry[str], folder: Path, limit: int) -> str:
    if entry.name.startswith("."):
        return "hidden"
    if entry.is_symlink():
        target = PurePath(os.path.realpath(entry.path))
        inside = target.is_relative_to(os.path.realpath(folder))
        return "link" if inside else "link outside the folder"
    if entry.is_dir(follow_symlinks=False):
        return ""
    if any(fnmatch(entry.name.lower(), key) for key in _KEYS):
        return "looks like a key"
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return _problem(error)
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    suffix = PurePath(entry.name).suffix.lower()
    if suffix not in PARSERS:
        return f"unknown format {_shown(suffix)}".rstrip()
    return _over(limit) if status.st_size > limit else ""


def _bytes(path: Path, limit: int) -> bytes:
    """All of a regular file, without waiting for another program or following a link."""
    flags = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # each is missing somewhere
    descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("not a regular file")
        if status.st_size > limit or len(data := file.read(limit + 1)) > limit:
            raise Refused(_over(limit))
    return data


def _over(limit: int) -> str:
    return f"over the {limit / 2**20:g} MB limit"


def _problem(error: OSError) -> str:
    return _PROBLEMS.get(error.errno or 0, "could not be read")
