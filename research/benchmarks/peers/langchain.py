"""The chain of LangChain's tutorials: recursive splitter, sentence-transformers, Chroma.

As "Build a semantic search engine" and "Build a RAG agent" have it: chunks of 1,000 characters
that overlap by 200, with their start; `HuggingFaceEmbeddings` and `Chroma` as they are; the
retriever of the store, whose default is the 4 most similar. The tutorials then hand the chunks to
a language model; here they are what is found and cited. A store takes 5,461 rows a call, so more
are added in parts, which the tutorials need not do.
"""

import shutil
from pathlib import Path

from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter

from research.benchmarks.peers.worker import POOL, Chunk, Found, cheap, documents, run

_ROWS = 5_000


class Cheap(Embeddings):
    """Real vectors for questions, cheap ones for documents."""

    def __init__(self, real: Embeddings, pool: list[list[float]]) -> None:
        self._real, self._pool = real, pool

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors that lie as real ones do."""
        return cheap(texts, self._pool)

    def embed_query(self, text: str) -> list[float]:
        """The real vector."""
        return self._real.embed_query(text)


class Chain:
    """The tutorial chain over one home."""

    distributions = (
        "langchain-core",
        "langchain-text-splitters",
        "langchain-huggingface",
        "langchain-chroma",
        "sentence-transformers",
    )
    ways = ("similarity",)
    usual = 4

    def __init__(self, home: Path, weights: Path) -> None:
        self._home, self._folder = home, home / "langchain"
        self._embeddings: Embeddings = HuggingFaceEmbeddings(model_name=str(weights))

    def embed(self, texts: list[str]) -> list[list[float]]:
        """See `Product`."""
        return self._embeddings.embed_documents(texts)

    def index(self, *, cheaply: bool) -> int:
        """See `Product`."""
        shutil.rmtree(self._folder, ignore_errors=True)
        loaded = [
            Document(page_content=text, metadata={"source": source})
            for source, text in documents(self._home)
        ]
        splitter = RecursiveCharacterTextSplitter(
            chunk_size=1000, chunk_overlap=200, add_start_index=True
        )
        splits = splitter.split_documents(loaded)
        if cheaply:
            pool = self.embed([each.page_content for each in splits[:POOL]])
            self._embeddings = Cheap(self._embeddings, pool)
        self.open()
        for start in range(0, len(splits), _ROWS):
            self._store.add_documents(splits[start : start + _ROWS])
        return len(splits)

    def open(self) -> None:
        """See `Product`."""
        self._store = Chroma(
            collection_name="example_collection",
            embedding_function=self._embeddings,
            persist_directory=str(self._folder),
        )

    def search(self, way: str, question: str, count: int) -> Found:
        """See `Product`."""
        retriever = self._store.as_retriever(search_type=way, search_kwargs={"k": count})
        return Found([_chunk(document) for document in retriever.invoke(question)])


def _chunk(document: Document) -> Chunk:
    start = document.metadata["start_index"]
    return Chunk(document.metadata["source"], start, start + len(document.page_content))


if __name__ == "__main__":
    run(Chain)
