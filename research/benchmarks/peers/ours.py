"""The product, asked like its peers.

`search` is what is found before anything is read, `retriever` is `Assistant.retriever`: the
same in the order in which the reader puts it. `answer` is what a person sees: the cited quotes,
then the closest passages, then the others that were found; `never refusing` is what a threshold
of 0 would show instead where it refuses.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.read import Reader
from assistant.read.similarity import Frequencies
from assistant.settings import Settings
from assistant.types import Hit, Passage, Reading
from research.benchmarks.peers.worker import POOL, Chunk, Found, cheap, run


class Cheap(SentenceTransformerEmbeddings):
    """Real vectors for questions and the first texts, cheap ones for the others."""

    pool: list[list[float]] | None = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors that lie as real ones do."""
        if self.pool is None:
            self.pool = super().embed_documents(texts[:POOL])
        return cheap(texts, self.pool)


class Remembering(Reader):
    """Reads once what it is given twice in a row."""

    _last: tuple[object, tuple[list[Reading], tuple[str, ...]]] | None = None

    def read(
        self, question: str, hits: Sequence[Hit], frequencies: Frequencies, size: int
    ) -> tuple[list[Reading], tuple[str, ...]]:
        """See `Reader`."""
        given = (question, tuple(hits))
        if self._last is None or self._last[0] != given:
            self._last = given, super().read(question, hits, frequencies, size)
        return self._last[1]


class Ours:
    """The assistant over one home."""

    distributions = ("agreement-assistant",)
    ways = ("answer", "never refusing", "search", "retriever")
    usual = 10

    def __init__(self, home: Path, weights: Path) -> None:
        embedder = SentenceTransformerEmbeddings()
        reader = Remembering("", embedder.embed_documents)
        self._assistant, self._willing = (
            Assistant(settings=settings, embedder=embedder, reader=reader)
            for settings in (Settings(home=home), Settings(home=home, threshold=0.0))
        )
        # One question is asked in several ways, each of which begins with the same steps.
        self._ask = lru_cache(maxsize=1)(self._assistant.ask)
        self._find = lru_cache(maxsize=1)(self._assistant.find)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """See `Product`."""
        return self._assistant.embedder.embed_documents(texts)

    def index(self, *, cheaply: bool) -> int:
        """See `Product`. What is unchanged since the last time is not embedded again."""
        if cheaply:
            settings = self._assistant.settings
            return Assistant(settings=settings, embedder=Cheap()).sync().passages
        return self._assistant.sync().passages

    def open(self) -> None:
        """See `Product`."""
        self._assistant.status()

    def search(self, way: str, question: str, count: int) -> Found:
        """See `Product`."""
        if way in ("search", "retriever"):
            ranked = self._find if way == "search" else self._assistant.rank
            return Found([_chunk(hit.passage) for hit in ranked(question, count)])
        answer = self._ask(question)
        if answer.abstention and way == "never refusing":
            answer = self._willing.ask(question)
        quotes = [Chunk(each.source, each.start, each.end) for each in answer.citations]
        hits = [*answer.closest, *(self._find(question, count) if count else ())]
        others = dict.fromkeys(_chunk(hit.passage) for hit in hits)
        return Found([*quotes, *others], bool(answer.abstention))


def _chunk(passage: Passage) -> Chunk:
    return Chunk(passage.source, passage.start, passage.end)


if __name__ == "__main__":
    run(Ours)
