"""A question → an answer, from one generation of the index, step by step.

    condense → retrieve → read → cite → verify → answer

Each step is a function from a `QuestionState` to the next. `stream` runs them in one pass;
`assistant.chain` composes the same functions as LangChain runnables. With a chat model, a
follow-up is rewritten by it, and what is read is worded by it, as far as the quotes support that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from assistant.cite import cite as cite_readings
from assistant.cite import disagreements
from assistant.cite import verify as keep_exact
from assistant.embed import Embedder
from assistant.errors import QuestionRefused
from assistant.read import UNKNOWN, Reader, asks_for_several, central, is_overview
from assistant.retrieve import CANDIDATES, boost_proximity, fuse
from assistant.settings import Settings
from assistant.store.generation import Generation
from assistant.text import topic, visible
from assistant.types import Abstention, Answer, Hit, Passage, Reading, Statement, Turn

if TYPE_CHECKING:
    from assistant.llm.draft import DraftWriter

MOST_CHARACTERS = 4_000
"""A longer question is refused."""
WHOLE = 40
"""A folder of so many passages is read whole: nothing is cut by retrieval."""
SAMPLE = 200
"""Of so many passages an overview is made: every sentence of them is embedded."""
ALMOST = 0.9
"""A further statement needs this share of the first one's probability, ..."""
SEVERAL = 0.8
"""... or this, where the question asks for several things."""

_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]")
# Words that point back to something said before.
_BACK = re.compile(
    r"\b(?:it|its|they|them|theirs?|he|him|his|she|hers?|that|those|these|this|there|then|ones?|"
    r"same|others?|else|more|another|besides|он|она|оно|они|его|её|ее|их|это|этот|эта|эти|там)\b"
    r"|它|他们|她|他|那",
    re.IGNORECASE,
)
_CONTINUES = re.compile(
    r"^\W*(?:and|but|or|so|also|why|what about|how about|а|и|но|почему)\b", re.IGNORECASE
)
# Where one question ends and the next begins.
_JOINT = re.compile(
    r"(?:(?<=\?)\s+|,?\s+and\s+(?=(?:who|what|when|where|which|whose|how|why)\b))", re.IGNORECASE
)
_NAME = re.compile(r"(?<!^)\b[A-ZА-Я][\w'’-]+(?:\s+[A-ZА-Я][\w'’-]+)*")


class StandaloneQuestion(NamedTuple):
    """A question that can be answered without what went before."""

    question: str
    """What is read: the question, after the last one it refers to."""
    search: str
    """What is searched for: all it may be about."""


@dataclass(frozen=True, slots=True)
class Context:
    """What questions are answered with: the settings, the models, a generation of the index."""

    settings: Settings
    generation: Generation
    documents: Mapping[str, str]
    """sha256 of each source's bytes."""
    embedder: Embedder
    reader: Reader
    writing: "DraftWriter | None" = None
    """The wording of one answer, where there is a chat model."""

    @property
    def most_read(self) -> int:
        """How many passages are read: all of a small folder, the best of a larger one."""
        return WHOLE if len(self.generation) <= WHOLE else self.settings.passages


@dataclass(frozen=True, slots=True)
class SubQuestion:
    """One of the questions asked at once, and what it may mean, the likelier first."""

    question: str
    is_overview: bool
    meanings: tuple[StandaloneQuestion, ...]
    hits: tuple[list[Hit], ...] = ()
    """For each meaning, the passages that may answer."""


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """What was found for one of the questions asked, taken in one meaning."""

    question: str
    meaning: StandaloneQuestion
    hits: list[Hit]
    readings: list[Reading]
    """The likeliest to answer first."""
    chosen: list[Reading]
    """Those that are shown."""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionState:
    """A question on its way to an answer: each step adds its part."""

    context: Context = field(repr=False)
    question: str
    history: Sequence[Turn] = ()
    sources: Sequence[str] | None = None
    """The only documents that may answer; None: all."""
    notices: tuple[str, ...] = ()
    started: float = field(default_factory=perf_counter)
    rewritten: str = ""
    """The question as the chat model made it stand alone; empty where it did not."""
    asked: tuple[SubQuestion, ...] = ()
    found: tuple[SubAnswer, ...] = ()
    quotes: tuple[Statement, ...] = ()
    statements: tuple[Statement, ...] = ()


def stream(state: QuestionState) -> Iterator[Statement | Answer]:
    """Each statement once it is verified, then the whole answer."""
    for step in (condense, retrieve, read, cite):
        state = step(state)
    statements = []
    for statement in verified(state):
        statements.append(statement)
        yield statement
    yield answer(replace(state, statements=tuple(statements)))


