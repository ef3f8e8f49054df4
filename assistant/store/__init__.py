"""The index on disk: generations, of which `CURRENT` names the one that answers.

    index/
      CURRENT              one line: the generation that answers
      gen-000002-5f3a9c/   a complete generation
      build-7c21d0/        the next one while it is written: rubbish to everyone else

Chroma 1.5 damages an index it is killed in while flushing, that two processes write, or whose
disk fills up. So nobody writes to what is being read: a sync copies the current generation,
applies the difference, verifies it, flushes it to disk and swaps `CURRENT`. One writer at a time,
by a lock of the operating system; readers follow the swap at their next question. A generation's
name ends with a hash of its manifest, the manifest holds a digest of each file, and nothing is
opened that differs: see docs/reliability.md.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any

from assistant.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexUnwritable
from assistant.store.draft import Draft
from assistant.store.files import flush, in_words
from assistant.store.generation import CHROMA, MANIFEST, SQLITE, Generation, seal
from assistant.store.soundness import problems
from assistant.types import Skipped

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FORMAT", "Draft", "Generation", "Store"]

FORMAT = 2
"""Raise it when an index of this version could not be read by the last one, or the reverse."""

_NEXT = "CURRENT.next"  # to become CURRENT
_SINCE = ".since"  # touched when the writer's lock is taken
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

        Its passages are as they were written; without its vectors it searches the passages' own.
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

    def verify(self) -> list[str]:
        """What is wrong with the index, in plain words; nothing where it is sound."""
        try:
            generation = self.current()
        except (IndexMismatch, IndexDamaged) as error:
            return [str(error)]
        if generation is None:
            return [f"There is no index of this version at {self.index}. Make it: assistant sync."]
        return problems(generation)

    @contextmanager
    def write(self, *, anew: bool = False) -> Iterator[Draft]:
        """A draft of the next generation, from the current one unless `anew`.

        Raises `IndexBusy` where another writer is at work, and `IndexUnwritable` where the disk
        is full or read-only; in both cases nothing is changed.
        """
        from filelock import FileLock, Timeout

        with self._unwritable():
            self._make_folder()
            lock = FileLock(self.index / ".lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise IndexBusy(self.index, self._since()) from None
            try:
                (self.index / _SINCE).touch()
                with self._draft(anew) as draft, self._unwritable(draft):
                    yield draft
            finally:
                lock.release()

    def publish(self, draft: Draft, skipped: Sequence[Skipped]) -> str:
        """Make the draft the generation that answers; returns its name."""
        draft.finish(self.recipe, skipped)
        names = (_NAME.fullmatch(path.name) for path in self.index.iterdir())
        numbers = [int(name[1]) for name in names if name]
        name = f"gen-{max(numbers, default=0) + 1:06d}-{seal(draft.folder / MANIFEST)}"
        draft.folder = draft.folder.rename(self.index / name)
        flush(self.index)
        pointer = self.index / _NEXT
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

    def _since(self) -> str:
        """When the writer at work began; empty where that cannot be seen."""
        with suppress(OSError):
            began = (self.index / _SINCE).stat().st_mtime
            return f"{datetime.fromtimestamp(began).astimezone():%Y-%m-%d %H:%M:%S}"
        return ""

    def _make_folder(self) -> None:
        if not self.index.is_dir():
            self.index.mkdir()
            flush(self.index.parent)

    def _checked(self, generation: Generation) -> Generation | None:
        """The generation if it is of this recipe; None if an older version of us made it."""
        built = generation.recipe
        differs = [key for key in self.recipe if built.get(key) != self.recipe[key]]
        if not differs:
            generation.refuse_damaged()
            return generation
        generation.close()
        newer = str(built.get("format")).isdecimal() and int(built["format"]) > FORMAT
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

    @contextmanager
    def _draft(self, anew: bool) -> Iterator[Draft]:
        """A draft, of which nothing stays unless it was published."""
        draft = self._begun(anew)
        try:
            with closing(draft):
                yield draft
        finally:
            if draft.folder.name != self._current_name():
                shutil.rmtree(draft.folder, ignore_errors=True)

    def _begun(self, anew: bool) -> Draft:
        """On what is sound of this recipe: a generation, or else at least its vectors."""
        found = [] if anew else list(self._of_this_recipe())
        self._remove_rubbish()  # but nothing found, because it is held here
        base = next((each.folder for each in found if not each.changed(SQLITE)), None)
        vectors = next((each.folder for each in found if not each.changed(CHROMA)), None)
        return Draft(self.index / f"build-{token_hex(3)}", base, vectors)

    def _of_this_recipe(self) -> Iterator[Generation]:
        """The current generation first, then what else is left: `CURRENT` may be lost."""
        current = self._current_name()
        folders = [path for path in self.index.glob("gen-*") if _NAME.fullmatch(path.name)]
        for folder in sorted(folders, key=lambda path: (path.name == current, path), reverse=True):
            with suppress(OSError, IndexDamaged):
                generation = Generation(folder)
                if generation.recipe == self.recipe and generation.is_sealed:
                    yield generation

    def _remove_rubbish(self) -> None:
        """Remove unfinished builds, and old generations that nobody reads."""
        current = self._current_name()
        (self.index / _NEXT).unlink(missing_ok=True)
        for folder in [*self.index.glob("build-*"), *self.index.glob("gen-*")]:
            if folder.name != current:
                _remove(folder)

    @contextmanager
    def _unwritable(self, draft: Draft | None = None) -> Iterator[None]:
        """Say what is wrong with the disk plainly, whichever library noticed it."""
        from chromadb.errors import ChromaError

        try:
            yield
        except (OSError, sqlite3.OperationalError, ChromaError) as error:
            raise IndexUnwritable(
                self.index, in_words(error, draft.needs if draft else 0)
            ) from error
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
