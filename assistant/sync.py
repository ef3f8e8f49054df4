"""Make the index follow the folder: compare, read, embed, publish; and watch the folder.

A file is opened only if it may have changed since it was last read (see `store.files`). What
cannot be read at the moment keeps what the index has of it, and is tried again at the next sync.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path, PurePosixPath
from threading import Lock
from time import monotonic, perf_counter
from typing import NamedTuple

from assistant import load
from assistant.embed import Embedder
from assistant.errors import (
    AssistantError,
    IndexDamaged,
    IndexMismatch,
    KnowledgeMissing,
    RemovalRefused,
)
from assistant.load import FileEntry, Scan
from assistant.settings import Settings
from assistant.split import split
from assistant.store import Store
from assistant.store.draft import Draft
from assistant.store.files import READ, REFUSED, UNAVAILABLE, FileState, load_state, save_state
from assistant.types import Changes, Document, Progress, Skipped, Source, State, SyncReport

OPENED = 16 * 2**20
"""Bytes of files that only look changed, opened to be sure while somebody waits."""
_MIN_INTERVAL = 50  # times as long as looking at the folder took, it is not looked at again
_NAMES = 3  # files named in a notice
_MANY = 10  # documents of which no more than half are removed unless that was said
_ABOVE = 56  # tokens of the embedding model kept for the title and heading above a passage
_BATCH = 64  # texts embedded between two steps of the progress bar
_WAITING = 4_096  # texts to embed, sorted by length among themselves; more would fill the memory
_READING = 0.1  # the part of a file's work that is done when it is read
_REST = 1_000  # milliseconds without a change before a sync is worth it
_LONGEST = 30_000  # milliseconds to wait for that
_ANYWAY = 30_000  # milliseconds after which it looks anyway: some network folders tell nothing


# Compare


class Comparison(NamedTuple):
    """The files of a folder, by what is known of them without opening any."""

    unsure: list[FileEntry]
    """New, perhaps changed, or not available the last time: to be opened."""
    unchanged: list[str]
    skipped: list[Skipped]
    kept: list[Skipped]
    """Documents whose file, or folder, is not available."""
    known: dict[str, str]
    """The sha256 by which a file is known again: as it is in the index, or as it was refused."""


def compare(
    scan: Scan, documents: Mapping[str, str], states: Mapping[str, FileState]
) -> Comparison:
    """Sort what a scan found; `documents` is the sha256 of each one in the index."""
    refused = {source: each.sha256 for source, each in states.items() if each.result == REFUSED}
    found = Comparison([], [], list(scan.skipped), [], {**refused, **documents})
    for file in scan.files:
        before, known = states.get(file.source), found.known.get(file.source)
        if (
            before is None
            or before.result == UNAVAILABLE
            or (before.signature, before.sha256) != (file.signature, known)
        ):
            found.unsure.append(file)
        elif before.result == REFUSED:
            found.skipped.append(Skipped(file.source, before.reason))
        else:
            found.unchanged.append(file.source)
    missing = {each.source: each.reason for each in scan.unavailable}
    holding = set()
    for source in documents if missing else ():
        for place in (source, *map(str, PurePosixPath(source).parents)):
            if place in missing:
                found.kept.append(Skipped(source, missing[place]))
                holding.add(place)
    found.skipped.extend(each for each in scan.unavailable if each.source not in holding)
    return found


def sources(settings: Settings, documents: Mapping[str, str], most: float = inf) -> list[Source]:
    """Every file of the folder and of the index, which has these documents, by name.

    Files that only look changed are opened to be sure, up to `most` bytes of them. Raises
    `KnowledgeMissing`.
    """
    scan = load.scan(settings.knowledge, settings.file_bytes)
    states = load_state(settings.index, load.VERSION)
    found = compare(scan, documents, states)
    names = {*documents, *(file.source for file in scan.files)}
    result = dict.fromkeys(names, (State.REMOVED, ""))
    result |= dict.fromkeys(found.unchanged, (State.INDEXED, ""))
    result |= {each.source: (State.SKIPPED, each.reason) for each in found.skipped}
    result |= {each.source: (State.UNAVAILABLE, each.reason) for each in found.kept}
    for file in found.unsure:
        known, size = found.known.get(file.source, ""), file.signature[0]
        known = known if size <= most else ""
        most -= size if known else 0
        before, is_indexed = states.get(file.source), file.source in documents
        result[file.source] = _standing(file, settings.file_bytes, known, before, is_indexed)
    sizes = {file.source: file.signature[0] for file in scan.files}
    return [
        Source(name, state, sizes.get(name, 0), reason=reason)
        for name, (state, reason) in sorted(result.items())
    ]


def _standing(
    file: FileEntry, limit: int, known: str, before: FileState | None, is_indexed: bool
) -> tuple[State, str]:
    """How a file that may have changed stands to the index, and the reason where it needs one."""
    reason = before.reason if before else ""
    try:
        if before and before.result == UNAVAILABLE and before.signature == file.signature:
            raise load.Unavailable(reason)
        if known and load.digest(file, limit) == known:
            return (State.INDEXED, "") if is_indexed else (State.SKIPPED, reason)
    except load.Unavailable as problem:
        return State.UNAVAILABLE if is_indexed else State.SKIPPED, str(problem)
    return State.CHANGED if is_indexed else State.NEW, ""


def changes(settings: Settings, documents: Mapping[str, str], most: float = inf) -> Changes:
    """What a sync would do; see `sources`."""
    found = sources(settings, documents, most)

    def names(state: State) -> tuple[str, ...]:
        return tuple(each.name for each in found if each.state is state)

    def reasons(state: State) -> tuple[Skipped, ...]:
        return tuple(Skipped(each.name, each.reason) for each in found if each.state is state)

    gone = (State.REMOVED, State.SKIPPED)
    return Changes(
        added=names(State.NEW),
        changed=names(State.CHANGED),
        removed=tuple(each.name for each in found if each.name in documents and each.state in gone),
        skipped=reasons(State.SKIPPED),
        kept=reasons(State.UNAVAILABLE),
    )


class StaleIndexCheck:
    """Tells when the folder is newer than the index. Looking costs a 50th of the time at most."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._generation = ""
        self._due = 0.0
        self._notices: tuple[str, ...] = ()

    def notices(self, generation: str, documents: Mapping[str, str]) -> tuple[str, ...]:
        """What to say beside an answer of this generation, which has these documents."""
        with self._lock:
            started = monotonic()
            if generation != self._generation or started >= self._due:
                self._notices = self._look(documents)
                self._generation = generation
                self._due = monotonic() + _MIN_INTERVAL * (monotonic() - started)
            return self._notices

    def _look(self, documents: Mapping[str, str]) -> tuple[str, ...]:
        try:
            found = changes(self._settings, documents, OPENED)
        except KnowledgeMissing:  # the index was made elsewhere, or the folder is away
            return ()
        kinds = {"changed": found.changed, "new": found.added, "gone": found.removed}
        parts = []
        for kind, names in kinds.items():
            if names:
                more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
                parts.append(f"{kind}: {', '.join(names[:_NAMES])}{more}")
        if not parts:
            return ()
        return (
            f"Your folder is newer than the index ({'; '.join(parts)}). Sync to ask it as it is.",
        )


