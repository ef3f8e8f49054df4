"""Conversations and feedback on disk: a folder for each person, a file for each conversation.

The first line of a conversation's file is what a list says of it. Nothing that a browser sends
names a file unless it is an id; a file that is damaged or not ours is reported and left as it is.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from assistant import fs
from assistant.errors import (
    ConversationChanged,
    ConversationDamaged,
    ConversationMissing,
    HistoryUnwritable,
)
from assistant.types import Answer, Turn, rename_odds

FORMAT = 1
LOCAL = "local"
"""Who asks where there are no accounts."""
MAX_TITLE = 100
"""Characters of a title; a longer one is cut."""
MAX_TURNS = 200
MAX_BYTES = 32_000_000
MAX_CONVERSATIONS = 5_000
_FEEDBACK = "feedback.jsonl"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says of a conversation."""

    id: str
    title: str
    began: AwareDatetime
    changed: AwareDatetime
    revision: int
    """How often it was saved: only who has read the last one may save."""


@dataclass(frozen=True, slots=True)
class Conversation(Entry):
    """Questions and answers, oldest first."""

    turns: tuple[Turn, ...] = ()

    @classmethod
    def begin(cls) -> "Conversation":
        """A new conversation, not saved yet; its id cannot be guessed."""
        now = datetime.now(UTC)
        return cls(token_hex(16), "", now, now, 0)

    def with_turn(self, turn: Turn) -> "Conversation":
        """The conversation with one more turn. Its title is its first question."""
        return replace(self, title=self.title or title_of(turn.question), turns=(*self.turns, turn))

    def until(self, count: int) -> "Conversation":
        """Only its first turns. Without any, the next question gives the title, if one did."""
        given = bool(self.turns) and self.title == title_of(self.turns[0].question)
        title = "" if given and not count else self.title
        return replace(self, title=title, turns=self.turns[:count])


def title_of(text: str) -> str:
    """The text as a title: one line, not too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_TITLE else plain[: MAX_TITLE - 1].rstrip() + "…"


class Thumb(StrEnum):
    """What a person thinks of an answer."""

    UP = "up"
    DOWN = "down"
    NONE = "none"
    """Nothing: also a thumb that was taken back."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thinks of an answer to a question, and when they said so."""

    question: str
    answer: Answer
    thumb: Thumb
    when: AwareDatetime
    comment: str = ""
    history: tuple[str, ...] = ()
    """The questions that were asked before, on which it may lean."""

    def to_question(self) -> dict[str, Any] | None:
        """The line of a question file it makes; None where it does not say what is right."""
        if self.thumb is not Thumb.UP:
            return None
        line: dict[str, Any] = {"question": self.question}
        if self.history:
            line["history"] = list(self.history)
        if self.answer.abstention is not None:
            return line | {"answerable": False}
        line["quote"] = [cited.quote for cited in self.answer.citations]
        sources = {cited.source for cited in self.answer.citations}
        return line | ({"source": sources.pop()} if len(sources) == 1 else {})


_conversations, _feedbacks = TypeAdapter(Conversation), TypeAdapter(Feedback)


def questions_before(turns: Sequence[Turn], at: int) -> tuple[str, ...]:
    """The questions on which the one at this place may lean: those that were answered."""
    return tuple(turn.question for turn in turns[:at] if turn.answer is not None)


class Listing(NamedTuple):
    """What a folder holds: conversations, the last changed first, and what is wrong in it."""

    entries: tuple[Entry, ...]
    problems: tuple[str, ...]


