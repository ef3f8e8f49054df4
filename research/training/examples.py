"""Question sets → examples: a question, a passage as the product cuts it, the words that answer.

Answerable examples come from the sets. Unanswerable ones are what the sets call so, and what is
made here, because near-misses are what a reader has least of: the question with another passage
of its article, with another name or number in it, or turned into its opposite.
"""

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import fsum, log
from pathlib import Path

from assistant.embed import SentenceTransformerEmbeddings
from assistant.text import terms, topic
from assistant.types import Passage, Span
from research.benchmarks.sets import Line, passages_of, read_lines
from research.training.composing import (
    asked,
    counted,
    listed,
    mention,
    said,
    undated,
    unsaid,
    whether,
)
from research.training.wording import (
    lengthened,
    loosened,
    named,
    narrowed,
    opposed,
    reworded,
    swapped,
)


@dataclass(frozen=True)
class Stage:
    """What is seen in one run of the training, and how fast it is learnt."""

    rate: float
    """The highest learning rate of the encoder."""
    passes: Mapping[str, float]
    """How often each set's questions are seen. Natural questions about articles are what users
    ask; the sets with noisy or very long answers only add variety."""
    pairs: float
    """The share of the claims."""
    elsewhere: float
    """Shares of the answerable questions, made unanswerable: with another passage, ..."""
    swapped: float
    """... with another name or number, or turned into the opposite, ..."""
    removed: float = 0.0
    """... with the passage less the sentence that answers."""
    narrowed: float = 0.0
    """Of the swaps, where the question asks for things of a kind: those of another name only."""
    uncased: bool = False
    """Whether names are found in questions typed in lower case."""
    reworded: float = 0.0
    """The share of the questions put in other words: the ones with an answer said more loosely
    too, ..."""
    composed: float = 0.0
    """... and of the passages of SQuAD, for each way of making a question from a sentence."""
    lengthened: float = 0.0
    """The share of the examples in which a name is made longer by others, where one can be."""


STAGES = {
    # What an answer is, and where it stands.
    1: Stage(
        rate=2e-4,
        passes={
            "squad2_dev": 3.0,
            "squad1_dev": 2.0,
            "squad_train_partial": 1.2,
            "nq_open_oracle": 1.5,
            "covidqa_early": 0.7,
            "timeqa_human": 0.3,
            "policyqa": 0.3,
        },
        pairs=0.5,
        elsewhere=0.22,
        swapped=0.22,
    ),
    # What a newcomer asks, who has not read the text: other words, is it so, is it mentioned.
    2: Stage(
        rate=1e-4,
        passes={
            "squad2_dev": 1.3,
            "squad1_dev": 0.5,
            "squad_train_partial": 0.4,
            "nq_open_oracle": 1.0,
            "covidqa_early": 0.1,
            "policyqa": 0.1,
        },
        pairs=0.3,
        elsewhere=0.2,
        swapped=0.25,
        removed=0.12,
        narrowed=0.4,
        uncased=True,
        reworded=0.35,
        composed=0.3,
        lengthened=0.12,
    ),
}
OPPOSED = 0.5  # of the swaps, where the question has a word with an opposite
LONG_NAMES = 0.7  # of the questions which ones and how many: a name in the text made longer
LED = 0.08  # examples after another question of the article, as a follow-up is read
UNTITLED = 0.5  # examples without the title above the passage
_MOST_OCCURRENCES = 3  # an answer that stands more often in a passage says little


@dataclass(frozen=True, slots=True)
class Example:
    """What the reader sees, and what it should find.

    `spans` are of characters of `context`, none where the passage does not answer. Where `loose`,
    the answer is somewhere inside the span: any start and end in it is right.
    """

    question: str
    context: str
    spans: tuple[Span, ...] = ()
    loose: bool = False


class QuestionArticles:
    """One set: its questions, and the passages of its texts by article."""

    def __init__(self, folder: Path, embedder: SentenceTransformerEmbeddings) -> None:
        self.name = folder.name
        self.lines = [line for line in read_lines(folder / "queries.jsonl") if _usable(line)]
        texts = read_lines(folder / "corpus.jsonl")
        wanted = {gold for line in self.lines for gold in line["gold_doc_ids"]}
        texts = [text for text in texts if text["id"] in wanted]
        self.article = {text["id"]: text["title"] or text["id"] for text in texts}
        self.passages: dict[str, list[Passage]] = defaultdict(list)
        self.siblings: dict[str, list[Passage]] = defaultdict(list)
        for passage in passages_of(texts, embedder):
            self.passages[passage.source].append(passage)
            self.siblings[self.article[passage.source]].append(passage)

    @cached_property
    def asked(self) -> dict[str, list[str]]:
        """The questions of each article."""
        found: dict[str, list[str]] = defaultdict(list)
        for line in self.lines:
            found[self.article[line["gold_doc_ids"][0]]].append(line["question"])
        return found

    @cached_property
    def rarity(self) -> dict[str, float]:
        """Inverse passage frequency of each term."""
        held = [set(terms(p.text)) for group in self.passages.values() for p in group]
        counts = Counter(term for each in held for term in each)
        return {term: log(1 + len(held) / count) for term, count in counts.items()}

    def nearest(self, question: str, among: Sequence[Passage]) -> list[Passage]:
        """The passages with most of the question's words, by rarity, first."""
        asked = set(topic(question))
        shared = {
            p.id: fsum(self.rarity.get(t, 0) for t in asked & set(terms(p.text))) for p in among
        }
        return sorted(among, key=lambda passage: -shared[passage.id])


