from pathlib import Path

import pytest

from assistant import sync
from assistant.assistant import Assistant
from assistant.errors import KnowledgeMissing
from tests.conftest import WordEmbeddings


def write(home: Path, name: str, text: str) -> Path:
    path = home / "knowledge" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_report_names_every_file(assistant: Assistant, home: Path) -> None:
    write(home, "kept.txt", "The seat is Minsk.")
    write(home, "edited.txt", "The limit is 5 percent.")
    gone = write(home, "gone.txt", "The fee is 3 euros.")
    write(home, "empty.txt", "")
    first = assistant.sync()
    assert first.added == ("edited.txt", "gone.txt", "kept.txt")
    assert [(skip.source, skip.reason) for skip in first.skipped] == [("empty.txt", "empty")]
    assert (first.passages, first.embedded) == (3, 3)

    gone.unlink()
    write(home, "edited.txt", "The limit is 6 percent.")
    write(home, "new.txt", "The tax is 1 percent.")
    second = assistant.sync()
    assert (second.added, second.changed) == (("new.txt",), ("edited.txt",))
    assert (second.removed, second.unchanged) == (("gone.txt",), ("kept.txt",))
    assert (second.passages, second.embedded) == (3, 2)


def test_a_sync_with_nothing_to_do_does_nothing(assistant: Assistant, home: Path) -> None:
    write(home, "a.txt", "The seat is Minsk.")
    write(home, "b.bin", "x")
    first = assistant.sync()
    second = assistant.sync()
    assert second.generation == first.generation
    assert (second.embedded, second.unchanged) == (0, ("a.txt",))
    assert second.skipped == first.skipped


def test_only_what_is_new_is_embedded(
    assistant: Assistant, home: Path, words: WordEmbeddings
) -> None:
    paragraphs = [f"Paragraph {i} is about matter {i}. " * 12 for i in range(9)]
    write(home, "a.txt", "\n\n".join(paragraphs))
    assistant.sync()
    words.embedded.clear()
    paragraphs[4] = "This paragraph was rewritten. " * 12
    sections = "\n\n".join(f"# {i}\n\n{text}" for i, text in enumerate(paragraphs))
    write(home, "a.txt", "\n\n".join(paragraphs))
    report = assistant.sync()
    assert report.embedded == len(words.embedded) < report.passages
    write(home, "b.md", sections)
    assistant.sync()


def test_a_rename_embeds_nothing(assistant: Assistant, home: Path, words: WordEmbeddings) -> None:
    old = write(home, "old.txt", "The seat is Minsk.")
    assistant.sync()
    old.rename(old.with_name("new.txt"))
    words.embedded.clear()
    report = assistant.sync()
    assert (report.added, report.removed, words.embedded) == (("new.txt",), ("old.txt",), [])
    assert assistant.ask("What is the seat?").citations[0].source == "new.txt"


def test_a_rebuild_starts_from_nothing(assistant: Assistant, home: Path) -> None:
    write(home, "a.txt", "The seat is Minsk.")
    first = assistant.sync()
    again = assistant.sync(rebuild=True)
    assert again.generation != first.generation
    assert (again.added, again.embedded) == (("a.txt",), 1)


def test_one_progress_goes_from_nothing_to_everything(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_WAITING", 3)
    for i in range(8):
        write(home, f"{i}.txt", f"Matter {i} is here.")
    seen: list[tuple[str, int, int]] = []
    assistant.sync(progress=lambda *step: seen.append(step))
    done = [done for _, done, _ in seen]
    assert {(what, total) for what, _, total in seen} == {("Indexing", done[-1])}
    assert done == sorted(done)
    assert len(set(done)) > 6


def test_texts_are_embedded_in_parts_that_fit_into_memory(
    assistant: Assistant, home: Path, words: WordEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_WAITING", 3)
    for i in range(8):
        write(home, f"{i}.txt", f"Matter {i} is here.")
    assert assistant.sync().embedded == 8
    assert len(words.embedded) == 8
    assert assistant.verify() == []
    assert assistant.sync().embedded == 0


def test_without_a_folder_of_documents_nothing_is_made(tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    with pytest.raises(KnowledgeMissing, match="No documents folder at .*elsewhere/knowledge"):
        Assistant(home).sync()
    assert not home.exists()


def test_f31_a_folder_that_vanishes_leaves_the_old_answers(
    assistant: Assistant, home: Path
) -> None:
    write(home, "a.txt", "The seat is Minsk.")
    assistant.sync()
    (home / "knowledge").rename(home / "away")
    with pytest.raises(KnowledgeMissing):
        assistant.sync()
    assert assistant.ask("What is the seat?").statements
