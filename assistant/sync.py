"""Make the index follow the folder: compare, read, embed, publish; and watch the folder.

A file is opened only if it may have changed since it was last read (see `store.files`). What
cannot be read at the moment keeps what the index has of it, and is tried again at the next sync.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from math import inf
from operator import attrgetter
from pathlib import Path
from threading import Lock
from time import monotonic, perf_counter, time_ns

from assistant import load
from assistant.embed import Embedder
from assistant.errors import AssistantError, KnowledgeMissing, RemovalRefused
from assistant.load import FileEntry, Refused, Scan, Unavailable, Unchanged
from assistant.settings import Settings
from assistant.split import split
from assistant.store import Store
from assistant.store.draft import Draft
from assistant.store.files import (
    READ,
    REFUSED,
    UNAVAILABLE,
    FileState,
    is_racy,
    load_state,
    save_state,
)
from assistant.store.generation import Generation
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
_ANYWAY = 30_000  # milliseconds after which it looks anyway: some network folders tell nothing


class Comparison:
    """The files of a folder against the index, sorted without opening any, then as they are read.

    `documents` is the sha256 of each document in the index, `before` what is known of each file.
    """

    def __init__(
        self, scan: Scan, documents: Mapping[str, str], before: Mapping[str, FileState]
    ) -> None:
        self.documents, self.before = documents, before
        refused = {source: each.sha256 for source, each in before.items() if each.result == REFUSED}
        self.known = {**refused, **documents}
        """The sha256 by which a file is known again: as it is in the index, or was refused."""
        self.unsure: list[FileEntry] = []
        """New, perhaps changed, or not available the last time: to be opened."""
        self.notes: dict[str, tuple[str, ...]] = {}
        """On each document that is new or changed."""
        self.unchanged: list[str] = []
        self.skipped = list(scan.skipped)
        self.kept: list[Skipped] = []
        """Documents whose file, or folder, is not available."""
        self.states: dict[str, FileState] = {}
        """What is known of each file after this."""
        for file in scan.files:
            state, known = before.get(file.source), self.known.get(file.source)
            if (
                state is None
                or state.result == UNAVAILABLE
                or (state.signature, state.sha256) != (file.signature, known)
            ):
                self.unsure.append(file)
                continue
            self.states[file.source] = state
            if state.result == REFUSED:
                self.skipped.append(Skipped(file.source, state.reason))
            else:
                self.unchanged.append(file.source)
        missing = dict(scan.unavailable)
        for source in documents if missing else ():
            if place := scan.hidden_by(source):
                missing.pop(place, None)  # said of its documents
                self.kept.append(Skipped(source, scan.unavailable[place]))
                if source in before:
                    self.states[source] = before[source]
        self.skipped += map(Skipped, missing.keys(), missing.values())

    @property
    def remaining(self) -> set[str]:
        """The documents that the index will have, those not yet read as well."""
        unread = {file.source for file in self.unsure} - self.states.keys()
        return unread.union(self.notes, self.unchanged, (each.source for each in self.kept))

    @property
    def removed(self) -> list[str]:
        """The documents that it will no longer have."""
        return sorted(self.documents.keys() - self.remaining)

    def read(self, limit: int, done: Callable[[FileEntry], None]) -> Iterator[Document]:
        """The documents that are new or changed; `done` is called after each file."""
        with load.Readers() as readers:
            for file, outcome in readers.read(self.unsure, limit, self.known):
                if isinstance(outcome, Document):
                    self.notes[file.source] = outcome.notes
                    self.states[file.source] = FileState(file.signature, outcome.sha256)
                    yield outcome
                else:
                    self._sort(file, outcome)
                done(file)
        self.unchanged.sort()
        self.skipped.sort(key=attrgetter("source"))
        self.kept.sort(key=attrgetter("source"))

    def _sort(self, file: FileEntry, outcome: Unchanged | Refused | Unavailable) -> None:
        """Sort a file that was read and is no new document."""
        source, is_indexed = file.source, file.source in self.documents
        if isinstance(outcome, Unavailable):
            state = FileState(file.signature, "", UNAVAILABLE, str(outcome))
        elif isinstance(outcome, Refused):
            state = FileState(file.signature, outcome.sha256, REFUSED, str(outcome))
        elif is_indexed:
            state = FileState(file.signature, self.documents[source])
            self.unchanged.append(source)
        else:  # the bytes that were refused
            state = self.before[source]._replace(signature=file.signature)
        self.states[source] = state
        if state.result == UNAVAILABLE and is_indexed:
            self.kept.append(Skipped(source, state.reason))
        elif state.result != READ:
            self.skipped.append(Skipped(source, state.reason))


def sources(
    settings: Settings, documents: Mapping[str, str], most: float = inf, scan: Scan | None = None
) -> list[Source]:
    """Every file of the folder and of the index, which has these documents, by name.

    Files that only look changed are opened to be sure, up to `most` bytes of them. `scan` is what
    the folder holds, where that was just looked up. Raises `KnowledgeMissing`.
    """
    limit = settings.file_bytes
    scan = scan or load.scan(settings.knowledge, limit)
    found = Comparison(scan, documents, load_state(settings.index, load.VERSION))
    result = dict.fromkeys(documents, (State.REMOVED, ""))
    result |= dict.fromkeys(found.unchanged, (State.INDEXED, ""))
    result |= {each.source: (State.SKIPPED, each.reason) for each in found.skipped}
    result |= {each.source: (State.UNAVAILABLE, each.reason) for each in found.kept}
    for file in found.unsure:
        is_to_open = file.source in found.known and file.signature[0] <= most
        most -= file.signature[0] if is_to_open else 0
        result[file.source] = _standing(file, found, limit if is_to_open else 0)
    sizes = {file.source: file.signature[0] for file in scan.files}
    return [
        Source(name, state, sizes.get(name, 0), reason=reason)
        for name, (state, reason) in sorted(result.items())
    ]


def _standing(file: FileEntry, found: Comparison, limit: int) -> tuple[State, str]:
    """How a file that may have changed stands to the index, and why; opened if there's a limit."""
    before, is_indexed = found.before.get(file.source), file.source in found.documents
    reason = before.reason if before else ""
    try:
        if before and before.result == UNAVAILABLE and before.signature == file.signature:
            raise Unavailable(reason)
        if limit and load.digest(file, limit) == found.known[file.source]:
            return (State.INDEXED, "") if is_indexed else (State.SKIPPED, reason)
    except Unavailable as problem:
        return State.UNAVAILABLE if is_indexed else State.SKIPPED, str(problem)
    return State.CHANGED if is_indexed else State.NEW, ""


