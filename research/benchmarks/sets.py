"""Question sets in one shape: a folder with `corpus.jsonl` and `queries.jsonl`."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant import evaluate as asked
from assistant.embed import SentenceTransformerEmbeddings
from assistant.split import split
from assistant.types import Document, Passage, Section

Line = dict[str, Any]
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
    texts = read_lines(folder / "corpus.jsonl")
    passages = passages_of(texts, embedder)
    asked = [line for line in read_lines(folder / "queries.jsonl") if line["gold_doc_ids"]]
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


def passages_of(texts: Sequence[Line], embedder: SentenceTransformerEmbeddings) -> list[Passage]:
    """Texts of a set, cut as the product cuts documents."""
    return [
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


def read_lines(path: Path) -> list[Line]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_home(folder: Path, home: Path, most: int, seed: int = 0) -> list[asked.Question]:
    """A set as a home, a file for each text under its title; and its questions, `most` of them.

    Questions without a text they are about are left out. `source` is that text, also where it
    does not answer: the near-miss. Files that are there already are written again.
    """
    (home / "knowledge").mkdir(parents=True, exist_ok=True)
    names = {}
    for text in read_lines(folder / "corpus.jsonl"):
        names[text["id"]] = re.sub(r"[^\w-]", "_", text["id"]) + ".md"
        title = f"# {text['title']}\n\n" if text["title"] else ""
        (home / "knowledge" / names[text["id"]]).write_text(title + text["text"], "utf-8")
    lines = [
        line for line in read_lines(folder / "queries.jsonl")
        if line["gold_doc_ids"] and bool(line["answers"]) == line["answerable"]
    ]  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(lines))[:most]
    return [
        asked.Question(
            question=line["question"],
            answerable=line["answerable"],
            quote=tuple(line["answers"]),
            source=names[line["gold_doc_ids"][0]],
            history=tuple(line.get("history", ())[::2]),
            kind=f"{folder.parent.name}/{folder.name}",
        )
        for line in (lines[i] for i in order.tolist())
    ]


@contextmanager
def workplace(given: Path | None) -> Iterator[Path]:
    """The folder where homes are made: the one given, which is kept, or a passing one."""
    if given is not None:
        yield given
    else:
        with TemporaryDirectory() as folder:
            yield Path(folder)
