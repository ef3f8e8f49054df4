import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import BinaryIO

import pytest

from assistant import sync
from assistant.assistant import Assistant
from assistant.errors import AssistantError, IndexBusy, KnowledgeMissing, RemovalRefused
from assistant.load import folder, readers
from assistant.store import files
from assistant.sync import follow
from assistant.types import Changes, Skipped, State, SyncReport
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


# Files that are not available


@pytest.fixture
def three(assistant: Assistant, home: Path) -> Assistant:
    """Three documents in the index, two of them in a subfolder."""
    for name in ("a.txt", "sub/b.txt", "sub/deep/c.txt"):
        write(home, name, f"The limit of {name[-5]} is 5 percent.")
    assistant.sync()
    return assistant


def unreadable(monkeypatch: pytest.MonkeyPatch, name: str, error: OSError) -> None:
    """Have the system give an error instead of the file."""
    read = folder._read

    def refuse(path: Path, limit: int) -> tuple[bytes, bool]:
        if path.name == name:
            raise error
        return read(path, limit)

    monkeypatch.setattr(folder, "_read", refuse)


def unlisted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have the system give an error instead of the listing of a folder."""
    scandir = os.scandir

    def refuse(place: Path | int) -> object:
        if isinstance(place, Path) and place.name == name:
            raise OSError(errno.EIO, "Input/output error")
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)


def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_AT_HOME", 0)  # also a short text is parsed in a child
    monkeypatch.setattr(readers, "SECONDS", 0.001)


def being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    content = folder._content

    def meddled(file: BinaryIO, limit: int) -> bytes:
        data = content(file, limit)
        with open(file.fileno(), "rb", closefd=False):
            os.utime(file.fileno(), ns=(0, time.time_ns()))
        return data

    monkeypatch.setattr(folder, "_content", meddled)


EIO, EACCES = OSError(errno.EIO, "Input/output error"), PermissionError(errno.EACCES, "Denied")
HINDRANCES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "error": (lambda patch: unreadable(patch, "b.txt", EIO), "could not be read"),
    "permission": (lambda patch: unreadable(patch, "b.txt", EACCES), "no permission"),
    "written": (being_written, "changing, try again"),
    "busy": (busy, "took too long to open"),
}


@pytest.mark.parametrize(("hinder", "reason"), HINDRANCES.values(), ids=HINDRANCES)
@pytest.mark.parametrize("is_changed", [True, False])
def test_a_document_whose_file_is_not_available_stays_as_it_was(
    three: Assistant,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    hinder: Callable[[pytest.MonkeyPatch], None],
    reason: str,
    is_changed: bool,
) -> None:
    before = three.status().generation
    write(home, "sub/b.txt", f"The limit of b is {6 if is_changed else 5} percent.")
    with monkeypatch.context() as patch:
        hinder(patch)
        if reason == "took too long to open" and not is_changed:
            return  # it is known by its bytes, and not parsed
        for report in (three.sync(), three.sync()):
            assert Skipped("sub/b.txt", reason) in report.kept
            assert (report.changed, report.removed, report.skipped) == ((), (), ())
            assert report.generation == before
            assert f"not available now, kept as it was: sub/b.txt: {reason}" in str(report)
        assert three.ask("What is the limit of b?").citations[0].quote.endswith("5 percent.")
        assert three.verify() == []
    report = three.sync()
    assert (report.changed, report.kept) == (("sub/b.txt",) * is_changed, ())
    assert not three.changes()


def test_documents_below_a_folder_that_cannot_be_listed_stay(
    three: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = three.status().generation
    with monkeypatch.context() as patch:
        unlisted(patch, "sub")
        told = three.changes()
        report = three.sync()
        assert three.sources()[1].state is State.UNAVAILABLE
    reason = "could not be read"
    kept = (Skipped("sub/b.txt", reason), Skipped("sub/deep/c.txt", reason))
    assert (report.kept, report.removed, report.unchanged) == (kept, (), ("a.txt",))
    assert (told.kept, bool(told), report.generation) == (kept, False, before)
    (home / "knowledge" / "sub" / "b.txt").unlink()
    assert three.sync().removed == ("sub/b.txt",)


def test_what_is_gone_is_removed_while_another_folder_is_not_available(
    three: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "knowledge" / "a.txt").unlink()
    unlisted(monkeypatch, "deep")
    report = three.sync()
    assert (report.removed, report.unchanged) == (("a.txt",), ("sub/b.txt",))
    assert [each.source for each in report.kept] == ["sub/deep/c.txt"]


def test_a_folder_of_documents_that_cannot_be_listed_is_an_error(
    three: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlisted(monkeypatch, "knowledge")
    with pytest.raises(KnowledgeMissing):
        three.sync()


def test_a_new_file_that_is_not_available_is_reported_and_tried_again(
    three: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(home, "d.txt", "The limit of d is 7 percent.")
    os.utime(path, ns=(0, 0))
    monkeypatch.setattr(files, "RACY", -(10**12))
    with monkeypatch.context() as patch:
        unreadable(patch, "d.txt", EACCES)
        for _ in range(2):
            assert three.sync().skipped == (Skipped("d.txt", "no permission"),)
        assert three.changes() == Changes(skipped=(Skipped("d.txt", "no permission"),))
    assert three.sync().added == ("d.txt",)


def test_f20_what_may_not_be_read_is_reported_and_the_rest_indexed(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "shut.txt", "shut/b.txt"):
        write(home, name, "The seat is Minsk.")
    unreadable(monkeypatch, "shut.txt", EACCES)
    unlisted(monkeypatch, "shut")
    report = assistant.sync()
    assert report.added == ("a.txt",)
    assert {skip.source: skip.reason for skip in report.skipped} == {
        "shut": "could not be read",
        "shut.txt": "no permission",
    }


def test_a_file_that_takes_too_much_processor_time_is_not_tried_again(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RACY", -(10**12))
    write(home, "a.csv", "name,number\n" + "a,1\n" * 20_000)
    monkeypatch.setattr(readers, "PROCESSOR_SECONDS", 0.001)
    slow = (Skipped("a.csv", "took too long to open"),)
    assert assistant.sync().skipped == slow
    monkeypatch.setattr(readers.Readers, "_read", None)  # would fail
    assert assistant.sync().skipped == slow


# Removing most documents


@pytest.fixture
def ten(assistant: Assistant, home: Path) -> Assistant:
    for number in range(10):
        write(home, f"{number}.txt", f"House {number} was painted in {1900 + number}.")
    assistant.sync()
    return assistant


def remove(home: Path, count: int) -> None:
    for number in range(count):
        (home / "knowledge" / f"{number}.txt").unlink()


@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("count", [6, 10])
def test_more_than_half_of_many_documents_are_removed_only_if_that_was_said(
    ten: Assistant, home: Path, count: int, rebuild: bool
) -> None:
    remove(home, count)
    with pytest.raises(RemovalRefused, match=rf"^{count} of 10 documents .* --yes\.$") as refusal:
        ten.sync(rebuild=rebuild)
    assert (refusal.value.removed, refusal.value.total) == (count, 10)
    assert ten.ask("When was house 0 painted?").citations[0].source == "0.txt"
    report = ten.sync(rebuild=rebuild, remove_many=True)
    assert len(report.unchanged) + len(report.added) == 10 - count
    assert ten.sync().removed == ()


def test_half_of_the_documents_or_all_of_a_few_are_removed_unasked(
    ten: Assistant, home: Path
) -> None:
    remove(home, 5)
    assert len(ten.sync().removed) == 5
    for path in (home / "knowledge").iterdir():
        path.unlink()
    assert len(ten.sync().removed) == 5


def test_documents_that_moved_are_not_gone(ten: Assistant, home: Path) -> None:
    (home / "knowledge" / "houses").mkdir()
    for number in range(10):
        path = home / "knowledge" / f"{number}.txt"
        path.rename(path.parent / "houses" / path.name)
    report = ten.sync()
    assert (len(report.added), len(report.removed), report.embedded) == (10, 10, 0)


def test_documents_that_were_all_emptied_are_not_removed_unasked(
    ten: Assistant, home: Path
) -> None:
    for number in range(10):
        write(home, f"{number}.txt", "")
    with pytest.raises(RemovalRefused):
        ten.sync()
    assert len(ten.status().documents) == 10


def test_documents_that_are_not_available_are_not_gone(
    ten: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "knowledge").rename(home / "sub")
    (home / "knowledge").mkdir()
    (home / "sub").rename(home / "knowledge" / "sub")
    ten.sync()
    unlisted(monkeypatch, "sub")
    assert len(ten.sync().kept) == 10
    with pytest.raises(RemovalRefused):  # a rebuild could not keep them
        ten.sync(rebuild=True)


# Watching the folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "_REST", 50)


def following(assistant: Assistant) -> Iterator[SyncReport | AssistantError]:
    return follow(assistant.settings.knowledge, assistant.sync)


def later(act: Callable[[], object]) -> None:
    Timer(1.0, act).start()


def news(outcomes: Iterator[SyncReport | AssistantError]) -> SyncReport:
    outcome = next(outcomes)
    assert isinstance(outcome, SyncReport)
    return outcome


@pytest.mark.usefixtures("quick")
def test_each_change_is_followed(assistant: Assistant, home: Path) -> None:
    outcomes = following(assistant)
    assert news(outcomes).passages == 0
    later(lambda: write(home, "sub/a.txt", "The seat is Minsk."))  # once the watch has begun
    assert news(outcomes).added == ("sub/a.txt",)
    path = write(home, "sub/a.txt", "The seat is Brest.")
    assert news(outcomes).changed == ("sub/a.txt",)
    path.unlink()
    assert news(outcomes).removed == ("sub/a.txt",)


@pytest.mark.usefixtures("quick")
def test_what_changes_before_the_watch_has_begun_is_not_missed(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_ANYWAY", 50)
    outcomes = following(assistant)
    next(outcomes)
    write(home, "a.txt", "The seat is Minsk.")
    assert news(outcomes).added == ("a.txt",)


@pytest.mark.usefixtures("quick")
def test_what_fails_is_told_once_and_tried_again(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_ANYWAY", 50)
    (home / "knowledge" / "a.txt").write_text("The seat is Minsk.")
    tries = iter([True, True, True, False, False])

    def sync_later() -> SyncReport:
        if next(tries):
            raise IndexBusy(home / "index")
        return assistant.sync()

    outcomes = follow(home / "knowledge", sync_later)
    assert isinstance(next(outcomes), IndexBusy)
    assert news(outcomes).added == ("a.txt",)


@pytest.mark.usefixtures("quick")
def test_a_folder_that_goes_ends_it(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_ANYWAY", 50)
    outcomes = following(assistant)
    next(outcomes)
    (home / "knowledge").rename(home / "away")
    with pytest.raises(KnowledgeMissing):
        list(outcomes)


@pytest.mark.usefixtures("quick")
def test_while_a_drive_is_away_the_watch_goes_on(
    ten: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_ANYWAY", 50)
    outcomes = following(ten)
    next(outcomes)
    drive = home / "drive"
    drive.mkdir()
    for path in (home / "knowledge").iterdir():
        path.rename(drive / path.name)
    assert isinstance(next(outcomes), RemovalRefused)
    for path in drive.iterdir():
        path.rename(home / "knowledge" / path.name)
    write(home, "new.txt", "The seat is Minsk.")
    while not (report := news(outcomes)).added:
        pass
    assert report.added == ("new.txt",)
