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
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from functools import partial
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any, TypeVar

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
from assistant.store.replica import Replica
from assistant.store.server import Server
from assistant.types import Progress, Skipped, silent

_AnyDraft = TypeVar("_AnyDraft", bound=Draft)

_ATTEMPTS = 3  # a writer may remove what was current while it is opened
# What SQLite, Chroma and the system say of a disk without room.
_FULL = re.compile(r"(?i)disk is full|no space left|file too large|os error (28|27)|code: 13\b")


class Store:
    """The index of one home. `recipe` is all that decides what a text's vector and passages are.

    With a `server` it is shared with the other machines that use it.
    """

    def __init__(
        self, index: Path, recipe: Mapping[str, Any], server: Server | None = None
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
        generation = self._newest()
        if generation and not self.server and generation.manifest.get("unembedded"):
            return None  # fetched from a server, and of use with that alone
        return generation

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
        with self._writing(Draft, rebuild=rebuild) as draft:
            if not rebuild:
                self._refuse_newer()
            draft.replaces = served
            draft.complete()
            draft.is_new |= not self._is_settled(draft, served)
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

    def _newest(self) -> Generation | None:
        with self._lock:
            for _ in range(_ATTEMPTS):
                name = self._pointer
                if name is None:
                    return None
                if not NAME.fullmatch(name):
                    raise IndexDamaged(self.index, "CURRENT names no generation")
                if self._open is not None and self._open.name == name:
                    return self._open
                with suppress(FileNotFoundError):
                    search = partial(self.server.nearest, name) if self.server else None
                    self._open = self._checked(Generation(self.index / name, search))
                    return self._open
        raise IndexDamaged(self.index, f"CURRENT names {name}, which is not there")

    def _checked(self, generation: Generation) -> Generation | None:
        """The generation if it is of this recipe; None if an older version of us made it."""
        try:
            if not is_outdated(generation.recipe, self.recipe, self.index):
                if generation.changed(SQLITE):
                    raise IndexDamaged(generation.folder, f"{SQLITE} is not as it was written")
                return generation
        except (IndexMismatch, IndexDamaged):
            generation.close()
            raise
        generation.close()
        return None

    def _is_here(self, name: str) -> bool:
        with suppress(IndexDamaged, IndexMismatch):
            generation = self._newest()
            return generation is not None and generation.name == name
        return False

    def _replicate(self, server: Server, name: str, progress: Progress) -> bool:
        """Copy the passages of a generation from the server; whether it is of our recipe."""
        manifest = server.manifest(name)
        if is_outdated(manifest["recipe"], self.recipe, server.address):
            return False
        try:
            with self._writing(Replica) as replica:
                if self._is_here(name):  # another process has just fetched it
                    return True
                server.fetch(name, replica, progress)
                replica.finish(self.recipe, manifest["skipped"], chroma=False)
                self._switch(replica, name)
        except IndexBusy:
            if self._pointer is None:
                raise
        return True  # another process fetches it; until then the last one answers

    def _refuse_newer(self) -> None:
        """What a newer version of us made is not replaced unasked, unless only its number is."""
        name = self._pointer or ""
        folder = self.index / (name if NAME.fullmatch(name) else "none")
        with suppress(OSError, IndexDamaged), ExitStack() as opened:
            found = opened.enter_context(closing(Generation(folder)))
            if is_newer(found.recipe) and (backup := _reopened(folder)) is not None:
                found = opened.enter_context(closing(backup))
            if is_newer(found.recipe):
                is_outdated(found.recipe, self.recipe, self.index)

    def _is_settled(self, draft: Draft, served: str | None) -> bool:
        """Whether what it begins from is current, and where it is searched: here or on a server."""
        name = self._pointer
        if draft.base is None or draft.base.name != name:
            return False
        if self.server:
            return name == served and self.server.has(name)
        return draft.base == draft.vectors

    @contextmanager
    def _writing(self, kind: type[_AnyDraft], *, rebuild: bool = False) -> Iterator[_AnyDraft]:
        """A draft, while no other process writes. Nothing of it stays unless it is published."""
        with self._translate_errors(), self._locked():
            draft = self._begin(kind, rebuild)
            try:
                with closing(draft), self._translate_errors(draft):
                    yield draft
            finally:
                if draft.folder.name != self._pointer:
                    shutil.rmtree(draft.folder, ignore_errors=True)

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

    def _begin(self, kind: type[_AnyDraft], rebuild: bool) -> _AnyDraft:
        """A draft on what is sound of this recipe: a generation, or else at least its vectors."""
        base = vectors = None
        for generation in () if rebuild else self._of_this_recipe():
            if base is None and not generation.changed(SQLITE):
                base = generation
            has_chroma = vectors is None and (generation.folder / CHROMA).is_dir()
            if has_chroma and not generation.changed(CHROMA):
                vectors = generation
            if base is not None and (vectors is not None or self.server):
                break
        self._tidy()  # but neither of them, because they are open here
        return kind(
            self.index / f"build-{token_hex(3)}",
            None if base is None else base.folder,
            None if vectors is None else vectors.folder,
        )

    def _of_this_recipe(self) -> Iterator[Generation]:
        """The generations, the current one first: `CURRENT` may be lost."""
        current = self._pointer
        folders = [path for path in self.index.glob("gen-*") if NAME.fullmatch(path.name)]
        folders.sort(key=lambda path: (path.name == current, path), reverse=True)
        for found in map(_reopened, folders):
            if found is not None and found.recipe == self.recipe:
                yield found

    def _switch(self, draft: Draft, name: str) -> None:
        """Give a finished draft its name, and swap `CURRENT`: from now on it answers."""
        shutil.rmtree(self.index / name, ignore_errors=True)  # damaged, and fetched again
        draft.folder = draft.folder.rename(self.index / name)  # removed where the rest fails
        flush(self.index)
        write_atomic(self.index / "CURRENT", f"{name}\n".encode())
        self._newest()  # lets go of the old one, so that it can be removed
        self._tidy()

    def _tidy(self) -> None:
        """Remove unfinished builds, and old generations that nobody reads."""
        current = self._pointer
        for folder in [*self.index.glob("build-*"), *self.index.glob("gen-*")]:
            if folder.name != current:
                remove(folder)

    @contextmanager
    def _translate_errors(self, draft: Draft | None = None) -> Iterator[None]:
        """Say what is wrong with the disk plainly, whichever library noticed it."""
        from chromadb.errors import ChromaError

        try:
            yield
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
