"""Write files so that a crash loses nothing: under a lock, flushed to disk, replaced whole.

The only place of the product that flushes, locks, or replaces a file.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def flush(*paths: Path) -> None:
    """Have the disk hold these files and folders as they are now."""
    for path in paths:
        if path.is_dir() and os.name == "nt":
            continue  # Windows has no such call for folders
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a file: whatever happens, its old or its new content is there, whole.

    The new content is written to `.next` in the same folder, so whoever else writes to that
    folder must hold the same lock. `mode` is lowered by the umask of the process.
    """
    following = path.with_name(".next")
    try:
        following.unlink(missing_ok=True)  # left by a crash, perhaps with another mode
        with open(following, "xb", opener=_with_mode(mode)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        following.replace(path)
    except OSError:
        following.unlink(missing_ok=True)
        raise
    flush(path.parent)


def append_line(path: Path, line: bytes, mode: int = 0o666) -> None:
    """Add a line to a file, all of it or nothing; one cut off by a crash keeps its own line."""
    with open(path, "ab+", opener=_with_mode(mode)) as file:
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


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder where there is none, and flush the one that holds it."""
    if not folder.is_dir():
        folder.mkdir(mode=mode, exist_ok=True)
        flush(folder.parent)


@contextmanager
def locked(path: Path, seconds: float = 10, mode: int = 0o644) -> Iterator[None]:
    """Hold the operating system's lock on a file, which is made, while writing what it guards.

    The lock of a killed process is free. Raises `TimeoutError` where another process or thread
    holds it for so many seconds.
    """
    from filelock import FileLock

    with FileLock(path, timeout=seconds, mode=mode):
        yield


def _with_mode(mode: int) -> Callable[[str, int], int]:
    return lambda name, flags: os.open(name, flags, mode)
