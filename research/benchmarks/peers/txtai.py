"""txtai: an `Embeddings` database with content.

As its RAG quick start has it: documents are cut by its Textractor, the pieces indexed by
`Embeddings(path=..., content=True)`; a search gives 3. The quick start cuts by sections, which in
a text are form feeds or two blank lines: of an article without any it would make one piece, of
which the model reads the beginning. So they are cut by paragraphs, Textractor's next finer
choice, by the `Segmentation` that it is; what it adds is getting text out of other formats.
"""

from pathlib import Path

from txtai import Embeddings
from txtai.pipeline import Segmentation

from research.benchmarks.peers.worker import Chunk, Found, documents, locate, run


class Txtai:
    """An embeddings database over one home."""

    distributions = ("txtai",)
    ways = ("search",)
    usual = 3

    def __init__(self, home: Path, weights: Path) -> None:
        self._home, self._folder = home, home / "txtai"
        self._weights = str(weights)

    def embed(self, texts: list[str]) -> list[list[float]]:
        """See `Product`."""
        if not hasattr(self, "_model"):
            self._model = Embeddings(path=self._weights)
        return [list(each) for each in self._model.batchtransform(texts, category="data")]

    def index(self, *, cheaply: bool) -> int:
        """See `Product`."""
        if cheaply:
            raise NotImplementedError
        paragraphs = Segmentation(paragraphs=True)
        rows = []
        for source, text in documents(self._home):
            at = 0
            for piece in paragraphs(text):
                chunk = locate(source, text, piece, at)
                at = chunk.end
                rows.append(("\t".join(map(str, chunk)), piece, None))
        self._embeddings = Embeddings(path=self._weights, content=True)
        self._embeddings.index(rows)
        self._embeddings.save(str(self._folder))
        return len(rows)

    def open(self) -> None:
        """See `Product`."""
        self._embeddings = Embeddings()
        self._embeddings.load(str(self._folder))

    def search(self, way: str, question: str, count: int) -> Found:
        """See `Product`."""
        found = (each["id"].split("\t") for each in self._embeddings.search(question, count))
        return Found([Chunk(source, int(start), int(end)) for source, start, end in found])


if __name__ == "__main__":
    run(Txtai)
