"""Conversations and feedback on disk: a folder for each person, a file for each conversation.

Nothing that a browser sends names a file unless it is an id; what is damaged or not ours is told
and left where it is.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from assistant.errors import (
    ConversationChanged,
    ConversationDamaged,
    ConversationMissing,
    HistoryUnwritable,
)
from assistant.history import disk
from assistant.history.conversation import (
    MOST_HEAD,
    Conversation,
    Entry,
    Turn,
    entry,
    from_bytes,
    is_id,
    titled,
    to_bytes,
)
from assistant.history.feedback import FILE, Asked, Feedback, Thumb, thumbs

__all__ = ["Conversation", "Entry", "Feedback", "History", "Listed", "Thumb", "Turn", "folder_of"]

LOCAL = "local"
"""Who asks where there are no passwords."""
MOST_TURNS = 200
MOST_BYTES = 32_000_000
MOST_CONVERSATIONS = 5_000
_NO_NAME = re.compile(r"[^a-z0-9]+")


class Listed(NamedTuple):
    """What a folder holds: conversations, the last changed first, and what is wrong in it."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]


def folder_of(owner: str) -> str:
    """The name of a person's folder: another one for each name, whatever characters it has."""
    if owner == LOCAL:
        return LOCAL
    readable = _NO_NAME.sub("-", owner.lower())[:24].strip("-") or "person"
    return f"{readable}-{sha256(owner.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class History:
    """The conversations of one person. Safe to use from several threads and processes."""

    def __init__(self, folder: Path, owner: str = LOCAL) -> None:
        self.folder = folder / folder_of(owner)

    def list(self) -> Listed:
        """What there is; of each file only the first line is read. Makes no folder."""
        entries, problems = [], []
        try:
            paths = [*self._files()]
        except OSError as error:
            return Listed((), (f"The history cannot be read: {_reason(error)}.",))
        for path in paths:
            try:
                entries.append(_entry(path))
            except (ValueError, OSError) as error:
                problems.append(f"{path.name} was left as it is: {_reason(error)}.")
        entries.sort(key=lambda found: (found.changed, found.id), reverse=True)
        return Listed(tuple(entries), tuple(problems))

    def read(self, key: str) -> Conversation:
        """The conversation of an id. Raises `ConversationMissing` and `ConversationDamaged`."""
        path = self._path(key)
        try:
            _refuse_foreign(path)
            return from_bytes(key, path.read_bytes())
        except FileNotFoundError:
            raise ConversationMissing from None
        except (ValueError, OSError) as error:
            raise ConversationDamaged(path, _reason(error)) from None

    def save(self, conversation: Conversation) -> Conversation:
        """Keep a conversation as it is now; returns it as it was saved.

        Raises `ConversationChanged` where it was saved by another since it was read,
        `ConversationMissing` where it was removed, `HistoryUnwritable`.
        """
        with disk.writing(self.folder):
            saved = self._revision(conversation.id)
            if conversation.revision and not saved:
                raise ConversationMissing
            if conversation.revision != saved:
                raise ConversationChanged
            return self._put(conversation)

    def add(self, key: str, turn: Turn) -> Conversation:
        """Add a turn to whatever the conversation is by now: two writers lose nothing."""
        with disk.writing(self.folder):
            return self._put(self.read(key).and_then(turn))

    def rename(self, key: str, title: str) -> Conversation:
        """Give a conversation another title; an empty one is its first question again."""
        with disk.writing(self.folder):
            found = self.read(key)
            first = found.turns[0].question if found.turns else found.title
            return self._put(replace(found, title=titled(title) or titled(first)))

    def remove(self, key: str) -> None:
        """Remove a conversation for good."""
        path = self._path(key)
        with disk.writing(self.folder):
            try:
                path.unlink()
            except FileNotFoundError:
                raise ConversationMissing from None
            disk.flush(self.folder)

    def tell(self, feedback: Feedback) -> None:
        """Keep what a person thinks of an answer. Raises `HistoryUnwritable`."""
        with disk.writing(self.folder):
            path = self.folder / FILE
            if path.exists() and path.stat().st_size > MOST_BYTES:
                raise HistoryUnwritable(path, "it is full; move it elsewhere")
            disk.append(path, feedback.to_bytes())

    def thumbs(self, asked: Sequence[Asked]) -> Sequence[Thumb]:
        """What the person last said of each of these answers, in their order."""
        return thumbs(self.folder / FILE, asked)

    def _files(self) -> Iterator[Path]:
        """All that is not there for another reason; hidden files are our own tools."""
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                if path.name != FILE and not path.name.startswith("."):
                    yield path

    def _path(self, key: str) -> Path:
        if not is_id(key):
            raise ConversationMissing
        return self.folder / f"{key}.json"

    def _revision(self, key: str) -> int:
        """Of what is saved; 0 where nothing is. What is damaged must not be written over."""
        path = self._path(key)
        try:
            return _entry(path).revision
        except FileNotFoundError:
            return 0
        except (ValueError, OSError) as error:
            raise ConversationDamaged(path, _reason(error)) from None

    def _put(self, conversation: Conversation) -> Conversation:
        """Write it; the lock is held."""
        new = conversation.revision == 0
        if len(conversation.turns) > MOST_TURNS:
            raise HistoryUnwritable(self.folder, "this conversation is full; begin a new one")
        if new and sum(1 for _ in self._files()) >= MOST_CONVERSATIONS:
            raise HistoryUnwritable(self.folder, "there are too many conversations; delete some")
        saved = replace(conversation, changed=datetime.now(UTC), revision=conversation.revision + 1)
        data = to_bytes(saved)
        if len(data) > MOST_BYTES:
            raise HistoryUnwritable(self.folder, "this conversation is full; begin a new one")
        disk.swap(self._path(saved.id), data)
        return saved


def _entry(path: Path) -> Entry:
    _refuse_foreign(path)
    with path.open("rb") as file:
        return entry(path.stem, file.readline(MOST_HEAD))


def _refuse_foreign(path: Path) -> None:
    """Raise `ValueError` for what we did not write, before it is opened: it may be a pipe."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ValueError("it is no ordinary file")
    if path.suffix != ".json" or not is_id(path.stem):
        raise ValueError("it is not named as a conversation is")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("it is too large to be a conversation")


def _reason(error: Exception) -> str:
    return (error.strerror or "it cannot be read") if isinstance(error, OSError) else str(error)
