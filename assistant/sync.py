"""Make the index follow the folder: compare, read, embed, publish; and watch the folder.

A file is opened only if it may have changed since it was last read (see `store.files`). What
cannot be read at the moment keeps what the index has of it, and is tried again at the next sync.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path
from threading import Lock
from time import monotonic, perf_counter, time_ns

from assistant.embed import Embedder
from assistant.errors import AssistantError, KnowledgeMissing, RemovalRefused
from assistant.load import VERSION
from assistant.load.builder import Refused, Unavailable
from assistant.load.folder import FileEntry, Scan, digest, scan_folder
from assistant.load.readers import Outcome, Readers, Unchanged
from assistant.settings import Settings
from assistant.split import split
from assistant.store import Store
from assistant.store.draft import Draft
from assistant.store.files import (
    REFUSED,
    UNAVAILABLE,
    FileState,
    is_racy,
    load_state,
    save_state,
)
from assistant.store.generation import Generation
from assistant.types import Changes, Document, Progress, Skipped, Source, State, SyncReport

_OPENED = 16 * 2**20  # bytes of files that only look changed, opened while somebody waits
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
    """The files of a folder against the index: by their signatures at first, then as they are read.

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
        self.found: dict[str, tuple[State, str]] = dict.fromkeys(documents, (State.REMOVED, ""))
        """How each file stands to the index, and the reason for it."""
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
                is_new = file.source not in documents
                self.found[file.source] = State.NEW if is_new else State.CHANGED, ""
            else:
                self.settle(file, Unchanged())
        missing = dict(scan.unavailable)
        for source in documents if missing else ():
            if place := scan.hidden_by(source):
                missing.pop(place, None)  # its documents are reported instead
                self.found[source] = State.UNAVAILABLE, scan.unavailable[place]
                if source in before:
                    self.states[source] = before[source]
        for source, reason in (scan.skipped | missing).items():
            self.found[source] = State.SKIPPED, reason

    def settle(self, file: FileEntry, outcome: Outcome) -> None:
        """Note what came of reading a file."""
        source, is_indexed = file.source, file.source in self.documents
        found = State.CHANGED if is_indexed else State.NEW
        if isinstance(outcome, Document):
            state = FileState(file.signature, outcome.sha256)
        elif isinstance(outcome, Unavailable):
            state = FileState(file.signature, "", UNAVAILABLE, str(outcome))
            found = State.UNAVAILABLE if is_indexed else State.SKIPPED
        elif isinstance(outcome, Refused):
            state = FileState(file.signature, outcome.sha256, REFUSED, str(outcome))
            found = State.SKIPPED
        elif is_indexed:
            state, found = FileState(file.signature, self.documents[source]), State.INDEXED
        else:  # the bytes that were refused
            state, found = self.before[source]._replace(signature=file.signature), State.SKIPPED
        self.states[source], self.found[source] = state, (found, state.reason)

    def names(self, state: State) -> tuple[str, ...]:
        """The files that stand so to the index."""
        return tuple(sorted(name for name, (found, _) in self.found.items() if found is state))

    def changes(self) -> Changes:
        """What a sync would do, or did."""
        skipped, kept = (
            tuple(Skipped(name, self.found[name][1]) for name in self.names(state))
            for state in (State.SKIPPED, State.UNAVAILABLE)
        )
        return Changes(
            added=self.names(State.NEW),
            changed=self.names(State.CHANGED),
            removed=tuple(sorted(self.removed(self.documents))),
            skipped=skipped,
            kept=kept,
        )

    def removed(self, documents: Mapping[str, str]) -> list[str]:
        """Those of the documents that the index will no longer have."""
        kept = (State.INDEXED, State.NEW, State.CHANGED, State.UNAVAILABLE)
        return [name for name in documents if self.found.get(name, ("", ""))[0] not in kept]


