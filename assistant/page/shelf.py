"""How the sources look under their tab. Names and reasons are shown literally."""

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from assistant import show
from assistant.library import MOST
from assistant.load.formats import FORMATS
from assistant.types import Source, State

SHOWN = 300
"""Sources in the list at a time: more would make the page slow, and are found by the filter."""
REMOVED = 20
"""The same of what was removed."""
MANY = 12
"""From so many sources on there is a filter."""
_BUTTONS = (
    '<div class="foot"><button type="button" class="sync">Sync folder</button> '
    '<button type="button" class="rebuild">Rebuild index…</button></div>'
)
_READABLE = (State.INDEXED, State.NEW, State.CHANGED)
_WORDS = {
    State.NEW: "new: sync to ask it",
    State.CHANGED: "changed since it was indexed: sync to ask it as it is",
    State.REMOVED: "no longer in the folder: answers until a sync",
}
_COUNTED = {State.NEW: "new", State.CHANGED: "changed", State.REMOVED: "gone"} | {
    State.SKIPPED: "skipped"
}


def listing(
    sources: Sequence[Source],
    removed: Mapping[str, int],
    unticked: frozenset[str],
    words: str,
    *,
    may_change: bool,
) -> str:
    """The list, of what has the words in its name. One line of HTML.

    Under it is what was `removed` (bytes by name), for those who may restore it.
    """
    found = [each for each in sources if _is_called(each.name, words)]
    rows = "".join(
        _row(each, ticked=each.name not in unticked, may_change=may_change)
        for each in found[:SHOWN]
    )
    over = len(found) - SHOWN
    more = f"and {over:,} more: filter to see them" if over > 0 else ""
    more = more or ("" if found else "No source is called that." if sources else _empty(may_change))
    more = more and f'<p class="more">{more}</p>'
    below = _BUTTONS + _removed(removed, words) if may_change else ""
    return f'<div class="shelf">{_head(sources)}<ul class="files">{rows}</ul>{more}{below}</div>'


def adding(file_bytes: int) -> str:
    """Where files are added. `sources.js` reads the limits from the button."""
    kinds = ",".join(FORMATS)
    most = f"up to {MOST} files of {file_bytes / 2**20:g} MB each"
    return (
        f'<div class="drop"><button type="button" class="add" value="{MOST} {file_bytes} {kinds}">'
        f"Add files…</button><span>or drop them here: {most}</span></div>"
    )


def bar(what: str, done: int, total: int) -> str:
    """How far a sync is."""
    told = f"{show.escape(what)}: {100 * done // total} %" if total else f"{show.escape(what)}…"
    value = f' value="{done}" max="{total}"' if total else ""
    return f'<div class="bar"><label>{told}<progress{value}></progress></label></div>'


def outcome(told: str) -> str:
    """What came of a sync, in a line."""
    return f'<p class="done" dir="auto">{show.escape(told.splitlines()[0])}</p>'


def scope(sources: Sequence[Source], unticked: frozenset[str]) -> str:
    """How many sources are to answer, where not all."""
    answering = [each.name for each in sources if each.passages]
    ticked = sum(name not in unticked for name in answering)
    if ticked == len(answering):
        return ""
    return (
        f'<p class="scope">Answering from {ticked:,} of {show.plural(len(answering), "source")}</p>'
    )


def _is_called(name: str, words: str) -> bool:
    return all(word in name.casefold() for word in words.casefold().split())


def _removed(removed: Mapping[str, int], words: str) -> str:
    """What was removed, each with a button that restores it."""
    found = [name for name in removed if _is_called(name, words)]
    rows = "".join(_removed_row(name, removed[name]) for name in found[:REMOVED])
    over = len(found) - REMOVED
    more = f'<p class="more">and {over:,} more: filter to see them</p>' if over > 0 else ""
    return f'<h3 class="away">Removed</h3><ul class="files">{rows}</ul>{more}' if found else ""


def _removed_row(source: str, size: int) -> str:
    name, key = show.escape(source), show.escape(quote(source, safe=""))
    return (
        f'<li class="kept"><div class="about"><span class="name" dir="auto">{name}</span>'
        f'<p>{_size(size)}</p></div><button type="button" class="restore" value="{key}">Restore'
        f'<span class="unseen"> {name}</span></button></li>'
    )


def _empty(may_change: bool) -> str:
    return "There are no documents yet." + (" Add some to ask them." if may_change else "")


def _head(sources: Sequence[Source]) -> str:
    passages = sum(each.passages for each in sources)
    size = sum(each.size for each in sources)
    states = Counter(each.state for each in sources)
    parts = [
        show.plural(len(sources), "source"),
        show.plural(passages, "passage"),
        _size(size),
        *(f"{states[state]:,} {word}" for state, word in _COUNTED.items() if states[state]),
    ]
    ticks = ""
    if sum(each.passages > 0 for each in sources) > 1:
        ticks = (
            '<div class="all"><span>Answer from</span> '
            '<button type="button" class="every" value="all">all</button> '
            '<button type="button" class="every" value="none">none</button></div>'
        )
    return f'<div class="head"><p>{" · ".join(parts)}</p>{ticks}</div>'


def _row(source: Source, *, ticked: bool, may_change: bool) -> str:
    name, key = show.escape(source.name), show.escape(quote(source.name, safe=""))
    tick = " checked" if ticked and source.passages else "" if source.passages else " disabled"
    shown = f'<span class="name" dir="auto">{name}</span>'
    if source.state in _READABLE:
        shown = f'<a class="name" href="#read?source={key}" dir="auto">{name}</a>'
    remove = ""
    if may_change and source.size:
        remove = (
            f'<button type="button" class="remove" value="{key}">Remove'
            f'<span class="unseen"> {name}</span></button>'
        )
    return (
        f'<li class="file {source.state}"><label class="pick">'
        f'<input type="checkbox" class="answers" value="{key}"{tick}>'
        f'<span class="unseen">Answer from {name}</span></label>'
        f'<div class="about">{shown}<p>{_state(source)}</p></div>{remove}</li>'
    )


def _state(source: Source) -> str:
    parts = [show.plural(source.passages, "passage")] if source.passages else []
    parts += [_size(source.size)] if source.size else []
    told = f"skipped: {show.escape(source.reason)}" if source.reason else _WORDS.get(source.state)
    return " · ".join([*parts, *([f'<span class="told">{told}</span>'] if told else [])])


def _size(size: int) -> str:
    """Bytes, as a person says them."""
    number, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.1f} {unit}" if unit != "bytes" and number < 10 else f"{number:.0f} {unit}"
