import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant import sync as compare
from assistant.assistant import Assistant
from assistant.load import VERSION, folder
from assistant.settings import Settings
from assistant.store import files
from assistant.types import Changes, Source, State
from tests.conftest import WordEmbeddings

Opened = list[str]
BINARY = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a test were all changed just now."""
    monkeypatch.setattr(files, "RACY", -(10**12))
    monkeypatch.setattr(compare, "_MIN_INTERVAL", 0)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The names of the files that are opened."""
    names: Opened = []
    read = folder._read

    def noted(path: Path, limit: int) -> tuple[bytes, bool]:
        names.append(path.name)
        return read(path, limit)

    monkeypatch.setattr(folder, "_read", noted)
    return names


@pytest.fixture
def synced(assistant: Assistant, home: Path) -> Assistant:
    for name in ("a", "b", "c"):
        (home / "knowledge" / f"{name}.txt").write_text(f"The limit of {name} is 5 percent.")
    (home / "knowledge" / "bad.txt").write_bytes(BINARY)
    assistant.sync()
    return assistant


def test_an_unchanged_folder_is_not_opened(synced: Assistant, opened: Opened) -> None:
    report = synced.sync()
    assert (report.unchanged, opened) == (("a.txt", "b.txt", "c.txt"), [])
    assert [(skip.source, skip.reason) for skip in report.skipped] == [("bad.txt", "not text")]


def test_only_a_changed_file_is_opened(synced: Assistant, home: Path, opened: Opened) -> None:
    (home / "knowledge" / "b.txt").write_text("The limit of b is 6 percent.")
    assert synced.sync().changed == ("b.txt",)
    assert opened == ["b.txt"]


def test_a_touched_file_is_opened_once_and_known_again(
    synced: Assistant, home: Path, opened: Opened
) -> None:
    before = synced.status().generation
    for name in ("b.txt", "bad.txt"):
        os.utime(home / "knowledge" / name)
    reports = [synced.sync(), synced.sync()]
    assert [report.generation for report in reports] == [before, before]
    assert {len(report.skipped) for report in reports} == {1}
    assert sorted(opened) == ["b.txt", "bad.txt"]


def test_a_change_that_keeps_size_and_time_is_noticed(synced: Assistant, home: Path) -> None:
    path = home / "knowledge" / "b.txt"
    status = path.stat()
    path.write_text("The limit of b is 6 percent.")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert synced.sync().changed == ("b.txt",)


def test_a_file_changed_just_now_is_not_trusted(
    assistant: Assistant, home: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RACY", 10**12)
    (home / "knowledge" / "a.txt").write_text("The seat is Minsk.")
    assistant.sync()
    assert assistant.sync().unchanged == ("a.txt",)
    assert opened == ["a.txt", "a.txt"]


def test_a_file_refused_just_now_is_not_called_new(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "RACY", 10**12)
    (home / "knowledge" / "bad.txt").write_bytes(BINARY)
    for _ in range(2):
        assistant.sync()
        changes = assistant.changes()
        assert (changes.added, [each.reason for each in changes.skipped]) == ((), ["not text"])
    (home / "knowledge" / "bad.txt").write_text("The seat is Minsk.")
    assert assistant.changes().added == ("bad.txt",)
    assert assistant.sync().added == ("bad.txt",)


def altered(sql: str) -> Callable[[Path], None]:
    def run(table: Path) -> None:
        with closing(sqlite3.connect(table)) as db, db:
            db.execute(sql)

    return run


@pytest.mark.parametrize(
    "lose",
    [
        Path.unlink,
        lambda table: table.write_bytes(b""),
        lambda table: table.write_bytes(b"no database" * 1_000),
        lambda table: os.truncate(table, 5_000),
        altered("PRAGMA user_version = 0"),
        altered("DROP TABLE files"),
        altered("UPDATE files SET signature = 'x'"),
        altered("UPDATE files SET signature = NULL"),
    ],
    ids=["gone", "empty", "other", "cut", "version", "no table", "signature", "null"],
)
def test_without_the_table_of_files_they_are_known_by_their_bytes(
    synced: Assistant, home: Path, lose: Callable[[Path], None], opened: Opened
) -> None:
    lose(home / "index" / files.FILES)
    report = synced.sync()
    assert (report.embedded, len(report.unchanged)) == (0, 3)
    assert len(opened) == 4
    assert files.load_state(home / "index", VERSION).keys() == {
        "a.txt",
        "b.txt",
        "bad.txt",
        "c.txt",
    }


def test_a_rebuild_opens_every_file(synced: Assistant, opened: Opened) -> None:
    synced.sync(rebuild=True)
    assert sorted(opened) == ["a.txt", "b.txt", "bad.txt", "c.txt"]


def test_what_a_sync_would_do_is_told_and_not_done(
    synced: Assistant, home: Path, words: WordEmbeddings
) -> None:
    assert not synced.changes()
    knowledge = home / "knowledge"
    (knowledge / "a.txt").unlink()
    (knowledge / "b.txt").write_text("The limit of b is 6 percent.")
    (knowledge / "d.txt").write_text("The limit of d is 7 percent.")
    os.utime(knowledge / "c.txt")
    before = synced.status()
    found = synced.changes()
    assert (found.added, found.changed, found.removed) == (("d.txt",), ("b.txt",), ("a.txt",))
    assert [skip.source for skip in found.skipped] == ["bad.txt"]
    assert synced.status().generation == before.generation
    report = synced.sync()
    assert (report.added, report.changed, report.removed) == (("d.txt",), ("b.txt",), ("a.txt",))


def test_before_the_first_sync_everything_is_new(assistant: Assistant, home: Path) -> None:
    (home / "knowledge" / "a.txt").write_text("The seat is Minsk.")
    assert assistant.changes() == Changes(added=("a.txt",))
    assert not (home / "index").exists()


def change(path: Path) -> None:
    path.write_text("The limit of a is 9 percent.")


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (change, "changed: a.txt"),
        (Path.unlink, "gone: a.txt"),
        (lambda path: path.with_name("new.txt").write_text("The fee is 3 euros."), "new: new.txt"),
    ],
    ids=["changed", "gone", "new"],
)
def test_f28_an_answer_says_that_a_source_is_newer_than_the_index(
    synced: Assistant, home: Path, act: Callable[[Path], object], told: str
) -> None:
    assert synced.ask("What is the limit of a?").notices == ()
    act(home / "knowledge" / "a.txt")
    (notice,) = synced.ask("What is the limit of a?").notices
    assert told in notice
    assert "Sync" in notice
    synced.sync()
    assert synced.ask("What is the limit of a?").notices == ()


