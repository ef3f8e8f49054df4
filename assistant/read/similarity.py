"""A reader for any language: similarity of vectors and words, weighed by logistic regression.

Does the passage hold the question's words and numbers? Is anything of the kind asked for there?
Far weaker than the network, it serves where the network does not know the language. The weights
are fitted by research/benchmarks/evidence.py, which prints how well this works, and how well it
does not.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from assistant.question import kind_asked, lacks
from assistant.text import digits, is_sentence, terms, topic
from assistant.types import Hit, Passage, Reading, Span

Frequencies = Callable[[Sequence[str]], Mapping[str, int]]
"""In how many of all passages each term stands."""
Embed = Callable[[list[str]], list[list[float]]]
"""A vector of length 1 for each text."""

_PARTS = re.compile(r"[\W_]+")


class Evidence:
    """One question, weighed against the passages and sentences it may be answered by.

    `size` is the number of all passages, for the rarity of words.
    """

    def __init__(self, question: str, frequencies: Frequencies, size: int) -> None:
        self._topic = topic(question)
        counts = frequencies(self._topic)
        # As in BM25 (Robertson and Zaragoza 2009), never negative.
        self._weight = {
            term: math.log(1 + (size - counts[term] + 0.5) / (counts[term] + 0.5))
            for term in self._topic
        }
        self._total = sum(self._weight.values()) or 1.0
        self._numbers = digits(question)
        self.words = frozenset(terms(question))
        self.kind = kind_asked(question)

    def of(self, passage: Passage, sentence: Span) -> dict[str, float]:
        """What the words say for a sentence, by the names that the reader's calibration weighs.

        Near it stand its headings, the name of its file, and the sentence before it.
        """
        place = passage.sentences.index(sentence)
        quote = passage.quote(sentence)
        before = passage.quote(passage.sentences[place - 1]) if place else ""
        name = _PARTS.sub(" ", passage.source)
        near = " ".join([passage.title, passage.heading, name, before, quote])
        return {
            "words": self.share(near),
            "other number": float(self.lacks_number(near)),
            "other kind": float(bool(self.kind) and lacks(self.kind, quote, self.words)),
            "no sentence": float(not is_sentence(quote)),
        }

    def share(self, text: str) -> float:
        """The share of the question's words that the text has, by rarity."""
        held = frozenset(terms(text))
        return sum(w for term, w in self._weight.items() if term in held) / self._total

    def lacks_number(self, text: str) -> bool:
        """Whether a number of the question's is not in the text."""
        return bool(self._numbers and self._numbers - digits(text))


Vectors = npt.NDArray[np.float32]

FEATURES = (
    "cosine of question and sentence",
    "cosine of question and passage",
    "question's words in the sentence, by rarity",
    "question's words in the passage, by rarity",
    "a number of the question's is missing in the passage",
    "sentence lacks the kind asked for",
)
# Fitted by research/benchmarks/evidence.py on SQuAD 2.0 articles; the last figure is the constant.
RANK = (4.39, 2.12, 3.19, 1.65, -1.43, -1.23, -8.20)
"""Which sentence answers, if one does."""
PROBABILITY = (2.28, 2.30, 4.77, -2.74, -1.24, -0.28, -3.41)
"""Whether the sentence that ranks first does; the constant is 0.71 above the fitted one, for asking
of which more ends with an answer than in those sets: 0.5 is here what 0.33 was there."""
_CACHE = 20_000  # sentences, 1.5 KB each


class SimilarityReader:
    """Reads by embedding and lexical evidence; deterministic. Safe to use from several threads.

    `embed` gives vectors of length 1 for texts.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._vectors: dict[str, Vectors] = {}

    def read(self, question: str, evidence: Evidence, hits: Sequence[Hit]) -> list[Reading]:
        """Every sentence of the hits with its probability, the likeliest to answer first."""
        pairs = [(hit, span) for hit in hits for span in hit.passage.sentences]
        sentences = [hit.passage.quote(span) for hit, span in pairs]
        asked, *vectors = self._embedded([question, *sentences])
        weighed = []
        for (hit, span), sentence, vector in zip(pairs, sentences, vectors, strict=True):
            features = weigh_up(evidence, hit, sentence, float(asked @ vector))
            probability = 1 / (1 + math.exp(-weigh(features, PROBABILITY)))
            weighed.append((weigh(features, RANK), Reading(hit.passage, span, probability)))
        weighed.sort(key=lambda item: (-item[0], item[1].passage.source, item[1].span))
        return [reading for _, reading in weighed]

    def _embedded(self, texts: list[str]) -> list[Vectors]:
        if len(self._vectors) > _CACHE:
            self._vectors = {}  # not cleared: another thread may be about to take from it
        cached = self._vectors
        found = {text: cached[text] for text in texts if text in cached}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            vectors = np.asarray(self._embed(new), dtype=np.float32)
            found.update(zip(new, vectors, strict=True))
            cached.update(found)
        return [found[text] for text in texts]


def weigh_up(evidence: Evidence, hit: Hit, sentence: str, cosine: float) -> list[float]:
    """The features of a sentence, in the order of `FEATURES`."""
    around = f"{hit.passage.title} {hit.passage.heading} {hit.passage.text}"
    return [
        cosine,
        hit.dense,
        evidence.share(sentence),
        evidence.share(around),
        float(evidence.lacks_number(around)),
        float(lacks(evidence.kind, sentence, evidence.words)),
    ]


def weigh(features: Sequence[float], weights: Sequence[float]) -> float:
    """Logit of the features."""
    return sum(w * x for w, x in zip(weights, [*features, 1.0], strict=True))
