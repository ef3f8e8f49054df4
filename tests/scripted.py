"""A small scripted assistant for the page, and how a browser speaks with it."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from assistant.cite import disagreement
from assistant.errors import AssistantError, IndexDamaged, QuestionRefused
from assistant.types import (
    Abstention,
    Answer,
    Citation,
    Document,
    Hit,
    Passage,
    Progress,
    Section,
    Source,
    Span,
    State,
    Statement,
    SyncReport,
    silent,
)

if TYPE_CHECKING:
    from gradio import Blocks
    from playwright.sync_api import Page

    from assistant.assistant import Assistant

TEXT = """# Visit

Li Qiang met Roman Golovchenko in Minsk. They spoke about trade & energy for a long while,
and signed *four* papers. “We agree,” Li said.

Trade reached $8.4 billion. It may grow."""
DIGEST = "00" * 32
QUOTES = (
    "Li Qiang met Roman Golovchenko in Minsk.",
    "They spoke about trade & energy for a long while,\nand signed *four* papers.",
    "Trade reached $8.4 billion.",
)


def cited(text: str, quote: str, source: str = "visit.md", heading: str = "Visit") -> Citation:
    sentence = Span(50 + text.index(quote), 50 + text.index(quote) + len(quote))
    first = Span(50 + text.index("Li Qiang"), sentence.end) if "Li Qiang" in text else sentence
    found = Passage(source, 50, 50 + len(text), text, (first,), heading, heading)
    return Citation(source, DIGEST, *sentence, quote, found)


@dataclass
class ScriptedAssistant:
    """Says the sentences in order, or what the question's first word asks it to do."""

    settings: Any = field(
        default_factory=lambda: SimpleNamespace(knowledge=Path("/knowledge"), file_bytes=10**6)
    )
    library: Any = field(default_factory=lambda: SimpleNamespace(removed=dict))
    histories: list[Sequence[str | Answer]] = field(default_factory=list)
    chips: list[str] = field(default_factory=lambda: ["What is this about?", "Who met in Minsk?"])
    go_on: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    """Set at the end of each answer, however it ends."""
    syncs: int = 0
    hostile: str = ""
    sha256: str = DIGEST
    """Of the files as they are now."""
    preface: str = "-" * 49 + "\n"
    """What stands in each file before the text that is cited."""
    text: str = ""
    """What stands in each file instead of it."""
    notice: str = ""
    confidence: float = 0.9

    def stream(
        self,
        question: str,
        *,
        history: Sequence[str | Answer] = (),
        sources: Sequence[str] | None = None,
    ) -> Iterator[Statement | Answer]:
        self.histories.append(history)
        try:
            yield from self.said(question)
        finally:
            self.closed.set()

    def said(self, question: str) -> Iterator[Statement | Answer]:
        match question.split()[:1]:
            case []:
                raise QuestionRefused("Ask something first.")
            case ["damaged"]:
                raise IndexDamaged(Path("/index"), "it is <b>torn</b>")
            case ["broken"]:
                raise RuntimeError("a secret")
            case ["unknown"]:
                closest = tuple(Hit(cited(TEXT, quote).passage, 0.5) for quote in QUOTES[:2])
                yield Answer(question, abstention=Abstention.DOES_NOT_SAY, closest=closest)
            case ["slow"]:
                yield Statement("The first.", (cited(TEXT, QUOTES[0]),))
                self.go_on.wait(60)
                yield Answer(question, (Statement("The first.", (cited(TEXT, QUOTES[0]),)),))
            case ["hostile"]:
                bad = cited(f"Before. {self.hostile} After.", self.hostile, *[self.hostile] * 2)
                said = Statement(self.hostile, (bad,))
                yield said
                other = replace(bad, source=f"other {self.hostile}")
                both = (said, Statement(self.hostile, (other,)))
                told = (self.hostile, disagreement(bad, other))
                yield Answer(question, both, notices=told, standalone=self.hostile)
            case ["hostilely"]:
                near = cited(f"{self.hostile} After.", self.hostile, *[self.hostile] * 2).passage
                yield Answer(question, abstention=Abstention.DOES_NOT_SAY, closest=(Hit(near, 1),))
            case ["conflict"]:
                one, other = (cited(TEXT, QUOTES[2], name) for name in ("a.md", "b.md"))
                both = (Statement(one.quote, (one,)), Statement(other.quote, (other,)))
                yield Answer(question, both, notices=(disagreement(one, other),))
            case _:
                said_all = tuple(Statement(quote, (cited(TEXT, quote),)) for quote in QUOTES)
                yield from said_all
                yield Answer(question, said_all, confidence=self.confidence)

    def read(self, source: str) -> Document:
        if source == "gone.md" or self.text == "gone":
            raise AssistantError(f"{source} is not there.")
        hostile = source not in ("visit.md", "a.md", "b.md")
        body = self.text or (f"Before. {self.hostile} After." if hostile else TEXT)
        text = self.preface + body
        begin = len(self.preface)
        sections = (Section(0, 0, begin), Section(begin, begin, len(text), "Visit", number=2))
        title = self.hostile if hostile else ""
        return Document(source, text, self.sha256, sections, title)

    def ask(self, question: str, *, history: Sequence[str | Answer] = ()) -> Answer:
        raise NotImplementedError

    def sources(self) -> tuple[Source, ...]:
        return (Source("visit.md", State.INDEXED, 300, 12),)

    def answering(self) -> tuple[str, ...]:
        return ("visit.md",)

    def sync(
        self, *, rebuild: bool = False, remove_many: bool = False, progress: Progress = silent
    ) -> SyncReport:
        self.syncs += 1
        if self.hostile:
            raise AssistantError(self.hostile)
        return SyncReport(added=("new.md",), passages=13, embedded=1, seconds=0.5)

    def examples(self, count: int = 4) -> list[str]:
        return self.chips[:count]

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(documents=("visit.md",), passages=12)


