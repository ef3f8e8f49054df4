"""The data that the steps hand to one another: frozen, and nothing here renders it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from importlib import import_module
from typing import NamedTuple, cast


class Span(NamedTuple):
    """Characters `start` up to, not including, `end` of a document's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document under one heading, on one page.

    `start:body` holds the heading itself (nothing where there is none), `body:end` what
    stands under it. The sections of a document hold every character that is not white space.

    `unit` and `number` say where a person would look: on a page or slide, or from which line or
    row of a table on (each line of the text is one). 0 is nowhere: the place has no number.
    """

    start: int
    body: int
    end: int
    heading: str = ""
    unit: str = "line"
    number: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """One source as text. `sha256` is of the file's bytes; offsets count characters of `text`."""

    source: str
    """The path below `knowledge/`, with `/` between its parts."""
    text: str
    sha256: str
    sections: tuple[Section, ...]
    title: str = ""
    """What the document calls itself; empty where it does not."""
    notes: tuple[str, ...] = ()
    """What the reader of the report should know, such as "guessed encoding"."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not read, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document: `document.text[start:end] == text`.

    `sentences` are spans of the same document, inside `start:end`, and are all that is ever
    quoted: a heading at the passage's start is in `text` and in no sentence.
    """

    source: str
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...]
    title: str = ""
    heading: str = ""
    unit: str = "line"
    number: int = 1
    """The page, slide, row or line on which the passage starts, from 1; 0 where there is none."""

    @property
    def embedded(self) -> str:
        """What the embedding model reads: title and heading, then the passage without them."""
        body = self.text[self.sentences[0].start - self.start :]
        above = dict.fromkeys(part for part in (self.title, self.heading) if part)
        return "\n".join([*above, body])

    @property
    def key(self) -> str:
        """Content hash of what is embedded: the same words need one vector."""
        return sha256(self.embedded.encode()).hexdigest()

    @property
    def id(self) -> str:
        """Content hash of the passage and its place."""
        place = f"{self.source}\0{self.start}\0{self.end}\0{self.key}"
        return sha256(place.encode()).hexdigest()

    @property
    def location(self) -> str:
        """Where a person would look: file, then page, or section and line."""
        return locate(self.source, self.heading, self.unit, self.number)

    def quote(self, span: Span) -> str:
        """The exact characters of `span`, which lies inside the passage."""
        return self.text[span.start - self.start : span.end - self.start]


def counted(unit: str, number: int) -> bool:
    """Whether a place's number goes up with each line of the text."""
    return unit in ("line", "row") and number > 0


def locate(source: str, heading: str, unit: str, number: int, lines: int = 0) -> str:
    """Name a place as people look it up, so many lines below `number`; a page has no heading."""
    number += lines if counted(unit, number) else 0
    within = f"“{heading}”" if heading and unit not in ("page", "slide") else ""
    return ", ".join(filter(None, [source, within, f"{unit} {number}" if number else ""]))


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that retrieval found. All scores: higher is better."""

    passage: Passage
    score: float
    """By which hits are found: the fused score, 0 to 1, and up to 0.2 for words kept together."""
    dense: float = 0.0
    """Cosine of question and passage, -1 to 1; 0 where the vectors did not find it."""
    lexical: float = 0.0
    """BM25 as a share of the best passage's, 0 to 1; 0 where no word matched."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence of a passage, and the probability that it answers."""

    passage: Passage
    span: Span
    probability: float
    words: Span | None = None
    """The words of the sentence that answer, where the reader can tell."""

    @property
    def quote(self) -> str:
        """The sentence's exact characters."""
        return self.passage.quote(self.span)


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words a statement rests on: `document.text[start:end] == quote`."""

    source: str
    sha256: str
    """Of the bytes of the file the quote was read from."""
    start: int
    end: int
    quote: str
    passage: Passage
    words: Span | None = None
    """The words of the quote that answer, inside `start:end`, where the reader can tell."""

    @property
    def answer(self) -> str:
        """The exact words that answer; empty where the reader cannot tell."""
        return self.passage.quote(self.words) if self.words else ""

    @property
    def location(self) -> str:
        """Where a person would look: file, then page, or section and line."""
        passage = self.passage
        lines = passage.text[: self.start - passage.start].count("\n")
        return locate(self.source, passage.heading, passage.unit, passage.number, lines)


class Verdict(StrEnum):
    """What checking a statement against its quotes found."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    """The quotes say something of it, and less: it is surer, or leaves out who said it."""
    NOT_SUPPORTED = "not supported"
    CONTRADICTED = "contradicted"
    """The quotes say something else."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing the answer says, and the citations it rests on, at least one."""

    text: str
    citations: tuple[Citation, ...]
    verdict: Verdict = Verdict.SUPPORTED
    probability: float = 1.0
    """That it answers the question."""

    @property
    def odds(self) -> float:
        """The earlier name of `probability`, for programs written with it."""
        return self.probability


