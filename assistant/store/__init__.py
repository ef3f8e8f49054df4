"""The index on disk: generations, of which `CURRENT` names the one that answers.

    index/
      CURRENT              one line: the generation that answers
      gen-000002-5f3a9c/   a complete generation
      build-7c21d0/        the next one while it is written: rubbish to everyone else

Chroma 1.5 damages an index it is killed in while flushing, that two processes write, or whose
disk fills up. So nobody writes to what is being read: a sync copies the current generation,
applies the difference, verifies it, flushes it to disk and swaps `CURRENT`. One writer at a time,
by a lock of the operating system; readers follow the swap at their next question.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any

from assistant.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexUnwritable
from assistant.store.draft import Draft
from assistant.store.files import flush
from assistant.store.generation import MANIFEST, Generation
from assistant.types import Skipped

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FORMAT", "Draft", "Generation", "Store"]

FORMAT = 2
"""Raise it when an index of this version could not be read by the last one, or the reverse."""

_NAME = re.compile(r"gen-(\d{6,})-[0-9a-f]{6}")


class Store:
    """The index of one home. `recipe` is all that decides what a text's vector and passages are."""

    def __init__(self, index: Path, recipe: Mapping[str, Any]) -> None:
        self.index = index.absolute()
        self.recipe = {"format": FORMAT, **recipe}
        self._lock = RLock()
        self._open: Generation | None = None

    def current(self) -> Generation | None:
        """The generation that answers now; None where there is none yet, or only an outdated one.

        Raises `IndexMismatch` for another model or a newer format, and `IndexDamaged` for what
        cannot be read.
        """
        with self._lock:
            for _ in range(3):  # a writer may remove what was current as we open it
                name = self._current_name()
                if name is None:
                    return None
                if not _NAME.fullmatch(name):
                    raise IndexDamaged(self.index, "CURRENT names no generation")
                if self._open and self._open.name == name:
                    return self._open
                with suppress(FileNotFoundError):
                    self._open = self._checked(Generation(self.index / name))
                    return self._open
        raise IndexDamaged(self.index, f"CURRENT names {name}, which is not there")

    @contextmanager
    def write(self, *, anew: bool = False) -> Iterator[Draft]:
        """A draft of the next generation, from the current one unless `anew`.

        Raises `IndexBusy` where another writer is at work, and `IndexUnwritable` where the disk
        is full or read-only; in both cases nothing is changed.
        """
        from filelock import FileLock, Timeout

        with self._unwritable():
            self.index.mkdir(exist_ok=True)
            lock = FileLock(self.index / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise IndexBusy(self.index) from None
            folder = self.index / f"build-{token_hex(3)}"
            try:
                self._remove_rubbish()
                with closing(self._draft(folder, anew)) as draft:
                    yield draft
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                lock.release()

    def publish(self, draft: Draft, skipped: Sequence[Skipped]) -> str:
        """Make the draft the generation that answers; returns its name."""
        draft.finish(self.recipe, skipped)
        names = (_NAME.fullmatch(path.name) for path in self.index.iterdir())
        numbers = [int(name[1]) for name in names if name]
        # The suffix tells apart what was built before and after the index was deleted.
        name = f"gen-{max(numbers, default=0) + 1:06d}-{token_hex(3)}"
        draft.folder.rename(self.index / name)
        flush(self.index)
        pointer = self.index / "CURRENT.next"
        pointer.write_text(name + "\n")
        flush(pointer)
        pointer.replace(self.index / "CURRENT")
        flush(self.index)
        self.current()  # lets go of the old one, so that it can be removed
        self._remove_rubbish()
        return name

    def _current_name(self) -> str | None:
        try:
            return (self.index / "CURRENT").read_text("utf-8", "replace").strip()
        except FileNotFoundError:
            return None

    def _checked(self, generation: Generation) -> Generation | None:
        """The generation if it is of this recipe; None if an older version of us made it."""
        built = generation.recipe
        differs = [key for key in self.recipe if built.get(key) != self.recipe[key]]
        if not differs:
            return generation
        generation.close()
        newer = built.get("format", 0) > FORMAT
        chosen = [key for key in differs if isinstance(self.recipe[key], str)]
        if not newer and not chosen:
            return None
        raise IndexMismatch(
            self.index,
            ", ".join(f"{key} {built.get(key)}" for key in (["format"] if newer else chosen)),
            ", ".join(f"{key} {self.recipe[key]}" for key in (["format"] if newer else chosen)),
            "Update the assistant, or rebuild: assistant rebuild."
            if newer
            else "Bring it up to date: assistant sync.",
        )

    def _draft(self, folder: Path, anew: bool) -> Draft:
        base = None if anew else self._usable_base()
        try:
            return Draft(folder, base)
        except sqlite3.DatabaseError:  # damaged inside, which its size did not show
            return Draft(folder, None)

    def _usable_base(self) -> Path | None:
        try:
            generation = self.current()
        except (IndexMismatch, IndexDamaged):
            return None  # nothing of it can be used; the documents are still there
        return generation.folder if generation is not None else None

    def _remove_rubbish(self) -> None:
        """Remove unfinished builds, and old generations that nobody reads."""
        current = self._current_name()
        for folder in [*self.index.glob("build-*"), *self.index.glob("gen-*")]:
            if folder.name != current:
                _remove(folder)

    @contextmanager
    def _unwritable(self) -> Iterator[None]:
        """Say what is wrong with the disk plainly, whichever library noticed it."""
        from chromadb.errors import ChromaError

        try:
            yield
        except (OSError, sqlite3.OperationalError, ChromaError) as error:
            raise IndexUnwritable(self.index, str(error)) from error
        except sqlite3.DatabaseError as error:
            raise IndexDamaged(self.index, str(error)) from error


def _remove(folder: Path) -> None:
    """Remove an unfinished build, or a generation unless a reader holds it."""
    manifest = folder / MANIFEST
    try:
        with manifest.open("rb") as held:
            if fcntl:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                manifest.unlink()  # under the lock: a reader who waits for it sees it gone
        if not fcntl:
            manifest.unlink()  # Windows refuses while a reader has it open
    except FileNotFoundError:
        pass  # unfinished, or half removed
    except OSError:
        return
    shutil.rmtree(folder, ignore_errors=True)
