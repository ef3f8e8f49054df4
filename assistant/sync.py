"""Make the index follow the folder: load → split → embed → store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from assistant import load
from assistant.embed import Embedder
from assistant.progress import Progress
from assistant.settings import Settings
from assistant.split import split
from assistant.store import Draft, Store
from assistant.types import Document, Skipped, SyncReport

# Tokens of the embedding model kept for the title and heading above a passage.
_ABOVE = 56
_BATCH = 64  # texts embedded between two steps of the progress bar


@dataclass
class _Changes:
    """What the folder holds, against what the index knew."""

    known: Mapping[str, str]
    skipped: list[Skipped]
    read: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The notes on each document that is new or changed."""
    unchanged: list[str] = field(default_factory=list)

    @property
    def removed(self) -> list[str]:
        return sorted(self.known.keys() - self.read.keys() - set(self.unchanged))


def sync(
    settings: Settings, store: Store, embedder: Embedder, progress: Progress, *, anew: bool
) -> SyncReport:
    """Read what is new, forget what is gone, embed what has no vector, publish."""
    started = perf_counter()
    limit = settings.file_megabytes * 2**20
    found, skipped = load.scan(settings.knowledge, limit)
    with store.write(anew=anew) as draft:
        changes = _Changes(draft.documents, skipped)
        with load.Readers() as readers:
            results = readers.read(found, limit, changes.known)
            for done, (file, result) in enumerate(results):
                progress("Reading", done, len(found))
                match result:
                    case None:
                        changes.unchanged.append(file.source)
                    case Skipped() as skip:
                        changes.skipped.append(skip)
                    case Document() as document:
                        size = embedder.max_tokens - _ABOVE
                        draft.add(document, split(document, embedder.count_tokens, size))
                        changes.read[document.source] = document.notes
        for source in changes.removed:
            draft.remove(source)
        changes.skipped.sort(key=lambda skip: skip.source)
        embedded = _embed(draft, embedder, progress)
        if changes.read or changes.removed or changes.skipped != draft.skipped or draft.is_new:
            store.publish(draft, changes.skipped, progress)
    return _report(changes, store, embedded, perf_counter() - started)


def _embed(draft: Draft, embedder: Embedder, progress: Progress) -> int:
    """Embed what has no vector yet, texts of like length together; how many."""
    texts = sorted(draft.unembedded.items(), key=lambda item: len(item[1]))
    for start in range(0, len(texts), _BATCH):
        progress("Embedding", start, len(texts))
        keys, batch = zip(*texts[start : start + _BATCH], strict=True)
        draft.add_vectors(keys, embedder.embed_documents(list(batch)))
    progress("Embedding", len(texts), len(texts))
    return len(texts)


def _report(changes: _Changes, store: Store, embedded: int, seconds: float) -> SyncReport:
    generation = store.current()
    return SyncReport(
        added=tuple(name for name in changes.read if name not in changes.known),
        changed=tuple(name for name in changes.read if name in changes.known),
        removed=tuple(changes.removed),
        unchanged=tuple(changes.unchanged),
        skipped=tuple(changes.skipped),
        notes=tuple((name, note) for name, notes in changes.read.items() for note in notes),
        passages=0 if generation is None else len(generation),
        embedded=embedded,
        generation="" if generation is None else generation.name,
        seconds=seconds,
    )