def condense(state: QuestionState) -> QuestionState:
    """Find the questions in the one asked, and what each may mean without those before it."""
    question, history, rewritten = state.question, state.history, ""
    if state.context.writing and history and not is_overview(question):
        rewritten = state.context.writing.rewrite(question, history)
    if rewritten:
        question, history = rewritten, ()
    parts = questions_in(question)
    asked = []
    for place, part in enumerate(parts):
        overview = is_overview(part)
        before = [] if overview else [*history, *map(Turn, parts[:place])]
        asked.append(SubQuestion(part, overview, tuple(meanings(part, before))))
    return replace(state, rewritten=rewritten, asked=tuple(asked))


def retrieve(state: QuestionState) -> QuestionState:
    """Find passages for each meaning of each question."""
    context = state.context
    asked = []
    for part in state.asked:
        found = (find(context, meaning, state.sources) for meaning in part.meanings)
        asked.append(replace(part, hits=tuple(hits[: context.most_read] for hits in found)))
    return replace(state, asked=tuple(asked))


def read(state: QuestionState) -> QuestionState:
    """Read the passages; of what a question may mean, the first that is answered counts."""
    context, found = state.context, []
    for part in state.asked:
        tried: list[SubAnswer] = []
        for meaning, hits in zip(part.meanings, part.hits, strict=True):
            if part.is_overview:
                among = context.generation.passages(SAMPLE, state.sources)
                embed, count = context.embedder.embed_documents, context.settings.statements
                readings, notices = central(among, embed, count), tuple[str, ...]()
            else:
                readings, notices = read_hits(context, meaning.question, hits)
            chosen = choose(context.settings, meaning.question, readings)
            tried.append(SubAnswer(part.question, meaning, hits, readings, chosen, notices))
            if chosen:
                break
        found.append(tried[-1] if tried[-1].chosen else tried[0])
    return replace(state, found=tuple(found))


def cite(state: QuestionState) -> QuestionState:
    """Make statements of the sentences that are shown, each with its citations."""
    chosen = [reading for part in state.found for reading in part.chosen]
    return replace(state, quotes=tuple(cite_readings(chosen, state.context.documents)))


def verify(state: QuestionState) -> QuestionState:
    """Keep the statements that their quotes support, in a chat model's words where there is one."""
    return replace(state, statements=tuple(verified(state)))


def verified(state: QuestionState) -> Iterator[Statement]:
    """The statements that `verify` keeps, each as soon as it is there."""
    writing, documents = state.context.writing, state.context.documents
    if writing is None:
        yield from keep_exact(state.quotes)
        return
    given: set[str] = set()
    for part in state.found:
        count = len(given)
        if part.chosen and UNKNOWN not in part.notices:
            for statement in writing.write(part.meaning.question, part.readings, documents):
                if statement.text not in given:
                    given.add(statement.text)
                    yield statement
        if len(given) == count:
            quotes = keep_exact(cite_readings(part.chosen, documents))
            yield from (each for each in quotes if each.text not in given)
            given |= {each.text for each in quotes}


def answer(state: QuestionState) -> Answer:
    """Put the answer together: the statements, or why there are none, and what to know besides."""
    found, quotes, writing = state.found, state.quotes, state.context.writing
    notices = [*state.notices, *dict.fromkeys(each for part in found for each in part.notices)]
    if quotes:
        silent = [part.question for part in found if not part.chosen]
        notices += [f"Your documents do not say: {question}" for question in silent]
        notices += writing.notices if writing else ()
    # The sentences of an overview answer nothing, so they contradict nothing.
    if not any(part.is_overview for part in state.asked):
        notices += disagreements(keep_exact(quotes) if writing else state.statements)
    question = state.rewritten or state.question
    if any(part.meaning.question != part.question for part in found):
        question = " ".join(part.meaning.question for part in found)
    hits = _closest(found)
    return Answer(
        question=state.question,
        statements=state.statements,
        abstention=None if state.statements else _reason(state, hits),
        closest=tuple(hits[:3]),
        confidence=max(part.readings[0].probability if part.readings else 0.0 for part in found),
        standalone=question,
        notices=tuple(notices),
        timings={"answer": perf_counter() - state.started},
        generation=state.context.generation.name,
    )


