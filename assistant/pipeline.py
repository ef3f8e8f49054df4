"""Answer from one generation of the index: rephrase → retrieve → read → cite → verify.

With a chat model, a follow-up is rewritten by it, and what is read is worded by it, as far as
it holds to the quotes; see `writing`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from assistant.cite import cite
from assistant.condense import StandaloneQuestion, condense, parts
from assistant.embed import Embedder
from assistant.errors import QuestionRefused
from assistant.read import UNKNOWN, Reader, asks_for_several, central, is_overview
from assistant.retrieve import CANDIDATES, Scored, boost_proximity, fuse
from assistant.settings import Settings
from assistant.store.generation import Generation
from assistant.text import topic
from assistant.types import Abstention, Answer, Hit, Reading, Statement, Turn
from assistant.verify import disagreements, verify

if TYPE_CHECKING:
    from assistant.llm.draft import DraftWriter

WHOLE = 40
"""A folder of so many passages is read whole: nothing is cut by retrieval."""
SAMPLE = 200
"""Of so many passages an overview is made: every sentence of them is embedded."""
CLOSEST = 3
"""How many passages come with an answer as the closest ones."""
RELEVANT = 0.30
"""A passage with a lower cosine and no word in common is about something else."""
ALMOST = 0.9
"""A further statement needs this share of the first one's odds, ..."""
SEVERAL = 0.8
"""... or this, where the question asks for several things."""


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """What was found for one of the questions asked."""

    question: str
    asked: StandaloneQuestion
    """The question as it was understood."""
    hits: list[Hit]
    readings: list[Reading]
    """The likeliest to answer first."""
    said: list[Reading]
    """Those worth saying."""
    remarks: tuple[str, ...]

    @property
    def probability(self) -> float:
        """That the first reading answers."""
        return self.readings[0].probability if self.readings else 0.0