# Sync


def sync(
    settings: Settings,
    store: Store,
    embedder: Embedder,
    progress: Progress,
    *,
    rebuild: bool = False,
    remove_many: bool = False,
) -> SyncReport:
    """Read what may be new, embed what has no vector, forget what is gone, publish.

    `rebuild` starts from nothing. Raises `RemovalRefused` where more than half of ten documents
    or more are gone, unless `remove_many`.
    """
    started = perf_counter()
    limit = settings.file_bytes
    scan = load.scan(settings.knowledge, limit)
    with store.write(rebuild=rebuild) as draft:
        before = {} if rebuild else load_state(settings.index, load.VERSION)
        run = _Run(dict(draft.documents), before, scan)
        protected = {} if remove_many else _answering(store) if rebuild else run.documents
        there = {file.source for file in scan.files} | {each.source for each in run.kept}
        new = _digests((file for file in scan.files if file.source not in protected), limit)
        _refuse_removal(settings.knowledge, protected, there, new)
        work = _Work(draft, embedder, progress, total=sum(map(_weight, run.unsure)))
        for document in run.read(limit, work.read):
            size = embedder.max_tokens - _ABOVE
            draft.add(document, split(document, embedder.count_tokens, size))
        read = (state.sha256 for state in run.states.values())
        _refuse_removal(settings.knowledge, protected, run.remaining, read)
        work.embed()
        for source in run.removed:
            draft.remove(source)
        if run.notes or run.removed or run.skipped != draft.skipped or draft.is_new:
            store.publish(draft, run.skipped, progress)
        if run.states != before:
            save_state(settings.index, load.VERSION, run.states)
    return _report(run, store, work.embedded, perf_counter() - started)


