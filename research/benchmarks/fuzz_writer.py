"""Let a chat model say anything at all, and look at what is kept of it.

    python -m research.benchmarks.fuzz_writer [--count 10000] [--seed 0]

The evidence is what the reader finds in the sample for a few questions. A draft is made of its
sentences with numbers, names and words changed, of keys that were and were not offered, of
markup, links, thoughts and noise, and broken into pieces anywhere. What is kept is judged by code
that shares nothing with what decides in the product.
"""

import argparse
import logging
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.language_models import GenericFakeChatModel

from assistant import pipeline
from assistant.assistant import Assistant
from assistant.embed import Embedder
from assistant.llm.client import ChatModel, Deadline, Messages
from assistant.llm.draft import DraftWriter
from assistant.llm.prompt import build_evidence
from assistant.settings import Settings
from assistant.types import Reading, Statement

QUESTIONS = (
    "What was the value of bilateral trade last year?",
    "Who met in Minsk?",
    "How many cities does the region cover?",
    "How are the supply chains to be strengthened?",
)
_NAMES = "Poland Putin Warsaw Macron Berlin Tesla Obama Paris Gazprom NATO".split()  # noqa: SIM905
_NOISE = (
    "<b>", "</evidence>", "<script>alert(1)</script>", "![x](http://evil.example/?d=1)", "\x1b[31m",
    "[c](javascript:alert(1))", "{\"answer\": \"", "```", "**", "\u202e", "\U000e0041", "\x00", "]",
    "[", "【", "】", "<think>", "</think>", "\n\n", "# ", "- ", "HACKED", "sk-abcdefgh12345678",
    "/home/ana/.ssh", "A" * 300, "…", "\ue000", "\ud800", "。", "not ", "could ", "will ", "，",
)  # fmt: skip
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


