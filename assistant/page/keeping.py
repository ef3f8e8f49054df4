"""Keeping what is said: each turn once, however its answer ends, and nothing of another window."""

from dataclasses import dataclass, replace
from secrets import token_hex

from assistant.errors import ConversationChanged
from assistant.history import Conversation, History, Thumb
from assistant.history import Turn as KeptTurn
from assistant.page.talk import Turn, Turns, told

_TWO_WINDOWS = "This conversation went on in another window too; here is all of it."


@dataclass(frozen=True, slots=True)
class Now:
    """Which conversation stands in the chat, as it was last saved, and what is done to it."""

    kept: Conversation | None = None
    """None: one of which nothing was asked yet."""
    editing: int | None = None
    """The turn whose question is being edited."""
    run: str = ""
    """The answer that is coming, if one is."""
    whole: bool = False
    """Whether all its turns are drawn, not the last ones alone."""


@dataclass(frozen=True, slots=True)
class Running:
    """An answer that is coming: where it will be kept, and after which turns."""

    history: History
    kept: Conversation
    before: Turns


class Keeper:
    """Keeps the answers that are coming, once they came or were left."""

    def __init__(self) -> None:
        self._running: dict[str, Running] = {}

    def begin(self, running: Running) -> str:
        """Await an answer; returns the name by which it is settled."""
        run = token_hex(8)
        self._running[run] = running
        return run

    def left(self, turns: Turns, now: Now) -> tuple[Turns, Now, str]:
        """The conversation at rest: an answer that is coming stays as far as it came."""
        return self.settled(_stopped(turns), now) if now.run else (turns, now, "")

    def settled(self, turns: Turns, now: Now) -> tuple[Turns, Now, str]:
        """Keep the last turn, once: whoever comes first, the one who stops it or the answer."""
        running = self._running.pop(now.run, None)
        still = replace(now, run="")
        if running is None or len(turns) == len(running.before):
            return turns, still, ""
        *before, last = map(_kept, turns)
        kept = replace(running.kept.until(len(before)), turns=tuple(before)).and_then(last)
        try:
            return turns, Now(running.history.save(kept)), ""
        except ConversationChanged:
            return _added(running.history, kept.id, last, turns)
        except Exception as error:
            return turns, still, told(error)


def fresh(history: History, turns: Turns, at: int, now: Now) -> tuple[Conversation, Turns, int]:
    """The conversation as it is by now, its turns, and after how many of them it goes on.

    Raises `ConversationChanged` where some would be cut that nobody here has seen.
    """
    if now.kept is None:
        return Conversation.begin(), turns, at
    found = history.read(now.kept.id)
    if found.revision == now.kept.revision:
        return found, turns, at
    if at < len(turns):
        raise ConversationChanged
    return found, shown(found), len(found.turns)


def _added(history: History, key: str, last: KeptTurn, turns: Turns) -> tuple[Turns, Now, str]:
    """The last turn at the end of what another window made of the conversation meanwhile."""
    try:
        found = history.add(key, last)
    except Exception as error:
        return turns, Now(), told(error)
    return shown(found), Now(found), _TWO_WINDOWS


def _kept(turn: Turn) -> KeptTurn:
    return KeptTurn(turn.question, turn.answer, turn.remark or "Stopped." * turn.reading)


def shown(found: Conversation) -> Turns:
    """The turns of a conversation as the page has them."""
    return tuple(Turn(turn.question, turn.answer, turn.remark, False) for turn in found.turns)


def thumbed(history: History, turns: Turns) -> Turns:
    """The turns with what their person thinks of each answer."""
    thumbs = history.thumbs([(turn.question, turn.answer) for turn in turns])
    return tuple(
        replace(turn, thumb="" if thumb is Thumb.NONE else thumb.value)
        for turn, thumb in zip(turns, thumbs, strict=True)
    )


def _stopped(turns: Turns) -> Turns:
    """The turns, of which the last is not being answered any more."""
    if not turns or not turns[-1].reading:
        return turns
    return (*turns[:-1], replace(turns[-1], remark="Stopped.", reading=False))