@contextmanager
def serving(
    assistant: object,
    host: str = "127.0.0.1",
    *,
    port: int = 0,
    auth: bool = False,
    address: str = "",
) -> Iterator["Blocks"]:
    """The page over an assistant, at a free port unless one is named."""
    from assistant.web import app as page

    with socket.create_server(("127.0.0.1", 0)) as free:  # Gradio's own search leaves sockets open
        port = port or free.getsockname()[1]

    def start() -> "Blocks":
        served = cast("Assistant", assistant)
        return page.start(served, host, port, browse=False, auth=auth, address=address)

    async def start_in_a_loop() -> "Blocks":  # outside one Gradio makes several, and closes none
        return start()

    served = start() if asyncio._get_running_loop() else asyncio.run(start_in_a_loop())
    yield served
    served.close(verbose=False)


def open_page(tab: "Page", address: str) -> None:
    tab.goto(address)
    tab.get_by_role("textbox").wait_for()
    tab.locator("#chat .example").first.wait_for()


def peek(tab: "Page", chip: int = 0) -> None:
    """Point at a chip until its words are shown: the chat may still be scrolling."""
    while not tab.locator("#preview").is_visible():
        tab.mouse.move(5, 5)
        tab.locator("#chat a.cite").nth(chip).hover()
        tab.wait_for_timeout(250)


def point_away(tab: "Page") -> None:
    """Point at nothing: a chip drawn anew under the pointer shows its words over the buttons."""
    tab.mouse.move(5, 5)
    tab.locator("#preview").wait_for(state="hidden")


def close_viewer(tab: "Page") -> None:
    tab.keyboard.press("Escape")
    tab.locator("#viewer[open]").wait_for(state="detached")
    tab.wait_for_function("() => document.activeElement.matches('a')")


def ask(tab: "Page", question: str) -> None:
    last = "Number([...document.querySelectorAll('#chat .asked')].at(-1)?.id.slice(6) ?? 0)"
    turns = tab.evaluate(last)
    tab.get_by_role("textbox", name="Question").fill(question)
    tab.keyboard.press("Enter")
    tab.locator(f"#asked-{turns + 1}").wait_for()
    tab.locator("#chat .reading").wait_for(state="detached")
    tab.locator(f"#chat .bot-row:has(#said-{turns + 1}) .acts").wait_for()
    dressed(tab)


def dressed(tab: "Page") -> None:
    """Wait for the page's own script, which dresses what came in the frame after.

    Until then what is clicked may be drawn anew, or move.
    """
    frame = "new Promise(requestAnimationFrame)"
    tab.evaluate(f"{frame}.then(() => {frame}).then(() => null)")


def serious(tab: "Page") -> list[tuple[str, list[str]]]:
    """What axe-core finds on the page that keeps people out."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        (fault["id"], [node["html"][:200] for node in fault["nodes"]])
        for fault in Axe().run(tab).response["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
