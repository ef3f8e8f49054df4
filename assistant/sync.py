"""The folder against the index → what differs. Only files that may have changed are opened.

`index/seen.json` keeps what each file was when it was last read. It is advice, not truth: where
it is lost, every file is opened and known again by its bytes.

Make the index follow the folder: load → split → embed → store.

Follow the folder: sync whenever it has come to rest after a change.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic, perf_counter, time_ns
from typing import NamedTuple

from assistant import load
from assistant.embed import Embedder
from assistant.errors import AssistantError, KnowledgeMissing
from assistant.load.folder import FileEntry
from assistant.settings import Settings
from assistant.split import split
from assistant.store import Store
from assistant.store.draft import Draft
from assistant.types import Changes, Document, Progress, Skipped, Source, State, SyncReport

_FILE = "seen.json"
_SETTLED = 2_000_000_000
"""Nanoseconds: a file changed twice within a tick of its clock (2 s on FAT) looks unchanged."""
OPENED = 16 * 2**20
"""Bytes of files that only look changed, opened to be sure while somebody waits."""
_PATIENCE = 50  # times as long as looking at the folder took, it is not looked at again
_NAMES = 3  # files named in a notice

Notices = tuple[str, ...]


class FileState(NamedTuple):
    """A file as it was when it was last read."""

    signature: tuple[int, ...]
    """Of `Found`."""
    sha256: str
    refused: str = ""
    """Why it is no document; empty for one."""

    def unsettled(self) -> "FileState":
        """The same, to be opened before it is taken to be unchanged."""
        return self._replace(signature=())


class Comparison(NamedTuple):
    """The files of a folder, by what is known of them without opening any."""

    unsure: list[FileEntry]
    """New, or perhaps changed: to be opened."""
    unchanged: list[FileEntry]
    skipped: list[Skipped]
    known: dict[str, str]
    """The sha256 by which a file is known again: as it is in the index, or as it was refused."""


def load_state(index: Path) -> dict[str, FileState]:
    """What was seen at the last sync; nothing where that is not known."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        stored = json.loads((index / _FILE).read_bytes())
        if stored["loader"] == load.VERSION:
            return {
                source: FileState(tuple(signature), sha256, refused)
                for source, (signature, sha256, refused) in stored["files"].items()
            }
    return {}


def save_state(index: Path, seen: Mapping[str, FileState]) -> None:
    """Keep what was seen; of files that changed just now, only by which bytes one was refused."""
    settled = time_ns() - _SETTLED
    files = {
        source: each if max(each.signature[1:3], default=settled) < settled else each.unsettled()
        for source, each in seen.items()
    }
    files = {source: each for source, each in files.items() if each.signature or each.refused}
    with suppress(OSError):  # a full disk costs the next sync time, nothing else
        following = index / f"{_FILE}.next"
        following.write_text(json.dumps({"loader": load.VERSION, "files": files}))
        following.replace(index / _FILE)


def compare(
    found: Sequence[FileEntry],
    skipped: Sequence[Skipped],
    documents: Mapping[str, str],
    seen: Mapping[str, FileState],
) -> Comparison:
    """Sort what a scan found; `documents` is the sha256 of each one in the index."""
    refused = {source: each.sha256 for source, each in seen.items() if each.refused}
    comparison = Comparison([], [], list(skipped), {**refused, **documents})
    for file in found:
        before, known = seen.get(file.source), comparison.known.get(file.source)
        if before is None or before != (file.signature, known, before.refused):
            comparison.unsure.append(file)
        elif before.refused:
            comparison.skipped.append(Skipped(file.source, before.refused, before.sha256))
        else:
            comparison.unchanged.append(file)
    return comparison


def changes(
    folder: Path,
    limit: int,
    documents: Mapping[str, str],
    seen: Mapping[str, FileState],
    most: float = float("inf"),
) -> Changes:
    """What a sync would do with the files of `folder`; see `sources`."""
    found = sources(folder, limit, documents, seen, most)
    gone = (State.REMOVED, State.SKIPPED)
    return Changes(
        added=tuple(each.name for each in found if each.state is State.NEW),
        changed=tuple(each.name for each in found if each.state is State.CHANGED),
        removed=tuple(each.name for each in found if each.name in documents and each.state in gone),
        skipped=tuple(Skipped(each.name, each.reason) for each in found if each.reason),
    )


