"""The product with one thing changed at a time, and what comes of a question then."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.embed import Embedder
from assistant.evaluate import Question
from assistant.pipeline import WHOLE
from assistant.read import Candidate, Reader
from assistant.read.similarity import Evidence, SimilarityReader
from assistant.retrieve import CANDIDATES, Scored, boost_proximity, fuse
from assistant.settings import Settings
from assistant.split import TOKENS, split
from assistant.store import Store
from assistant.store.generation import Generation
from assistant.text import topic
from assistant.types import Document, Hit, Passage, Reading

_ABOVE = 56  # tokens that are kept for the title and heading, as in a sync
_NOWHERE = 10**6


class Remembering(Reader):
    """Reads a passage once for all designs that ask the same question of it."""

    def __init__(self, embedder: Embedder, *, twice: bool = True) -> None:
        super().__init__("", embedder.embed_documents)
        self._twice = twice
        self._asked = ""
        self._read: dict[Passage, list[Candidate]] = {}

    def _candidates(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        if question != self._asked:
            self._asked = question
            self._read.clear()
        new = [hit for hit in hits if hit.passage not in self._read]
        self._read.update({hit.passage: [] for hit in new})
        for candidate in super()._candidates(question, new):
            self._read[candidate.hit.passage].append(candidate)
        return [replace(each, hit=hit) for hit in hits for each in self._read[hit.passage]]

    def _again(self, question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        return super()._again(question, candidates) if self._twice else list(candidates)


def reciprocal_rank(dense: Scored, lexical: Scored) -> list[Hit]:
    """Fusion by rank with k = 60 (Cormack, Clarke and Büttcher 2009), as a share of the most."""
    ranks = [
        {passage: rank for rank, (passage, _) in enumerate(_best(scored), 1)}
        for scored in (dense, lexical)
    ]
    hits = [
        replace(hit, score=sum(61 / (60 + each.get(hit.passage, _NOWHERE)) for each in ranks) / 2)
        for hit in fuse(dense, lexical)
    ]
    return sorted(hits, key=lambda hit: -hit.score)


def _best(scored: Scored) -> Scored:
    return sorted(scored, key=lambda pair: -pair[1])


def weighted(share: float) -> Callable[[Scored, Scored], list[Hit]]:
    """The product's fusion, with this share of the cosine."""
    return lambda dense, lexical: fuse(dense, lexical, share)


def one_sided(dense: Scored, lexical: Scored) -> list[Hit]:
    """Fusion in which what one search did not find among its best has no score of it."""
    return fuse(dense[:CANDIDATES], lexical[:CANDIDATES])


@dataclass(frozen=True, slots=True)
class Design:
    """The product, but for one thing."""

    name: str
    fuse: Callable[[Scored, Scored], list[Hit]] = fuse
    boost_proximity: bool = True
    read: int | None = None
    """How many passages are read; None: as many as the product reads."""
    reader: str = "twice"
    tokens: int = TOKENS
    headings: bool = True


DESIGNS = (
    Design("the product"),
    Design("vectors alone", weighted(1.0), boost_proximity=False),
    Design("words alone (BM25)", weighted(0.0), boost_proximity=False),
    Design("cosine weighs 0.3", weighted(0.3)),
    Design("cosine weighs 0.7", weighted(0.7)),
    Design("reciprocal rank", reciprocal_rank),
    Design("scores of one search", one_sided),
    Design("no neighbouring words", boost_proximity=False),
    Design("headings not embedded", headings=False),
    Design("passages of 64 tokens", tokens=64),
    Design("passages of 200 tokens", tokens=200),
    Design("5 passages read", read=5),
    Design("10 passages read", read=10),
    Design("20 passages read", read=20),
    Design("read once", reader="once"),
    Design("read by likeness", reader="likeness"),
)


READ = [DESIGNS[0], *(design for design in DESIGNS if design.read)]
"""The product, and the designs that read another number of passages."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question."""

    answerable: bool
    found: int
    """How many passages came before one that holds the answer, as found ..."""
    ranked: int
    """... and as the reader ranks them."""
    first: bool
    """Whether the first sentence holds the answer."""
    probability: float


@dataclass(frozen=True, slots=True)
class Bench:
    """The readers, and where indexes are made."""

    embedder: Embedder
    readers: Mapping[str, Reader]
    similarity: SimilarityReader
    work: Path

    @classmethod
    def over(cls, embedder: Embedder, work: Path) -> "Bench":
        """A bench with the readers that come along; indexes are made below `work`."""
        work.mkdir()
        readers = {"twice": Remembering(embedder), "once": Remembering(embedder, twice=False)}
        return cls(embedder, readers, SimilarityReader(embedder.embed_documents), work)

    def index(self, documents: Sequence[Document], tokens: int, *, headings: bool) -> Generation:
        """The documents as the product would index them, but for these two."""
        store = Store(self.work / f"index-{tokens}-{headings}", {})
        with store.write(rebuild=True) as draft:
            for document in documents:
                passages = self.cut(document, tokens)
                draft.add(document, passages)
                draft.unembedded.update((each.key, _text(each, headings)) for each in passages)
            texts = sorted(draft.unembedded.items(), key=lambda item: len(item[1]))
            vectors = self.embedder.embed_documents([text for _, text in texts])
            draft.add_vectors([key for key, _ in texts], vectors)
            store.publish(draft, [])
        generation = store.current()
        assert generation is not None
        return generation

    def cut(self, document: Document, tokens: int) -> list[Passage]:
        """The passages of a document, of about so many tokens."""
        limit = self.embedder.max_tokens - _ABOVE
        return split(document, self.embedder.count_tokens, limit, tokens)

    def ask(
        self, generation: Generation, question: Question, designs: Sequence[Design]
    ) -> Iterator[tuple[str, Outcome]]:
        """The outcome of a question with each design."""
        text = question.question
        vector = self.embedder.embed_query(text)
        searched = generation.search(vector, topic(text), CANDIDATES)
        is_whole = len(generation) <= WHOLE
        most_read = WHOLE if is_whole else Settings(home=self.work).passages
        for design in designs:
            hits = design.fuse(*searched)
            if design.boost_proximity:
                hits = boost_proximity(hits, text, generation.words)
            read = hits[: design.read or most_read]
            readings = self._read(design, text, read, generation)
            yield design.name, _outcome(question, hits, readings)

    def _read(
        self, design: Design, question: str, hits: Sequence[Hit], generation: Generation
    ) -> list[Reading]:
        frequencies, size = generation.frequencies, len(generation)
        if design.reader == "likeness":
            return self.similarity.read(question, Evidence(question, frequencies, size), hits)
        return self.readers[design.reader].read(question, hits, frequencies, size)[0]


def _text(passage: Passage, headings: bool) -> str:
    return (passage if headings else replace(passage, title="", heading="")).embedded


def _outcome(question: Question, hits: Sequence[Hit], readings: Sequence[Reading]) -> Outcome:
    found = [hit.passage for hit in hits]
    ranked = dict.fromkeys([*(each.passage for each in readings), *found])
    first = readings[0] if readings else None
    return Outcome(
        answerable=question.answerable,
        found=_place(question, found),
        ranked=_place(question, ranked),
        first=first is not None and question.is_in(first.passage.source, first.quote),
        probability=first.probability if first else 0.0,
    )


def _place(question: Question, passages: Sequence[Passage] | Mapping[Passage, None]) -> int:
    holding = (i for i, each in enumerate(passages) if question.is_in(each.source, each.text))
    return next(holding, _NOWHERE)
