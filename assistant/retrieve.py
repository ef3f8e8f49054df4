"""Question → Hits: dense and lexical search, fused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from assistant.text import bigrams
from assistant.types import Hit, Passage

DENSE_WEIGHT = 0.5
"""Share of the cosine in the fused score."""
CANDIDATES = 50
"""How many passages each search gives to the fusion."""

TOGETHER = 0.2
"""What a passage gains in which all neighbouring words of the question are neighbours too."""
LOOKED_AT = 30
"""In how many of the best passages neighbours are looked for."""

Scored = Sequence[tuple[Passage, float]]
Words = Callable[[Sequence[Passage]], Mapping[Passage, str]]
"""The terms of passages, in order, with a space between each two."""


def fuse(dense: Scored, lexical: Scored, weight: float = DENSE_WEIGHT) -> list[Hit]:
    """Join two rankings by the weighted sum of their scores, best first.

    Cosines count as they are (0 to 1), BM25 as a share of the best passage's. The weighted
    sum beat reciprocal rank fusion (Cormack et al. 2009): research/benchmarks/ablations.py.
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
    return sorted(hits, key=_order)


def boost_proximity(hits: Sequence[Hit], question: str, words: Words) -> list[Hit]:
    """The hits; of the best, those gain that keep the question's neighbouring words together.

    They are the ordered pairs of the sequential dependence model (Metzler and Croft 2005).
    """
    asked, best = bigrams(question), hits[:LOOKED_AT]
    if not asked:
        return list(hits)
    held, gaining = words([hit.passage for hit in best]), []
    for hit in best:
        share = sum(f" {pair} " in f" {held[hit.passage]} " for pair in asked) / len(asked)
        gaining.append(replace(hit, score=hit.score + TOGETHER * share))
    return [*sorted(gaining, key=_order), *hits[LOOKED_AT:]]


def _order(hit: Hit) -> tuple[float, str, int]:
    """Best first; equals in the order of the documents."""
    return (-hit.score, hit.passage.source, hit.passage.start)
