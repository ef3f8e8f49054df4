"""The files of a generation: copied, measured, flushed to disk.

The folder of an index: which generation is current, who writes, and what is rubbish.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from pathlib import Path
from secrets import token_hex

from assistant.errors import IndexBusy
from assistant.fs import flush, locked, make_folder, write_atomic
from assistant.store.generation import NAME
from assistant.store.manifest import remove

# What SQLite, Chroma and the system say of a disk without room.
_FULL = re.compile(r"(?i)disk is full|no space left|file too large|os error (28|27)|code: 13\b")


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


_CURRENT = "CURRENT"
_SINCE = ".since"  # touched when the writer's lock is taken


class Folder:
    """`index/`. What changes it is for the one who holds the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def current(self) -> str | None:
        """What `CURRENT` names, whatever that is; None where there is none."""
        try:
            return (self.path / _CURRENT).read_text("utf-8", "replace").strip()
        except FileNotFoundError:
            return None

    def generations(self) -> list[Path]:
        """All generations, the current one first: `CURRENT` may be lost."""
        current = self.current
        folders = [path for path in self.path.glob("gen-*") if NAME.fullmatch(path.name)]
        return sorted(folders, key=lambda path: (path.name == current, path), reverse=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While no other process writes. Makes the folder. Raises `IndexBusy`."""
        make_folder(self.path)
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path / ".lock", seconds=0))
            except TimeoutError:
                raise IndexBusy(self.path, self._since()) from None
            (self.path / _SINCE).touch()
            yield

    def begin(self) -> Path:
        """Where the next generation may be written."""
        return self.path / f"build-{token_hex(3)}"

    def free_name(self, *taken: str | None) -> str:
        """The next name of a generation, after those here and these."""
        names = [*(path.name for path in self.path.iterdir()), *filter(None, taken)]
        numbers = [int(name[1]) for name in map(NAME.fullmatch, names) if name]
        # The suffix tells apart what was built before and after the index was deleted.
        return f"gen-{max(numbers, default=0) + 1:06d}-{token_hex(3)}"

    def place(self, build: Path, name: str) -> Path:
        """Give a finished build its name; where it is now. Nothing of it stays where that fails."""
        shutil.rmtree(self.path / name, ignore_errors=True)  # damaged, and brought again
        folder = build.rename(self.path / name)
        try:
            flush(self.path)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def point_to(self, name: str) -> None:
        """Swap `CURRENT`: from now on this generation answers."""
        write_atomic(self.path / _CURRENT, f"{name}\n".encode())

    def tidy(self) -> None:
        """Remove unfinished builds, and old generations that nobody reads."""
        current = self.current
        for folder in [*self.path.glob("build-*"), *self.path.glob("gen-*")]:
            if folder.name != current:
                remove(folder)

    def _since(self) -> str:
        """When the writer at work began; empty where that cannot be seen."""
        with suppress(OSError):
            began = (self.path / _SINCE).stat().st_mtime
            return f"{datetime.fromtimestamp(began).astimezone():%Y-%m-%d %H:%M:%S}"
        return ""
