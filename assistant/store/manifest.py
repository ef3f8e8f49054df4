"""What a generation says of itself, and whether its files are still as they were written.

The manifest carries the recipe: all that decides what the passages and the vector of a text are.
Files are compared with their digests before anything opens them, because Chroma does not look:
flipped bytes in its graph crash the process, a graph cut short makes it write until the disk is
full, and an empty database is to it an empty store.
"""

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, BinaryIO

from assistant.errors import IndexMismatch

try:
    import fcntl
except ImportError:  # Windows, where open files cannot be removed anyway
    fcntl = None  # type: ignore[assignment]

FORMAT = 2
"""Raise it when an index of this version could not be read by the last one, or the reverse."""
MANIFEST = "manifest.json"
BACKUP = "manifest.spare.json"

# To be alone with its database, Chroma writes a row into acquire_write whenever it opens it.
_TABLES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name != 'acquire_write' "
    "AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
)


def checksum(manifest: Mapping[str, Any]) -> str:
    """A digest of all else in a manifest, so that a changed one is noticed."""
    rest = {name: value for name, value in manifest.items() if name != "seal"}
    return sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def open_shared(manifest: Path) -> BinaryIO:
    """Open a manifest under a shared lock: a writer removes only what no reader has open."""
    file = manifest.open("rb")
    if fcntl:
        with suppress(OSError):  # some network drives lock nothing; a writer removes nothing there
            fcntl.flock(file, fcntl.LOCK_SH)
    if not manifest.exists():  # removed between the opening and the lock
        file.close()
        raise FileNotFoundError(manifest)
    return file


def remove(folder: Path) -> None:
    """Remove an unfinished build, or a generation unless a reader has it open."""
    manifest = folder / MANIFEST
    try:
        with manifest.open("rb") as file:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                manifest.unlink()  # under the lock: a reader who waits for it sees it gone
        if not fcntl:
            manifest.unlink()  # Windows refuses while a reader has it open
    except FileNotFoundError:
        pass  # unfinished, or half removed
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)


def is_outdated(built: Mapping[str, Any], wanted: Mapping[str, Any], where: Path | str) -> bool:
    """Whether an older version of us built it by its recipe.

    Raises `IndexMismatch` for what else differs: another model, or a newer format.
    """
    differs = [key for key in wanted if built.get(key) != wanted[key]]
    if not differs:
        return False
    newer = is_newer(built)
    chosen = ["format"] if newer else [key for key in differs if isinstance(wanted[key], str)]
    if not chosen:
        return True
    raise IndexMismatch(
        where,
        ", ".join(f"{key} {built.get(key)}" for key in chosen),
        ", ".join(f"{key} {wanted[key]}" for key in chosen),
        "Update the assistant, or rebuild: assistant rebuild."
        if newer
        else "Bring it up to date: assistant sync.",
    )


def is_newer(built: Mapping[str, Any]) -> bool:
    """Whether a recipe is of a format that this version does not know yet."""
    return str(built.get("format")).isdecimal() and int(built["format"]) > FORMAT


def digests(folder: Path, *parts: str) -> dict[str, str]:
    """The digest of each file of these parts of a generation, of those that stay as they are."""
    paths = (path for part in parts for path in (folder / part, *(folder / part).rglob("*")))
    # Up to its first flush, at 1,000 vectors, Chroma makes its graph again whenever it opens.
    return {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in sorted(filter(Path.is_file, paths))
        if path.suffix in (".sqlite", ".sqlite3")
        or (path.parent / "index_metadata.pickle").exists()
    }


def _digest(path: Path) -> str:
    """Empty where the file cannot be read."""
    try:
        if path.name != "chroma.sqlite3":
            with path.open("rb") as file:
                return file_digest(file, "sha256").hexdigest()
        # Of Chroma's database the rows: its bytes change whenever it is opened.
        digest = sha256()
        # Not read-only, which would keep SQLite from undoing what a killed reader left half done.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as db:
            digest.update(str(db.execute("PRAGMA integrity_check(1)").fetchall()).encode())
            for name, made in db.execute(_TABLES).fetchall():
                digest.update(made.encode())
                for row in db.execute(f'SELECT * FROM "{name}"'):  # noqa: S608 (its own table)
                    digest.update(repr(row).encode())
        return digest.hexdigest()
    except (OSError, sqlite3.Error, UnicodeDecodeError):  # what SQLite quotes may be no text
        return ""