def _answering(store: Store) -> Mapping[str, str]:
    """The documents that can answer now, by their sha256."""
    with suppress(IndexDamaged, IndexMismatch):
        if generation := store.current():
            return generation.documents
    return {}


def _digests(files: Iterable[FileEntry], limit: int) -> Iterator[str]:
    for file in files:
        with suppress(load.Unavailable):
            yield load.digest(file, limit)


def _refuse_removal(
    folder: Path, documents: Mapping[str, str], there: AbstractSet[str], moved: Iterable[str]
) -> None:
    """Raise `RemovalRefused` if most of many documents are gone, those with moved bytes aside."""
    gone = [sha256 for source, sha256 in documents.items() if source not in there]
    if len(documents) >= _MANY and 2 * len(gone) > len(documents):
        found = set(moved)
        removed = sum(sha256 not in found for sha256 in gone)
        if 2 * removed > len(documents):
            raise RemovalRefused(folder, removed, len(documents))


class _Run:
    """The files of the folder in one sync, sorted as they are read."""

    def __init__(
        self, documents: Mapping[str, str], before: Mapping[str, FileState], scan: Scan
    ) -> None:
        found = compare(scan, documents, before)
        self.documents, self._before = documents, before
        """sha256 of each document in the index."""
        self.unsure, self._known = found.unsure, found.known
        self.unchanged, self.skipped, self.kept = found.unchanged, found.skipped, found.kept
        self.notes: dict[str, tuple[str, ...]] = {}
        """On each document that is new or changed."""
        unread = {file.source for file in scan.files} | {each.source for each in self.kept}
        unread -= {file.source for file in self.unsure}
        self.states = {source: before[source] for source in unread if source in before}

    @property
    def remaining(self) -> set[str]:
        """The documents that the index will have."""
        return self.notes.keys() | {*self.unchanged, *(each.source for each in self.kept)}

    @property
    def removed(self) -> list[str]:
        """The documents that it will no longer have."""
        return sorted(self.documents.keys() - self.remaining)

    def read(self, limit: int, done: Callable[[FileEntry], None]) -> Iterator[Document]:
        """The documents that are new or changed; `done` is called after each file."""
        with load.Readers() as readers:
            for file, outcome in readers.read(self.unsure, limit, self._known):
                if isinstance(outcome, Document):
                    self.notes[file.source] = outcome.notes
                    self._save(file, outcome.sha256)
                    yield outcome
                else:
                    self._sort(file, outcome)
                done(file)
        self.unchanged.sort()
        self.skipped.sort(key=lambda skip: skip.source)
        self.kept.sort(key=lambda skip: skip.source)

    def _sort(self, file: FileEntry, outcome: load.Outcome) -> None:
        is_indexed, reason = file.source in self.documents, str(outcome)
        if isinstance(outcome, load.Unavailable):
            (self.kept if is_indexed else self.skipped).append(Skipped(file.source, reason))
            self._save(file, "", UNAVAILABLE, reason)
        elif isinstance(outcome, load.Refused):
            self.skipped.append(Skipped(file.source, reason))
            self._save(file, outcome.sha256, REFUSED, reason)
        elif is_indexed:
            self.unchanged.append(file.source)
            self._save(file, self._known[file.source])
        else:  # the bytes that were refused
            before = self._before[file.source]
            self.skipped.append(Skipped(file.source, before.reason))
            self.states[file.source] = before._replace(signature=file.signature)

    def _save(self, file: FileEntry, sha256: str, result: str = READ, reason: str = "") -> None:
        self.states[file.source] = FileState(file.signature, sha256, result, reason)


