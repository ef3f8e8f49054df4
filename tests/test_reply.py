from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.reply import FileFacts, about_file, about_folder
from assistant.types import Abstention
from tests.conftest import WordEmbeddings

FILES = [
    FileFacts("a.pdf", 2_000_000, 1_700_000_000.0),
    FileFacts("b.txt", 900, 1_600_000_000.0),
]


@pytest.mark.parametrize(
    ("fact", "words"),
    [
        ("list", "2 documents: a.pdf, b.txt"),
        ("count", "2 documents"),
        ("newest", "a.pdf"),
        ("oldest", "b.txt"),
        ("largest", "a.pdf, with 2.0 MB"),
        ("synced", "2001"),
    ],
)
def test_questions_about_the_folder(fact: str, words: str) -> None:
    assert words in about_folder(fact, FILES, synced=1_000_000_000.0)


def test_a_folder_without_documents() -> None:
    assert "no documents" in about_folder("list", [], synced=0.0)


def test_questions_about_one_file() -> None:
    assert "12 pages" in about_file("pages", FILES[0], "page", 12)
    assert "not divided" in about_file("pages", FILES[1], "line", 3)
    assert "900 bytes" in about_file("size", FILES[1], "line", 3)
    assert "2023" in about_file("added", FILES[0], "page", 12)
    assert about_file("added", FileFacts("c.txt", 0, 0.0), "line", 3) == ""


def test_what_asks_nothing_of_a_document_gets_a_reply_and_no_quote(tmp_path: Path) -> None:
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "knowledge" / "lease.txt").write_text("The rent is 900 pounds a month.")
    assistant = Assistant(tmp_path, embedder=WordEmbeddings())
    for question in ("Hello!", "which files do you have?", "How many documents are there?"):
        answer = assistant.ask(question)
        assert answer.abstention is Abstention.NO_QUESTION
        assert answer.reply and answer.refusal == answer.reply
        assert not answer.statements and not answer.candidates
    assert "lease.txt" in assistant.ask("which files do you have?").reply
    thanked = assistant.ask("Thanks!", history=["How high is the rent?"])
    assert thanked.reply and not thanked.citations