def of_set(
    folder: Path, embedder: SentenceTransformerEmbeddings, stage: Stage, seed: int
) -> list[Example]:
    """The examples of one set, all its passes, shuffled within a pass."""
    questions = QuestionArticles(folder, embedder)
    chance = random.Random(seed)
    names = {title: _swappable(group) for title, group in questions.siblings.items()}
    made: list[Example] = []
    left = stage.passes[questions.name]
    while left > 0:
        lines = chance.sample(questions.lines, round(min(1.0, left) * len(questions.lines)))
        for line in lines:
            held = names.get(questions.article.get(line["gold_doc_ids"][0], ""), {})
            examples = _examples(line, questions, held, stage, chance)
            made += _lengthened(examples, held, stage.lengthened, chance)
        left -= 1
    if stage.composed and questions.name.startswith("squad"):
        for article, passages in questions.siblings.items():
            for passage in passages:
                made += _composed(passage, passages, names[article], stage, chance)
    return made


def _examples(
    line: Line,
    questions: QuestionArticles,
    held: dict[str, list[str]],
    stage: Stage,
    chance: random.Random,
) -> Iterator[Example]:
    golds = [gold for gold in line["gold_doc_ids"] if gold in questions.passages]
    if not golds:
        return
    passages = [passage for gold in golds for passage in questions.passages[gold]]
    text, article = line["question"], questions.article[golds[0]]
    if chance.random() < LED:
        text = f"{chance.choice(questions.asked[article])} {text}"
    if stage.reworded and chance.random() < stage.reworded:
        text = reworded(text, chance)
    if not line["answerable"]:
        # The near-miss: the part of it with most of the question's words.
        yield _example(text, questions.nearest(text, passages)[0], chance)
        return
    yield from _answered(line, text, passages, questions, held, stage, chance)


def _answered(
    line: Line,
    text: str,
    passages: Sequence[Passage],
    questions: QuestionArticles,
    held: dict[str, list[str]],
    stage: Stage,
    chance: random.Random,
) -> Iterator[Example]:
    """The example of a question that has an answer, and the near-misses made of it."""
    locate = _sentence if line.get("answer_sentence") else _occurrences
    found = {passage: spans for passage in passages if (spans := locate(line, passage))}
    if not found:
        return
    passage = questions.nearest(text, list(found))[0]
    loosely = stage.reworded and chance.random() < stage.reworded
    shorter = loosened(text, chance) if loosely else text
    yield _example(shorter, passage, chance, found[passage], loose=locate is _sentence)
    siblings = questions.siblings[questions.article[passage.source]]
    others = [other for other in siblings if not locate(line, other)]
    if others and chance.random() < stage.elsewhere:
        yield _example(text, chance.choice(questions.nearest(text, others)[:3]), chance)
    spoilt = _spoilt(text, passage.text, held, stage, chance)
    if spoilt and chance.random() < stage.swapped:
        yield _example(spoilt, passage, chance)
    if chance.random() < stage.removed:
        rest = _without(passage, found[passage])
        if rest and not locate(line, rest):
            yield _example(text, rest, chance)


def _composed(
    passage: Passage,
    siblings: Sequence[Passage],
    held: dict[str, list[str]],
    stage: Stage,
    chance: random.Random,
) -> Iterator[Example]:
    """Questions made of the passage's sentences, and their near-misses."""
    other = chance.choice(siblings)
    things = _of_things(passage, other, held, stage.composed, chance)
    yield from _lengthened(things, held, LONG_NAMES, chance)
    for compose in (whether, mention, said):
        span = chance.choice(passage.sentences)
        made = compose(passage.quote(span), chance) if chance.random() < stage.composed else None
        if not made:
            continue
        question = reworded(made, chance) if chance.random() < 0.5 else made
        yield _example(question, passage, chance, [span], loose=True)
        if other is not passage and chance.random() < 0.5:
            yield _example(question, other, chance)
        spoilt = None if compose is mention else swapped(made, passage.text, held, chance)
        if spoilt and chance.random() < 0.5:
            yield _example(spoilt, passage, chance)
    silent = unsaid(passage.text, chance) if chance.random() < stage.composed / 3 else None
    span = chance.choice(passage.sentences)
    timeless = undated(passage.quote(span), passage.text, chance)
    for question in filter(None, (silent, timeless)):
        yield _example(question, passage, chance)


