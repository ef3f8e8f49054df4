"""What stands under the tab "Sources": the documents, which of them answer, and how they change.

The list is HTML; what is done with it comes back through two text boxes that nobody sees, into
which `sources.js` writes. They are believed no more than any other input.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import gradio as gr

from assistant import show
from assistant.errors import AssistantError
from assistant.page import shelf
from assistant.page.parts import PLAIN, QUIET, Parts
from assistant.page.person import person
from assistant.page.talk import Conversation, status, told
from assistant.progress import Progress
from assistant.types import Source

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
        adding = shelf.adding(self._assistant.settings.file_bytes) if may_change else ""
        shown = {self.adding: adding, self._parts.sync: gr.update(visible=may_change)}
        return shown | self._look(unticked, "", request)

    def find(self, words: str | None, unticked: Unticked, request: gr.Request) -> str:
        """The list, of what has the words in its name."""
        may_change = person(request).may_change
        return shelf.listing(
            self._listed, self._removed, unticked, words or "", may_change=may_change
        )

    def tick(self, message: str, unticked: Unticked) -> tuple[Unticked, str]:
        """Note which sources are to answer."""
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            unticked = self._chosen(json.loads(message), unticked)
        return unticked, shelf.scope(self._listed, unticked)

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
            "rebuild": lambda progress: self._assistant.sync(anew=True, progress=progress),
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
                yield {self.progress: shelf.bar(*step)}
            done = f"Ready. {result[0]}"
        except Exception as error:
            done = told(error)
        header, chat = self._talk.welcome()
        welcome = {self._parts.header: header, self._parts.chat: chat}
        ended = {self.progress: shelf.outcome(done), self._parts.status: status(done)}
        yield welcome | ended | self._look(unticked, words, request)

    def _look(self, unticked: Unticked, words: str | None, request: gr.Request) -> Shown:
        """The list, as the folder is now."""
        try:
            self._listed = self._assistant.sources()
            self._removed = self._assistant.library.removed()
        except Exception as error:
            return {self.files: f'<p class="more">{show.escape(told(error))}</p>'}
        return {
            self.files: self.find(words, unticked, request),
            self.words: gr.update(visible=len(self._listed) + len(self._removed) >= shelf.MANY),
            self._parts.scope: shelf.scope(self._listed, unticked),
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
