"""The index on disk: generations, of which `CURRENT` names the one that answers.

    index/
      CURRENT              one line: the generation that answers
      gen-000002-5f3a9c/   a complete generation
      build-7c21d0/        the next one while it is written; nobody else reads it

Chroma 1.5 damages an index it is killed in while flushing, that two processes write, or whose
disk fills up. So nobody writes to what is being read: a sync copies the current generation,
applies the difference, verifies it, flushes it to disk and swaps `CURRENT`. One writer at a time,
by a lock of the operating system; readers follow the swap at their next question. A manifest holds
a digest of each file and of itself, and nothing is opened that differs: see docs/reliability.md.

With a server the vectors, and a pointer of their own, are there (`server.py`), and `CURRENT`
follows that pointer.
"""

import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from functools import partial
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import TYPE_CHECKING, Any

from assistant.errors import (
    GenerationReplaced,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexUnwritable,
)
from assistant.fs import flush, locked, make_folder, write_atomic
from assistant.store.draft import Draft
from assistant.store.generation import CHROMA, NAME, SQLITE, Generation
from assistant.store.graph import problems
from assistant.store.manifest import BACKUP, FORMAT, MANIFEST, is_newer, is_outdated, remove
from assistant.types import Progress, Skipped, silent

if TYPE_CHECKING:
    from assistant.store.server import Server

_ATTEMPTS = 3  # a writer may remove what was current while it is opened
# What SQLite, Chroma and the system say of a disk without room.
_FULL = re.compile(r"(?i)disk is full|no space left|file too large|os error (28|27)|code: 13\b")