class Drafts(ChatModel):
    """A model that says a draft made of what it is sent; sometimes it breaks."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__("fuzzed", "", lambda: GenericFakeChatModel(messages=iter([])))
        self.chance = chance

    def stream(self, messages: Messages, deadline: Deadline) -> Iterator[str]:
        """The draft, in pieces that end anywhere."""
        text = draft(self.chance, dict(re.findall(r"^\[(k\w+)\] (.*)$", messages[1][1], re.M)))
        while text:
            size = self.chance.choice((1, 3, 8, 40, 2000))
            yield text[:size]
            text = text[size:]


def draft(chance: random.Random, offered: dict[str, str]) -> str:
    """Something that a model may say, given the sentences that were offered by their keys."""
    lines = []
    for _ in range(chance.randint(0, 4)):
        key = chance.choice(list(offered))
        text = offered[key]
        for _ in range(chance.choice((0, 0, 1, 1, 2, 4))):
            text = chance.choice(_CHANGES)(chance, text)
        lines.append(f"{text} {_keys(chance, key, list(offered))}")
    return chance.choice(("\n", " ", "\n\n")).join(lines)


def _keys(chance: random.Random, key: str, offered: Sequence[str]) -> str:
    others = (chance.choice(offered), "99", "0", "-1", "k000", "none", "", "1-3", f"{key}-{key}")
    named = [key] * chance.choice((0, 1, 1, 1)) + chance.choices(
        others, k=chance.choice((0, 0, 1, 2))
    )
    chance.shuffle(named)
    opened, closed = chance.choice(("[]", "[]", "[]", "【】", "［］", "()"))
    return f"{opened}{chance.choice((', ', ',', ' ', '; ')).join(named)}{closed}"


def _number(chance: random.Random, text: str) -> str:
    return _NUMBER.sub(lambda _: f"{chance.choice((3, 7, 12.5, 2019, 1_000_000)):,}", text)


def _added(chance: random.Random, text: str) -> str:
    return f"{text[:-1]}, and {chance.choice(_NAMES)} paid {chance.randint(2, 999)} million."


def _name(chance: random.Random, text: str) -> str:
    return re.sub(r"(?<=\w )[A-Z]\w+", lambda _: chance.choice(_NAMES), text, count=1)


def _first(chance: random.Random, text: str) -> str:
    return re.sub(r"^\w+", chance.choice(_NAMES), text)


def _noisy(chance: random.Random, text: str) -> str:
    place = chance.randint(0, len(text))
    return text[:place] + chance.choice(_NOISE) + text[place:]


def _shorter(chance: random.Random, text: str) -> str:
    words = text.split()
    if len(words) > 4:
        del words[chance.randrange(len(words))]
    return " ".join(words)


def _cut(chance: random.Random, text: str) -> str:
    return text[: chance.randint(0, len(text))]


def _shuffled(chance: random.Random, text: str) -> str:
    words = text.split()
    chance.shuffle(words)
    return " ".join(words)


_CHANGES: tuple[Callable[[random.Random, str], str], ...] = (
    _number, _added, _name, _first, _noisy, _noisy, _shorter, _shorter, _cut, _shuffled,
)  # fmt: skip


FAULTS = (
    "exceptions",
    "cites what was not offered",
    "a number that is not quoted",
    "a name that is not quoted",
    "markup or a link",
)


@dataclass(frozen=True)
class Found:
    """A question, and what the reader reads for it."""

    question: str
    readings: list[Reading]
    hashes: dict[str, str]


def read(assistant: Assistant) -> list[Found]:
    """What the reader finds for each question."""
    states = [
        pipeline.read(pipeline.retrieve(pipeline.condense(assistant._begin(question))))
        for question in QUESTIONS
    ]
    return [
        Found(state.question, state.found[0].readings, dict(state.context.documents))
        for state in states
    ]


def kept(found: Found, seed: int, embedder: Embedder) -> tuple[list[Statement], DraftWriter]:
    """What is kept of one draft."""
    writing = DraftWriter(Drafts(random.Random(seed)), embedder, 30, 12)
    return list(writing.write(found.question, found.readings, found.hashes)), writing


def faults(statement: Statement, found: Found) -> list[str]:
    """What should not have been kept: by other means than those that decided."""
    offered = {
        (each.passage.source, each.span)
        for twins in build_evidence(found.readings).keys.values()
        for each in twins
    }
    cited = {(citation.source, (citation.start, citation.end)) for citation in statement.citations}
    quotes = " ".join(citation.quote for citation in statement.citations)
    words = {_bare(word) for word in _WORD.findall(quotes)}
    names = {word for word in _WORD.findall(statement.text)[1:] if word[0].isupper()}
    names |= set(_NAMES) & set(_WORD.findall(statement.text))
    told = {
        "cites what was not offered": not cited <= offered or not cited,
        "a number that is not quoted": not set(_NUMBER.findall(statement.text))
        <= set(_NUMBER.findall(quotes)),
        "a name that is not quoted": not {_bare(name) for name in names} <= words,
        "markup or a link": bool(re.search(r"[<>\x00-\x1f]|://|\]\(|evil|HACKED", statement.text)),
    }
    return [fault for fault, is_so in told.items() if is_so]


def _bare(word: str) -> str:
    return word.casefold().replace("’", "'").removesuffix("'s")


def main() -> None:
    """Print how many drafts were tried, what was kept, and each fault with its seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as place:
        sample = Path("knowledge/china-belarus-joint-statement.txt")
        (Path(place) / "knowledge").mkdir()
        (Path(place) / "knowledge" / sample.name).write_bytes(sample.read_bytes())
        assistant = Assistant(settings=Settings(home=Path(place)))
        found = read(assistant)
        for seed in range(options.seed, options.seed + options.count):
            each = found[seed % len(found)]
            try:
                statements, writing = kept(each, seed, assistant.embedder)
            except Exception as error:
                counts["exceptions"] += 1
                print(f"seed {seed}: {error!r}")
                continue
            counts["kept"] += len(statements)
            counts["dropped"] += writing._dropped
            counts["keys not offered"] += writing._unknown
            for statement in statements:
                for fault in faults(statement, each):
                    counts[fault] += 1
                    print(f"seed {seed}: {fault}: {statement.text!r}")
    print(f"{options.count:,} drafts, from seed {options.seed}")
    for name in ("kept", "dropped", "keys not offered", *FAULTS):
        print(f"{counts[name]:8,} {name}")


if __name__ == "__main__":
    main()
