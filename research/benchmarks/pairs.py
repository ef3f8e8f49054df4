"""Pairs of claim and text that people labelled, and sentences to plant faults in.

The groups (texts) of the sets are split in halves, by a hash: on "fitted" the weights of
assistant/llm/check/ were fitted and its rules tried, "held" was for reporting. See `UNSEEN` and
`UNTOUCHED` for what neither was done on.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from assistant.embed import SentenceTransformerEmbeddings
from assistant.llm.check.words import sentences
from research.benchmarks.planted import Case
from research.benchmarks.sets import Line, read_lines

SETS = ("fever_symmetric", "summedits", "q2_wow")
HALVES = ("fitted", "held")
UNSEEN = "squad2_dev"
"""Texts to plant faults in, besides those of the sets."""
UNTOUCHED = Path("../dev/inscit_dev")
"""Answers that people wrote from passages; no rule was made or changed by them."""
ARTICLE = Path("knowledge/china-belarus-joint-statement.txt")


@dataclass(frozen=True)
class Pair:
    """A claim, what it is held against, and what people said of it."""

    name: str
    group: str
    claim: str
    evidence: str
    supported: bool
    contradicted: bool = False


def read_pairs(folder: Path, name: str) -> list[Pair]:
    """The pairs of a set, each with the group whose texts or claims hang together."""
    lines = read_lines(folder / name / "pairs.jsonl")
    corpus = folder / name / "corpus.jsonl"
    texts = {line["id"]: line["text"] for line in read_lines(corpus)} if corpus.exists() else {}
    pairs = []
    groups = _groups(lines)
    for line, group in zip(lines, groups, strict=True):
        evidence = line["evidence"] or texts[line["evidence_doc_id"]]
        label = line["label"]
        pairs.append(
            Pair(
                name, f"{name}:{group}", clean(line["claim"]), clean(evidence),
                label == "supported", label == "contradicted",
            )
        )  # fmt: skip
    return pairs


def _groups(lines: Sequence[Line]) -> list[str]:
    """For each pair the first claim or text that it hangs together with, however indirectly."""
    first: dict[str, str] = {}

    def root(key: str) -> str:
        while first.setdefault(key, key) != key:
            key = first[key]
        return key

    keys = [
        [f"text {line['evidence_doc_id']}"]
        if line.get("evidence_doc_id")
        else [f"text {line['evidence']}", f"claim {line['claim']}"]
        for line in lines
    ]
    for each in keys:
        for key in each[1:]:
            first[root(key)] = root(each[0])
    return [root(each[0]) for each in keys]


def half(group: str) -> str:
    """Which half a group is in, by a hash of its text."""
    return HALVES[sha256(group.encode()).digest()[0] % 2]


_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "``": '"', "''": '"'}


def clean(text: str) -> str:
    """Without the spaces and signs that tokenizers left."""
    for sign, meant in _BRACKETS.items():
        text = text.replace(sign, meant)
    text = re.sub(r" (?=[,.;:!?)\]%]|'s\b|n't\b)", "", text.replace(" ' ", "'"))
    text = re.sub(r"(?<=[(\[$]) ", "", text).replace(" -- ", "–").replace(" - ", "-")
    return text.strip()


@dataclass
class Vectors:
    """Embeds each text once; keeps the vectors in a file, if there is one."""

    embedder: SentenceTransformerEmbeddings
    kept: dict[str, list[float]] = field(default_factory=dict)

    def __call__(self, texts: list[str]) -> list[list[float]]:
        """A vector of length 1 for each text."""
        new = [text for text in dict.fromkeys(texts) if text not in self.kept]
        if new:
            self.kept.update(zip(new, self.embedder.embed_documents(new), strict=True))
        return [self.kept[text] for text in texts]

    def read(self, path: Path) -> None:
        """Take up the vectors of an earlier run."""
        if path.exists():
            stored = np.load(path)
            texts = json.loads(str(stored["texts"]))
            self.kept.update(zip(texts, stored["vectors"].astype(float).tolist(), strict=True))

    def write(self, path: Path) -> None:
        """Keep the vectors for the next run."""
        vectors = np.array(list(self.kept.values()), dtype=np.float32)
        np.savez(path, texts=json.dumps(list(self.kept)), vectors=vectors)


def true_sentences(pairs: Iterable[Pair], wanted: str) -> Iterator[Case]:
    """Sentences of the texts with the ones around them as their quote."""
    texts = {pair.evidence: pair.group for pair in pairs if half(pair.group) == wanted}
    yield from _sentences_of(texts)


def unseen_sentences(folder: Path) -> Iterator[Case]:
    """The same of the article, and of texts that nothing here was fitted or tried on."""
    article = {ARTICLE.read_text(encoding="utf-8"): "article"}
    lines = read_lines(folder / UNSEEN / "corpus.jsonl")
    yield from _sentences_of(article | {line["text"]: line["title"] for line in lines})


def _sentences_of(texts: Mapping[str, str]) -> Iterator[Case]:
    for text, group in texts.items():
        parts = sentences(text)
        for place, sentence in enumerate(parts):
            if 6 <= len(sentence.split()) <= 60:
                around = " ".join(parts[max(0, place - 1) : place + 2])
                yield Case(sentence, (around,), "true", group)


def supported(pairs: Iterable[Pair], wanted: str) -> Iterator[Case]:
    """The sentences of the claims that people found supported."""
    for pair in pairs:
        if pair.supported and half(pair.group) == wanted:
            for sentence in sentences(pair.claim):
                yield Case(sentence, (pair.evidence,), pair.name, pair.group)


def answered(folder: Path) -> Iterator[Case]:
    """The sentences of answers that people wrote from passages, with those passages."""
    texts = {line["id"]: line["text"] for line in read_lines(folder / "corpus.jsonl")}
    for line in read_lines(folder / "queries.jsonl"):
        held = " ".join(texts[name] for name in line["gold_doc_ids"] if name in texts)
        for answer, how in zip(line["answers"], line["response_types"], strict=False):
            if line["answerable"] and how == "directAnswer":
                for sentence in sentences(clean(answer)):
                    yield Case(sentence, (clean(held),), folder.name, line["id"].split("#")[0])


_DENIES = re.compile(r"\b(?:not|no|never|none|without|only|cannot|refuse\w*)\b|n['’]t\b")
# Before a thing that one knows; what one knows may be the text's.
_KNOWING = re.compile(r"^(?:i['’]m not sure, but )?i (?:do )?(?:know|think|believe|heard)\b")
_SPEAKER = re.compile(r"\b(?:i|my|me|we)\b")
_PERSON = re.compile(r"\b(?:i|my|me|we|us|our|you|your)\b")


def is_paraphrase(case: Case) -> bool:
    """Whether a supported claim puts the text in other words, and infers nothing.

    It has six words or more, half of those with four letters or more stand in the text, and so do
    all its capitalised words and its digits: else who is meant is known from elsewhere. Neither or
    both of them deny something. It asks nothing, and tells nothing of its own speaker ("I love
    them"), which people let pass and no text says.
    """
    return _states(case) and _is_near(case)


def _states(case: Case) -> bool:
    """Whether it is a statement, and of what the text may speak of."""
    said, text = case.claim.casefold(), case.quotes[0].casefold()
    is_own = _SPEAKER.search(_KNOWING.sub("", said)) and not _PERSON.search(text)
    return not said.endswith("?") and not is_own


def _is_near(case: Case) -> bool:
    own_words = re.findall(r"[^\W\d_]{4,}", case.claim.casefold())
    text = case.quotes[0].casefold()
    own = re.findall(r"(?<!^)\b[A-Z][\w’']+|^[A-Z]\w+(?= [A-Z])|\d+", case.claim)
    held = sum(word[:5] in text for word in own_words)
    denies = [bool(_DENIES.search(each)) for each in (case.claim.casefold(), text)]
    return (
        len(case.claim.split()) >= 6
        and held >= len(own_words) / 2
        and denies[0] <= denies[1]
        and all(each.casefold().removesuffix("'s") in text for each in own)
    )


def plant(cases: Sequence[Case], make: Callable[[Case], Iterable[tuple[str, str]]]) -> list[Case]:
    """What is made of the cases, in an order that no text leads; the article's first."""
    made = {
        claim: Case(claim, case.quotes, kind, case.group)
        for case in cases
        for kind, claim in make(case)
    }
    order = sorted(made.values(), key=lambda each: sha256(each.claim.encode()).digest())
    return sorted(order, key=lambda each: each.group != "article")