@dataclass
class _Work:
    """Embeds what was read, and shows how far all of it is.

    A file weighs its bytes; most of its work is to embed its passages.
    """

    draft: Draft
    embedder: Embedder
    progress: Progress
    total: int
    done: int = 0
    embedded: int = 0
    _waiting: int = 0
    """The weight of the files whose passages are not all embedded."""

    def read(self, file: FileEntry) -> None:
        """Count a file that was read; embed when many texts are waiting."""
        self._waiting += _weight(file)
        if not self.draft.unembedded or len(self.draft.unembedded) >= _WAITING:
            self.embed()
        self._show(_READING)

    def embed(self) -> None:
        """Embed what has no vector yet, texts of like length together."""
        texts = sorted(self.draft.unembedded.items(), key=lambda item: len(item[1]))
        for start in range(0, len(texts), _BATCH):
            self._show(_READING + (1 - _READING) * start / len(texts))
            keys, batch = zip(*texts[start : start + _BATCH], strict=True)
            self.draft.add_vectors(keys, self.embedder.embed_documents(list(batch)))
        self.draft.unembedded.clear()
        self.embedded += len(texts)
        self.done += self._waiting
        self._waiting = 0
        self._show(1)

    def _show(self, share: float) -> None:
        """How far it is, of the waiting files this share."""
        self.progress("Indexing", self.done + int(share * self._waiting), self.total)


def _weight(file: FileEntry) -> int:
    """Its bytes, and something for the opening: empty files are work, too."""
    return 1_000 + file.signature[0]


def _report(run: _Run, store: Store, embedded: int, seconds: float) -> SyncReport:
    generation = store.current()
    return SyncReport(
        added=tuple(name for name in run.notes if name not in run.documents),
        changed=tuple(name for name in run.notes if name in run.documents),
        removed=tuple(run.removed),
        unchanged=tuple(run.unchanged),
        skipped=tuple(run.skipped),
        kept=tuple(run.kept),
        notes=tuple((name, note) for name, notes in run.notes.items() for note in notes),
        passages=len(generation) if generation is not None else 0,
        embedded=embedded,
        generation=generation.name if generation is not None else "",
        seconds=seconds,
    )


# Watch


def follow(folder: Path, sync: Callable[[], SyncReport]) -> Iterator[SyncReport | AssistantError]:
    """Sync now and after each change until interrupted: each report that has news, each error.

    What goes wrong is tried again later. Raises `KnowledgeMissing` once the folder is gone.
    """
    from watchfiles import watch

    comings = watch(
        folder,
        watch_filter=None,  # which files count is the scan's to say
        debounce=_LONGEST,
        step=_REST,
        rust_timeout=_ANYWAY,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )
    last: object = None
    for _ in chain([()], comings):
        outcome: SyncReport | AssistantError
        try:
            outcome = sync()
            news: object = (outcome.generation, outcome.kept)
        except KnowledgeMissing:
            raise
        except AssistantError as error:
            outcome, news = error, str(error)
        if news != last:
            yield outcome
        last = news
