"""The folder against the index → what differs. Only files that may have changed are opened.

`index/seen.json` keeps what each file was when it was last read. It is advice, not truth: where
it is lost, every file is opened and known again by its bytes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic, time_ns
from typing import NamedTuple

from assistant import load
from assistant.errors import KnowledgeMissing
from assistant.load import Found
from assistant.types import Changes, Skipped, Source, State

_FILE = "seen.json"
_SETTLED = 2_000_000_000
"""Nanoseconds: a file changed twice within a tick of its clock (2 s on FAT) looks unchanged."""
OPENED = 16 * 2**20
"""Bytes of files that only look changed, opened to be sure while somebody waits."""
_PATIENCE = 50  # times as long as looking at the folder took, it is not looked at again
_NAMES = 3  # files named in a notice

Notices = tuple[str, ...]


class Seen(NamedTuple):
    """A file as it was when it was last read."""

    signature: tuple[int, ...]
    """Of `Found`."""
    sha256: str
    refused: str = ""
    """Why it is no document; empty for one."""

    def unsettled(self) -> "Seen":
        """The same, to be opened before it is taken to be unchanged."""
        return self._replace(signature=())


class Comparison(NamedTuple):
    """The files of a folder, by what is known of them without opening any."""

    unsure: list[Found]
    """New, or perhaps changed: to be opened."""
    unchanged: list[Found]
    skipped: list[Skipped]
    known: dict[str, str]
    """The sha256 by which a file is known again: as it is in the index, or as it was refused."""


def recall(index: Path) -> dict[str, Seen]:
    """What was seen at the last sync; nothing where that is not known."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        stored = json.loads((index / _FILE).read_bytes())
        if stored["loader"] == load.VERSION:
            return {
                source: Seen(tuple(signature), sha256, refused)
                for source, (signature, sha256, refused) in stored["files"].items()
            }
    return {}


def remember(index: Path, seen: Mapping[str, Seen]) -> None:
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
    found: Sequence[Found],
    skipped: Sequence[Skipped],
    documents: Mapping[str, str],
    seen: Mapping[str, Seen],
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
    seen: Mapping[str, Seen],
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
    seen: Mapping[str, Seen],
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


class Freshness:
    """Tells when the folder is newer than the index. Looking costs a 50th of the time at most."""

    def __init__(self, folder: Path, index: Path, limit: int) -> None:
        self._folder, self._index, self._limit = folder, index, limit
        self._lock = Lock()
        self._generation = ""
        self._due = 0.0
        self._notices: Notices = ()

    def notices(self, generation: str, documents: Callable[[], Mapping[str, str]]) -> Notices:
        """What to tell beside an answer of this generation, which has these documents."""
        with self._lock:
            started = monotonic()
            if generation != self._generation or started >= self._due:
                self._notices = self._look(documents())
                self._generation = generation
                self._due = monotonic() + _PATIENCE * (monotonic() - started)
            return self._notices

    def _look(self, documents: Mapping[str, str]) -> Notices:
        try:
            seen = recall(self._index)
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
