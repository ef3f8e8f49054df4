"""Question and passages → the sentences that answer, each with the odds that it does.

A first reader, for any language: it weighs evidence about each sentence by logistic regression.
Similarity alone neither answers nor refuses (the most similar sentence may be about the right
thing and not say it), so the evidence also asks which of the question's words the passage lacks,
how rare they are, and whether the sentence holds the kind of thing asked for. The weights are
fitted by benchmarks/evidence.py, which prints how well this works, and how well it does not.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assistant.terms import numbers, terms, topic
from assistant.types import Hit, Passage, Span

Vectors = npt.NDArray[np.float32]
Embed = Callable[[list[str]], list[list[float]]]
Frequencies = Callable[[Sequence[str]], Mapping[str, int]]

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
ODDS = (2.28, 2.30, 4.77, -2.74, -1.24, -0.28, -4.12)
"""Whether the sentence that ranks first does."""

_NUMBER = re.compile(
    r"\b(?:how (?:many|much|large|big|old|long|far|high|often|fast)|what (?:number|percentage|"
    r"percent|share|rate|amount|price|proportion|age)|how\b.*\bper)\b|\bсколько\b|多少|几[个年次]",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:when|(?:what|which) (?:year|date|day|month|century|decade)|since when|how recently)\b"
    r"|\bкогда\b|\bкаком году\b|何时|什么时候|哪[一]?年",
    re.IGNORECASE,
)
_NAME = re.compile(r"^\W*(?:who|whom|whose|where|кто|кого|где|谁|哪里)\b", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|"
    r"thousands?|millions?|billions?|half|third|quarter|once|twice|single|both|several)\b"
    r"|[一二三四五六七八九十百千万亿]",
    re.IGNORECASE,
)
_DATE_WORD = re.compile(
    r"\b(?:[12]\d{3}s?|January|February|March|April|May|June|July|August|September|October|"
    r"November|December|century|centuries|decade|yesterday|today|tomorrow|(?:last|next|this) "
    r"(?:year|month|week)|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b|\d{4}\s?(?:год|г\.|年)",
)
_CAPITAL = re.compile(r"(?<![.!?] )(?<!^)\b[^\W\d_a-zа-яё][^\W\d_]+")
_CASED = re.compile(r"[A-Za-zА-Яа-я]")
_OVERVIEW = re.compile(
    r"\b(?:summar(?:y|ise|ize)|overview|main (?:points?|ideas?|topics?)|key (?:points?|takeaways?)|"
    r"tl;?dr|in short)\b"
    r"|\bwhat (?:is|are|was|does)\b.{0,30}\b(?:documents?|texts?|articles?|files?|papers?|sources?|"
    r"this|it|these|they)\b(?: \w+)? (?:about|say|cover|discuss)\W*$"
    r"|\bо чём\b.{0,30}\b(?:документ|текст|статья)|总结|概括|概述|主要内容",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A sentence of a passage, and the odds, as a probability, that it answers."""

    passage: Passage
    span: Span
    odds: float

    @property
    def quote(self) -> str:
        """The sentence's exact characters."""
        return self.passage.quote(self.span)


