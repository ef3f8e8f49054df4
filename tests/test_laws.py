"""Whatever is done to the documents, and wherever a sync breaks off: the index is right."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.types import Passage
from tests.conftest import WordEmbeddings

NAMES = st.sampled_from(["a.txt", "b.txt", "c/d.md", "é 1.md"])
FACTS = [
    "The seat is Minsk.",
    "The limit is 5 percent.",
    "Die Gebühr ist 3 €.",
    "# Fee\n\nIt is 7.",
]
TEXTS = st.lists(st.sampled_from(FACTS), max_size=3).map("\n\n".join)
STEPS = 20  # more than a sync has, so that some breaks come too late


class BrokenOff(BaseException):
    """As a process that ends there."""


@contextmanager
def breaking_off(step: int) -> Iterator[None]:
    """Raise `BrokenOff` before the flush of a file with this number, counted from 1."""
    steps, flush = iter(range(1, step)), os.fsync

    def counted(handle: int) -> None:
        if next(steps, None) is None:
            raise BrokenOff
        flush(handle)

    os.fsync = counted  # type: ignore[assignment]
    try:
        yield
    except BrokenOff:
        pass
    finally:
        os.fsync = flush


class Index(RuleBasedStateMachine):
    """A folder of documents, and an index that follows it."""

    @initialize()
    def begin(self) -> None:
        self.place = TemporaryDirectory()
        self.home = Path(self.place.name) / "home"
        (self.home / "knowledge").mkdir(parents=True)
        self.texts: dict[str, str] = {}
        self.synced: dict[str, str] = {}
        """The texts of the index, as far as is known."""
        self.assistant = assistant(self.home)

    @rule(name=NAMES, text=TEXTS)
    def write(self, name: str, text: str) -> None:
        path = self.home / "knowledge" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        self.texts[name] = text

    @precondition(lambda self: self.texts)
    @rule(data=st.data(), new=NAMES)
    def rename(self, data: st.DataObject, new: str) -> None:
        old = data.draw(st.sampled_from(sorted(self.texts)))
        (self.home / "knowledge" / new).parent.mkdir(exist_ok=True)
        (self.home / "knowledge" / old).rename(self.home / "knowledge" / new)
        self.texts[new] = self.texts.pop(old)

    @precondition(lambda self: self.texts)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.texts)))
        (self.home / "knowledge" / name).unlink()
        del self.texts[name]

    @rule(step=st.integers(1, STEPS))
    def break_off(self, step: int) -> None:
        before = stored(self.assistant)
        with breaking_off(step):
            self.assistant.sync()
        self.assistant = assistant(self.home)
        after = stored(self.assistant)
        if after != before:
            assert after == self.rebuilt()
            self.synced = dict(self.texts)

    @rule()
    def sync(self) -> None:
        self.assistant.sync()
        self.synced = dict(self.texts)
        assert stored(self.assistant) == self.rebuilt()
        assert self.assistant._store.verify() == []
        again = self.assistant.sync()
        assert (again.embedded, again.added, again.changed, again.removed) == (0, (), (), ())

    @rule(question=st.sampled_from(["What is the limit?", "What is the seat?", "Fee?"]))
    def ask(self, question: str) -> None:
        if not self.assistant._store.current():
            self.synced = dict(self.texts)  # without any passage it syncs of itself
        for citation in self.assistant.ask(question).citations:
            text = self.synced[citation.source]
            assert citation.quote == text[citation.start : citation.end]

    @invariant()
    def every_passage_is_where_it_says(self) -> None:
        for passage in stored(self.assistant) or []:
            text = self.synced[passage.source]
            assert passage.text == text[passage.start : passage.end]

    def rebuilt(self) -> list[Passage] | None:
        """The passages of an index made from nothing."""
        with TemporaryDirectory() as place:
            shutil.copytree(self.home / "knowledge", Path(place) / "knowledge")
            rebuild = assistant(Path(place))
            rebuild.sync()
            return stored(rebuild)

    def teardown(self) -> None:
        if hasattr(self, "place"):
            self.place.cleanup()


def assistant(home: Path) -> Assistant:
    return Assistant(settings=Settings(home=home), embedder=WordEmbeddings(64))


def stored(assistant: Assistant) -> list[Passage] | None:
    generation = assistant._store.current()
    return None if generation is None else generation.passages()


TestIndex = Index.TestCase
TestIndex.settings = settings(
    max_examples=15,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