@dataclass(frozen=True, slots=True)
class Answering:
    """The parts that answer, over one generation."""

    settings: Settings
    generation: Generation
    embedder: Embedder
    reader: Reader
    writer: "Callable[[], DraftWriter] | None" = None
    """Begins the wording of an answer, where there is a chat model."""

    def stream(
        self,
        question: str,
        history: Sequence[Turn],
        sources: Sequence[str] | None,
        notices: Sequence[str],
    ) -> Iterator[Statement | Answer]:
        """Each statement once it is verified, then the whole answer; see `Assistant.stream`."""
        self._refuse_unknown(sources)
        started = perf_counter()
        writing = self.writer() if self.writer else None
        alone = writing.rewrite(question, history) if writing and _leans(question, history) else ""
        found = self._found(alone or question, () if alone else history, sources)
        quoted = cite([each for part in found for each in part.said], self.generation.documents)
        statements: list[Statement] = []
        for statement in self._worded(found, writing) if writing else verify(quoted):
            statements.append(statement)
            yield statement
        hits = _merged(found)
        unsaid = [f"Your documents do not say: {part.question}" for part in found
                  if quoted and not part.said]  # fmt: skip
        remarks = dict.fromkeys(remark for part in found for remark in part.remarks)
        # The sentences of an overview answer nothing, so they contradict nothing.
        compared = [] if any(is_overview(part.asked.question) for part in found) else quoted
        worded = writing.notices if writing and quoted else ()
        yield Answer(
            question=question,
            statements=tuple(statements),
            abstention=None if statements else self._reason(hits, quoted),
            closest=tuple(hits[:CLOSEST]),
            confidence=max(part.probability for part in found),
            standalone=_standalone(alone or question, found),
            notices=(*notices, *remarks, *unsaid, *worded, *disagreements(verify(compared))),
            timings={"answer": perf_counter() - started},
            generation=self.generation.name,
        )

    def _worded(self, found: Sequence[SubAnswer], writing: "DraftWriter") -> Iterator[Statement]:
        """What is said of each part: in the model's words where they pass, else quoted."""
        given: set[str] = set()
        for part in found:
            documents, asked = self.generation.documents, part.asked.question
            readings = part.readings if part.said and UNKNOWN not in part.remarks else ()
            count = len(given)
            for statement in writing.write(asked, readings, documents) if readings else ():
                if statement.text not in given:
                    given.add(statement.text)
                    yield statement
            if len(given) == count:
                quotes = verify(cite(part.said, documents))
                yield from (each for each in quotes if each.text not in given)
                given |= {each.text for each in quotes}

    def find(self, asked: StandaloneQuestion, sources: Sequence[str] | None = None) -> list[Hit]:
        """What may answer a question, the likeliest first: `to_read` tells how much is read."""
        hits = fuse(*self.search(asked, sources))
        return boost_proximity(hits, asked.question, self.generation.words)

    def search(
        self, asked: StandaloneQuestion, sources: Sequence[str] | None = None
    ) -> tuple[Scored, Scored]:
        """What the vectors and the words find, each with the scores of what the other found."""
        vector, words = self.embedder.embed_query(asked.question), topic(asked.search)
        count = max(CANDIDATES, self.settings.passages)
        return self.generation.search(vector, words, count, sources)

    def ranked(self, asked: StandaloneQuestion) -> list[Hit]:
        """What may answer a question, those first in which the reader finds it."""
        hits = {hit.passage: hit for hit in self.find(asked)}
        readings, _ = self._readings(asked, list(hits.values())[: self.to_read])
        return [hits[each] for each in dict.fromkeys([*(each.passage for each in readings), *hits])]

    @property
    def to_read(self) -> int:
        """How many passages are read: all of a small folder, the best of a larger one."""
        return WHOLE if len(self.generation) <= WHOLE else self.settings.passages

    def _found(
        self, question: str, history: Sequence[Turn], sources: Sequence[str] | None
    ) -> list[SubAnswer]:
        """What was found for each question in the one asked; a later one may lean on those before.

        Of what a question may mean, the first that is answered counts.
        """
        found: list[SubAnswer] = []
        for part in parts(question):
            turns = [*history, *(Turn(before.question) for before in found)]
            meant = (
                condense(part, turns) if not is_overview(part) else [StandaloneQuestion(part, part)]
            )
            tried: list[SubAnswer] = []
            for asked in meant:
                tried.append(self._read(part, asked, sources))
                if tried[-1].said:
                    break
            found.append(tried[-1] if tried[-1].said else tried[0])
        return found

    def _read(
        self, question: str, asked: StandaloneQuestion, sources: Sequence[str] | None
    ) -> SubAnswer:
        hits = self.find(asked, sources)[: self.to_read]
        remarks: tuple[str, ...] = ()
        if is_overview(asked.question):
            among = self.generation.passages(SAMPLE, sources)
            readings = central(among, self.embedder.embed_documents, self.settings.statements)
        else:
            readings, remarks = self._readings(asked, hits)
        said = self._chosen(asked.question, readings)
        return SubAnswer(question, asked, hits, readings, said, remarks)

    def _readings(
        self, asked: StandaloneQuestion, hits: Sequence[Hit]
    ) -> tuple[list[Reading], tuple[str, ...]]:
        return self.reader.read(
            asked.question, hits, self.generation.frequencies, len(self.generation)
        )

    def _chosen(self, question: str, readings: Sequence[Reading]) -> list[Reading]:
        """The sentences worth saying: likely to answer, and nearly as likely as the first."""
        if not readings:
            return []
        share = SEVERAL if asks_for_several(question) else ALMOST
        least = max(self.settings.threshold, share * readings[0].probability)
        return [each for each in readings if each.probability >= least][: self.settings.statements]

    def _refuse_unknown(self, sources: Sequence[str] | None) -> None:
        unknown = set(sources or ()) - self.generation.documents.keys()
        if unknown:
            raise QuestionRefused(f"No document of the index is named {min(unknown)!r}.")

    def _reason(self, hits: Sequence[Hit], drafts: Sequence[Statement]) -> Abstention:
        if not len(self.generation):
            return Abstention.NO_DOCUMENTS
        if drafts:
            return Abstention.UNSUPPORTED
        if any(hit.dense >= RELEVANT or hit.lexical for hit in hits):
            return Abstention.DOES_NOT_SAY
        return Abstention.NOTHING_RELEVANT


def _leans(question: str, history: Sequence[Turn]) -> bool:
    """Whether a question may lean on those before it; an overview leans on nothing."""
    return bool(history) and not is_overview(question)


def _standalone(question: str, found: Sequence[SubAnswer]) -> str:
    """The question as it was understood: itself, unless a part of it leant on something."""
    if all(part.asked.question == part.question for part in found):
        return question
    return " ".join(part.asked.question for part in found)


def _merged(found: Sequence[SubAnswer]) -> list[Hit]:
    """The hits of all questions, each once: those likeliest to answer first."""
    best: dict[str, float] = {}
    for reading in (each for part in found for each in part.readings):
        best[reading.passage.id] = max(best.get(reading.passage.id, 0.0), reading.probability)
    hits = {hit.passage.id: hit for part in found for hit in part.hits}
    return sorted(hits.values(), key=lambda hit: (-best.get(hit.passage.id, 0.0), -hit.score))
