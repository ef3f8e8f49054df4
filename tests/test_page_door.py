"""The page served, with the guard and the door before it, over real HTTP and in real browsers."""

import asyncio
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
from gradio_client import Client

from assistant import page
from assistant.accounts import Accounts
from assistant.errors import AccountsMissing, SettingRefused
from assistant.page.seats import BUSY
from assistant.types import Answer, Statement, SyncReport
from benchmarks.readers import Visit, visits
from tests.test_page import TEXT, QUOTES, cited

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from assistant.assistant import Assistant

PASSWORD = "correct horse battery"


@dataclass
class Echo:
    """Says what it was asked, after a while; "wait" waits until it may go on."""

    settings: Any
    seconds: float = 0.2
    go_on: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    closed: threading.Event = field(default_factory=threading.Event)
    syncs: int = 0

    def stream(
        self, question: str, *, history: Sequence[str | Answer] = ()
    ) -> Iterator[Statement | Answer]:
        said = Statement(f"You asked {question} of me", (cited(TEXT, QUOTES[0]),))
        if question.startswith("wait"):
            self.waiting.release()
            self.go_on.wait(20)
        try:
            for _ in range(400 if question.startswith("long") else 1):
                time.sleep(self.seconds)
                yield said
        finally:
            self.closed.set()
        yield Answer(question, (said,))

    def sync(self) -> SyncReport:
        self.syncs += 1
        return SyncReport(passages=1)

    def examples(self, count: int = 4) -> list[str]:
        return ["What is this about?"]

    def status(self) -> SimpleNamespace:
        return SimpleNamespace(documents=("visit.md",), passages=12)


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Echo:
    home = tmp_path_factory.mktemp("home")
    settings = SimpleNamespace(knowledge=home / "knowledge", accounts=home / "accounts.json")
    accounts = Accounts(settings.accounts)
    accounts.add("ana", PASSWORD, may_change=True)
    accounts.add("bo", PASSWORD)
    return Echo(settings)


def serve(echo: Echo, **options: Any) -> Iterator[str]:
    served = page.start(cast("Assistant", echo), "127.0.0.1", None, browse=False, **options)
    yield str(served.local_url).rstrip("/")
    served.close(verbose=False)


@pytest.fixture(scope="module")
def open_page(echo: Echo) -> Iterator[str]:
    """Without accounts."""
    yield from serve(echo)


@pytest.fixture(scope="module")
def closed_page(echo: Echo) -> Iterator[str]:
    """With accounts."""
    yield from serve(echo, auth=True)


def own(visit: Visit, among: Sequence[Visit]) -> bool:
    """Whether a reader saw the answer to its own question, and no other's."""
    said = {each.question for each in among if f"You asked {each.question} of me" in visit.seen}
    return said == {visit.question}


def test_u1_a_hundred_ask_at_once_and_each_gets_its_own_answer(open_page: str) -> None:
    seen = asyncio.run(visits(open_page, [f"number {number}" for number in range(100)]))
    assert [visit.question for visit in seen if visit.first is None] == []
    assert all(own(visit, seen) for visit in seen)
    print(max(v.whole for v in seen), sorted(v.first for v in seen)[50])