def changes(
    settings: Settings, documents: Mapping[str, str], most: float = inf, scan: Scan | None = None
) -> Changes:
    """What a sync would do; see `sources`."""
    found = sources(settings, documents, most, scan)

    def skips(state: State) -> tuple[Skipped, ...]:
        return tuple(Skipped(each.name, each.reason) for each in found if each.state is state)

    gone = (State.REMOVED, State.SKIPPED)
    return Changes(
        added=tuple(each.name for each in found if each.state is State.NEW),
        changed=tuple(each.name for each in found if each.state is State.CHANGED),
        removed=tuple(each.name for each in found if each.name in documents and each.state in gone),
        skipped=skips(State.SKIPPED),
        kept=skips(State.UNAVAILABLE),
    )


class StaleIndexCheck:
    """Tells when the folder is newer than the index. Looking costs a 50th of the time at most."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, Lock()
        self._generation, self._due = "", 0.0
        self._compared: object = None
        """The generation and the folder's signatures that the notices are of, where these tell."""
        self._notices: tuple[str, ...] = ()

    def notices(self, generation: Generation) -> tuple[str, ...]:
        """What to say beside an answer of this generation."""
        with self._lock:
            started = monotonic()
            if generation.name != self._generation or started >= self._due:
                try:
                    self._look(generation)
                except KnowledgeMissing:  # made elsewhere, or the folder is away
                    self._compared, self._notices = None, ()
                self._generation = generation.name
                self._due = monotonic() + _MIN_INTERVAL * (monotonic() - started)
            return self._notices

    def _look(self, generation: Generation) -> None:
        """Compare the folder with the generation, unless both are as they were the last time."""
        now = time_ns()
        scan = load.scan(self._settings.knowledge, self._settings.file_bytes)
        signatures = hash(tuple((file.source, file.signature) for file in scan.files))
        if (generation.name, signatures) == self._compared:
            return
        found = changes(self._settings, generation.documents, OPENED, scan)
        is_sure = not found.kept and not any(is_racy(file.signature, now) for file in scan.files)
        self._compared = (generation.name, signatures) if is_sure else None
        parts = []
        kinds = {"changed": found.changed, "new": found.added, "gone": found.removed}
        for kind, names in kinds.items():
            more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
            parts += [f"{kind}: {', '.join(names[:_NAMES])}{more}"] if names else []
        notice = f"Your folder is newer than the index ({'; '.join(parts)}). "
        self._notices = (f"{notice}Sync to ask it as it is.",) if parts else ()


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
    started, limit = perf_counter(), settings.file_bytes
    scan = load.scan(settings.knowledge, limit)
    with store.write(rebuild=rebuild) as draft:
        before = {} if rebuild else load_state(settings.index, load.VERSION)
        run = Comparison(scan, dict(draft.documents), before)
        protected: Mapping[str, str] = run.documents
        with suppress(AssistantError):  # what answers now counts where the next begins from nothing
            if not protected and (answering := store.current()):
                protected = answering.documents
        if not remove_many:
            _refuse_removal(settings, protected, run, scan)
        work = _Work(draft, embedder, progress, total=sum(map(_weight, run.unsure)))
        for document in run.read(limit, work.read):
            size = embedder.max_tokens - _ABOVE
            draft.add(document, split(document, embedder.count_tokens, size))
        if not remove_many:
            _refuse_removal(settings, protected, run, scan)
        work.embed()
        for source in run.removed:
            draft.remove(source)
        if run.notes or run.removed or run.skipped != draft.skipped or draft.is_new:
            store.publish(draft, run.skipped, progress)
        if run.states != before:
            save_state(settings.index, load.VERSION, run.states)
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
        embedded=work.embedded,
        generation=generation.name if generation is not None else "",
        seconds=perf_counter() - started,
    )


def _refuse_removal(
    settings: Settings, documents: Mapping[str, str], run: Comparison, scan: Scan
) -> None:
    """Raise `RemovalRefused` if most of many documents are gone, those with moved bytes aside."""
    remaining = run.remaining
    gone = [sha256 for source, sha256 in documents.items() if source not in remaining]
    if len(documents) < _MANY or 2 * len(gone) <= len(documents):
        return
    moved = set()
    for file in scan.files:
        with suppress(Unavailable):
            moved.add(load.digest(file, settings.file_bytes))
    removed = sum(sha256 not in moved for sha256 in gone)
    if 2 * removed > len(documents):
        raise RemovalRefused(settings.knowledge, removed, len(documents))


@dataclass
class _Work:
    """Embeds what was read, and shows how far all of it is, weighed by `_weight`."""

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


def follow(folder: Path, sync: Callable[[], SyncReport]) -> Iterator[SyncReport | AssistantError]:
    """Sync now and after each change until interrupted: each report that has news, each error.

    What goes wrong is tried again later. Raises `KnowledgeMissing` once the folder is gone.
    """
    from watchfiles import watch

    comings = watch(
        folder,
        watch_filter=None,  # which files count is the scan's to say
        debounce=_ANYWAY,
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