def folder_of(owner: str) -> str:
    """The name of a person's folder: another one for each name, whatever characters it has."""
    if owner == LOCAL:
        return LOCAL
    readable = re.sub(r"[^a-z0-9]+", "-", owner.lower())[:24].strip("-") or "person"
    return f"{readable}-{sha256(owner.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class History:
    """The conversations and the feedback of one person; safe for several threads and processes."""

    def __init__(self, folder: Path, owner: str = LOCAL) -> None:
        self.folder = folder / folder_of(owner)

    def list(self) -> Listing:
        """What there is; of each file only the first line is read. Makes no folder."""
        entries, problems = [], []
        try:
            paths = self._files()
        except OSError as error:
            return Listing((), (f"The history cannot be read: {_reason(error)}.",))
        for path in paths:
            try:
                _refuse_foreign(path)
                with path.open("rb") as file:
                    first = file.readline(4_096).rstrip().removesuffix(b",")
                entries.append(_conversation(path.stem, first + b', "turns": []}'))
            except (ValueError, OSError) as error:
                problems.append(f"{path.name} was left as it is: {_reason(error)}.")
        entries.sort(key=lambda found: (found.changed, found.id), reverse=True)
        return Listing(tuple(entries), tuple(problems))

    def read(self, key: str) -> Conversation:
        """The conversation of an id. Raises `ConversationMissing` and `ConversationDamaged`."""
        path = self._path(key)
        try:
            _refuse_foreign(path)
            return _conversation(key, path.read_bytes())
        except FileNotFoundError:
            raise ConversationMissing from None
        except (ValueError, OSError) as error:
            raise ConversationDamaged(path, _reason(error)) from None

    def save(self, conversation: Conversation) -> Conversation:
        """Save a conversation; returns it as it was saved.

        Raises `ConversationChanged` where it was saved by another since it was read,
        `ConversationMissing` where it was removed, `ConversationDamaged`, `HistoryUnwritable`.
        """
        with self._writing():
            try:
                saved = self.read(conversation.id).revision  # a damaged file is not written over
            except ConversationMissing:
                if conversation.revision:
                    raise
                saved = 0
            if conversation.revision != saved:
                raise ConversationChanged
            return self._write(conversation)

    def add(self, key: str, turn: Turn) -> Conversation:
        """Add a turn to whatever the conversation is by now: two writers lose nothing."""
        with self._writing():
            return self._write(self.read(key).with_turn(turn))

    def rename(self, key: str, title: str) -> Conversation:
        """Give a conversation another title; an empty one is its first question again."""
        with self._writing():
            found = self.read(key)
            first = found.turns[0].question if found.turns else found.title
            return self._write(replace(found, title=title_of(title) or title_of(first)))

    def remove(self, key: str) -> None:
        """Remove a conversation for good."""
        path = self._path(key)
        with self._writing():
            try:
                path.unlink()
            except FileNotFoundError:
                raise ConversationMissing from None
            fs.flush(self.folder)

    def add_feedback(self, feedback: Feedback) -> None:
        """Save what a person thinks of an answer. Raises `HistoryUnwritable`."""
        with self._writing():
            path = self.folder / _FEEDBACK
            if path.exists() and path.stat().st_size > MAX_BYTES:
                raise HistoryUnwritable(path, "it is full; move it elsewhere")
            line = json.dumps(_feedbacks.dump_python(feedback, mode="json"))
            fs.append_line(path, line.encode(), 0o600)

    def thumbs(self, turns: Sequence[Turn]) -> Sequence[Thumb]:
        """The last thumb of the person on these very answers; none where it cannot be read.

        Of a file of any size only the lines that begin with one of the questions are parsed.
        """
        asked = {turn.question for turn in turns if turn.answer is not None}
        begins = tuple(json.dumps({"question": each})[:-1].encode() + b", " for each in asked)
        last: dict[tuple[str, tuple[str, ...]], Feedback] = {}
        with suppress(OSError):
            for line in (self.folder / _FEEDBACK).read_bytes().split(b"\n"):
                with suppress(ValueError):
                    if line.startswith(begins):
                        given = _feedback(line)
                        last[given.question, given.history] = given
        thumbs = []
        for at, turn in enumerate(turns):
            found = last.get((turn.question, questions_before(turns, at)))
            thumbs.append(found.thumb if found and found.answer == turn.answer else Thumb.NONE)
        return thumbs

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

    def _files(self) -> Sequence[Path]:
        """Every file that should be a conversation; hidden ones are our own."""
        found = self.folder.iterdir() if self.folder.exists() else ()
        return [each for each in found if each.name != _FEEDBACK and each.name[0] != "."]

    def _path(self, key: object) -> Path:
        """The file of an id; whatever is no id names none. Raises `ConversationMissing`."""
        if not isinstance(key, str) or not _ID.fullmatch(key):
            raise ConversationMissing
        return self.folder / f"{key}.json"

    def _write(self, conversation: Conversation) -> Conversation:
        """Write the file, JSON whose first line is the entry; the lock is held."""
        if not conversation.revision and len(self._files()) >= MAX_CONVERSATIONS:
            raise HistoryUnwritable(self.folder, "there are too many conversations; delete some")
        saved = replace(conversation, changed=datetime.now(UTC), revision=conversation.revision + 1)
        written = _conversations.dump_python(saved, mode="json")
        turns = ",\n".join(json.dumps(turn, ensure_ascii=False) for turn in written.pop("turns"))
        del written["id"]  # the file's name says it
        head = json.dumps({"format": FORMAT, **written}, ensure_ascii=False)
        # Half a character, which a browser may send, is no text, and could not be read back.
        data = f'{head[:-1]},\n"turns": [\n{turns}\n]}}\n'.encode("utf-8", "replace")
        if len(saved.turns) > MAX_TURNS or len(data) > MAX_BYTES:
            raise HistoryUnwritable(self.folder, "this conversation is full; begin a new one")
        fs.write_atomic(self._path(saved.id), data, 0o600)
        return saved


