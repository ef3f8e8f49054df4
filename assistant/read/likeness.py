"""A reader for any language: likeness of vectors and words, weighed by logistic regression.

Far weaker than the network, it serves where the network does not know the language. The weights
are fitted by benchmarks/evidence.py, which prints how well this works, and how well it does not.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from assistant.read.evidence import Evidence, probability, surroundings
from assistant.types import Hit, Reading

Vectors = npt.NDArray[np.float32]
Embed = Callable[[list[str]], list[list[float]]]

FEATURES = (
    "cosine of question and sentence",
    "cosine of question and passage",
    "question's words in the sentence, by rarity",
    "question's words in the passage, by rarity",
    "a number of the question's is missing in the passage",
    "sentence lacks the kind asked for",
)
# Fitted by benchmarks/evidence.py on SQuAD 2.0 articles; the last figure is the constant.
RANK = (4.39, 2.12, 3.19, 1.65, -1.43, -1.23, -8.20)
"""Which sentence answers, if one does."""
ODDS = (2.28, 2.30, 4.77, -2.74, -1.24, -0.28, -3.41)
"""Whether the sentence that ranks first does; the constant is 0.71 above the fitted one, for asking
of which more ends with an answer than in those sets: 0.5 is here what 0.33 was there."""
_CACHE = 20_000  # sentences, 1.5 KB each


class LikenessReader:
    """Reads by embedding and lexical evidence; deterministic.

    `embed` gives vectors of length 1 for texts.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._vectors: dict[str, Vectors] = {}

    def read(self, question: str, evidence: Evidence, hits: Sequence[Hit]) -> list[Reading]:
        """Every sentence of the hits with its odds, the likeliest to answer first."""
        pairs = [(hit, span) for hit in hits for span in hit.passage.sentences]
        sentences = [hit.passage.quote(span) for hit, span in pairs]
        asked, *vectors = self._embedded([question, *sentences])
        weighed = []
        for (hit, span), sentence, vector in zip(pairs, sentences, vectors, strict=True):
            features = weigh_up(evidence, hit, sentence, float(asked @ vector))
            reading = Reading(hit.passage, span, probability(weigh(features, ODDS)))
            weighed.append((weigh(features, RANK), reading))
        weighed.sort(key=lambda item: (-item[0], item[1].passage.source, item[1].span))
        return [reading for _, reading in weighed]

    def _embedded(self, sentences: list[str]) -> list[Vectors]:
        if len(self._vectors) > _CACHE:
            self._vectors.clear()
        new = [text for text in dict.fromkeys(sentences) if text not in self._vectors]
        if new:
            vectors = np.asarray(self._embed(new), dtype=np.float32)
            self._vectors.update(zip(new, vectors, strict=True))
        return [self._vectors[text] for text in sentences]


def weigh_up(evidence: Evidence, hit: Hit, sentence: str, cosine: float) -> list[float]:
    """The features of a sentence, in the order of `FEATURES`."""
    around = surroundings(hit.passage)
    return [
        cosine,
        hit.dense,
        evidence.share(sentence),
        evidence.share(around),
        float(evidence.lacks_number(around)),
        float(evidence.lacks_kind(sentence)),
    ]


def weigh(features: Sequence[float], weights: Sequence[float]) -> float:
    """Logit of the features."""
    return sum(w * x for w, x in zip(weights, [*features, 1.0], strict=True))
