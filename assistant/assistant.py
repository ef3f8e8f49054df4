"""The Assistant owns the parts and runs them; `ask` is the short way to use it."""

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Any

from assistant import cite, load, pipeline, split, sync, text
from assistant.cite import Checked, Standing
from assistant.condense import StandaloneQuestion, clean
from assistant.embed import Embedder, SentenceTransformerEmbeddings
from assistant.errors import IndexDamaged, KnowledgeMissing, QuestionRefused
from assistant.library import Library
from assistant.load.folder import scan_folder
from assistant.load.readers import Readers
from assistant.question import question_about
from assistant.read import Reader
from assistant.settings import Settings
from assistant.show.terminal import Bar
from assistant.store import Store
from assistant.store.generation import Generation
from assistant.sync import StaleIndexCheck
from assistant.types import (
    Answer,
    Changes,
    Citation,
    Document,
    Hit,
    Progress,
    Source,
    State,
    Statement,
    Status,
    SyncReport,
    Turn,
    silent,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.runnables import Runnable

    from assistant.chain import PassageRetriever
    from assistant.llm.client import ChatModel, ModelState

Earlier = Sequence[str | Answer]
"""The questions before one, or their Answers, oldest first."""


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
        self, question: str, *, history: Earlier = (), sources: Sequence[str] | None = None
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
        self, question: str, *, history: Earlier = (), sources: Sequence[str] | None = None
    ) -> Iterator[Statement | Answer]:
        """Each statement once it is verified; the last item is the whole answer."""
        state = self._begin(question, history, sources)
        yield from pipeline.stream(state)
        self._warm(state.context.generation)

    async def aask(
        self, question: str, *, history: Earlier = (), sources: Sequence[str] | None = None
    ) -> Answer:
        """`ask`, without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.ask, question, history=history, sources=sources)

    async def astream(
        self, question: str, *, history: Earlier = (), sources: Sequence[str] | None = None
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
            found = sync.sources(self.settings, documents)
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
        """What has become of each citation of saved answers. Raises `KnowledgeMissing`.

        Read are the files that are cited, and all others where one of them does not hold what it
        did.
        """
        limit = self.settings.file_bytes
        found = scan_folder(self.settings.knowledge, limit).files
        citations = (citation for answer in answers for citation in answer.citations)
        checked = dict.fromkeys(citations, Checked(Standing.GONE))
        cited = {citation.source for citation in checked}
        with Readers() as readers:
            for is_cited in (True, False):
                files = [file for file in found if (file.source in cited) is is_cited]
                if any(each.standing is Standing.GONE for each in checked.values()):
                    for _, document in readers.read(files, limit, {}):
                        if isinstance(document, Document):
                            cite.look_up(checked, document)
        return checked

    def status(self) -> Status:
        """What the index holds now, and how the folder differs from it; builds nothing."""
        generation = self._store.current()
        differs = None
        with suppress(KnowledgeMissing):
            differs = self.changes()
        if generation is None:
            return Status((), 0, (), "", self.embedder.name, differs)
        sizes = tuple(generation.documents), len(generation)
        return Status(*sizes, generation.skipped, generation.name, self.embedder.name, differs)

    def model_state(self) -> "ModelState | None":
        """Whether the chat model answers: it is asked one word. None where there is none."""
        return self._model.state() if self._model else None

    def examples(self, count: int = 4) -> list[str]:
        """Questions to begin with, made from the documents' own headings."""
        generation, _ = self._ready()
        found = (passage.heading for passage in generation.passages(pipeline.SAMPLE))
        headings = list(dict.fromkeys(filter(None, found)))
        step = max(1, len(headings) // max(1, count - 1))
        asked = list(dict.fromkeys(map(question_about, headings[::step])))
        return ["What is this about?", *asked][:count] if len(generation) else []

    def find(self, question: str, count: int) -> list[Hit]:
        """The passages nearest to a question, best first, at most `count`."""
        asked = clean(question)
        meaning = StandaloneQuestion(asked, asked)
        return pipeline.find(self._context(self._ready()[0]), meaning)[:count]

    def rank(self, question: str, count: int) -> list[Hit]:
        """The same after reading the best: those first that answer. Takes as long as an answer."""
        asked = clean(question)
        context = self._context(self._ready()[0])
        found = pipeline.find(context, StandaloneQuestion(asked, asked))
        readings, _ = pipeline.read_hits(context, asked, found[: context.most_read])
        hits = {hit.passage: hit for hit in found}
        ranked = dict.fromkeys([*(reading.passage for reading in readings), *hits])
        return [hits[passage] for passage in ranked][:count]

    @property
    def retriever(self) -> "PassageRetriever":
        """The passages that `rank` gives, as a LangChain retriever."""
        from assistant.chain import PassageRetriever

        return PassageRetriever(find=self.rank, k=self.settings.passages)

    @cached_property
    def chain(self) -> "Runnable[str | Mapping[str, Any], Answer]":
        """The steps of `ask` as LangChain runnables, each with its name: one gives what it gives.

        The input is the question, or a mapping of the arguments of `ask`.
        """
        from assistant.chain import build_chain

        return build_chain(self._begin, self._warm)

    def _begin(
        self, question: str, history: Earlier = (), sources: Sequence[str] | None = None
    ) -> pipeline.QuestionState:
        """The question with what it is answered from, and what to know of the index."""
        question = clean(question)
        generation, notices = self._ready()
        context = self._context(generation)
        if unknown := set(sources or ()) - context.documents.keys():
            raise QuestionRefused(f"No document of the index is named {min(unknown)!r}.")
        stale = self._stale_check.notices(generation)
        if self._model:
            from assistant.llm.draft import DraftWriter

            limits = self.settings.model_seconds, self.settings.statements
            context = replace(context, writing=DraftWriter(self._model, self.embedder, *limits))
        turns = [
            Turn(earlier) if isinstance(earlier, str) else Turn(earlier.question, earlier)
            for earlier in history
        ]
        return pipeline.QuestionState(context, question, turns, sources, (*notices, *stale))

    def _warm(self, generation: Generation) -> None:
        """Make searching faster, once a second answer shows that this process lives on."""
        if self._has_answered:
            generation.warm()
        self._has_answered = True

    def _context(self, generation: Generation) -> pipeline.Context:
        documents = generation.documents
        return pipeline.Context(self.settings, generation, documents, self.embedder, self.reader)

    @cached_property
    def _store(self) -> Store:
        recipe = {
            "loader": load.VERSION,
            "splitter": split.VERSION,
            "terms": text.VERSION,
            "model": self.embedder.name,
            "weights": self.embedder.fingerprint,
        }
        if not self.settings.chroma:
            return Store(self.settings.index, recipe)
        from assistant.store.server import Server  # it imports Chroma

        server = Server(self.settings.chroma, self.settings.chroma_token)
        return Store(self.settings.index, recipe, server)

    def _ready(self) -> tuple[Generation, tuple[str, ...]]:
        """The generation that answers now, built first where there is none; and notices."""
        server, why, generation = self._store.server, "There was no index yet.", None
        with self._building:
            try:
                is_there = True
                if server:
                    with Bar() as bar:
                        is_there = self._store.fetch(bar)
                generation = self._store.current() if is_there else None
            except IndexDamaged as damage:
                why = str(damage)
            if generation:
                return generation, ()
            if server and not self.settings.knowledge.is_dir():
                if generation is None:
                    raise server.empty_error()
                return generation, ()
            if generation is not None:
                why = "The index was empty."
            with Bar() as bar:
                report = self.sync(progress=bar)
            generation = self._store.current()
            assert generation is not None
            return generation, (f"{why} It was built from {len(report.added)} documents.",)

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


def ask(
    question: str,
    *,
    history: Earlier = (),
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