def sources(
    folder: Path,
    limit: int,
    documents: Mapping[str, str],
    seen: Mapping[str, FileState],
    most: float = float("inf"),
) -> list[Source]:
    """Every file of `folder`, of at most `limit` bytes each, and of the index, by name.

    Files that only look changed are opened to be sure, up to `most` bytes of them. Raises
    `KnowledgeMissing`.
    """
    found, skipped = load.scan(folder, limit)
    sizes = {file.source: file.signature[0] for file in found}
    unsure, unchanged, skipped, known = compare(found, skipped, documents, seen)
    states = dict.fromkeys(documents, State.REMOVED)
    states |= dict.fromkeys((file.source for file in unchanged), State.INDEXED)
    reasons = {skip.source: skip.reason for skip in skipped}
    for file in unsure:
        source, size = file.source, sizes[file.source]
        states[source] = State.CHANGED if source in documents else State.NEW
        if source in known and size <= most:
            most -= size
            if load.digest(file, limit) == known[source]:
                states[source] = State.INDEXED
                if source not in documents:
                    reasons[source] = seen[source].refused
    states |= dict.fromkeys(reasons, State.SKIPPED)
    return [
        Source(name, states[name], sizes.get(name, 0), reason=reasons.get(name, ""))
        for name in sorted(states)
    ]


class StaleIndexCheck:
    """Tells when the folder is newer than the index. Looking costs a 50th of the time at most."""

    def __init__(self, folder: Path, index: Path, limit: int) -> None:
        self._folder, self._index, self._limit = folder, index, limit
        self._lock = Lock()
        self._generation = ""
        self._due = 0.0
        self._notices: Notices = ()

    def notices(self, generation: str, documents: Mapping[str, str]) -> Notices:
        """What to tell beside an answer of this generation, which has these documents."""
        with self._lock:
            started = monotonic()
            if generation != self._generation or started >= self._due:
                self._notices = self._look(documents)
                self._generation = generation
                self._due = monotonic() + _PATIENCE * (monotonic() - started)
            return self._notices

    def _look(self, documents: Mapping[str, str]) -> Notices:
        try:
            seen = load_state(self._index)
            found = changes(self._folder, self._limit, documents, seen, OPENED)
        except KnowledgeMissing:  # the index was made elsewhere, or the folder is away
            return ()
        kinds = {"changed": found.changed, "new": found.added, "gone": found.removed}
        told = [f"{kind}: {_some(names)}" for kind, names in kinds.items() if names]
        if not told:
            return ()
        return (
            f"Your folder is newer than the index ({'; '.join(told)}). Sync to ask it as it is.",
        )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more


# Tokens of the embedding model kept for the title and heading above a passage.
_ABOVE = 56
_BATCH = 64  # texts embedded between two steps of the progress bar
# So many texts wait to be embedded, sorted by length among themselves; more would fill the memory.
_WAITING = 4_096
_READING = 0.1  # the part of a file's work that is done when it is read


@dataclass
class _Folder:
    """The files of the folder, sorted as they are read."""

    known: Mapping[str, str]
    """sha256 of each document in the index."""
    before: Mapping[str, FileState]
    """What was seen at the last sync."""
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """On each document that is new or changed."""
    unchanged: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    seen: dict[str, FileState] = field(default_factory=dict)

    def read(
        self, found: Sequence[FileEntry], skipped: Sequence[Skipped], limit: int, work: "_Work"
    ) -> Iterator[Document]:
        """The documents that are new or changed; what need not be opened is not."""
        unsure, unchanged, self.skipped, known = compare(found, skipped, self.known, self.before)
        there = {file.source for file in found} - {file.source for file in unsure}
        self.seen = {source: self.before[source] for source in there}
        self.unchanged += [file.source for file in unchanged]
        work.total = sum(map(_weight, unsure))
        with load.Readers() as readers:
            for file, result in readers.read(unsure, limit, known):
                if isinstance(result, Document):
                    self.notes[file.source] = result.notes
                    self.seen[file.source] = FileState(file.signature, result.sha256)
                    yield result
                elif result is None:
                    self._known_again(file)
                else:
                    self._skip(file, result)
                work.read(_weight(file))
        self.unchanged.sort()
        self.skipped.sort(key=lambda skip: skip.source)

    @property
    def removed(self) -> list[str]:
        return sorted(self.known.keys() - self.notes.keys() - set(self.unchanged))

    def _known_again(self, file: FileEntry) -> None:
        if digest := self.known.get(file.source):
            self.unchanged.append(file.source)
            self.seen[file.source] = FileState(file.signature, digest)
        else:
            before = self.before[file.source]
            self._skip(file, Skipped(file.source, before.refused, before.sha256))

    def _skip(self, file: FileEntry, skip: Skipped) -> None:
        self.skipped.append(skip)
        if skip.sha256:  # refused for its bytes, as it will be next time
            self.seen[file.source] = FileState(file.signature, skip.sha256, skip.reason)


