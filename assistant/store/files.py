"""The files of a generation: copied, measured, flushed to disk."""

import os
import re
import shutil
import sqlite3
from contextlib import closing
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from pathlib import Path

# What SQLite, Chroma and the system say of a disk without room.
_FULL = re.compile(r"(?i)disk is full|no space left|file too large|os error (28|27)|code: 13\b")


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


def copy_chroma(folder: Path, target: Path) -> None:
    """Copy Chroma's part of a generation."""
    target.mkdir()
    for path in sorted(folder.rglob("*")):
        copied = target / path.relative_to(folder)
        if path.is_dir():
            copied.mkdir()
        elif path.suffix == ".sqlite3":
            copy_database(path, copied)
        elif not path.name.endswith("-journal"):
            shutil.copyfile(path, copied)


def copy_database(path: Path, target: Path) -> None:
    """Copy as databases, not as files: a reader's Chroma may be writing to its own."""
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; 0 where there is none."""
    paths = [path, *path.rglob("*")]
    return sum(path.stat().st_size for path in paths if path.is_file())


def in_words(error: Exception, needed: int) -> str:
    """What is wrong with a disk, plainly, whichever library noticed it."""
    code = getattr(error, "errno", None)
    if code in (ENOSPC, EDQUOT, EFBIG) or _FULL.search(str(error)):
        return f"disk full, needs {needed // 10**6 + 1} MB"
    if code in (EROFS, EACCES, EPERM) or "readonly" in str(error):
        return f"it is read-only ({error})"
    return str(error)