class Abstention(StrEnum):
    """Why a question was not answered."""

    NO_DOCUMENTS = "no documents"
    NOTHING_RELEVANT = "nothing relevant"
    DOES_NOT_SAY = "related, but does not say"
    UNSUPPORTED = "unsupported draft"
    NO_QUESTION = "not asked of the documents"

    @property
    def explanation(self) -> str:
        """The reason in a sentence, for people."""
        return {
            self.NO_DOCUMENTS: "There are no documents to answer from. "
            "Add files to the knowledge folder and sync.",
            self.NOTHING_RELEVANT: "Nothing in your documents is about this.",
            self.DOES_NOT_SAY: "Your documents touch on this, but do not say.",
            self.UNSUPPORTED: "What could be said is not supported by your documents.",
            self.NO_QUESTION: "This asks nothing of your documents.",
        }[self]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the documents say to a question: statements, or an abstention, never both.

    `abstention is None` exactly when there are statements, and each has a citation: *answered*.
    Else, with `candidates` it is *possible*, without *refused*.
    """

    question: str
    statements: tuple[Statement, ...] = ()
    abstention: Abstention | None = None
    closest: tuple[Hit, ...] = ()
    """The passages nearest to the question, best first; what an abstention shows."""
    candidates: tuple[Statement, ...] = ()
    """With an abstention: sentences that may be what is meant, cited, and asserted by nobody."""
    missing: tuple[str, ...] = ()
    """What the question names and the documents do not, as it is written there."""
    reply: str = ""
    """What the assistant says itself where nothing is asked of a document."""
    confidence: float = 0.0
    """How probable it is that the documents answer the question, 0 to 1; of an overview, 0."""
    standalone: str = ""
    """The question as it was searched for: a follow-up made to stand alone."""
    notices: tuple[str, ...] = ()
    """What the reader should know besides, such as "the sources disagree"."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds spent in each step."""
    generation: str = ""
    """The generation of the index it came from."""

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Each citation once, in order of first use: citation n is marked `[n]`."""
        used = (citation for statement in self.statements for citation in statement.citations)
        return tuple(dict.fromkeys(used))

    @property
    def refusal(self) -> str:
        """Why there are no statements, in words for people; empty where there are some."""
        if self.abstention and self.missing:
            named = " or ".join(f"“{name}”" for name in self.missing)
            return f"Your documents do not mention {named}."
        unsure = "No sentence of your documents surely answers this." if self.candidates else ""
        return self.reply or unsure or (self.abstention.explanation if self.abstention else "")

    @property
    def text(self) -> str:
        """Its statements, one after another; empty where it abstains."""
        return " ".join(statement.text for statement in self.statements)

    def to_json(self) -> str:
        """The whole answer as JSON; `from_json` reads it back."""
        return str(_show("export", "to_json", self))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Answer":
        """The answer that `to_json` wrote. Raises `ValueError` on anything else."""
        return cast("Answer", _show("export", "from_json", text))

    def __str__(self) -> str:
        return str(_show("terminal", "to_text", self))

    def _repr_html_(self) -> str:
        return str(_show("html", "to_html", self))


def _show(module: str, function: str, value: object) -> object:
    """Call a function of `assistant.show`, which is built on these types and imported when used."""
    return getattr(import_module(f"assistant.show.{module}"), function)(value)


def rename_odds(saved: object) -> object:
    """Parsed JSON of a saved answer, with `probability` where earlier versions wrote `odds`."""
    if isinstance(saved, dict):
        return {{"odds": "probability"}.get(key, key): rename_odds(saved[key]) for key in saved}
    return list(map(rename_odds, saved)) if isinstance(saved, list) else saved


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation, its answer if there is one, and why there is no more."""

    question: str
    answer: Answer | None = None
    remark: str = ""


class State(StrEnum):
    """How a file of the folder stands to the index."""

    INDEXED = "indexed"
    NEW = "new"
    CHANGED = "changed"
    """The index has it as it was."""
    SKIPPED = "skipped"
    """It is no document, for its reason."""
    REMOVED = "removed"
    """Only the index still has it."""
    UNAVAILABLE = "unavailable"
    """It cannot be read now, for its reason; the index has it as it was, and keeps it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the folder or of the index, as a person sees it."""

    name: str
    state: State
    size: int = 0
    """Bytes of the file; 0 where that is not known."""
    passages: int = 0
    reason: str = ""
    """Why it is skipped or unavailable; empty where it is neither."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The folder against the index: what a sync would do."""

    added: tuple[str, ...] = ()
    """New, or changed since they were skipped; a sync may find that it cannot read them."""
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    kept: tuple[Skipped, ...] = ()
    """What cannot be read now; the index keeps it as it was."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        return str(_show("terminal", "changes_to_text", self))


@dataclass(frozen=True, slots=True)
class Status:
    """What the index holds."""

    documents: tuple[str, ...]
    passages: int
    skipped: tuple[Skipped, ...]
    generation: str
    """Empty where there is no index yet."""
    embedder: str
    changes: Changes | None
    """What a sync would do; None where the folder is not there."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did, file by file."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    kept: tuple[Skipped, ...] = ()
    """What could not be read now, and stays in the index as it was; the next sync tries again."""
    notes: tuple[tuple[str, str], ...] = ()
    """(source, note) of what was indexed with a remark, such as "guessed encoding"."""
    passages: int = 0
    embedded: int = 0
    """Passages whose vector had to be computed."""
    generation: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return str(_show("terminal", "report_to_text", self))


Progress = Callable[[str, int, int], None]
"""Called as a long step goes on: its name, how much of it is done, and how much there is."""


def silent(what: str, done: int, total: int) -> None:
    """Show no progress."""