class EvidenceReader:
    """Reads by embedding and lexical evidence; deterministic.

    `embed` gives vectors of length 1 for texts, `frequencies` in how many of all `size` passages
    each term stands.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._vectors: dict[str, Vectors] = {}

    def read(
        self,
        question: str,
        vector: Sequence[float],
        hits: Sequence[Hit],
        frequencies: Frequencies,
        size: int,
    ) -> list[Reading]:
        """Every sentence of the hits with its odds, the likeliest to answer first."""
        pairs = [(hit, span) for hit in hits for span in hit.passage.sentences]
        if not pairs:
            return []
        evidence = Evidence(question, vector, frequencies, size)
        sentences = [hit.passage.quote(span) for hit, span in pairs]
        vectors = self._embedded(sentences)
        weighed = [
            (weigh(features, RANK), Reading(hit.passage, span, _odds(features)))
            for (hit, span), sentence, sentence_vector in zip(
                pairs, sentences, vectors, strict=True
            )
            for features in [evidence.of(hit, sentence, sentence_vector)]
        ]
        weighed.sort(key=lambda item: (-item[0], item[1].passage.source, item[1].span))
        return [reading for _, reading in weighed]

    def central(self, passages: Sequence[Passage], count: int) -> list[Reading]:
        """The sentences nearest to the middle of all, at most one of each section."""
        pairs = [(passage, span) for passage in passages for span in passage.sentences]
        if not pairs:
            return []
        vectors = np.stack(self._embedded([passage.quote(span) for passage, span in pairs]))
        nearness = vectors @ vectors.mean(axis=0)
        best: dict[tuple[str, str], tuple[float, Passage, Span]] = {}
        for near, (passage, span) in zip(nearness.tolist(), pairs, strict=True):
            section = (passage.source, passage.heading)
            best[section] = max(
                best.get(section, (-1.0, passage, span)),
                (near, passage, span),
                key=lambda item: item[0],
            )
        chosen = sorted(best.values(), key=lambda item: -item[0])[:count]
        in_order = sorted(chosen, key=lambda item: (item[1].source, item[2]))
        return [Reading(passage, span, 1.0) for _, passage, span in in_order]

    def _embedded(self, sentences: list[str]) -> list[Vectors]:
        new = [text for text in dict.fromkeys(sentences) if text not in self._vectors]
        if len(self._vectors) > _CACHE:
            self._vectors.clear()
            new = list(dict.fromkeys(sentences))
        if new:
            vectors = np.asarray(self._embed(new), dtype=np.float32)
            self._vectors.update(zip(new, vectors, strict=True))
        return [self._vectors[text] for text in sentences]


_CACHE = 20_000  # sentences, 1.5 KB each


class Evidence:
    """What speaks for and against a sentence as the answer to one question."""

    def __init__(
        self, question: str, vector: Sequence[float], frequencies: Frequencies, size: int
    ) -> None:
        self._vector = np.asarray(vector, dtype=np.float32)
        self._topic = topic(question)
        counts = frequencies(self._topic)
        # As in BM25 (Robertson and Zaragoza 2009), never negative.
        self._weight = {
            term: math.log(1 + (size - counts[term] + 0.5) / (counts[term] + 0.5))
            for term in self._topic
        }
        self._total = sum(self._weight.values()) or 1.0
        self._numbers = numbers(question)
        self._kind = kind(question)
        self._words = frozenset(terms(question))

    def of(self, hit: Hit, sentence: str, vector: Vectors) -> list[float]:
        """The features of a sentence, in the order of `FEATURES`."""
        around = f"{hit.passage.title} {hit.passage.heading} {hit.passage.text}"
        in_passage = frozenset(terms(around))
        return [
            float(self._vector @ vector),
            hit.dense,
            self._share(frozenset(terms(sentence))),
            self._share(in_passage),
            float(bool(self._numbers - numbers(around))),
            float(lacks(self._kind, sentence, self._words)),
        ]

    def _share(self, held: frozenset[str]) -> float:
        return sum(w for term, w in self._weight.items() if term in held) / self._total


def is_overview(question: str) -> bool:
    """Whether the question asks for all of it: what it is about, or a summary."""
    return bool(_OVERVIEW.search(question))


def kind(question: str) -> str:
    """What is asked for: "number", "date", "name", or "" where it does not show."""
    if _DATE.search(question):
        return "date"
    if _NUMBER.search(question):
        return "number"
    return "name" if _NAME.search(question) else ""


def lacks(wanted: str, sentence: str, asked: frozenset[str]) -> bool:
    """Whether the sentence holds nothing of the kind wanted, but what the question said itself.

    False where the kind or the script does not let one tell.
    """
    if wanted == "date":
        return not _DATE_WORD.search(sentence)
    if wanted == "number":
        return not (numbers(sentence) - asked or _NUMBER_WORD.search(sentence))
    if wanted == "name" and _CASED.search(sentence):
        names = {term for match in _CAPITAL.findall(sentence) for term in terms(match)}
        return not names - asked
    return False


def weigh(features: Sequence[float], weights: Sequence[float]) -> float:
    """Logit of the features."""
    return sum(w * x for w, x in zip(weights, [*features, 1.0], strict=True))


def _odds(features: Sequence[float]) -> float:
    return 1 / (1 + math.exp(-weigh(features, ODDS)))
