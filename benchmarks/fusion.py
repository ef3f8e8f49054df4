"""Compare ways to join dense and lexical retrieval on a question set.

    python -m benchmarks.fusion SET_FOLDER [SET_FOLDER ...] [--most 1000]

All texts of a set are one index, made by the product's own store. Counted is whether a passage
of a text that holds the answer comes first, and whether one is among the first five.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from assistant.embed import SentenceTransformerEmbeddings
from assistant.retrieve import CANDIDATES, Scored, fuse
from assistant.store import Generation, Store
from assistant.terms import topic
from assistant.types import Document, Passage
from benchmarks.sets import QuestionSet, interval, read_set

Ranking = Callable[[Scored, Scored], Sequence[Passage]]


def weighted(share: float) -> Ranking:
    """The product's fusion, with this share of the cosine."""
    return lambda dense, lexical: [hit.passage for hit in fuse(dense, lexical, share)]


def reciprocal_rank(dense: Scored, lexical: Scored) -> Sequence[Passage]:
    """Reciprocal rank fusion with k = 60 (Cormack, Clarke and Büttcher 2009)."""
    scores: dict[Passage, float] = {}
    for ranking in (dense, lexical):
        for rank, (passage, _) in enumerate(ranking, 1):
            scores[passage] = scores.get(passage, 0.0) + 1 / (60 + rank)
    return sorted(scores, key=lambda passage: -scores[passage])


WAYS: Mapping[str, Ranking] = {
    "dense": lambda dense, _: [passage for passage, _ in dense],
    "BM25": lambda _, lexical: [passage for passage, _ in lexical],
    "reciprocal rank": reciprocal_rank,
    **{f"weighted, dense {share:.1f}": weighted(share) for share in (0.3, 0.4, 0.5, 0.6, 0.7)},
}


def index(questions: QuestionSet, store: Store) -> Generation:
    """Put the passages of a set, with their vectors, into a store."""
    with store.write() as draft:
        for source, passages in groupby(questions.passages, key=lambda passage: passage.source):
            draft.add(Document(source, "", "", ()), list(passages))
        keys = [passage.key for passage in questions.passages]
        draft.add_vectors(keys, questions.vectors.tolist())
        store.publish(draft, [])
    generation = store.current()
    assert generation is not None
    return generation


def measure(questions: QuestionSet, generation: Generation) -> None:
    """Print a line for each way."""
    places: dict[str, list[int]] = {name: [] for name in WAYS}
    for question, vector in zip(questions.questions, questions.asked, strict=True):
        if not question.answers:
            continue
        dense = generation.nearest(vector.tolist(), CANDIDATES)
        lexical = generation.matching(topic(question.text), CANDIDATES)
        for name, way in WAYS.items():
            right = [passage.source in question.gold for passage in way(dense, lexical)]
            places[name].append(right.index(True) if any(right) else len(right))
    count = len(places["dense"])
    print(f"\n{questions.name}: {count} questions over {len(generation)} passages")
    print(f"{'':20} {'first':>15} {'in first five':>15}")
    for name, found in places.items():
        first, five = (float(np.mean(np.array(found) < most)) for most in (1, 5))
        print(f"{name:20} {interval(first, count):>15} {interval(five, count):>15}")


def main() -> None:
    """Measure each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=1000)
    options = parser.parse_args()
    embedder = SentenceTransformerEmbeddings()
    for folder in options.sets:
        with TemporaryDirectory() as place:
            questions = read_set(folder, options.most, embedder)
            measure(questions, index(questions, Store(Path(place) / "index", {})))


if __name__ == "__main__":
    main()