@dataclass
class _Work:
    """Embeds what was read, and tells how far all of it is.

    A file weighs its bytes; most of its work is to embed its passages.
    """

    draft: Draft
    embedder: Embedder
    progress: Progress
    total: int = 0
    done: int = 0
    embedded: int = 0
    _waiting: int = 0
    """The weight of the files whose passages are not all embedded."""

    def read(self, weight: int) -> None:
        """Count a file that was read; embed when many texts are waiting."""
        self._waiting += weight
        if not self.draft.unembedded or len(self.draft.unembedded) >= _WAITING:
            self.embed()
        self._tell(_READING)

    def embed(self) -> None:
        """Embed what has no vector yet, texts of like length together."""
        texts = sorted(self.draft.unembedded.items(), key=lambda item: len(item[1]))
        for start in range(0, len(texts), _BATCH):
            self._tell(_READING + (1 - _READING) * start / len(texts))
            keys, batch = zip(*texts[start : start + _BATCH], strict=True)
            self.draft.add_vectors(keys, self.embedder.embed_documents(list(batch)))
        self.draft.unembedded.clear()
        self.embedded += len(texts)
        self.done += self._waiting
        self._waiting = 0
        self._tell(1)

    def _tell(self, share: float) -> None:
        """How far it is, of the waiting files this share."""
        self.progress("Indexing", self.done + int(share * self._waiting), self.total)


def sync(
    settings: Settings, store: Store, embedder: Embedder, progress: Progress, *, rebuild: bool
) -> SyncReport:
    """Read what is new, embed what has no vector, forget what is gone, publish."""
    started = perf_counter()
    scanned = load.scan(settings.knowledge, settings.file_bytes)
    with store.write(rebuild=rebuild) as draft:
        folder = _Folder(dict(draft.documents), {} if rebuild else load_state(settings.index))
        work = _Work(draft, embedder, progress)
        for document in folder.read(*scanned, settings.file_bytes, work):
            size = embedder.max_tokens - _ABOVE
            draft.add(document, split(document, embedder.count_tokens, size))
        work.embed()
        for source in folder.removed:
            draft.remove(source)
        if folder.notes or folder.removed or folder.skipped != draft.skipped or draft.is_new:
            store.publish(draft, folder.skipped, progress)
        if folder.seen != folder.before:
            save_state(settings.index, folder.seen)
    return _report(folder, store, work.embedded, perf_counter() - started)


def _weight(file: FileEntry) -> int:
    """Its bytes, and something for the opening: empty files are work, too."""
    return 1_000 + file.signature[0]


def _report(folder: _Folder, store: Store, embedded: int, seconds: float) -> SyncReport:
    generation = store.current()
    return SyncReport(
        added=tuple(name for name in folder.notes if name not in folder.known),
        changed=tuple(name for name in folder.notes if name in folder.known),
        removed=tuple(folder.removed),
        unchanged=tuple(folder.unchanged),
        skipped=tuple(folder.skipped),
        notes=tuple((name, note) for name, notes in folder.notes.items() for note in notes),
        passages=len(generation) if generation is not None else 0,
        embedded=embedded,
        generation=generation.name if generation is not None else "",
        seconds=seconds,
    )


_REST = 1_000  # milliseconds without a change before a sync is worth it
_LONGEST = 30_000  # milliseconds to wait for that
_ANYWAY = 30_000  # milliseconds after which it looks anyway: some network folders tell nothing


def follow(folder: Path, sync: Callable[[], SyncReport]) -> Iterator[SyncReport | AssistantError]:
    """Sync now and after each change until interrupted: each report that has news, each error.

    What goes wrong is tried again later. Raises `KnowledgeMissing` once the folder is gone.
    """
    last = ""
    for outcome in _outcomes(folder, sync):
        news = outcome.generation if isinstance(outcome, SyncReport) else str(outcome)
        if news != last:
            yield outcome
        last = news


def _outcomes(
    folder: Path, sync: Callable[[], SyncReport]
) -> Iterator[SyncReport | AssistantError]:
    from watchfiles import watch

    yield _tried(sync)
    for _ in watch(
        folder,
        watch_filter=None,  # which files count is the scan's to say
        debounce=_LONGEST,
        step=_REST,
        rust_timeout=_ANYWAY,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    ):
        yield _tried(sync)


def _tried(sync: Callable[[], SyncReport]) -> SyncReport | AssistantError:
    try:
        return sync()
    except KnowledgeMissing:
        raise
    except AssistantError as error:
        return error
