"""How well the assistant does on questions whose answers are known.

Each line of a question file is a JSON object:

    {"question": "How many cities does it cover?", "history": ["What is the Greater Bay Area?"],
     "quote": ["nine cities"], "source": "china-belarus-joint-statement.txt"}
    {"question": "What is the GDP of Belarus?", "answerable": false}

`quote`, a text or several of which any will do, is what the right sentence contains; without it
any answer is right. `source` is the document that must be cited, `kind` a name to group questions
by. All but `question` may be left out.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from assistant.assistant import Assistant
from assistant.errors import QuestionFileRefused
from assistant.show import line
from assistant.types import Progress, silent

FIRST, LATER, OTHER, REFUSED, ANSWERED = (
    "right words first", "right words later", "other words", "refused", "answered"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file."""

    question: str
    answerable: bool = True
    quote: tuple[str, ...] = ()
    source: str = ""
    history: tuple[str, ...] = ()
    kind: str = ""

    def is_in(self, source: str, text: str) -> bool:
        """Whether a text of a source holds the right words."""
        if self.source and self.source != source:
            return False
        plain = _plain(text)
        return not self.quote or any(_plain(quote) in plain for quote in self.quote)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question; the threshold is applied later."""

    asked: Question
    said: tuple[tuple[float, bool], ...]
    """Of each statement, the probability that it answers, and whether it holds the right words."""
    marked: bool
    """Whether the words marked in the first statement are right ones."""
    retrieved: bool
    """Whether a passage with the right words was read."""
    seconds: float

    @property
    def probability(self) -> float:
        """Of the first statement; below the threshold the question is refused."""
        return self.said[0][0] if self.said else 0.0

    def at(self, threshold: float) -> str:
        """The outcome at a threshold."""
        right = [right for probability, right in self.said if probability >= threshold]
        if not right:
            return REFUSED
        if not self.asked.answerable:
            return ANSWERED
        return FIRST if right[0] else LATER if any(right) else OTHER


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcomes of a question file, and the threshold the assistant is set to."""

    outcomes: tuple[Outcome, ...]
    threshold: float

    def select(self, answerable: bool) -> list[Outcome]:
        """The outcomes of the questions that can be answered, or that cannot."""
        return [each for each in self.outcomes if each.asked.answerable is answerable]

    def curve(self) -> list[tuple[float, float, float]]:
        """What each threshold costs and buys.

        (threshold, share of answerable questions answered with the right words first, share of
        unanswerable ones refused)
        """
        can, cannot = self.select(True), self.select(False)
        return [
            (at, _share([each.at(at) == FIRST for each in can]),
             _share([each.at(at) == REFUSED for each in cannot]))
            for at in (step / 20 for step in range(20))
        ]  # fmt: skip

    def refused_for(self, lost: int) -> list[bool]:
        """Which unanswerable questions are refused where so many right answers are given up.

        At the highest threshold that costs no more; without right answers, all are.
        """
        right = sorted(each.probability for each in self.select(True) if each.at(0) == FIRST)
        threshold = right[lost] if lost < len(right) else 1.0
        return [each.probability < threshold for each in self.select(False)]

    def each(self) -> str:
        """A line for every question: its outcome, its probability."""
        return "\n".join(
            f"{each.at(self.threshold):18} {each.probability:5.2f}  {line(each.asked.question)}"
            for each in self.outcomes
        )

    def to_json(self) -> str:
        """Every question with its outcome, and the trade-off."""
        outcomes = [
            asdict(each) | {"probability": each.probability, "outcome": each.at(self.threshold)}
            for each in self.outcomes
        ]
        curve = self.curve()
        return json.dumps({"threshold": self.threshold, "outcomes": outcomes, "curve": curve})

    def __str__(self) -> str:
        return "\n".join([*self._kinds(), *self._totals()])

    def _kinds(self) -> Iterator[str]:
        yield f"{'':24} {'share, 95 % interval':>22}    questions"
        for answerable, outcomes, noun in (
            (True, (FIRST, LATER, OTHER, REFUSED), ""),
            (False, (REFUSED, ANSWERED), "unanswerable"),
        ):
            chosen = self.select(answerable)
            for kind in dict.fromkeys(each.asked.kind for each in chosen):
                yield line(f"{kind} {noun}") or "answerable"
                came = [each.at(self.threshold) for each in chosen if each.asked.kind == kind]
                for outcome in outcomes:
                    yield _row(f"  {outcome}", [each == outcome for each in came])

    def _totals(self) -> Iterator[str]:
        answerable = [each for each in self.select(True) if each.asked.quote]
        right = [each.marked for each in answerable if each.at(0) == FIRST]
        yield "\n" + _row("right passage read", [each.retrieved for each in answerable])
        yield _row("right words marked", right)
        if times := sorted(1000 * each.seconds for each in self.outcomes):
            slow = times[int(0.95 * (len(times) - 1))]
            yield f"{'milliseconds':24} {median(times):.0f} (median), {slow:.0f} (95 % are faster)"
        if self.select(True) and self.select(False):
            yield "\nunanswerable refused"
            yield _row("  at no cost", self.refused_for(0))
            yield _row("  for one right answer", self.refused_for(1))
            yield f"\n{'threshold':>10} {FIRST:>20} {'unanswerable refused':>22}"
            for threshold, right_first, refused in self.curve()[::2]:
                yield f"{threshold:>10.2f} {right_first:>20.3f} {refused:>22.3f}"


