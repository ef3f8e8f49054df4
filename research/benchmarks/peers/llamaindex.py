"""LlamaIndex: `VectorStoreIndex`, and what its `CitationQueryEngine` would cite.

As the starter tutorial with local models has it: `VectorStoreIndex.from_documents` with
`HuggingFaceEmbedding`, the default `SentenceSplitter` (1,024 tokens), the 2 most similar nodes;
kept by `storage_context.persist`. Documents are given as text: its folder reader would embed the
file's path with each. The citation engine cuts the nodes it found into sources of 512 tokens that
overlap by 20, and numbers them for a language model; a mock stands for it, so these sources, in
their order, are what is cited.
"""

from functools import cache
from pathlib import Path
from typing import Any

from llama_index.core import (
    Document,
    Settings,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import CitationQueryEngine
from llama_index.embeddings.huggingface import HuggingFaceEmbedding

from research.benchmarks.peers.worker import Chunk, Found, documents, locate, read, run


class LlamaIndex:
    """A vector store index over one home."""

    distributions = ("llama-index-core", "llama-index-embeddings-huggingface")
    ways = ("index", "citation engine")
    usual = 2

    def __init__(self, home: Path, weights: Path) -> None:
        self._home, self._folder = home, home / "llamaindex"
        self._embedding = HuggingFaceEmbedding(model_name=str(weights))
        self._text = cache(lambda source: read(home, source))
        Settings.llm = MockLLM(max_tokens=1)  # as it is, it repeats the whole prompt
        Settings.embed_model = self._embedding

    def embed(self, texts: list[str]) -> list[list[float]]:
        """See `Product`."""
        return [list(each) for each in self._embedding.get_text_embedding_batch(texts)]

    def index(self, *, cheaply: bool) -> int:
        """See `Product`."""
        if cheaply:
            raise NotImplementedError
        loaded = [Document(text=text, id_=source) for source, text in documents(self._home)]
        self._index = VectorStoreIndex.from_documents(loaded)
        self._index.storage_context.persist(persist_dir=str(self._folder))
        return len(self._index.docstore.docs)

    def open(self) -> None:
        """See `Product`."""
        context = StorageContext.from_defaults(persist_dir=str(self._folder))
        self._index = load_index_from_storage(context)

    def search(self, way: str, question: str, count: int) -> Found:
        """See `Product`."""
        if way == "index":
            nodes = self._index.as_retriever(similarity_top_k=count).retrieve(question)
        else:
            engine = CitationQueryEngine.from_args(self._index, similarity_top_k=count)
            nodes = engine.query(question).source_nodes
        return Found([self._chunk(each.node) for each in nodes])

    def _chunk(self, node: Any) -> Chunk:  # noqa: ANN401 (its types are in another environment)
        text = node.get_content()
        if text.startswith("Source "):  # the engine's own numbering, with a line break on each side
            text = text.partition("\n")[2][:-1]
        source = node.ref_doc_id
        return locate(source, self._text(source), text, node.start_char_idx or 0)


if __name__ == "__main__":
    run(LlamaIndex)
