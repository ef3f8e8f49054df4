"""Doubles that mean something, and homes to try them in."""

import math
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.load.readers import Readers
from assistant.settings import Settings
from assistant.text import terms
from tests.scripted import ScriptedAssistant, open_page, serving

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SWITCHES = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Tests that start servers, kill processes, train, or fill disks: `make test-fast` leaves them out.
SLOW = {
    "test_accounts", "test_damage", "test_harm", "test_kills", "test_laws", "test_llm_draft",
    "test_llm_wire", "test_load_readers", "test_mcp", "test_mixed", "test_page_auth",
    "test_page_programs", "test_page_sources", "test_server", "test_stale", "test_store",
    "test_training", "test_whole",
}  # fmt: skip
ARTICLE = Path(__file__).parents[1] / "knowledge" / "china-belarus-joint-statement.txt"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow."""
    for item in items:
        if item.path.stem in SLOW:
            item.add_marker("slow")


class WordEmbeddings:
    """An embedding model in which texts are near when they share words. Counts its work."""

    name = "words"
    fingerprint = "words-1"
    max_tokens = 256

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return [self._vector(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self._vector(text)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.size
        for word, count in Counter(terms(text)).items():
            place = int.from_bytes(sha256(word.encode()).digest()[:4]) % self.size
            vector[place] += count
        length = math.hypot(*vector)
        return [value / length for value in vector] if length else [1.0, *vector[1:]]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the data of whoever runs it."""
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    names = ("EMBEDDER", "READER", "THRESHOLD", "CHROMA", "CHROMA_TOKEN", "MODEL", "MODEL_URL",
             "MODEL_SECONDS")  # fmt: skip
    for name in names:
        monkeypatch.delenv(f"ASSISTANT_{name}", raising=False)


@pytest.fixture(scope="session")
def readers() -> Iterator[Readers]:
    """Readers of files, whose children live as long as the tests."""
    with Readers(1) as pool:
        yield pool


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an empty knowledge folder."""
    (tmp_path / "home" / "knowledge").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def words() -> WordEmbeddings:
    return WordEmbeddings()


@pytest.fixture
def assistant(home: Path, words: WordEmbeddings) -> Assistant:
    """An assistant over an empty folder, with the word model."""
    return Assistant(settings=Settings(home=home), embedder=words)


@pytest.fixture(scope="session")
def minilm() -> SentenceTransformerEmbeddings:
    """The real embedding model, loaded once."""
    return SentenceTransformerEmbeddings()


@pytest.fixture(scope="session")
def article_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the article, to be read only."""
    home = tmp_path_factory.mktemp("article")
    (home / "knowledge").mkdir()
    shutil.copy(ARTICLE, home / "knowledge")
    return home


@pytest.fixture(scope="session")
def on_article(article_home: Path, minilm: SentenceTransformerEmbeddings) -> Iterator[Assistant]:
    """The real thing: real model, real Chroma, the article."""
    assistant = Assistant(settings=Settings(home=article_home), embedder=minilm)
    assistant.sync()
    yield assistant


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A real Chromium: the one `CHROMIUM` names, an installed one, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=SWITCHES)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> ScriptedAssistant:
    """What answers the page; a test that changes it changes it back."""
    made = ScriptedAssistant()
    made.settings.history = tmp_path_factory.mktemp("history")
    return made


@pytest.fixture(scope="module")
def address(scripted: ScriptedAssistant) -> Iterator[str]:
    """Where the page over the scripted assistant is."""
    with serving(scripted) as served:
        yield str(served.local_url)


@pytest.fixture
def visitor(browser: "Browser", address: str) -> Iterator["Page"]:
    """A browser at the page. Nothing may leave for elsewhere, fail, or be complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    tab = context.new_page()
    faults: list[str] = []
    tab.on("request", lambda sent: _note(faults, sent.url, not sent.url.startswith(address)))
    tab.on("response", lambda got: _note(faults, f"{got.status} {got.url}", got.status >= 400))
    tab.on("console", lambda said: _note(faults, said.text, said.type == "error"))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    open_page(tab, address)
    yield tab
    context.close()
    assert faults == []


def _note(faults: list[str], what: str, bad: bool) -> None:
    if bad and not what.startswith(("data:", "blob:")):
        faults.append(what)


@pytest.fixture(scope="module")
def sink() -> Iterator[tuple[str, list[str]]]:
    """An address that nothing may ask, and what asked it."""
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
