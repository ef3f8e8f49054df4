"""What is known of each file of the folder since it was last read: a table beside the passages.

It is advice, not truth: where it is lost or damaged, every file is opened and known by its bytes.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from time import time_ns
from typing import NamedTuple

from assistant.fs import write_atomic

FILES = "files.sqlite"
_TABLE = """CREATE TABLE files (
    source TEXT PRIMARY KEY, signature TEXT, sha256 TEXT, result TEXT, reason TEXT
) WITHOUT ROWID"""
RACY = 2_000_000_000
"""Nanoseconds: a file changed twice within a tick of its clock (2 s on FAT) looks unchanged."""

READ = "read"
REFUSED = "refused"
"""Its bytes are no document."""
UNAVAILABLE = "unavailable"
"""It could not be read then, and is to be tried again."""


class FileState(NamedTuple):
    """A file as it was when it was last read."""

    signature: tuple[int, ...]
    """As of `FileEntry`; empty where it may change without its signature changing."""
    sha256: str
    """Of the bytes that were read or refused; empty where it was not available."""
    result: str = READ
    """What came of reading it."""
    reason: str = ""


def load_state(index: Path, version: int) -> dict[str, FileState]:
    """The files as this version of the loader last read them; nothing where that is not known."""
    address = f"{(index / FILES).absolute().as_uri()}?mode=ro&immutable=1"
    with (
        suppress(sqlite3.Error, ValueError, AttributeError),
        closing(sqlite3.connect(address, uri=True)) as db,
    ):
        if db.execute("PRAGMA user_version").fetchone() == (version,):
            rows = db.execute("SELECT source, signature, sha256, result, reason FROM files")
            return {
                source: FileState(tuple(map(int, signature.split())), *rest)
                for source, signature, *rest in rows
            }
    return {}


def is_racy(signature: tuple[int, ...], now: int) -> bool:
    """Whether a file may change after `now` (ns) and keep its signature."""
    return max(signature[1:3], default=0) >= now - RACY


def save_state(index: Path, version: int, states: Mapping[str, FileState]) -> None:
    """Write the whole table. Whoever writes the index calls this, while it is locked."""
    now = time_ns()
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(_TABLE)
        db.execute(f"PRAGMA user_version = {version:d}")
        for source, (signature, *rest) in states.items():
            trusted = "" if is_racy(signature, now) else " ".join(map(str, signature))
            db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?)", (source, trusted, *rest))
        db.commit()
        data = db.serialize()
    with suppress(OSError):  # a full disk costs the next sync time, nothing else
        write_atomic(index / FILES, data)
