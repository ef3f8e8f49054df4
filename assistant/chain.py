"""Hits as LangChain's `BaseRetriever`: apart, because to import that takes half a second."""

from collections.abc import Callable, Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever

from assistant.types import Hit


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
