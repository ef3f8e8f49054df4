"""How much work is done, counted and never timed: what would make asking and syncing slow again."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from assistant.assistant import Assistant
from assistant.load.readers import Readers
from assistant.pipeline import WHOLE
from assistant.read import SpanModel, Window
from assistant.settings import Settings
from tests.conftest import WordEmbeddings

QUESTION = "How large was trade between China and Belarus last year?"
HEAVY = {
    *("asyncio", "chromadb", "filelock", "gradio", "httpx", "langchain_core", "lxml", "mcp"),
    *("pandas", "pydantic", "scipy", "sentence_transformers", "sklearn", "torch", "transformers"),
}
# Runs a command as the console does, then tells what is imported, and the bytes of its files.
COUNT = """
import os, sys
if sys.argv[1:]:
    from assistant.cli import main
    try:
        main(sys.argv[1:])
    except SystemExit:
        pass
else:
    import assistant
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(sum(os.path.getsize(path) for path in files if path and os.path.isfile(path)), *sys.modules)
"""


class Imported(NamedTuple):
    """What a process has imported."""

    bytes: int
    modules: int
    names: set[str]
    """Of packages."""


def imported(*command: str) -> Imported:
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *command], capture_output=True, text=True, check=True
    )
    size, *modules = done.stdout.splitlines()[-1].split()
    return Imported(int(size), len(modules), {name.split(".")[0] for name in modules})


def test_a_cold_question_imports_what_answers_it_and_no_more(
    article_home: Path, on_article: Assistant
) -> None:
    """On Linux 380 modules, of 144 MB with their libraries; 110 MB of it is ONNX Runtime."""
    assert on_article.status().passages  # there is an index
    found = imported("ask", QUESTION, "--home", str(article_home))
    assert found.names & HEAVY == set()
    assert found.names >= {"numpy", "onnxruntime", "tokenizers"}
    assert found.modules < 420
    assert found.bytes < 170e6


def test_what_asks_nothing_imports_no_model(article_home: Path, on_article: Assistant) -> None:
    assert on_article.status().passages
    models = {"onnxruntime", "tokenizers"}
    status = imported("status", "--home", str(article_home))
    assert status.names & (HEAVY | models) == set()
    assert status.modules < 350
    for command, most in (("--help",), 150), ((), 110):
        found = imported(*command)
        assert found.names & (HEAVY | models | {"numpy", "sqlite3"}) == set()
        assert found.modules < most


def write(home: Path, count: int) -> None:
    for number in range(count):
        path = home / "knowledge" / f"{number:02}.md"
        records = f"{number * 7}, {number * 13} and {number * 17}"
        path.write_text(f"# Matter {number}\n\nMatter {number} has the records {records}.")


def test_a_sync_parses_and_embeds_what_changed(
    assistant: Assistant, home: Path, words: WordEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []
    parse = Readers.parse

    def counting(readers: Readers, suffix: str, data: bytes) -> object:
        parsed.append(data.decode().split("\n")[0])
        return parse(readers, suffix, data)

    monkeypatch.setattr(Readers, "parse", counting)
    write(home, 12)
    assert assistant.sync().embedded == len(words.embedded) == len(parsed) == 12
    (home / "knowledge" / "05.md").write_text("# Matter 5\n\nIt is the business of nobody.")
    assert assistant.sync().embedded == 1
    assert (len(words.embedded), parsed[12:]) == (13, ["# Matter 5"])
    (home / "knowledge" / "05.md").rename(home / "knowledge" / "moved.md")
    assert assistant.sync().embedded == 0  # the same words have their vector
    assert (len(words.embedded), parsed[13:]) == (13, ["# Matter 5"])


class CountingModel(SpanModel):
    """Counts the texts that are read for a question."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def read(self, question: str, passages: Sequence[str]) -> list[Window]:
        self.texts += passages
        return super().read(question, passages)


@pytest.mark.parametrize(("files", "read"), [(WHOLE, WHOLE), (WHOLE + 1, 10)])
def test_of_a_larger_folder_no_more_is_read(
    home: Path, words: WordEmbeddings, files: int, read: int
) -> None:
    """The passages, and the four best sentences once more."""
    assistant = Assistant(settings=Settings(home=home), embedder=words)
    model = CountingModel()
    assistant.reader._spans = model
    write(home, files)
    assistant.sync()
    embedded = len(words.embedded)
    assert assistant.ask("Which records has matter 7?").closest
    assert len(model.texts) == read + 4
    assert len(words.embedded) == embedded  # a question is one vector, and of documents none