class Store:
    """The index of one home. `recipe` is all that decides what a text's vector and passages are.

    With a `server` it is shared with the other machines that use it.
    """

    def __init__(
        self, index: Path, recipe: Mapping[str, Any], server: "Server | None" = None
    ) -> None:
        self.index = index.absolute()
        self.recipe = {"format": FORMAT, **recipe}
        self.server = server
        self._lock = RLock()
        self._open: Generation | None = None

    def current(self) -> Generation | None:
        """The generation that answers now; None where there is none yet, or only an outdated one.

        Its passages are as they were written; without its graph the stored vectors are compared.
        Raises `IndexMismatch` for another model or a newer format, and `IndexDamaged` for what
        cannot be read.
        """
        with self._lock:
            for _ in range(_ATTEMPTS):
                name = self._pointer
                if name is None:
                    return None
                if not NAME.fullmatch(name):
                    raise IndexDamaged(self.index, "CURRENT names no generation")
                with suppress(FileNotFoundError):
                    if self._open is None or self._open.name != name:
                        self._open = self._checked(name)
                    return self._open
        raise IndexDamaged(self.index, f"CURRENT names {name}, which is not there")

    def fetch(self, progress: Progress = silent) -> bool:
        """Bring the passages here up to date with the server; whether it has any for us.

        Without a server there is nothing to fetch. Raises `ServerUnusable`, and `IndexBusy` where
        another process fetches the first ones.
        """
        if self.server is None:
            return True
        for _ in range(_ATTEMPTS):
            name = self.server.current()
            if name is None or self._is_here(name):
                return name is not None
            try:
                return self._replicate(self.server, name, progress)
            except GenerationReplaced:
                self._open = None
        raise GenerationReplaced(self.server.address)

    def verify(self) -> list[str]:
        """What is wrong with the index, in plain words; nothing where it is sound."""
        try:
            if (generation := self.current()) is not None:
                return problems(generation)
        except (IndexMismatch, IndexDamaged) as error:
            return [str(error)]
        return [f"There is no index of this version at {self.index}. Make it: assistant sync."]

    @contextmanager
    def write(self, *, rebuild: bool = False) -> Iterator[Draft]:
        """A draft of the next generation, from the current one unless `rebuild`.

        Raises `IndexBusy` where another writer is at work, `IndexUnwritable` where the disk is full
        or read-only, and unless `rebuild` `IndexMismatch` for a newer format; then nothing changes.
        """
        served = self.server.current() if self.server else None
        with self._writing(rebuild=rebuild) as draft:
            name = self._pointer
            if not rebuild and name and NAME.fullmatch(name):
                with suppress(OSError, IndexDamaged):
                    recipe = Generation(self.index / name).recipe
                    if is_newer(recipe):  # not replaced unasked
                        is_outdated(recipe, self.recipe, self.index)
            draft.replaces = served
            draft.complete()
            # What it begins from must be current, and be where it is searched: here or on a server.
            if draft.base is None or draft.base.name != name:
                draft.is_new = True
            elif self.server:
                draft.is_new |= name != served or not self.server.has(name)
            else:
                draft.is_new |= draft.base != draft.vectors
            yield draft

    def publish(self, draft: Draft, skipped: Sequence[Skipped], progress: Progress = silent) -> str:
        """Make the draft the generation that answers; returns its name."""
        draft.finish(self.recipe, skipped, chroma=self.server is None)
        names = [*(path.name for path in self.index.iterdir()), draft.replaces or ""]
        numbers = [int(name[1]) for name in map(NAME.fullmatch, names) if name]
        # The suffix tells apart what was built before and after the index was deleted.
        name = f"gen-{max(numbers, default=0) + 1:06d}-{token_hex(3)}"
        if self.server:
            self.server.publish(name, draft.folder, draft.replaces, progress)
        self._switch(draft, name)
        return name

    @property
    def _pointer(self) -> str | None:
        """What `CURRENT` names, whatever that is; None where there is none."""
        try:
            return (self.index / "CURRENT").read_text("utf-8", "replace").strip()
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            raise IndexDamaged(self.index, "it is no folder") from None

    def _checked(self, name: str) -> Generation | None:
        """A generation that is as it was written; None where it is outdated."""
        search = partial(self.server.nearest, name) if self.server else None
        found = Generation(self.index / name, search)
        if is_outdated(found.recipe, self.recipe, self.index):
            return None
        if found.changed(SQLITE):
            raise IndexDamaged(found.folder, f"{SQLITE} is not as it was written")
        if not self.server and found.manifest.get("unembedded"):
            return None  # fetched from a server, and of use with that alone
        return found

    def _is_here(self, name: str) -> bool:
        with suppress(IndexDamaged, IndexMismatch):
            generation = self.current()
            return generation is not None and generation.name == name
        return False

    def _replicate(self, server: "Server", name: str, progress: Progress) -> bool:
        """Copy the passages of a generation from the server; whether it is of our recipe."""
        manifest = server.manifest(name)
        if is_outdated(manifest["recipe"], self.recipe, server.address):
            return False
        try:
            with self._writing() as draft:
                if self._is_here(name):  # another process has just fetched it
                    return True
                server.fetch(name, draft, progress)
                draft.finish(self.recipe, manifest["skipped"], chroma=False)
                self._switch(draft, name)
        except IndexBusy:
            if self._pointer is None:
                raise
        return True  # another process fetches it; until then the last one answers

    @contextmanager
    def _writing(self, *, rebuild: bool = False) -> Iterator[Draft]:
        """A draft, while no other process writes. Nothing of it stays unless it is published.

        Its errors say plainly what is wrong with the disk, whichever library noticed it.
        """
        from chromadb.errors import ChromaError

        draft = None
        with ExitStack() as stack:
            try:
                stack.enter_context(self._locked())
                draft = self._begin(rebuild)
                stack.callback(self._clear, draft)
                yield draft
            except (OSError, sqlite3.OperationalError, ChromaError) as error:
                code, problem = getattr(error, "errno", None), str(error)
                if code in (ENOSPC, EDQUOT, EFBIG) or _FULL.search(problem):
                    needs = draft.needs if draft else 0
                    problem = f"disk full, needs {needs // 10**6 + 1} MB"
                elif code in (EROFS, EACCES, EPERM) or "readonly" in problem:
                    problem = f"it is read-only ({problem})"
                raise IndexUnwritable(self.index, problem) from error
            except sqlite3.DatabaseError as error:
                raise IndexDamaged(self.index, str(error)) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """While no other process writes. Makes the folder. Raises `IndexBusy`."""
        make_folder(self.index)
        began = self.index / ".since"
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.index / ".lock", seconds=0))
            except TimeoutError:
                since = ""
                with suppress(OSError):
                    when = datetime.fromtimestamp(began.stat().st_mtime).astimezone()
                    since = f"{when:%Y-%m-%d %H:%M:%S}"
                raise IndexBusy(self.index, since) from None
            began.touch()
            yield

    def _begin(self, rebuild: bool) -> Draft:
        """A draft on what is sound of this recipe: a generation, or else at least its vectors."""
        base = vectors = None
        current = self._pointer  # it comes first, or is lost, and then the newest does
        folders = [path for path in self.index.glob("gen-*") if NAME.fullmatch(path.name)]
        folders.sort(key=lambda path: (path.name == current, path), reverse=True)
        for generation in map(_reopened, () if rebuild else folders):
            if generation is None or generation.recipe != self.recipe:
                continue
            if base is None and not generation.changed(SQLITE):
                base = generation
            has_chroma = vectors is None and (generation.folder / CHROMA).is_dir()
            if has_chroma and not generation.changed(CHROMA):
                vectors = generation
            if base is not None and (vectors is not None or self.server):
                break
        self._tidy()  # but neither of them, because they are open here
        return Draft(self.index / f"build-{token_hex(3)}", base, vectors)

    def _switch(self, draft: Draft, name: str) -> None:
        """Give a finished draft its name, and swap `CURRENT`: from now on it answers."""
        shutil.rmtree(self.index / name, ignore_errors=True)  # damaged, and fetched again
        draft.folder = draft.folder.rename(self.index / name)  # removed where the rest fails
        flush(self.index)
        write_atomic(self.index / "CURRENT", f"{name}\n".encode())
        self.current()  # lets go of the old one, so that it can be removed
        self._tidy()

    def _clear(self, draft: Draft) -> None:
        """Let go of a draft, and remove it unless it was published."""
        draft.close()
        if draft.folder.name != self._pointer:
            shutil.rmtree(draft.folder, ignore_errors=True)

    def _tidy(self) -> None:
        """Remove unfinished builds, and old generations that nobody reads."""
        current = self._pointer
        for folder in [*self.index.glob("build-*"), *self.index.glob("gen-*")]:
            if folder.name != current:
                remove(folder)


def _reopened(folder: Path) -> Generation | None:
    """A generation, if need be by its backup manifest; for the one who holds the writer's lock."""
    with suppress(OSError, IndexDamaged):
        found = Generation(folder)
        if found.has_checksum:
            return found
    with suppress(OSError, IndexDamaged):
        shutil.copyfile(folder / BACKUP, folder / MANIFEST)
        return Generation(folder)
    return None
