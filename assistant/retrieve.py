"""Question → Hits: dense and lexical search, fused; LangChain's `BaseRetriever`."""

from collections.abc import Callable, Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever

from assistant.types import Hit, Passage

DENSE_WEIGHT = 0.5
"""Share of the cosine in the fused score."""
CANDIDATES = 50
"""How many passages each search gives to the fusion."""

Scored = Sequence[tuple[Passage, float]]


def fuse(dense: Scored, lexical: Scored, weight: float = DENSE_WEIGHT) -> list[Hit]:
    """Join two rankings by the weighted sum of their scores, best first.

    Cosines count as they are (0 to 1), BM25 as a share of the best passage's. The weighted sum
    beat reciprocal rank fusion (Cormack et al. 2009) on held-out questions: benchmarks/fusion.py.
    """
    cosines = {passage: max(0.0, score) for passage, score in dense}
    top = max((score for _, score in lexical), default=0.0) or 1.0
    shares = {passage: max(0.0, score) / top for passage, score in lexical}
    hits = [
        Hit(
            passage,
            score=weight * cosines.get(passage, 0.0) + (1 - weight) * shares.get(passage, 0.0),
            dense=cosines.get(passage, 0.0),
            lexical=shares.get(passage, 0.0),
        )
        for passage in dict.fromkeys([*cosines, *shares])
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage.source, hit.passage.start))


class PassageRetriever(BaseRetriever):
    """The assistant's retrieval as a LangChain retriever.

    Each Document holds a passage; its metadata names source, start, end (characters), title,
    heading, unit and number (page 12, row 88), and the scores.
    """

    find: Callable[[str, int], Sequence[Hit]]
    """The best hits for a question, at most so many."""
    k: int = 5
    """How many documents come back; `invoke(query, k=...)` overrides it."""

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[LangChainDocument]:
        return [_to_langchain(hit) for hit in self.find(query, k or self.k)]


def _to_langchain(hit: Hit) -> LangChainDocument:
    passage = hit.passage
    return LangChainDocument(
        id=passage.id,
        page_content=passage.text,
        metadata={
            "source": passage.source,
            "start": passage.start,
            "end": passage.end,
            "title": passage.title,
            "heading": passage.heading,
            "unit": passage.unit,
            "number": passage.number,
            "score": hit.score,
            "dense": hit.dense,
            "lexical": hit.lexical,
        },
    )
