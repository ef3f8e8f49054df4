"""A question set as documents and questions that every product can be given.

Texts of one title are one document, as in a folder of articles: the title as its heading, then
the texts as paragraphs. A set whose texts all have one title has none in truth (it is the name of
the set): each is a document, without a heading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from research.benchmarks.peers.scores import Gold, spans
from research.benchmarks.peers.worker import Chunk
from research.benchmarks.sets import Line, read_lines


@dataclass(frozen=True)
class Question:
    """A question; what answers it, nothing where no text of the set does."""

    text: str
    golds: Sequence[Gold]


def write_articles(folder: Path, home: Path) -> dict[str, Chunk]:
    """A set's texts as the documents of a home: where each text stands."""
    texts = read_lines(folder / "corpus.jsonl")
    titles = dict.fromkeys(text["title"] for text in texts)
    (home / "knowledge").mkdir(parents=True, exist_ok=True)
    groups = (
        [[text for text in texts if text["title"] == title] for title in titles]
        if len(titles) > 1
        else [[text] for text in texts]
    )
    places = {}
    for number, group in enumerate(groups):
        source, title = f"{number:04}.md", group[0]["title"]
        said = len(titles) == 1 or group[0]["text"].startswith(title)
        article = "" if said else f"# {title}\n\n"
        for text in group:
            places[text["id"]] = Chunk(source, len(article), len(article) + len(text["text"]))
            article += f"{text['text']}\n\n"
        (home / "knowledge" / source).write_bytes(article.encode())
    return places


def read_questions(folder: Path, places: Mapping[str, Chunk], most: int) -> list[Question]:
    """The questions of a set that stand alone, at most so many, drawn with a fixed seed."""
    texts = {text["id"]: text["text"] for text in read_lines(folder / "corpus.jsonl")}
    lines = [
        line
        for line in read_lines(folder / "queries.jsonl")
        if not line.get("history") and line["gold_doc_ids"]
    ]
    order = np.random.default_rng(0).permutation(len(lines))[:most]
    return [_question(lines[i], texts, places) for i in order.tolist()]


def _question(line: Line, texts: Mapping[str, str], places: Mapping[str, Chunk]) -> Question:
    if not line["answerable"]:
        return Question(line["question"], ())
    golds = []
    for text_id in line["gold_doc_ids"]:
        place, grade = places[text_id], line.get("qrels", {}).get(text_id, 1)
        found = spans(texts[text_id], line["answers"], place.start)
        golds.append(Gold(place, grade, tuple(found)))
    return Question(line["question"], [gold for gold in golds if gold.spans] or golds)
