"""Writing so that a crash costs nothing that was there: under a lock, flushed, swapped whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.errors import HistoryUnwritable

_NEXT, _LOCK = ".next", ".lock"
_SECONDS = 10
"""So long a writer waits for another one."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Nobody else writes in the folder meanwhile. It is made for its user alone.

    Raises `HistoryUnwritable`.
    """
    from filelock import FileLock, Timeout

    try:
        _make(folder.parent)
        _make(folder)
        with FileLock(folder / _LOCK, timeout=_SECONDS, mode=0o600):
            yield
    except Timeout:
        raise HistoryUnwritable(folder, "another process is writing there") from None
    except OSError as error:
        raise HistoryUnwritable(folder, error.strerror or str(error)) from error


def swap(path: Path, data: bytes) -> None:
    """Give a file another content: whatever happens, the old or the new is there, whole."""
    following = path.with_name(_NEXT)
    with open(following, "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    following.replace(path)
    flush(path.parent)


def append(path: Path, line: bytes) -> None:
    """Add a line to a file, all of it or nothing; one torn by a crash stays by itself."""
    with open(path, "ab+", opener=_private) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        torn = file.read() not in (b"", b"\n")
        try:
            file.write(b"\n" * torn + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, size)
            raise


def flush(folder: Path) -> None:
    """Have the disk hold the folder as it is now."""
    if os.name != "nt":  # Windows has no such call for folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _make(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)
        flush(folder.parent)


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
