"""The files of a generation: copied, measured, flushed to disk."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from assistant.store.generation import CHROMA, SQLITE


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


def copy(base: Path, folder: Path) -> None:
    """Copy a generation, without the part of Chroma's if it is damaged: it can be made again."""
    _copy_database(base / SQLITE, folder / SQLITE)
    try:
        for path in sorted((base / CHROMA).rglob("*")):
            target = folder / path.relative_to(base)
            if path.is_dir():
                target.mkdir()
            elif path.suffix == ".sqlite3":
                _copy_database(path, target)
            elif not path.name.endswith("-journal"):
                shutil.copyfile(path, target)
    except sqlite3.DatabaseError:
        shutil.rmtree(folder / CHROMA)


def _copy_database(path: Path, target: Path) -> None:
    """Copy as databases, not as files: a reader's Chroma may be writing to its own."""
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        refuse_damaged(new)


def sizes(folder: Path) -> dict[str, int]:
    """Size of each file that does not change once written.

    Chroma touches its SQLite file when it opens, and up to its first flush, at 1,000 vectors, it
    writes all others anew from that.
    """
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.name == SQLITE or (path.parent / "index_metadata.pickle").exists()
    }


def refuse_damaged(db: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` where a file of the right size is not right inside."""
    (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