def test_a_touched_file_is_no_news(synced: Assistant, home: Path) -> None:
    os.utime(home / "knowledge" / "a.txt")
    assert synced.ask("What is the limit of a?").notices == ()


def test_many_changes_are_told_short(synced: Assistant, home: Path) -> None:
    for number in range(9):
        (home / "knowledge" / f"{number}.txt").write_text("New.")
    (notice,) = synced.ask("What is the limit of a?").notices
    assert "new: 0.txt, 1.txt, 2.txt and 6 more" in notice


def test_the_folder_is_not_looked_at_for_every_question(
    synced: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "_MIN_INTERVAL", 10**9)
    synced.ask("What is the limit of a?")
    change(home / "knowledge" / "a.txt")
    assert synced.ask("What is the limit of a?").notices == ()


def test_a_folder_that_did_not_change_is_not_compared_again(
    synced: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Path] = []

    def noted(index: Path, version: int) -> dict[str, files.FileState]:
        looks.append(index)
        return files.load_state(index, version)

    monkeypatch.setattr(compare, "load_state", noted)
    for _ in range(3):
        assert synced.ask("What is the limit of b?").notices == ()
    assert len(looks) == 1
    (home / "knowledge" / "b.txt").write_text("The limit of b is 6 percent.")
    for _ in range(2):
        assert "changed: b.txt" in synced.ask("What is the limit of b?").notices[0]
    assert len(looks) == 2
    monkeypatch.setattr(files, "RACY", 10**12)  # as if it had been changed just now
    (home / "knowledge" / "b.txt").write_text("The limit of b is 7 percent.")
    for _ in range(2):
        assert "changed: b.txt" in synced.ask("What is the limit of b?").notices[0]
    assert len(looks) == 4


def test_an_index_without_its_folder_answers(synced: Assistant, home: Path) -> None:
    (home / "knowledge").rename(home / "away")
    assert synced.ask("What is the limit of a?").notices == ()
    assert synced.status().changes is None


EDITS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["write", "touch", "delete", "spoil"])),
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rounds=st.lists(EDITS, min_size=1, max_size=3))
def test_a_sync_does_what_was_told_and_leaves_nothing_to_do(
    rounds: list[list[tuple[str, str]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("law")
    (home / "knowledge").mkdir()
    assistant = Assistant(settings=Settings(home=home), embedder=WordEmbeddings())
    for number, edits in enumerate(rounds):
        for name, edit in edits:
            path = home / "knowledge" / f"{name}.txt"
            if edit == "delete":
                path.unlink(missing_ok=True)
            elif edit == "touch" and path.exists():
                os.utime(path)
            else:
                bad = BINARY if edit == "spoil" else b""
                path.write_bytes(bad or f"The limit of {name} is {number}.".encode())
        told, done = assistant.changes(), assistant.sync()
        refused = {skip.source for skip in done.skipped} - {skip.source for skip in told.skipped}
        assert {*told.added, *told.changed} == {*done.added, *done.changed, *refused}
        assert set(done.removed) == {*told.removed, *(set(told.changed) & refused)}
        assert not assistant.changes()
        assert assistant.sync().generation == done.generation


def test_every_source_says_how_it_stands(synced: Assistant, home: Path) -> None:
    knowledge = home / "knowledge"
    (knowledge / "a.txt").unlink()
    (knowledge / "b.txt").write_text("The limit of b is 60 percent.")
    (knowledge / "d.txt").write_text("New.")
    (knowledge / "e.exe").write_bytes(BINARY)
    (knowledge / "link.txt").symlink_to(knowledge / "d.txt")
    assert synced.sources() == (
        Source("a.txt", State.REMOVED, 0, 1),
        Source("b.txt", State.CHANGED, 29, 1),
        Source("bad.txt", State.SKIPPED, len(BINARY), 0, "not text"),
        Source("c.txt", State.INDEXED, 28, 1),
        Source("d.txt", State.NEW, 4, 0),
        Source("e.exe", State.SKIPPED, 0, 0, "unknown format .exe"),
        Source("link.txt", State.SKIPPED, 0, 0, "link"),
    )


def test_a_document_that_became_a_link_is_skipped_and_will_be_removed(
    synced: Assistant, home: Path
) -> None:
    (home / "knowledge" / "a.txt").unlink()
    (home / "knowledge" / "a.txt").symlink_to(home / "knowledge" / "b.txt")
    assert synced.sources()[0] == Source("a.txt", State.SKIPPED, 0, 1, "link")
    assert synced.changes().removed == ("a.txt",)
    assert synced.sync().removed == ("a.txt",)


def test_sources_are_told_without_opening_any(synced: Assistant, opened: Opened) -> None:
    assert [each.state for each in synced.sources()].count(State.INDEXED) == 3
    assert opened == []