def _compare(
    settings: Settings, scan: Scan, documents: Mapping[str, str], most: float
) -> Comparison:
    """Compare the folder with the index, without parsing a file.

    Files that only look changed are opened to be sure, up to `most` bytes of them.
    """
    found = Comparison(scan, documents, load_state(settings.index, VERSION))
    for file in found.unsure:
        before, size = found.before.get(file.source), file.signature[0]
        try:
            if before and before.result == UNAVAILABLE and before.signature == file.signature:
                raise Unavailable(before.reason)
            if file.source in found.known and size <= most:
                most -= size
                if digest(file, settings.file_bytes) == found.known[file.source]:
                    found.settle(file, Unchanged())
        except Unavailable as problem:
            found.settle(file, problem)
    return found


def sources(settings: Settings, documents: Mapping[str, str]) -> list[Source]:
    """Every file of the folder and of the index, which has these documents, by name.

    Large files that only look changed are not all opened to be sure. Raises `KnowledgeMissing`.
    """
    scan = scan_folder(settings.knowledge, settings.file_bytes)
    found = _compare(settings, scan, documents, _OPENED).found
    sizes = {file.source: file.signature[0] for file in scan.files}
    return [
        Source(name, state, sizes.get(name, 0), reason=reason)
        for name, (state, reason) in sorted(found.items())
    ]


def changes(settings: Settings, documents: Mapping[str, str]) -> Changes:
    """What a sync would do to an index of these documents. Raises `KnowledgeMissing`."""
    scan = scan_folder(settings.knowledge, settings.file_bytes)
    return _compare(settings, scan, documents, inf).changes()


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
        scan = scan_folder(self._settings.knowledge, self._settings.file_bytes)
        signatures = hash(tuple((file.source, file.signature) for file in scan.files))
        if (generation.name, signatures) == self._compared:
            return
        found = _compare(self._settings, scan, generation.documents, _OPENED).changes()
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
    scan = scan_folder(settings.knowledge, limit)
    notes: list[tuple[str, str]] = []
    with store.write(rebuild=rebuild) as draft:
        before = {} if rebuild else load_state(settings.index, VERSION)
        run = Comparison(scan, dict(draft.documents), before)
        protected: Mapping[str, str] = run.documents
        with suppress(AssistantError):  # what answers now counts where the next begins from nothing
            if not protected and (answering := store.current()):
                protected = answering.documents
        if not remove_many:
            _refuse_removal(settings, protected, run, scan)
        work = _Work(draft, embedder, progress, total=sum(map(_weight, run.unsure)))
        with Readers() as readers:
            for file, outcome in readers.read(run.unsure, limit, run.known):
                run.settle(file, outcome)
                if isinstance(outcome, Document):
                    size = embedder.max_tokens - _ABOVE
                    draft.add(outcome, split(outcome, embedder.count_tokens, size))
                    notes += ((file.source, note) for note in outcome.notes)
                work.read(file)
        if not remove_many:
            _refuse_removal(settings, protected, run, scan)
        work.embed()
        found = run.changes()
        for source in found.removed:
            draft.remove(source)
        if found or list(found.skipped) != draft.skipped or draft.is_new:
            store.publish(draft, found.skipped, progress)
        if run.states != before:
            save_state(settings.index, VERSION, run.states)
    generation = store.current()
    return SyncReport(
        found.added,
        found.changed,
        found.removed,
        run.names(State.INDEXED),
        found.skipped,
        found.kept,
        tuple(notes),
        passages=len(generation) if generation is not None else 0,
        embedded=work.embedded,
        generation=generation.name if generation is not None else "",
        seconds=perf_counter() - started,
    )


def _refuse_removal(
    settings: Settings, documents: Mapping[str, str], run: Comparison, scan: Scan
) -> None:
    """Raise `RemovalRefused` if most of many documents are gone, those with moved bytes aside."""
    gone = run.removed(documents)
    if len(documents) < _MANY or 2 * len(gone) <= len(documents):
        return
    moved = set()
    for file in scan.files:
        with suppress(Unavailable):
            moved.add(digest(file, settings.file_bytes))
    removed = sum(documents[source] not in moved for source in gone)
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
