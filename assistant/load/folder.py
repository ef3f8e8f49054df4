"""What is in a folder, and the bytes of a file. Nothing here trusts what it finds.

Links are not followed, and what is no regular file is not opened.
"""

import errno
import os
import stat
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from operator import attrgetter
from pathlib import Path, PurePath, PurePosixPath
from typing import BinaryIO, NamedTuple

from assistant.errors import KnowledgeMissing
from assistant.load.builder import Unavailable
from assistant.load.formats import FORMATS, OLD

_HIDDEN = (".", "~$")  # Office marks what is open with the latter
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
class FileEntry:
    """A file that may become a document."""

    source: str
    """The path below the folder, with `/`. Backslashes and what cannot be shown are escaped."""
    path: Path
    signature: tuple[int, ...] = ()
    """Size in bytes, times of change of content and of status (ns), inode: other bytes, another
    signature."""


class Scan(NamedTuple):
    """What a look at a folder finds."""

    files: list[FileEntry]
    """In order of source."""
    skipped: dict[str, str]
    """What is no document by its name, size or kind, and why."""
    unavailable: dict[str, str]
    """Files and subfolders that the system does not show at the moment, and why."""

    def hidden_by(self, source: str) -> str:
        """What of a file and the folders above it is not available; empty where nothing is."""
        places = (source, *map(str, PurePosixPath(source).parents))
        return next((place for place in places if place in self.unavailable), "")


def scan_folder(folder: Path, limit: int) -> Scan:
    """Every file below `folder`; `limit` is in bytes. Raises `KnowledgeMissing`."""
    if not os.access(folder, os.R_OK | os.X_OK):
        raise KnowledgeMissing(folder)  # an unreadable folder is not an empty one
    found = Scan([], {}, {})
    waiting = [("", folder)]
    while waiting:
        above, place = waiting.pop()
        try:
            with os.scandir(place) as listing:
                entries = list(listing)
        except OSError as error:
            if not above:
                raise KnowledgeMissing(folder) from None
            found.unavailable[above.rstrip("/")] = _problem(error)
            continue
        for entry in entries:
            source, path = above + _shown(entry.name), Path(entry.path)
            try:
                if reason := _refusal(entry, folder, limit):
                    found.skipped[source] = reason
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{source}/", path))
                else:
                    status = entry.stat(follow_symlinks=False)
                    times = status.st_mtime_ns, status.st_ctime_ns
                    signature = (status.st_size, *times, status.st_ino)
                    found.files.append(FileEntry(source, path, signature))
            except OSError as error:
                found.unavailable[source] = _problem(error)
    found.files.sort(key=attrgetter("source"))
    return found


def _shown(name: str) -> str:
    """The name, safe to show; two names never become one."""
    return "".join(
        c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name
    )


def _refusal(entry: os.DirEntry[str], folder: Path, limit: int) -> str:
    """Why an entry is no document; empty for a folder and for what may be one."""
    if entry.name.startswith(_HIDDEN):
        return "hidden"
    if entry.is_symlink():
        target = PurePath(os.path.realpath(entry.path))
        inside = target.is_relative_to(os.path.realpath(folder))
        return "link" if inside else "link outside the folder"
    if entry.is_dir(follow_symlinks=False):
        return ""
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    return refusal(entry.name) or (_over(limit) if status.st_size > limit else "")


def refusal(name: str) -> str:
    """Why a file of this name is not read; empty where it is."""
    suffix = PurePath(name).suffix.lower()
    if name.startswith(_HIDDEN):
        return "hidden"
    if any(fnmatch(name.lower(), key) for key in _KEYS):
        return "looks like a key"
    if suffix in OLD:
        return f"an old format: save it as {OLD[suffix]}"
    return "" if suffix in FORMATS else f"unknown format {_shown(suffix)}".rstrip()


def content(path: Path, limit: int) -> bytes:
    """All of a regular file, as it was at one moment: once more if it changes meanwhile.

    Raises `Unavailable`.
    """
    try:
        for _ in range(2):
            data, changed = _read(path, limit)
            if not changed:
                return data
    except OSError as error:
        raise Unavailable(_problem(error)) from None
    raise Unavailable("changing, try again")


def digest(file: FileEntry, limit: int) -> str:
    """The sha256 of the file's bytes. Raises `Unavailable`."""
    return sha256(content(file.path, limit)).hexdigest()


def _read(path: Path, limit: int) -> tuple[bytes, bool]:
    """The content, and whether it changed meanwhile; waits for no program, follows no link."""
    flags = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # each is missing somewhere
    descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unavailable("not a regular file")
        if status.st_size > limit or len(data := _content(file, limit)) > limit:
            raise Unavailable(_over(limit))
        after = os.fstat(descriptor)
    same = (status.st_size, status.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return data, not same or len(data) != after.st_size


def _content(file: BinaryIO, limit: int) -> bytes:
    return file.read(limit + 1)


def _over(limit: int) -> str:
    return f"over the {limit / 2**20:g} MB limit"


def _problem(error: OSError) -> str:
    """Why the system did not give the file."""
    return _PROBLEMS.get(error.errno or 0, "could not be read")