def clean(question: str) -> str:
    """The question without control characters and needless space.

    Raises `TypeError` for anything but text, `QuestionRefused` where there is nothing to ask or
    more than `MOST_CHARACTERS`.
    """
    if not isinstance(question, str):
        raise TypeError(f"A question is text, not {type(question).__name__}.")
    if len(question) > MOST_CHARACTERS:
        raise QuestionRefused(
            f"The question has {len(question):,} characters; at most {MOST_CHARACTERS:,} are read."
        )
    plain = visible(_CONTROL.sub(" ", question)).encode(errors="replace").decode()
    plain = " ".join(plain.split())
    # A symbol, such as an emoji, may be all that is asked; they begin at U+2100.
    if not any(character.isalnum() or ord(character) >= 0x2100 for character in plain):
        raise QuestionRefused("Ask something that the documents might say.")
    return plain


def questions_in(question: str) -> list[str]:
    """The questions in one, in order, four at most: "Who met, and how large was trade?" has two."""
    found = [part for part in _JOINT.split(question) if part]
    return found[:4] if len(found) > 1 and all(map(topic, found)) else [question]


def meanings(question: str, history: Sequence[Turn]) -> list[StandaloneQuestion]:
    """What the question may mean, the likelier first: with what it refers to, or by itself.

    `history` are the turns before it, oldest first. Words cannot always tell which it is, so the
    next one is for when the documents do not answer the first. Passages are looked for by all
    questions that led here and the names in the answers; research/benchmarks/followups.py
    measures it on CANARD (Elgohary et al. 2019), beside the rewritings of people.
    """
    alone = StandaloneQuestion(question, question)
    if not history:
        return [alone]
    earlier = [turn.question.strip()[:300] for turn in history]
    answers = [turn.answer.text for turn in reversed(history) if turn.answer]
    names = dict.fromkeys(name for text in answers for name in _NAME.findall(text))
    joined = StandaloneQuestion(
        f"{earlier[-1]} {question}", " ".join([*earlier, *list(names)[:24], question])
    )
    own, named = len(topic(question)), bool(_NAME.search(question))
    points_back = bool(_BACK.search(question))
    if _CONTINUES.search(question) or own <= 1 or (points_back and not named):
        return [joined, alone]
    # A question with its own names means those by "their"; a short one without may refer back.
    return [alone, joined] if points_back or (own <= 3 and not named) else [alone]


def find(
    context: Context, meaning: StandaloneQuestion, sources: Sequence[str] | None = None
) -> list[Hit]:
    """The passages that may answer a question, the likeliest first."""
    vector, words = context.embedder.embed_query(meaning.question), topic(meaning.search)
    count = max(CANDIDATES, context.settings.passages)
    hits = fuse(*context.generation.search(vector, words, count, sources))
    return boost_proximity(hits, meaning.question, context.generation.words)


def read_hits(
    context: Context, question: str, hits: Sequence[Hit]
) -> tuple[list[Reading], tuple[str, ...]]:
    """The sentences of the hits, the likeliest to answer first, and notices."""
    readings, notices = context.reader.read(
        question, hits, context.generation.frequencies, len(context.generation)
    )
    return in_one_order(readings), notices


def in_one_order(readings: Sequence[Reading]) -> list[Reading]:
    """The readings in their order, none less probable than one that comes after it.

    The reader ranks sentences by other weights than it gives probabilities by. Its rank tells
    better which sentence answers; that one does is at least as probable as for any single one.
    """
    least = [*accumulate((reading.probability for reading in reversed(readings)), max)]
    return [replace(each, probability=least.pop()) for each in readings]


def choose(settings: Settings, question: str, readings: Sequence[Reading]) -> list[Reading]:
    """The sentences to show: likely to answer, and nearly as likely as the first."""
    if not readings or readings[0].probability < settings.threshold:
        return []
    share = SEVERAL if asks_for_several(question) else ALMOST
    least = max(settings.threshold, share * readings[0].probability)
    return [each for each in readings if each.probability >= least][: settings.statements]


def _closest(found: Sequence[SubAnswer]) -> list[Hit]:
    """The hits of all questions, each once: those likeliest to answer first."""
    best: dict[Passage, float] = {}
    for reading in (each for part in found for each in part.readings):
        best[reading.passage] = max(best.get(reading.passage, 0.0), reading.probability)
    hits = {hit.passage: hit for part in found for hit in part.hits}
    return sorted(hits.values(), key=lambda hit: (-best.get(hit.passage, 0.0), -hit.score))


def _reason(state: QuestionState, hits: Sequence[Hit]) -> Abstention:
    """Why there are no statements."""
    if not len(state.context.generation):
        return Abstention.NO_DOCUMENTS
    if state.quotes:
        return Abstention.UNSUPPORTED
    # A passage with a cosine below 0.30 and no word in common is about something else.
    if any(hit.dense >= 0.30 or hit.lexical for hit in hits):
        return Abstention.DOES_NOT_SAY
    return Abstention.NOTHING_RELEVANT
