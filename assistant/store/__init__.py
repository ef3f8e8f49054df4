"""The index on disk: generations, of which `CURRENT` names the one that answers.

    index/
      CURRENT              one line: the generation that answers
      gen-000002-5f3a9c/   a complete generation
      build-7c21d0/        the next one while it is written: rubbish to everyone else

Chroma 1.5 damages an index it is killed in while flushing, that two processes write, or whose
disk fills up. So nobody writes to what is being read: a sync copies the current generation,
applies the difference, verifies it, flushes it to disk and swaps `CURRENT`. One writer at a time,
by a lock of the operating system; readers follow the swap at their next question. A manifest holds
a digest of each file and of itself, and nothing is opened that differs: see docs/reliability.md.

With a server the vectors, and a pointer of their own, are there (`server.py`), and `CURRENT`
follows that pointer.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from assistant.errors import (
    GenerationReplaced,
    IndexBusy,
    IndexDamaged,
    IndexMismatch,
    IndexUnwritable,
)
from assistant.store.draft import Draft
from assistant.store.folder import Folder, in_words
from assistant.store.generation import NAME, SQLITE, Generation, reopened
from assistant.store.graph import problems
from assistant.store.manifest import FORMAT, is_newer, is_outdated
from assistant.store.replica import Copy
from assistant.store.server import Server
from assistant.types import Progress, Skipped, silent

__all__ = ["FORMAT", "Draft", "Generation", "Server", "Store"]

_AnyDraft = TypeVar("_AnyDraft", bound=Draft)


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
        self._folder = Folder(self.index)
        self._lock = RLock()
        self._open: Generation | None = None

    def current(self) -> Generation | None:
        """The generation that answers now; None where there is none yet, or only an outdated one.

        Its passages are as they were written; without its vectors it searches the passages' own.
        Raises `IndexMismatch` for another model or a newer format, and `IndexDamaged` for what
        cannot be read.
        """
        generation = self._newest()
        if generation and not self.server and generation.manifest.get("unembedded"):
            return None  # brought from a server, and of use with that alone
        return generation

    def follow(self, progress: Progress = silent) -> bool:
        """Bring the passages here up to date with the server; whether it has any for us.

        Without a server there is nothing to follow. Raises `ServerUnusable`, and `IndexBusy` where
        another process brings the first ones.
        """
        if self.server is None:
            return True
        for _ in range(3):  # a writer may remove what was current while it is brought
            name = self.server.current()
            if name is None or self._is_here(name):
                return name is not None
            try:
                return self._bring(self.server, name, progress)
            except GenerationReplaced:
                self._open = None
        raise GenerationReplaced(self.server.address)

    def _is_here(self, name: str) -> bool:
        with suppress(IndexDamaged, IndexMismatch):
            generation = self._newest()
            return generation is not None and generation.name == name
        return False

    def _bring(self, server: Server, name: str, progress: Progress) -> bool:
        manifest = server.manifest(name)
        if is_outdated(manifest["recipe"], self.recipe, server.address):
            return False
        try:
            with self._writing(Copy) as draft:
                if self._is_here(name):  # another process has just brought it
                    return True
                server.bring(name, draft, progress)
                draft.finish(self.recipe, manifest["skipped"], chroma=False)
                self._put(draft, name)
        except IndexBusy:
            if self._folder.current is None:
                raise
        return True  # another process brings it; until then the last one answers

    def _newest(self) -> Generation | None:
        with self._lock:
            for _ in range(3):  # a writer may remove what was current as we open it
                name = self._folder.current
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
    def write(self, *, rebuild: bool = False) -> Iterator[Draft]:
        """A draft of the next generation, from the current one unless `anew`.

        Raises `IndexBusy` where another writer is at work, `IndexUnwritable` where the disk is full
        or read-only, and unless `anew` `IndexMismatch` for a newer format; then nothing is changed.
        """
        replaces = self.server.current() if self.server else None
        with self._writing(Draft, rebuild=rebuild) as draft:
            if not rebuild:
                self._refuse_newer()
            draft.replaces = replaces
            draft.complete()
            draft.is_new |= not self._is_settled(draft, replaces)
            yield draft

    def _refuse_newer(self) -> None:
        """What a newer version of us made is not replaced unasked, unless only its number is."""
        name = self._folder.current or ""
        folder = self.index / (name if NAME.fullmatch(name) else "none")
        with suppress(OSError, IndexDamaged), ExitStack() as held:
            found = held.enter_context(closing(Generation(folder)))
            if is_newer(found.recipe) and (spare := reopened(folder)) is not None:
                found = held.enter_context(closing(spare))
            if is_newer(found.recipe):
                is_outdated(found.recipe, self.recipe, self.index)

    def publish(self, draft: Draft, skipped: Sequence[Skipped], progress: Progress = silent) -> str:
        """Make the draft the generation that answers; returns its name."""
        draft.finish(self.recipe, skipped, chroma=self.server is None)
        name = self._folder.free_name(draft.replaces)
        if self.server:
            self.server.publish(name, draft.folder, draft.replaces, progress)
        self._put(draft, name)
        return name

    def _put(self, draft: Draft, name: str) -> None:
        draft.folder = self._folder.place(draft.folder, name)
        self._folder.point_to(name)
        self._newest()  # lets go of the old one, so that it can be removed
        self._folder.tidy()

    @contextmanager
    def _writing(self, kind: type[_AnyDraft], *, rebuild: bool = False) -> Iterator[_AnyDraft]:
        """A draft, while no other process writes."""
        with (
            self._unwritable(),
            self._folder.locked(),
            self._draft(kind, rebuild) as draft,
            self._unwritable(draft),
        ):
            yield draft

    def _is_settled(self, draft: Draft, served: str | None) -> bool:
        """Whether what it begins from is current, and where it is searched: here or on a server."""
        name = self._folder.current
        if draft.base is None or draft.base.name != name:
            return False
        if self.server:
            return name == served and self.server.holds(name)
        return draft.base == draft.vectors

    def _checked(self, generation: Generation) -> Generation | None:
        """The generation if it is of this recipe; None if an older version of us made it."""
        try:
            if not is_outdated(generation.recipe, self.recipe, self.index):
                generation.refuse_damaged()
                return generation
        except (IndexMismatch, IndexDamaged):
            generation.close()
            raise
        generation.close()
        return None

    @contextmanager
    def _draft(self, kind: type[_AnyDraft], rebuild: bool) -> Iterator[_AnyDraft]:
        """A draft, of which nothing stays unless it was published."""
        draft = self._begun(kind, rebuild)
        try:
            with closing(draft):
                yield draft
        finally:
            if draft.folder.name != self._folder.current:
                shutil.rmtree(draft.folder, ignore_errors=True)

    def _begun(self, kind: type[_AnyDraft], rebuild: bool) -> _AnyDraft:
        """On what is sound of this recipe: a generation, or else at least its vectors."""
        base, vectors = (None, None) if rebuild else self._sound()
        self._folder.tidy()  # but neither of them, because they are held here
        return kind(
            self._folder.begin(),
            None if base is None else base.folder,
            None if vectors is None else vectors.folder,
        )

    def _sound(self) -> tuple[Generation | None, Generation | None]:
        """A generation with sound passages, and one with sound vectors: mostly the current one."""
        base = vectors = None
        for generation in self._of_this_recipe():
            if base is None and not generation.changed(SQLITE):
                base = generation
            if vectors is None and generation.has_chroma:
                vectors = generation
            if base is not None and (vectors is not None or self.server):
                break
        return base, vectors

    def _of_this_recipe(self) -> Iterator[Generation]:
        for folder in self._folder.generations():
            found = reopened(folder)
            if found is not None and found.recipe == self.recipe:
                yield found

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
