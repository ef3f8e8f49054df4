"""Question sets in one shape: a folder with `corpus.jsonl` and `queries.jsonl`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.embed import SentenceTransformerEmbeddings
from assistant.split import split
from assistant.types import Document, Passage, Section

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """A question, the strings that answer it (none: unanswerable), and the texts that hold them.

    For an unanswerable question `gold` is the near miss: on the matter, without the answer.
    """

    text: str
    answers: tuple[str, ...]
    gold: frozenset[str]


@dataclass(frozen=True)
class QuestionSet:
    """Texts cut into passages as the product cuts them, with their vectors, and questions."""

    name: str
    passages: list[Passage]
    vectors: Vectors
    questions: list[Question]
    asked: Vectors
    articles: dict[str, str]
    """The article each text (a passage's `source`) belongs to."""


def read_set(folder: Path, most: int, embedder: SentenceTransformerEmbeddings) -> QuestionSet:
    """Read a set and embed it; at most so many questions, drawn with a fixed seed."""
    texts = _lines(folder / "corpus.jsonl")
    passages = [
        passage
        for text in texts
        for passage in split(
            Document(
                source=text["id"],
                text=text["text"],
                sha256="",
                sections=(Section(0, 0, len(text["text"])),),
                title=text["title"],
            ),
            embedder.count_tokens,
            embedder.max_tokens - 56,
        )
    ]
    asked = [line for line in _lines(folder / "queries.jsonl") if line["gold_doc_ids"]]
    order = np.random.default_rng(0).permutation(len(asked))[:most]
    questions = [
        Question(
            text=asked[i]["question"],
            answers=tuple(asked[i]["answers"]) if asked[i]["answerable"] else (),
            gold=frozenset(asked[i]["gold_doc_ids"]),
        )
        for i in order.tolist()
    ]
    return QuestionSet(
        name=f"{folder.parent.name}/{folder.name}",
        passages=passages,
        vectors=embed(embedder, [passage.embedded for passage in passages]),
        questions=questions,
        asked=np.array([embedder.embed_query(each.text) for each in questions], dtype=np.float32),
        articles={text["id"]: text["title"] for text in texts},
    )


def embed(embedder: SentenceTransformerEmbeddings, texts: Sequence[str]) -> Vectors:
    """Vectors of length 1, shape (texts, dimension)."""
    return np.array(embedder.embed_documents(list(texts)), dtype=np.float32)


def interval(share: float, count: int) -> str:
    """A share with half the width of its 95 % interval (normal approximation)."""
    return f"{share:.3f} ± {1.96 * (share * (1 - share) / max(1, count)) ** 0.5:.3f}"


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """How often a positive scores above a negative: 0.5 is chance."""
    from scipy.stats import mannwhitneyu

    statistic = mannwhitneyu(positive, negative).statistic
    return float(statistic) / (len(positive) * len(negative))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
