"""How the sources look under their tab. Names and reasons are shown literally.

What stands under the tab "Sources": the documents, which of them answer, and how they change.

The list is HTML; what is done with it comes back through two text boxes that nobody sees, into
which `sources.js` writes. They are believed no more than any other input.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import quote

import gradio as gr

from assistant.errors import AssistantError
from assistant.library import MOST
from assistant.load.formats import FORMATS
from assistant.show import escape, plural
from assistant.types import Progress, Source, State
from assistant.web.chat import PLAIN, QUIET, Conversation, Parts, status, told
from assistant.web.queue import person

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
    State.SKIPPED: "skipped",
    State.UNAVAILABLE: "not available",
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
    told = f"{escape(what)}: {100 * done // total} %" if total else f"{escape(what)}…"
    value = f' value="{done}" max="{total}"' if total else ""
    return f'<div class="bar"><label>{told}<progress{value}></progress></label></div>'


def outcome(told: str) -> str:
    """What came of a sync, in a line."""
    return f'<p class="done" dir="auto">{escape(told.splitlines()[0])}</p>'


def scope(sources: Sequence[Source], unticked: frozenset[str]) -> str:
    """How many sources are to answer, where not all."""
    answering = [each.name for each in sources if each.passages]
    ticked = sum(name not in unticked for name in answering)
    if ticked == len(answering):
        return ""
    return f'<p class="scope">Answering from {ticked:,} of {plural(len(answering), "source")}</p>'


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
    name, key = escape(source), escape(quote(source, safe=""))
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
        plural(len(sources), "source"),
        plural(passages, "passage"),
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
    name, key = escape(source.name), escape(quote(source.name, safe=""))
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
    parts = [plural(source.passages, "passage")] if source.passages else []
    parts += [_size(source.size)] if source.size else []
    told = _WORDS.get(source.state)
    if source.reason:
        unavailable = source.state is State.UNAVAILABLE
        kind = "not available now, answers as it was" if unavailable else "skipped"
        told = f"{kind}: {escape(source.reason)}"
    return " · ".join([*parts, *([f'<span class="told">{told}</span>'] if told else [])])


def _size(size: int) -> str:
    """Bytes, as a person says them."""
    number, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.1f} {unit}" if unit != "bytes" and number < 10 else f"{number:.0f} {unit}"


Unticked = frozenset[str]
Shown = dict[Any, Any]
"""What an event changes: components, and their values."""
Step = tuple[str, int, int]
_BETWEEN = 0.2  # seconds between two looks at how far a sync is
_NOT_ALLOWED = "Only those who may change the sources can do that."


class Sources:
    """The components of the tab, and what their events do."""

    def __init__(self, parts: Parts, talk: Conversation) -> None:
        self._parts = parts
        self._talk = talk
        self._assistant = talk.assistant
        self._listed: Sequence[Source] = ()
        """As they were last seen; the same for everybody."""
        self._removed: Mapping[str, int] = {}
        hidden: dict[str, Any] = {"elem_classes": "channel", "container": False}
        self.adding = gr.Markdown(elem_id="adding", **PLAIN)
        self.progress = gr.Markdown(elem_id="progress", **PLAIN)
        self.words = gr.Textbox(
            elem_id="filter", label="Filter sources", show_label=False, visible=False,
            placeholder="Filter by name…", container=False, max_lines=1,
        )  # fmt: skip
        self.files = gr.Markdown(elem_id="files", **PLAIN)
        self.ticks = gr.Textbox(elem_id="ticks", label="Ticks", **hidden)
        self.deed = gr.Textbox(elem_id="deed", label="Deed", **hidden)

    @property
    def outputs(self) -> list[Any]:
        """What an event may change."""
        parts = self._parts
        mine = [self.adding, self.progress, self.words, self.files]
        return [*mine, parts.scope, parts.status, parts.header, parts.chat, parts.sync]

    def welcome(self, unticked: Unticked, request: gr.Request) -> Shown:
        """The list, and for those who may change it what they need for that."""
        may_change = person(request).may_change
        form = adding(self._assistant.settings.file_bytes) if may_change else ""
        shown = {self.adding: form, self._parts.sync: gr.update(visible=may_change)}
        return shown | self._look(unticked, "", request)

    def find(self, words: str | None, unticked: Unticked, request: gr.Request) -> str:
        """The list, of what has the words in its name."""
        may_change = person(request).may_change
        return listing(self._listed, self._removed, unticked, words or "", may_change=may_change)

    def tick(self, message: str, unticked: Unticked) -> tuple[Unticked, str]:
        """Note which sources are to answer."""
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            unticked = self._chosen(json.loads(message), unticked)
        return unticked, scope(self._listed, unticked)

    def do(
        self, message: str, unticked: Unticked, words: str | None, request: gr.Request
    ) -> Iterator[Shown]:
        """What a button of the list asks for."""
        try:
            asked = json.loads(message)
            deed, source = asked["do"], str(asked.get("source"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        deeds: Mapping[object, Callable[[Progress], object]] = {
            "remove": partial(self._remove, source),
            "restore": partial(self._restore, source),
            "rebuild": lambda progress: self._assistant.sync(rebuild=True, progress=progress),
            "sync": lambda progress: self._assistant.sync(progress=progress),
        }
        if isinstance(deed, str) and deed in deeds:
            yield from self._done(deeds[deed], unticked, words, request)

    def sync(self, unticked: Unticked, words: str | None, request: gr.Request) -> Iterator[Shown]:
        """Read the folder again."""
        yield from self.do('{"do": "sync"}', unticked, words, request)

    def _done(
        self,
        deed: Callable[[Progress], object],
        unticked: Unticked,
        words: str | None,
        request: gr.Request,
    ) -> Iterator[Shown]:
        """Do it with a bar, and show what came of it, if this person may."""
        if not person(request).may_change:
            yield {self._parts.status: status(_NOT_ALLOWED)}
            return
        result: list[object] = []
        try:
            yield {self._parts.status: status("Reading the folder…")}
            for step in _steps(deed, result):
                yield {self.progress: bar(*step)}
            done = f"Ready. {result[0]}"
        except Exception as error:
            done = told(error)
        header, chat = self._talk.welcome()
        welcome = {self._parts.header: header, self._parts.chat: chat}
        ended = {self.progress: outcome(done), self._parts.status: status(done)}
        yield welcome | ended | self._look(unticked, words, request)

    def _look(self, unticked: Unticked, words: str | None, request: gr.Request) -> Shown:
        """The list, as the folder is now."""
        try:
            self._listed = self._assistant.sources()
            self._removed = self._assistant.library.removed()
        except Exception as error:
            return {self.files: f'<p class="more">{escape(told(error))}</p>'}
        return {
            self.files: self.find(words, unticked, request),
            self.words: gr.update(visible=len(self._listed) + len(self._removed) >= MANY),
            self._parts.scope: scope(self._listed, unticked),
        }

    def _remove(self, source: str, progress: Progress) -> str:
        kept = self._assistant.library.remove(source)
        where = kept.relative_to(self._assistant.settings.home).as_posix()
        removed = f"“{source}” was removed; it is kept as {where}"
        return self._followed(removed, "until", progress)

    def _restore(self, name: str, progress: Progress) -> str:
        source = self._assistant.library.restore(name)
        return self._followed(f"“{source}” was restored", "after", progress)

    def _followed(self, done: str, when: str, progress: Progress) -> str:
        """What was done to the folder, and that the index follows it."""
        try:
            return f"{done}\n{self._assistant.sync(progress=progress)}"
        except AssistantError as error:
            return f"{done}, and answers {when} the next sync: {error}"

    def _chosen(self, message: Mapping[str, Any], unticked: Unticked) -> Unticked:
        """The choice after what was ticked: all or none, then single ones."""
        names = frozenset(each.name for each in self._listed)
        if message.get("every") in ("all", "none"):
            unticked = names if message["every"] == "none" else frozenset()
        told: dict[str, object] = message["ticks"]
        ticked = {name for name, on in told.items() if on}
        return ((unticked | told.keys()) - ticked) & names


def place(page: gr.Blocks, parts: Parts, talk: Conversation) -> None:
    """Make the components under the tab, and tie them to their events."""
    here = Sources(parts, talk)
    unticked, words = parts.unticked, here.words
    one: dict[str, Any] = QUIET | {"concurrency_limit": 1}
    deeds: dict[str, Any] = one | {"concurrency_id": "sources", "trigger_mode": "multiple"}
    page.load(here.welcome, unticked, here.outputs, **QUIET)
    words.input(here.find, [words, unticked], here.files, trigger_mode="always_last", **QUIET)
    here.ticks.change(
        here.tick, [here.ticks, unticked], [unticked, parts.scope], trigger_mode="multiple", **one
    )
    here.deed.change(here.do, [here.deed, unticked, words], here.outputs, **deeds)
    parts.sync.click(here.sync, [unticked, words], here.outputs, **deeds)


def _steps(deed: Callable[[Progress], object], result: list[object]) -> Iterator[Step]:
    """How far the deed is, from time to time; at its end `result` holds what came of it."""
    steps: SimpleQueue[Step] = SimpleQueue()
    with ThreadPoolExecutor(1, "deed") as pool:
        done = pool.submit(deed, lambda what, done, total: steps.put((what, done, total)))
        while not done.done():
            with suppress(Empty):
                step = steps.get(timeout=_BETWEEN)
                while not steps.empty():
                    step = steps.get()
                yield step
        result.append(done.result())
