"""Make the index follow the folder: load → split → embed → store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from assistant import load
from assistant.compare import Seen, compare, recall, remember
from assistant.embed import Embedder
from assistant.load import Found
from assistant.progress import Progress
from assistant.settings import Settings
from assistant.split import split
from assistant.store import Draft, Store
from assistant.types import Document, Skipped, SyncReport

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
    before: Mapping[str, Seen]
    """What was seen at the last sync."""
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """On each document that is new or changed."""
    unchanged: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)

    def read(
        self, found: Sequence[Found], skipped: Sequence[Skipped], limit: int, work: "_Work"
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
                    self.seen[file.source] = Seen(file.signature, result.sha256)
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

    def _known_again(self, file: Found) -> None:
        if digest := self.known.get(file.source):
            self.unchanged.append(file.source)
            self.seen[file.source] = Seen(file.signature, digest)
        else:
            before = self.before[file.source]
            self._skip(file, Skipped(file.source, before.refused, before.sha256))

    def _skip(self, file: Found, skip: Skipped) -> None:
        self.skipped.append(skip)
        if skip.sha256:  # refused for its bytes, as it will be next time
            self.seen[file.source] = Seen(file.signature, skip.sha256, skip.reason)


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
    settings: Settings, store: Store, embedder: Embedder, progress: Progress, *, anew: bool
) -> SyncReport:
    """Read what is new, embed what has no vector, forget what is gone, publish."""
    started = perf_counter()
    scanned = load.scan(settings.knowledge, settings.file_bytes)
    with store.write(anew=anew) as draft:
        folder = _Folder(dict(draft.documents), {} if anew else recall(settings.index))
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
            remember(settings.index, folder.seen)
    return _report(folder, store, work.embedded, perf_counter() - started)


def _weight(file: Found) -> int:
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
