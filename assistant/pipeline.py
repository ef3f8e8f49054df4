"""A question → an answer, from one generation of the index, step by step.

    condense → retrieve → read → cite → verify → answer

Each step is a function from a `QuestionState` to the next. `stream` runs them in one pass;
`assistant.chain` composes the same functions as LangChain runnables. With a chat model, a
follow-up is rewritten by it, and what is read is worded by it, as far as the quotes support that.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

from assistant.cite import cite as cite_readings
from assistant.cite import disagreements
from assistant.cite import verify as keep_exact
from assistant.condense import StandaloneQuestion, meanings, questions_in, respell
from assistant.embed import Embedder
from assistant.question import (
    Kind,
    another_thing,
    file_fact,
    files_named,
    folder_fact,
    is_summary,
    kind_of,
    looks_up,
    name_terms,
    overview_target,
    strip_politeness,
    subject_of,
    talk_of,
)
from assistant.read import UNKNOWN, Reader, central
from assistant.reply import FileFacts, about_file, about_folder, to_talk
from assistant.retrieve import CANDIDATES, boost_proximity, fuse
from assistant.select import (
    MOST_LISTED,
    Choice,
    about,
    choose,
    missing_names,
    put_apart,
)
from assistant.settings import Settings
from assistant.store.generation import Generation
from assistant.store.manifest import MANIFEST
from assistant.text import terms, topic
from assistant.types import Abstention, Answer, Hit, Passage, Reading, Statement, Turn

if TYPE_CHECKING:
    from assistant.llm.draft import DraftWriter

MOST_CHARACTERS = 4_000
"""A longer question is refused."""
WHOLE = 40
"""A folder of so many passages is read whole: nothing is cut by retrieval."""
SAMPLE = 200
"""Of so many passages an overview is made: every sentence of them is embedded."""
_WITHOUT_HISTORY = (Kind.OVERVIEW, Kind.FOLDER, Kind.TALK)


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
    kind: Kind
    meanings: tuple[StandaloneQuestion, ...]
    sources: Sequence[str] | None = None
    """The only documents that may answer; None: all."""
    reply: str = ""
    """What the assistant says itself, where no document is asked."""
    notices: tuple[str, ...] = ()
    hits: tuple[list[Hit], ...] = ()
    """For each meaning, the passages that may answer."""


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """What was found for one of the questions asked, taken in one meaning."""

    asked: SubQuestion
    meaning: StandaloneQuestion
    hits: list[Hit]
    readings: list[Reading]
    """The likeliest to answer first."""
    choice: Choice
    missing: Sequence[str] = ()
    """What the question names and the documents do not."""
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
    candidates: tuple[Statement, ...] = ()
    """What may be meant, where nothing answers."""
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
    context, history, rewritten = state.context, state.history, ""
    question = strip_politeness(state.question)
    if context.writing and history and kind_of(question) not in _WITHOUT_HISTORY:
        rewritten = context.writing.rewrite(question, history)
    if rewritten:
        question, history = rewritten, ()
    parts = questions_in(question)
    asked = []
    for place, part in enumerate(parts):
        kind, notices = kind_of(part), tuple[str, ...]()
        if kind not in _WITHOUT_HISTORY:
            part, notices = respell(part, context.generation, context.reader.knows)
        before = [] if kind in _WITHOUT_HISTORY else [*history, *map(Turn, parts[:place])]
        each = SubQuestion(part, kind, tuple(meanings(part, before)), state.sources)
        asked.append(_of_its_documents(state, replace(each, notices=notices)))
    return replace(state, rewritten=rewritten, asked=tuple(asked))


def _of_its_documents(state: QuestionState, asked: SubQuestion) -> SubQuestion:
    """The question with the documents it names as those that may answer, and of the right kind."""
    context, question = state.context, asked.question
    among = context.documents if state.sources is None else state.sources
    named = [source for source, _ in files_named(question, among)]
    if asked.kind is Kind.TALK:
        last = next((turn.answer for turn in reversed(state.history) if turn.answer), None)
        return replace(asked, reply=to_talk(talk_of(question), last))
    if asked.kind is Kind.FOLDER:
        synced = (context.generation.folder / MANIFEST).stat().st_mtime
        files = [FileFacts.of(context.settings.knowledge, source) for source in among]
        return replace(asked, reply=about_folder(folder_fact(question), files, synced))
    if asked.kind is Kind.OVERVIEW and not named:
        target = set(overview_target(question))
        shares = {source: len(target & name_terms(source)) for source in among}
        most = max(shares.values(), default=0)
        named = [source for source in among if shares[source] == most > 0]
        if target and not named:
            kind = Kind.TOPIC if is_summary(question) else Kind.FACT
            return replace(asked, kind=kind)
    if fact := file_fact(question):
        asks = {*topic(question)}
        called = named or [source for source in among if name_terms(source) <= asks]
        if len(called) == 1:
            end = context.generation.passages(sources=called)[-1]
            file = FileFacts.of(context.settings.knowledge, called[0])
            if reply := about_file(fact, file, end.unit, end.number):
                return replace(asked, kind=Kind.FOLDER, reply=reply)
    return replace(asked, sources=named or state.sources)


def retrieve(state: QuestionState) -> QuestionState:
    """Find passages for each meaning of each question."""
    context = state.context
    asked = []
    for part in state.asked:
        if part.reply:
            asked.append(replace(part, meanings=part.meanings[:1], hits=([],)))
            continue
        found = (find(context, meaning, part.sources) for meaning in part.meanings)
        asked.append(replace(part, hits=tuple(hits[: context.most_read] for hits in found)))
    return replace(state, asked=tuple(asked))


def read(state: QuestionState) -> QuestionState:
    """Read the passages; of what a question may mean, what is answered most probably counts."""
    found = []
    for part in state.asked:
        tried = [
            _answered(state.context, part, meaning, hits)
            for meaning, hits in zip(part.meanings, part.hits, strict=True)
        ]
        found.append(max(tried, key=_certainty))
    return replace(state, found=tuple(found))


def _certainty(found: SubAnswer) -> tuple[bool, bool, float]:
    """What the better of two readings of a question has more of."""
    probable = found.readings[0].probability if found.readings else 0.0
    return bool(found.choice.answers), not found.missing, probable


def _answered(
    context: Context, part: SubQuestion, meaning: StandaloneQuestion, hits: list[Hit]
) -> SubAnswer:
    """What the hits answer to a question in one of its meanings."""
    settings, generation = context.settings, context.generation
    if part.reply:
        return SubAnswer(part, meaning, [], [], Choice([], []))
    if part.kind is Kind.OVERVIEW:
        readings = overview(context, part.sources)
        return SubAnswer(part, meaning, hits, readings, Choice(readings, []))
    is_itself = meaning.question == part.question
    subject = subject_of(part.question) if part.kind is Kind.TOPIC and is_itself else ""
    readings, notices = about(subject, hits), tuple[str, ...]()
    if not (readings and looks_up(part.question)):
        told, readings = readings, []
        readings, notices = read_hits(context, meaning.question, hits)
        if told and (not readings or readings[0].probability < settings.threshold):
            readings = told
    missing = missing_names(meaning.question, hits, generation.frequencies, generation.terms_like)
    if not is_itself and (wanted := another_thing(part.question)):
        held = [
            each
            for each in readings
            if set(wanted) <= set(terms(f"{each.passage.heading} {each.quote}"))
        ]
        if held:
            readings = held
        else:
            missing = [*missing, *([] if missing else [part.question])]
    choice = choose(part.kind, readings, missing, settings.threshold, settings.statements)
    return SubAnswer(part, meaning, hits, readings, choice, missing, notices)


def overview(context: Context, sources: Sequence[str] | None) -> list[Reading]:
    """Sentences that tell what a document is about, or one for each of several documents."""
    embed, count = context.embedder.embed_documents, context.settings.statements
    among = list(context.documents if sources is None else sources)
    if len(among) == 1:
        return central(context.generation.passages(SAMPLE, among), embed, count)
    readings = []
    for source in among[:MOST_LISTED]:
        readings += central(context.generation.passages(SAMPLE // 10, [source]), embed, 1)
    return readings


def cite(state: QuestionState) -> QuestionState:
    """Make statements of the sentences that are shown, each with its citations."""
    documents = state.context.documents
    chosen = [reading for part in state.found for reading in part.choice.answers]
    possible = [reading for part in state.found for reading in part.choice.possible]
    candidates = keep_exact(cite_readings(possible, documents))
    quotes = tuple(cite_readings(chosen, documents))
    return replace(state, quotes=quotes, candidates=() if quotes else tuple(candidates))


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
        if part.choice.answers and UNKNOWN not in part.notices:
            for statement in writing.write(part.meaning.question, part.readings, documents):
                if statement.text not in given:
                    given.add(statement.text)
                    yield statement
        if len(given) == count:
            quotes = keep_exact(cite_readings(part.choice.answers, documents))
            yield from (each for each in quotes if each.text not in given)
            given |= {each.text for each in quotes}


def answer(state: QuestionState) -> Answer:
    """Put the answer together: the statements, or why there are none, and what to know besides."""
    found, quotes, writing = state.found, state.quotes, state.context.writing
    of_parts = (each for part in found for each in (*part.asked.notices, *part.notices))
    notices = [*state.notices, *dict.fromkeys(of_parts)]
    replies = [part.asked.reply for part in found if part.asked.reply]
    if quotes:
        silent = [part.asked.question for part in found if not part.choice.answers]
        notices += [f"Your documents do not say: {question}" for question in silent]
        notices += writing.notices if writing else ()
    # The sentences of an overview answer nothing, so they contradict nothing.
    asserting = [part for part in found if part.asked.kind is not Kind.OVERVIEW]
    if len(asserting) == len(found):
        notices += disagreements(keep_exact(quotes) if writing else state.statements)
    question = state.rewritten or state.question
    if any(part.meaning.question != part.asked.question for part in found):
        question = " ".join(part.meaning.question for part in found)
    hits = _closest(found)
    abstention = None if state.statements else _reason(state, hits)
    return Answer(
        question=state.question,
        statements=state.statements,
        abstention=abstention,
        closest=tuple(hits[:3]),
        candidates=state.candidates if abstention is Abstention.DOES_NOT_SAY else (),
        missing=tuple(dict.fromkeys(each for part in found for each in part.missing)),
        reply=" ".join(replies),
        confidence=max(
            (_certainty(part)[2] * (not part.missing) for part in asserting), default=0.0
        ),
        standalone=question,
        notices=tuple(notices),
        timings={"answer": perf_counter() - state.started},
        generation=state.context.generation.name,
    )


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
    return put_apart(question, readings), notices


def _closest(found: Sequence[SubAnswer]) -> list[Hit]:
    """The hits of all questions, each once: those likeliest to answer first."""
    best: dict[Passage, float] = {}
    for reading in (each for part in found for each in part.readings):
        best[reading.passage] = max(best.get(reading.passage, 0.0), reading.probability)
    hits = {hit.passage: hit for part in found for hit in part.hits}
    return sorted(hits.values(), key=lambda hit: (-best.get(hit.passage, 0.0), -hit.score))


def _reason(state: QuestionState, hits: Sequence[Hit]) -> Abstention:
    """Why there are no statements."""
    if any(part.asked.reply for part in state.found):
        return Abstention.NO_QUESTION
    if not len(state.context.generation):
        return Abstention.NO_DOCUMENTS
    if state.quotes:
        return Abstention.UNSUPPORTED
    # A passage with a cosine below 0.30 and no word in common is about something else.
    if any(hit.dense >= 0.30 or hit.lexical for hit in hits):
        return Abstention.DOES_NOT_SAY
    return Abstention.NOTHING_RELEVANT
