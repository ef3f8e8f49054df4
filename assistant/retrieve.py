"""Question → Hits: dense and lexical search, fused."""

from collections.abc import Sequence

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