def read_feedback(folder: Path) -> tuple[list[Feedback], list[str]]:
    """The feedback of everybody whose folder is in this one, oldest first, and what is damaged."""
    feedback: list[Feedback] = []
    problems: list[str] = []
    for path in sorted(folder.glob(f"*/{_FEEDBACK}")):
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            problems.append(f"{path} cannot be read: {error.strerror}.")
            continue
        for number, line in enumerate(lines, 1):
            try:
                feedback.extend([_feedback(line)] if line.strip() else [])
            except ValueError:
                problems.append(f"Line {number} of {path} was left out: it is damaged.")
    return sorted(feedback, key=lambda given: given.when), problems


def latest_feedback(feedback: Iterable[Feedback]) -> list[Feedback]:
    """Of several on one question, asked after the same ones, the last: minds change."""
    last = {(given.question, given.history): given for given in feedback}
    return [given for given in last.values() if given.thumb is not Thumb.NONE]


def _conversation(key: str, data: bytes) -> Conversation:
    """The conversation of a file. Raises `ValueError` with what is wrong with it."""
    try:
        read = rename_odds(json.loads(data))
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(read, dict):
        raise ValueError("it is not a conversation")
    made = read.pop("format", FORMAT)
    if isinstance(made, int) and made > FORMAT:
        raise ValueError("a newer version made it; update the assistant")
    text = json.dumps({**read, "id": key})
    try:
        found = _conversations.validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"{place[:80] or 'its text'} is not as it should be") from None
    for answer in (turn.answer for turn in found.turns if turn.answer is not None):
        cited = all(each.citations for each in answer.statements)
        if not cited or bool(answer.statements) != (answer.abstention is None):
            raise ValueError("it holds an answer without citations")
    return found


def _feedback(line: bytes) -> Feedback:
    """The feedback of a line. Raises `ValueError`."""
    text = json.dumps(rename_odds(json.loads(line)))
    return _feedbacks.validate_json(text, strict=True, extra="forbid")


def _refuse_foreign(path: Path) -> None:
    """Raise `ValueError` for what we did not write, before it is opened: it may be a pipe."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ValueError("it is no ordinary file")
    if path.suffix != ".json" or not _ID.fullmatch(path.stem):
        raise ValueError("it is not named as a conversation is")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("it is too large to be a conversation")


def _reason(error: Exception) -> str:
    return (error.strerror or "it cannot be read") if isinstance(error, OSError) else str(error)
