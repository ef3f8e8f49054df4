"""Haystack: its default splitter, its store in memory, its embedding and its BM25 retriever.

As the tutorials have it: `DocumentSplitter` as it is (200 words), the embedders of
sentence-transformers, `InMemoryDocumentStore` as it is (the dot product; BM25L), retrievers that
give 10. The store is kept by its `save_to_disk`.
"""

import os
from pathlib import Path

from haystack import Document
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.retrievers.in_memory import (
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)

from research.benchmarks.peers.worker import Chunk, Found, documents, run


class Haystack:
    """A store in memory over one home."""

    distributions = ("haystack-ai", "sentence-transformers-haystack", "sentence-transformers")
    ways = ("embedding", "BM25")
    usual = 10

    def __init__(self, home: Path, weights: Path) -> None:
        self._home, self._file = home, home / "haystack.json"
        self._weights = str(weights)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """See `Product`."""
        found = self._embedded([Document(content=text) for text in texts])
        return [list(each.embedding) for each in found]

    def index(self, *, cheaply: bool) -> int:
        """See `Product`."""
        if cheaply:
            raise NotImplementedError
        loaded = [
            Document(content=text, meta={"source": source})
            for source, text in documents(self._home)
        ]
        splits = DocumentSplitter().run(documents=loaded)["documents"]
        self._store = InMemoryDocumentStore()
        self._store.write_documents(self._embedded(splits))
        self._store.save_to_disk(str(self._file))
        return len(splits)

    def open(self) -> None:
        """See `Product`."""
        self._store = InMemoryDocumentStore.load_from_disk(str(self._file))

    def search(self, way: str, question: str, count: int) -> Found:
        """See `Product`."""
        if way == "BM25":
            retriever = InMemoryBM25Retriever(document_store=self._store, top_k=count)
            found = retriever.run(query=question)["documents"]
        else:
            if not hasattr(self, "_asker"):
                self._asker = SentenceTransformersTextEmbedder(
                    model=self._weights, progress_bar=False
                )
                self._asker.warm_up()
            vector = self._asker.run(question)["embedding"]
            by_vector = InMemoryEmbeddingRetriever(document_store=self._store, top_k=count)
            found = by_vector.run(query_embedding=vector)["documents"]
        return Found([_chunk(each) for each in found])

    def _embedded(self, texts: list[Document]) -> list[Document]:
        if not hasattr(self, "_embedder"):
            self._embedder = SentenceTransformersDocumentEmbedder(
                model=self._weights, progress_bar=False
            )
            self._embedder.warm_up()
        return list(self._embedder.run(documents=texts)["documents"])


def _chunk(document: Document) -> Chunk:
    start = document.meta["split_idx_start"]
    return Chunk(document.meta["source"], start, start + len(document.content))


if __name__ == "__main__":
    os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
    run(Haystack)