def read_questions(path: Path) -> list[Question]:
    """The questions of a file. Raises `QuestionFileRefused`, which names the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionFileRefused(path, 0, str(error)) from None
    questions = []
    for number, text in enumerate(lines, 1):
        if text.strip():
            try:
                questions.append(_question(json.loads(text)))
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                raise QuestionFileRefused(path, number, str(error)) from None
    if not questions:
        raise QuestionFileRefused(path, 0, "it has no questions")
    return questions


def evaluate(
    assistant: Assistant, questions: Sequence[Question], progress: Progress = silent
) -> Evaluation:
    """Ask every question; what the sources changed since the last sync is not seen."""
    threshold = assistant.settings.threshold
    willing = type(assistant)(
        settings=replace(assistant.settings, threshold=0.0),
        embedder=assistant.embedder,
        reader=assistant.reader,
    )
    outcomes = []
    for done, asked in enumerate(questions):
        progress("Asking", done, len(questions))
        started = perf_counter()
        answer = willing.ask(asked.question, history=asked.history)
        seconds = perf_counter() - started
        hits = willing.find(answer.standalone, assistant.settings.passages)
        retrieved = any(asked.is_in(hit.passage.source, hit.passage.text) for hit in hits)
        said = [
            (each.probability, any(asked.is_in(one.source, one.quote) for one in each.citations))
            for each in answer.statements
        ]
        first = answer.statements[0].citations if answer.statements else ()
        words = [word for cited in first if (word := _plain(cited.answer))]
        quotes = list(map(_plain, asked.quote))
        marked = any(word in quote or quote in word for word in words for quote in quotes)
        outcomes.append(Outcome(asked, tuple(said), marked, retrieved, seconds))
    progress("Asking", len(questions), len(questions))
    return Evaluation(tuple(outcomes), threshold)


def plot(evaluation: Evaluation) -> str:
    """The trade-off as an SVG picture: what a higher threshold costs, and what it buys."""
    drawn = ""
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = round(250 * (1 - share))
        drawn += (
            f'<path d="M0 {y}h400" stroke="#ddd"/><text x="-40" y="{y + 4}">{share:.0%}</text>'
            f'<text x="{400 * share - 8:.0f}" y="268">{share:g}</text>'
        )
    now = f"M{400 * evaluation.threshold:.0f} 0v250"
    drawn += f'<path d="{now}" stroke="#888" stroke-dasharray="4"/>'
    for column, colour, name, x in (
        (1, "#1a5fb4", f"answerable: {FIRST}", 0),
        (2, "#a51d2d", f"unanswerable: {REFUSED}", 200),
    ):
        steps = [(at[0], at[column]) for at in evaluation.curve()]
        points = " ".join(f"{400 * step:.0f},{250 * (1 - share):.0f}" for step, share in steps)
        drawn += (
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{x}" y="290" fill="{colour}">{name}</text>'
        )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-50 -20 470 330" width="470" '
        'font-family="sans-serif" font-size="12"><rect x="-50" y="-20" width="470" height="330" '
        f'fill="white"/>{drawn}<text x="330" y="-6">threshold</text></svg>\n'
    )


def _question(read: dict[str, Any]) -> Question:
    known = {each.name: read[each.name] for each in fields(Question) if each.name in read}
    if not isinstance(known.get("question"), str):
        raise ValueError("it has no text under “question”")
    if not isinstance(known.get("answerable", True), bool):
        raise ValueError("“answerable” is neither true nor false")
    quote = known.get("quote") or ()
    known["quote"] = (quote,) if isinstance(quote, str) else tuple(map(str, quote))
    known["history"] = tuple(map(str, known.get("history") or ()))
    return Question(**known)


def _row(name: str, values: Sequence[bool]) -> str:
    if not values:
        return f"{name:24} {'–':>22} {0:>10}"
    share = _share(values)
    half = 1.96 * (share * (1 - share) / len(values)) ** 0.5
    return f"{name:24} {share:>14.3f} ± {half:.3f} {sum(values):>5} of {len(values)}"


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
