"""What is done to a conversation at a click, such as opening, editing, deleting it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from assistant.errors import ConversationMissing
from assistant.history import History
from assistant.page.keeping import Now, fresh, shown
from assistant.page.requests import Wish, key_of, number_of
from assistant.page.talk import Turns

Done = tuple[Turns, Now, str | None, str]
"""Turns, the conversation, what is put into the text box (None: nothing), what is told."""

_EDITING = "Editing question {}; what followed it goes once you ask. Escape, or Edit, leaves it."


def done(wish: Wish, turns: Turns, now: Now, history: History) -> Done:
    """Do what is wished for.

    Raises `ConversationMissing`, also for a wish that is none, `ConversationChanged`, and what
    else the history raises.
    """
    deed = _DEEDS.get(str(wish.get("do")))
    if deed is None:
        raise ConversationMissing
    return deed(wish, turns, now, history)


def _open(wish: Wish, _: Turns, __: Now, history: History) -> Done:
    found = history.read(key_of(wish))
    return shown(found), Now(found), None, ""


def _edit(wish: Wish, turns: Turns, now: Now, _: History) -> Done:
    at = number_of(wish, turns)
    if now.editing == at:
        return turns, replace(now, editing=None), "", ""
    return turns, replace(now, editing=at), turns[at].question, _EDITING.format(at + 1)


def _earlier(_: Wish, turns: Turns, now: Now, __: History) -> Done:
    return turns, replace(now, whole=True), None, ""


def _leave(_: Wish, turns: Turns, now: Now, __: History) -> Done:
    box = None if now.editing is None else ""
    return turns, replace(now, editing=None), box, ""


def _undo(_: Wish, turns: Turns, now: Now, history: History) -> Done:
    if not turns:
        return turns, now, None, ""
    kept, turns, at = fresh(history, turns, len(turns) - 1, now)
    if now.kept is not None and at:
        now = Now(history.save(kept.until(at)))
    elif now.kept is not None:
        history.remove(kept.id)
        now = Now()
    return turns[:at], now, turns[at].question, ""


def _rename(wish: Wish, turns: Turns, now: Now, history: History) -> Done:
    saved = history.rename(key_of(wish), str(wish.get("title", "")))
    if now.kept is None or now.kept.id != saved.id:
        return turns, now, None, ""
    return shown(saved), replace(now, kept=saved), None, ""


def _delete(wish: Wish, turns: Turns, now: Now, history: History) -> Done:
    key = key_of(wish)
    history.remove(key)
    is_here = now.kept is not None and now.kept.id == key
    return ((), Now(), None, "") if is_here else (turns, now, None, "")


_DEEDS: Mapping[str, Callable[[Wish, Turns, Now, History], Done]] = {
    "open": _open,
    "earlier": _earlier,
    "edit": _edit,
    "leave": _leave,
    "undo": _undo,
    "rename": _rename,
    "delete": _delete,
}
