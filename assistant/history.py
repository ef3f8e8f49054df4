"""Conversations, and the form in which a file holds one: its first line tells what it is.

Conversations and feedback on disk: a folder for each person, a file for each conversation.

Nothing that a browser sends names a file unless it is an id; what is damaged or not ours is told
and left where it is.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any, NamedTuple

from assistant import fs
from assistant.errors import (
    ConversationChanged,
    ConversationDamaged,
    ConversationMissing,
    HistoryUnwritable,
)
from assistant.feedback import FILE, Asked, Feedback, Thumb, thumbs
from assistant.types import Answer, rename_odds

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FORMAT = 1
MOST_TITLE = 100
"""Characters of a title; a longer one is cut."""
MOST_HEAD = 4_096
"""Bytes of a file's first line."""
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it: an answer as far as it came, a remark why no further."""

    question: str
    answer: Answer | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says of a conversation."""

    id: str
    title: str
    began: datetime
    changed: datetime
    revision: int
    """How often it was saved: whoever saves must have seen the last one."""


@dataclass(frozen=True, slots=True)
class Conversation(Entry):
    """Questions and answers, oldest first."""

    turns: tuple[Turn, ...] = ()

    @classmethod
    def begin(cls) -> "Conversation":
        """A conversation of which nothing was said or saved; its id cannot be guessed."""
        now = datetime.now(UTC)
        return cls(token_hex(16), "", now, now, 0)

    def and_then(self, turn: Turn) -> "Conversation":
        """The conversation with one more turn. Its title is its first question."""
        return replace(self, title=self.title or titled(turn.question), turns=(*self.turns, turn))

    def until(self, count: int) -> "Conversation":
        """Only its first turns. Without any, the next question gives the title, if one did."""
        given = bool(self.turns) and self.title == titled(self.turns[0].question)
        return replace(
            self, title="" if given and not count else self.title, turns=self.turns[:count]
        )


def titled(text: str) -> str:
    """The text as a title: one line, not too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MOST_TITLE else plain[: MOST_TITLE - 1].rstrip() + "…"


def is_id(text: object) -> bool:
    """Whether it may be the id of a conversation; nothing else names a file."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def to_bytes(conversation: Conversation) -> bytes:
    """The conversation as a file: JSON whose first line is the entry."""
    written = _adapter().dump_python(conversation, mode="json")
    turns = ",\n".join(json.dumps(turn, ensure_ascii=False) for turn in written.pop("turns"))
    del written["id"]  # the file's name says it
    head = json.dumps({"format": FORMAT, **written}, ensure_ascii=False)
    # Half a character, which a browser may send, is no text, and could not be read back.
    return f'{head[:-1]},\n"turns": [\n{turns}\n]}}\n'.encode("utf-8", "replace")


def from_bytes(name: str, data: bytes) -> Conversation:
    """The conversation of a file. Raises `ValueError` with what is wrong with it."""
    found = _validated(name, _parsed(data))
    if not all(_keeps_its_law(turn.answer) for turn in found.turns if turn.answer is not None):
        raise ValueError("it holds an answer without citations")
    return found


def entry(name: str, line: bytes) -> Entry:
    """What the first line of a file says. Raises `ValueError` with what is wrong with it."""
    read = _parsed(line.rstrip().removesuffix(b",") + b"}")
    return _validated(name, {**read, "turns": []})


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        read = rename_odds(json.loads(data))
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(read, dict):
        raise ValueError("it is not a conversation")
    made = read.pop("format", FORMAT)
    if isinstance(made, int) and made > FORMAT:
        raise ValueError("a newer version made it; update the assistant")
    return read


def _validated(name: str, read: dict[str, Any]) -> Conversation:
    from pydantic import ValidationError

    text = json.dumps({**read, "id": name})
    try:
        found = _adapter().validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"{place[:80] or 'its text'} is not as it should be") from None
    if found.began.tzinfo is None or found.changed.tzinfo is None:
        raise ValueError("its times have no zone")
    return found


def _keeps_its_law(answer: Answer) -> bool:
    """Whether it can be shown: each statement has a citation, and there are some or none."""
    cited = all(said.citations for said in answer.statements)
    return cited and bool(answer.statements) == (answer.abstention is None)


@cache
def _adapter() -> "TypeAdapter[Conversation]":
    from pydantic import TypeAdapter

    return TypeAdapter(Conversation)


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
        with self._writing():
            saved = self._revision(conversation.id)
            if conversation.revision and not saved:
                raise ConversationMissing
            if conversation.revision != saved:
                raise ConversationChanged
            return self._put(conversation)

    def add(self, key: str, turn: Turn) -> Conversation:
        """Add a turn to whatever the conversation is by now: two writers lose nothing."""
        with self._writing():
            return self._put(self.read(key).and_then(turn))

    def rename(self, key: str, title: str) -> Conversation:
        """Give a conversation another title; an empty one is its first question again."""
        with self._writing():
            found = self.read(key)
            first = found.turns[0].question if found.turns else found.title
            return self._put(replace(found, title=titled(title) or titled(first)))

    def remove(self, key: str) -> None:
        """Remove a conversation for good."""
        path = self._path(key)
        with self._writing():
            try:
                path.unlink()
            except FileNotFoundError:
                raise ConversationMissing from None
            fs.flush(self.folder)

    def tell(self, feedback: Feedback) -> None:
        """Keep what a person thinks of an answer. Raises `HistoryUnwritable`."""
        with self._writing():
            path = self.folder / FILE
            if path.exists() and path.stat().st_size > MOST_BYTES:
                raise HistoryUnwritable(path, "it is full; move it elsewhere")
            fs.append_line(path, feedback.to_bytes(), 0o600)

    def thumbs(self, asked: Sequence[Asked]) -> Sequence[Thumb]:
        """What the person last said of each of these answers, in their order."""
        return thumbs(self.folder / FILE, asked)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Lock the folder, which is made for its user alone. Raises `HistoryUnwritable`."""
        try:
            fs.make_folder(self.folder.parent, 0o700)
            fs.make_folder(self.folder, 0o700)
            with fs.locked(self.folder / ".lock", mode=0o600):
                yield
        except TimeoutError:
            raise HistoryUnwritable(self.folder, "another process is writing there") from None
        except OSError as error:
            raise HistoryUnwritable(self.folder, error.strerror or str(error)) from error

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
        fs.write_atomic(self._path(saved.id), data, 0o600)
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