def _of_things(
    passage: Passage,
    other: Passage,
    held: dict[str, list[str]],
    share_counted: float,
    chance: random.Random,
) -> Iterator[Example]:
    """Questions for what a sentence lists, or how many there are, and their near-misses.

    Lists are rare, so each is asked for twice.
    """
    kinds = [(listed, narrowed, 1.0), (listed, narrowed, 1.0), (counted, swapped, share_counted)]
    for compose, spoil, share in kinds:
        before = passage.sentences[0]
        for span in passage.sentences:
            # What the sentence is about it names itself, or the one before it does.
            near = passage.text[before.start - passage.start : span.end - passage.start]
            topics = [passage.title, *(name for kind, name in named(near) if kind == "name")]
            before = span
            found = compose(passage.quote(span), topics, chance)
            if not found or chance.random() > share:
                continue
            question, start, end = found
            yield _example(question, passage, chance, [Span(span.start + start, span.start + end)])
            spoilt = spoil(question, passage.text, held, chance)
            if spoilt and chance.random() < 0.5:
                yield _example(spoilt, passage, chance)
            if not compose(other.text, topics, chance):
                yield _example(question, other, chance)


def _spoilt(
    question: str, text: str, held: dict[str, list[str]], stage: Stage, chance: random.Random
) -> str | None:
    """A question so like this one that the passage looks right, and is not."""
    narrow = narrowed(question, text, held, chance) if stage.narrowed else None
    if narrow and chance.random() < stage.narrowed:
        return narrow
    opposite = opposed(question, chance)
    if opposite and chance.random() < OPPOSED:
        return opposite
    return swapped(question, text, held, chance, uncased=stage.uncased)


def _lengthened(
    examples: Iterable[Example], held: dict[str, list[str]], share: float, chance: random.Random
) -> Iterator[Example]:
    """The examples, in some of them a name of the question's made longer in the passage."""
    for example in examples:
        longer = None
        if share and chance.random() < share:
            longer = lengthened(example.question, example.context, example.spans, held, chance)
        yield replace(example, context=longer[0], spans=tuple(longer[1])) if longer else example


def _without(passage: Passage, spans: Sequence[Span]) -> Passage | None:
    """The passage less the sentences that hold the spans; None if nothing is left."""
    kept = [
        sentence
        for sentence in passage.sentences
        if not any(span.start < sentence.end and sentence.start < span.end for span in spans)
    ]
    text = " ".join(passage.quote(sentence) for sentence in kept)
    whole = (Span(0, len(text)),)
    return replace(passage, start=0, end=len(text), text=text, sentences=whole) if text else None


def _example(
    question: str,
    passage: Passage,
    chance: random.Random,
    spans: Sequence[Span] = (),
    *,
    loose: bool = False,
) -> Example:
    """The example as the product shows it to the reader, the title above it or not."""
    shown = replace(passage, title="") if chance.random() < UNTITLED else passage
    context = shown.embedded
    moved = len(context) - (passage.end - passage.sentences[0].start) - passage.sentences[0].start
    return Example(
        _plain(question), context, tuple(Span(s + moved, e + moved) for s, e in spans), loose
    )


def _usable(line: Line) -> bool:
    return bool(
        line["gold_doc_ids"]
        and (not line["answerable"] or line["answers"] or line.get("answer_sentence"))
    )


def _plain(question: str) -> str:
    """Without the spaces of tokenised text; the model reads lower case anyway."""
    return re.sub(r"\s+([?.,!;:']|n't)", r"\1", question).strip()


def _occurrences(line: Line, passage: Passage) -> list[Span]:
    """Where the answers stand in a passage, as spans of the document."""
    spans = set()
    for answer in {answer.strip() for answer in line["answers"]}:
        if not answer:
            continue
        word = rf"(?<!\w){re.escape(answer)}(?!\w)"
        found = [match.span() for match in re.finditer(word, passage.text)]
        if len(found) <= _MOST_OCCURRENCES:
            spans |= {Span(passage.start + s, passage.start + e) for s, e in found}
    return sorted(spans)


def _sentence(line: Line, passage: Passage) -> list[Span]:
    """The sentence of a passage that is the answer sentence, retyped and tokenised as it may be."""
    wanted = set(re.findall(r"\w+", line["answer_sentence"].lower()))
    shares = []
    for span in passage.sentences:
        words = set(re.findall(r"\w+", passage.quote(span).lower()))
        shares.append((len(wanted & words) / max(1, len(wanted | words)), span))
    share, span = max(shares)
    return [span] if share >= 0.6 else []


def _swappable(passages: Sequence[Passage]) -> dict[str, list[str]]:
    """The names and numbers of an article, by kind."""
    found: dict[str, list[str]] = {"name": [], "year": [], "number": []}
    for passage in passages:
        for kind, match in named(passage.text):
            found[kind].append(match)
    return found


def of_pairs(path: Path, chance: random.Random) -> list[Example]:
    """Claims as questions: evidence that supports or contradicts one answers whether it is so."""
    made = []
    for line in read_lines(path):
        evidence = line.get("evidence")
        if not evidence:
            continue
        answers = line["label"] in ("supported", "contradicted")
        span = (Span(0, len(evidence)),) if answers else ()
        made.append(Example(asked(_plain(line["claim"]), chance), evidence, span, loose=True))
    return made
