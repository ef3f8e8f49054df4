"""The tab "Sources": the documents, which of them answer, how they change, and uploads.

The list is HTML; what is done with it comes back through two hidden text boxes, into which
`sources.js` writes, and is believed no more than any other input. Files are uploaded one a request,
as its body: Gradio's own upload serves the folder of what it is sent, here nobody else may read it.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import gradio as gr
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from assistant.assistant import Assistant
from assistant.errors import AssistantError, RemovalRefused
from assistant.library import MOST
from assistant.load.formats import FORMATS
from assistant.show import escape, plural
from assistant.types import Progress, Source, State
from assistant.web.actions import Command, parse_command
from assistant.web.auth import person_of
from assistant.web.chat import (
    NO_FORMULAS,
    PRIVATE,
    Chat,
    Components,
    Unticked,
    error_message,
    status,
)
from assistant.web.security import UPLOAD

MAX_LISTED = 300
"""Sources in the list at a time: more would make the page slow, and are found by the filter."""
MAX_REMOVED = 20  # the same of what was removed
_STATES = {
    State.NEW: ("new", "new: sync to ask it"),
    State.CHANGED: ("changed", "changed since it was indexed: sync to ask it as it is"),
    State.REMOVED: ("gone", "no longer in the folder: answers until a sync"),
    State.SKIPPED: ("skipped", "skipped: "),
    State.UNAVAILABLE: ("not available", "not available now, answers as it was: "),
}
"""How sources are counted, and the note on one, before the reason if there is one."""


def render_list(
    sources: Sequence[Source],
    removed: Mapping[str, int],
    unticked: Unticked,
    words: str,
    *,
    may_change: bool,
) -> str:
    """The sources whose names have the words, and what was `removed` (bytes by name), as HTML."""
    found = [each for each in sources if _matches(each.name, words)]
    rows = "".join(
        _row(each, ticked=each.name not in unticked, may_change=may_change)
        for each in found[:MAX_LISTED]
    )
    more = _more(len(found) - MAX_LISTED)
    if not found:
        empty = "There are no documents yet." + " Add some to ask them." * may_change
        more = f'<p class="more">{"No source is called that." if sources else empty}</p>'
    below = (
        '<div class="foot"><button type="button" class="sync">Sync folder</button> '
        '<button type="button" class="rebuild">Rebuild index…</button></div>'
        + _removed(removed, words)
    )
    return (
        f'<div class="source-list">{_head(sources)}<ul class="files">{rows}</ul>{more}'
        f"{below if may_change else ''}</div>"
    )


def _head(sources: Sequence[Source]) -> str:
    states = Counter(each.state for each in sources)
    parts = [
        plural(len(sources), "source"),
        plural(sum(each.passages for each in sources), "passage"),
        _size(sum(each.size for each in sources)),
        *(f"{states[state]:,} {word}" for state, (word, _) in _STATES.items() if states[state]),
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
    if source.state in (State.INDEXED, State.NEW, State.CHANGED):
        shown = f'<a class="name" href="#read?source={key}" dir="auto">{name}</a>'
    parts = [plural(source.passages, "passage")] if source.passages else []
    parts += [_size(source.size)] if source.size else []
    if source.state in _STATES:
        note = _STATES[source.state][1] + escape(source.reason)
        parts.append(f'<span class="told">{note}</span>')
    remove = _button("remove", "Remove", source.name) if may_change and source.size else ""
    return (
        f'<li class="file {source.state}"><label class="pick">'
        f'<input type="checkbox" class="answers" value="{key}"{tick}>'
        f'<span class="unseen">Answer from {name}</span></label>'
        f'<div class="about">{shown}<p>{" · ".join(parts)}</p></div>{remove}</li>'
    )


def _removed(removed: Mapping[str, int], words: str) -> str:
    """What was removed, each with a button that restores it."""
    found = [name for name in removed if _matches(name, words)]
    rows = "".join(
        f'<li class="kept"><div class="about"><span class="name" dir="auto">{escape(name)}</span>'
        f"<p>{_size(removed[name])}</p></div>{_button('restore', 'Restore', name)}</li>"
        for name in found[:MAX_REMOVED]
    )
    more = _more(len(found) - MAX_REMOVED)
    return f'<h3 class="away">Removed</h3><ul class="files">{rows}</ul>{more}' if found else ""


def _button(kind: str, label: str, name: str) -> str:
    return (
        f'<button type="button" class="{kind}" value="{escape(quote(name, safe=""))}">{label}'
        f'<span class="unseen"> {escape(name)}</span></button>'
    )


def _more(over: int) -> str:
    return f'<p class="more">and {over:,} more: filter to see them</p>' if over > 0 else ""


def _matches(name: str, words: str) -> bool:
    return all(word in name.casefold() for word in words.casefold().split())


def _size(size: int) -> str:
    """Bytes, as a person says them."""
    number, unit = float(size), "bytes"
    for larger in ("kB", "MB", "GB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.1f} {unit}" if unit != "bytes" and number < 10 else f"{number:.0f} {unit}"


def _render_scope(sources: Sequence[Source], unticked: Unticked) -> str:
    """How many sources are to answer, where not all."""
    answering = [each.name for each in sources if each.passages]
    ticked = sum(name not in unticked for name in answering)
    if ticked == len(answering):
        return ""
    return f'<p class="scope">Answering from {ticked:,} of {plural(len(answering), "source")}</p>'


Changed = dict[Any, Any]
"""What an event changes: components, and their values."""


class SourcesTab:
    """The components of the tab, and what their events do."""

    def __init__(self, parts: Components, chat: Chat) -> None:
        self._parts = parts
        self._chat = chat
        self._assistant = chat.assistant
        self._listed: Sequence[Source] = ()
        """As they were last listed; the same for everybody."""
        self._removed: Mapping[str, int] = {}
        self.adding = gr.Markdown(elem_id="adding", **NO_FORMULAS)
        self.progress = gr.Markdown(elem_id="progress", **NO_FORMULAS)
        self.words = gr.Textbox(
            elem_id="filter", label="Filter sources", show_label=False, visible=False,
            placeholder="Filter by name…", container=False, max_lines=1,
        )  # fmt: skip
        self.files = gr.Markdown(elem_id="files", **NO_FORMULAS)
        self.ticks = gr.Textbox(
            elem_id="ticks", label="Ticks", elem_classes="channel", container=False
        )

    def bind(self, page: gr.Blocks) -> None:
        """Tie the components to their events."""
        parts, unticked, words = self._parts, self._parts.unticked, self.words
        outputs = [
            *(self.adding, self.progress, words, self.files),
            *(parts.scope, parts.status, parts.header, parts.chat),
        ]
        one: dict[str, Any] = PRIVATE | {"concurrency_limit": 1}
        each: dict[str, Any] = {"trigger_mode": "multiple"}
        changing: dict[str, Any] = one | each | {"concurrency_id": "sources"}
        page.load(self.welcome, unticked, outputs, **PRIVATE)
        words.input(self.find, [words, unticked], self.files, trigger_mode="always_last", **PRIVATE)
        ticked = [unticked, parts.scope]
        self.ticks.change(self.tick, [self.ticks, unticked], ticked, **each, **one)
        parts.command.change(self.run, [parts.command, unticked, words], outputs, **changing)
        sync = gr.State('{"do": "sync"}')
        parts.sync.click(self.run, [sync, unticked, words], outputs, **changing)

    def welcome(self, unticked: Unticked, request: gr.Request) -> Changed:
        """The list, and for those who may change it what they need for that."""
        may_change = person_of(request.request).may_change
        limit, kinds = self._assistant.settings.file_bytes, ",".join(FORMATS)
        adding = (  # sources.js reads the limits from the button
            f'<div class="drop"><button type="button" class="add" value="{MOST} {limit} {kinds}">'
            f"Add files…</button><span>or drop them here: up to {MOST} files of "
            f"{limit / 2**20:g} MB each</span></div>"
        )
        return {self.adding: adding if may_change else ""} | self._list(unticked, "", request)

    def find(self, words: str | None, unticked: Unticked, request: gr.Request) -> str:
        """The list of the sources that have the words in their name."""
        may_change = person_of(request.request).may_change
        return render_list(
            self._listed, self._removed, unticked, words or "", may_change=may_change
        )

    def tick(self, message: str, unticked: Unticked) -> tuple[Unticked, str]:
        """Note which sources are to answer: all or none, then single ones."""
        names = frozenset(each.name for each in self._listed)
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            sent = json.loads(message)
            ticks: dict[str, object] = sent["ticks"]
            every = {"all": frozenset[str](), "none": names}.get(sent.get("every"), unticked)
            ticked = {name for name, on in ticks.items() if on}
            unticked = ((every | ticks.keys()) - ticked) & names
        return unticked, _render_scope(self._listed, unticked)

    def run(
        self, message: str, unticked: Unticked, words: str | None, request: gr.Request
    ) -> Iterator[Changed]:
        """Run the command of a button with a bar, and show what came of it, if it is allowed."""
        command = parse_command(message)
        if command.get("do") not in ("remove", "restore", "sync", "rebuild", "leave"):
            return
        if not person_of(request.request).may_change:
            yield {self._parts.status: status("Only those who may change the sources can do that.")}
            return
        try:
            yield {self._parts.status: status("Reading the folder…")}
            result = yield from self._with_bar(command)
            ended = self._ended(f"Ready. {result}")
        except RemovalRefused as refused:
            question = (
                f'<div class="removal"><p>{refused.removed:,} of '
                f"{plural(refused.total, 'document')} are not in the folder any more. Remove them "
                f'from the index?</p> <button type="button" class="confirm" '
                f'value="{command["do"]}">Remove them</button> '
                '<button type="button" class="confirm" value="">Leave them</button></div>'
            )
            ended = {self.progress: question, self._parts.status: question}
        except Exception as error:
            ended = self._ended(error_message(error))
        header, chat = self._chat.welcome()
        welcome = {self._parts.header: header, self._parts.chat: chat}
        yield welcome | ended | self._list(unticked, words, request)

    def _ended(self, message: str) -> Changed:
        first = f'<p class="done" dir="auto">{escape(message.splitlines()[0])}</p>'
        return {self.progress: first, self._parts.status: status(message)}

    def _list(self, unticked: Unticked, words: str | None, request: gr.Request) -> Changed:
        """The list, as the folder is now."""
        try:
            self._listed = self._assistant.sources()
            self._removed = self._assistant.library.removed()
        except Exception as error:
            return {self.files: f'<p class="more">{escape(error_message(error))}</p>'}
        return {
            self.files: self.find(words, unticked, request),
            self.words: gr.update(visible=len(self._listed) + len(self._removed) >= 12),
            self._parts.scope: _render_scope(self._listed, unticked),
        }

    def _with_bar(self, command: Command) -> Generator[Changed, None, object]:
        """Do what the command says, showing now and then how far it is; returns what came of it."""
        latest: deque[tuple[str, int, int]] = deque(maxlen=1)
        with ThreadPoolExecutor(1, "sync") as pool:
            running = pool.submit(self._do, command, lambda *step: latest.append(step))
            while wait([running], timeout=0.2).not_done:
                if latest:
                    what, done, total = latest.pop()
                    label = escape(what) + (f": {100 * done // total} %" if total else "…")
                    value = f' value="{done}" max="{total}"' if total else ""
                    bar = f"<label>{label}<progress{value}></progress></label>"
                    yield {self.progress: f'<div class="bar">{bar}</div>'}
            return running.result()

    def _do(self, command: Command, progress: Progress) -> object:
        """What came of the command; after a change of the folder the index follows it."""
        do, source, library = command["do"], str(command.get("source")), self._assistant.library
        if do == "leave":
            return "The index was left as it is."
        if do in ("sync", "rebuild"):
            many = command.get("confirmed") is True
            return self._assistant.sync(
                rebuild=do == "rebuild", remove_many=many, progress=progress
            )
        if do == "remove":
            kept = library.remove(source).relative_to(self._assistant.settings.home)
            done, when = f"“{source}” was removed; it is kept as {kept.as_posix()}", "until"
        else:
            done, when = f"“{library.restore(source)}” was restored", "after"
        try:
            return f"{done}\n{self._assistant.sync(progress=progress)}"
        except AssistantError as error:
            return f"{done}, and answers {when} the next sync: {error}"


def upload_route(assistant: Assistant) -> Route:
    """Where the page sends files. Gradio's own upload under that name is never reached.

    `security` checks the length that is said, and here what comes is counted.
    """
    checking = asyncio.Semaphore(2)  # at once; each may take a gigabyte for some seconds

    async def upload(request: Request) -> Response:
        if not person_of(request).may_change:
            return PlainTextResponse("Refused: this account may ask, and change nothing.", 403)
        # No form on another site can send this type.
        if request.headers.get("content-type") != "application/octet-stream":
            return PlainTextResponse("Refused: a file is sent by the page, as it is.", 403)
        with TemporaryDirectory(prefix="assistant-upload-") as folder:  # mode 0700
            path = Path(folder) / "file"
            try:
                with path.open("xb") as file:
                    async for part in request.stream():
                        await asyncio.to_thread(file.write, part)
                        if file.tell() > assistant.settings.file_bytes:
                            return PlainTextResponse("Refused: the file is too large.", 413)
                async with checking:
                    name = request.query_params.get("name", "")
                    added = await asyncio.to_thread(assistant.library.add, path, name)
            except ClientDisconnect:
                return PlainTextResponse("Refused: the file came in part.", 413)
            except Exception as error:
                return JSONResponse({"message": error_message(error), "stored": False})
        # One that was there already may still have to be indexed.
        return JSONResponse({"message": str(added), "stored": True})

    return Route(UPLOAD, upload, methods=["POST"])
