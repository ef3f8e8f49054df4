"""Assistant: owns the parts. `ask` is the courtesy."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from assistant import load, split, sync, text
from assistant.condense import StandaloneQuestion, clean
from assistant.embed import Embedder, SentenceTransformerEmbeddings
from assistant.errors import IndexDamaged, KnowledgeMissing
from assistant.library import Library
from assistant.pipeline import SAMPLE, Answering
from assistant.read import Reader
from assistant.settings import Settings
from assistant.show.terminal import Bar
from assistant.store import Store
from assistant.store.generation import Generation
from assistant.store.server import Server
from assistant.sync import StaleIndexCheck
from assistant.types import (
    Answer,
    Changes,
    Checked,
    Citation,
    Document,
    Hit,
    Progress,
    Skipped,
    Source,
    State,
    Statement,
    SyncReport,
    Turn,
    silent,
)
from assistant.verify import recheck

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from assistant.chain import PassageRetriever
    from assistant.llm.client import ChatModel, ModelState
    from assistant.llm.draft import DraftWriter


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


class Assistant:
    """Answers questions about the documents of one home.

    `home` is the folder that holds `knowledge/` and `index/`: as given, else `ASSISTANT_HOME`,
    else the current folder. `chat` words the answers; else the model that the settings name, if
    any. Nothing is loaded or written before it is needed. Safe to use from several threads.
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        reader: Reader | None = None,
        chat: "BaseChatModel | None" = None,
    ) -> None:
        self.settings = settings or Settings.read(home)
        self.embedder = embedder or SentenceTransformerEmbeddings(self.settings.embedder)
        self.reader = reader or Reader(self.settings.reader, self.embedder.embed_documents)
        self.library = Library(self.settings)
        """The folder of documents, to add to and remove from; a sync then follows."""
        self._chat = chat
        self._building = RLock()
        self._has_answered = False
        self._stale_check = StaleIndexCheck(self.settings)

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str | Answer] = (),
        sources: Sequence[str] | None = None,
    ) -> Answer:
        """The answer to a question: statements with citations, or an abstention.

        `history` are the earlier questions, or their Answers, oldest first; `sources` limits the
        answer to these documents. The first question builds the index where there is none.
        Raises `QuestionRefused` (empty, too long, unknown source), `TypeError` for anything but
        text, `IndexMismatch`, and whatever `sync` raises.
        """
        *_, answer = self.stream(question, history=history, sources=sources)
        assert isinstance(answer, Answer)
        return answer

    def stream(
        self,
        question: str,
        *,
        history: Sequence[str | Answer] = (),
        sources: Sequence[str] | None = None,
    ) -> Iterator[Statement | Answer]:
        """Each statement once it is verified; the last item is the whole answer."""
        asked = clean(question)
        generation, notices = self._ready()
        newer = self._stale_check.notices(generation)
        turns = [_turn(earlier) for earlier in history]
        yield from self._answering(generation).stream(asked, turns, sources, (*notices, *newer))
        if self._has_answered:  # this process lives on, and no question waits
            generation.warm()
        self._has_answered = True

    async def aask(
        self,
        question: str,
        *,
        history: Sequence[str | Answer] = (),
        sources: Sequence[str] | None = None,
    ) -> Answer:
        """`ask`, without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.ask, question, history=history, sources=sources)

    async def astream(
        self,
        question: str,
        *,
        history: Sequence[str | Answer] = (),
        sources: Sequence[str] | None = None,
    ) -> AsyncIterator[Statement | Answer]:
        """`stream`, without blocking the event loop."""
        import asyncio

        parts = self.stream(question, history=history, sources=sources)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            yield part

    def sync(
        self, *, rebuild: bool = False, remove_many: bool = False, progress: Progress = silent
    ) -> SyncReport:
        """Make the index follow the folder; only what is new is embedded.

        Until the new index is complete the old one answers, and if anything fails it stays.
        `rebuild` starts from nothing. Raises `RemovalRefused` where more than half of ten documents
        or more are gone from the folder, unless `remove_many`; and `KnowledgeMissing`, `IndexBusy`,
        `IndexUnwritable`, `ModelUnavailable`.
        """
        return sync.sync(
            self.settings,
            self._store,
            self.embedder,
            progress,
            rebuild=rebuild,
            remove_many=remove_many,
        )

    def changes(self) -> Changes:
        """What a sync would do; does nothing. Raises `KnowledgeMissing`."""
        generation = self._store.current()
        return sync.changes(self.settings, generation.documents if generation is not None else {})

    def sources(self) -> tuple[Source, ...]:
        """Every file of the folder and of the index, by name; builds nothing.

        Raises `KnowledgeMissing` where there is no index either.
        """
        generation = self._store.current()
        documents = generation.documents if generation is not None else {}
        counts = generation.counts if generation is not None else {}
        try:
            found = sync.sources(self.settings, documents, sync.OPENED)
        except KnowledgeMissing:
            if generation is None:
                raise
            found = [Source(name, State.INDEXED) for name in documents]
        return tuple(replace(each, passages=counts.get(each.name, 0)) for each in found)

    def answering(self) -> tuple[str, ...]:
        """The sources that answer now, by name; looks at the index alone, and builds nothing."""
        generation = self._store.current()
        return tuple(generation.documents) if generation is not None else ()

    def read(self, source: str) -> Document:
        """A source as text, as its file is now. Raises `SourceUnusable`, `KnowledgeMissing`."""
        return self.library.read(source)

    def verify(self) -> list[str]:
        """What is wrong with the index itself, in plain words; nothing where it is sound."""
        return self._store.verify()

    def recheck(self, answers: Iterable[Answer]) -> dict[Citation, Checked]:
        """What has become of each citation of saved answers. Raises `KnowledgeMissing`."""
        citations = (citation for answer in answers for citation in answer.citations)
        return recheck(self.settings.knowledge, self.settings.file_bytes, citations)

    def status(self) -> Status:
        """What the index holds now, and how the folder differs from it; builds nothing."""
        generation = self._store.current()
        differs = None
        with suppress(KnowledgeMissing):
            differs = self.changes()
        if generation is None:
            return Status((), 0, (), "", self.embedder.name, differs)
        return Status(
            documents=tuple(generation.documents),
            passages=len(generation),
            skipped=generation.skipped,
            generation=generation.name,
            embedder=self.embedder.name,
            changes=differs,
        )

    def model_state(self) -> "ModelState | None":
        """Whether the chat model answers: it is asked one word. None where there is none."""
        return self._model.state() if self._model else None

    def examples(self, count: int = 4) -> list[str]:
        """Questions to begin with, made from the documents' own headings."""
        generation, _ = self._ready()
        found = (passage.heading for passage in generation.passages(SAMPLE))
        headings = list(dict.fromkeys(filter(None, found)))
        step = max(1, len(headings) // max(1, count - 1))
        asked = [f"What is said about “{heading}”?" for heading in headings[::step]]
        return ["What is this about?", *asked][:count] if len(generation) else []

    def find(self, question: str, count: int) -> list[Hit]:
        """The passages nearest to a question, best first, at most `count`."""
        generation, _ = self._ready()
        asked = clean(question)
        return self._answering(generation).find(StandaloneQuestion(asked, asked))[:count]

    def rank(self, question: str, count: int) -> list[Hit]:
        """The same after reading the best: those first that answer. Takes as long as an answer."""
        generation, _ = self._ready()
        asked = clean(question)
        return self._answering(generation).ranked(StandaloneQuestion(asked, asked))[:count]

    @property
    def retriever(self) -> "PassageRetriever":
        """The passages that `rank` gives, as a LangChain retriever."""
        from assistant.chain import PassageRetriever

        return PassageRetriever(find=self.rank, k=self.settings.passages)

    def as_runnable(self) -> "Runnable[Any, Answer]":
        """The assistant as a LangChain Runnable from question to `Answer`.

        The input is the question, or a mapping of the arguments of `ask`.
        """
        from langchain_core.runnables import RunnableLambda

        def answer(asked: str | dict[str, Any]) -> Answer:
            return self.ask(**_arguments(asked))

        async def answer_async(asked: str | dict[str, Any]) -> Answer:
            return await self.aask(**_arguments(asked))

        return RunnableLambda(answer, afunc=answer_async, name="assistant")

    @cached_property
    def _store(self) -> Store:
        recipe = {
            "loader": load.VERSION,
            "splitter": split.VERSION,
            "terms": text.VERSION,
            "model": self.embedder.name,
            "weights": self.embedder.fingerprint,
        }
        address, token = self.settings.chroma, self.settings.chroma_token
        return Store(self.settings.index, recipe, Server(address, token) if address else None)

    def _ready(self) -> tuple[Generation, tuple[str, ...]]:
        """The generation that answers now, built first where there is none; and notices."""
        with self._building:
            why, generation = "There was no index yet.", None
            try:
                with Bar() as bar:
                    if self._store.fetch(bar):
                        generation = self._store.current()
            except IndexDamaged as damage:
                why = str(damage)
            if generation:
                return generation, ()
            if self._store.server and not self.settings.knowledge.is_dir():
                if generation is None:
                    raise self._store.server.empty_error()
                return generation, ()
            if generation is not None:
                why = "The index was empty."
            with Bar() as bar:
                report = self.sync(progress=bar)
            generation = self._store.current()
            assert generation is not None
            return generation, (f"{why} It was built from {len(report.added)} documents.",)

    def _answering(self, generation: Generation) -> Answering:
        writer = self._writing if self._model else None
        return Answering(self.settings, generation, self.embedder, self.reader, writer)

    @cached_property
    def _model(self) -> "ChatModel | None":
        """The chat model, where there is one; without it nothing of it is imported."""
        if not (self._chat or self.settings.model):
            return None
        from assistant.llm import client

        if self._chat is None:
            return client.load(self.settings)
        chat = self._chat
        return client.ChatModel(self.settings.model or type(chat).__name__, "", lambda: chat)

    def _writing(self) -> "DraftWriter":
        from assistant.llm.draft import DraftWriter

        assert self._model is not None
        settings = self.settings
        return DraftWriter(self._model, self.embedder, settings.model_seconds, settings.statements)


def ask(
    question: str,
    *,
    history: Sequence[str | Answer] = (),
    sources: Sequence[str] | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Answer:
    """Ask the documents of a home; see `Assistant.ask`.

    The Assistant is kept for the next call.
    """
    return _kept(Settings.read(home)).ask(question, history=history, sources=sources)


@lru_cache(maxsize=4)
def _kept(settings: Settings) -> Assistant:
    return Assistant(settings=settings)


def _turn(earlier: str | Answer) -> Turn:
    if isinstance(earlier, str):
        return Turn(earlier)
    return Turn(earlier.question, earlier)


def _arguments(asked: str | dict[str, Any]) -> dict[str, Any]:
    return {"question": asked} if isinstance(asked, str) else asked
