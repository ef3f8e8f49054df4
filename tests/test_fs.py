import os
import stat
import threading
from pathlib import Path

import pytest

from assistant.fs import append_line, flush, locked, make_folder, write_atomic

ROOT = Path(__file__).parents[1]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fail(_: int) -> None:
    raise OSError("no space left")


def test_a_file_is_replaced_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for text in (b"first", b"", b"third"):
        write_atomic(path, text)
        assert path.read_bytes() == text
    assert names(tmp_path) == ["a"]


def test_a_write_that_breaks_off_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(os, "fsync", fail)
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_private_file_stays_private_whatever_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    (tmp_path / ".next").write_bytes(b"left by a crash, for everybody to read")
    write_atomic(path, b"secret", 0o600)
    append_line(tmp_path / "lines", b"secret", 0o600)
    for each in tmp_path.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_what_a_link_points_to_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"theirs")
    (tmp_path / ".next").symlink_to(tmp_path / "other")
    write_atomic(tmp_path / "a", b"ours")
    assert (tmp_path / "other").read_bytes() == b"theirs"


def test_a_line_is_added_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    append_line(path, b"1")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space"):
        patched.setattr(os, "fsync", fail)
        append_line(path, b"2")
    append_line(path, b"3")
    assert path.read_bytes() == b"1\n3\n"
    os.truncate(path, 3)  # as after a crash
    append_line(path, b"4")
    assert path.read_bytes() == b"1\n3\n4\n"


def test_one_holds_a_lock_at_a_time_and_the_other_is_told(tmp_path: Path) -> None:
    entered, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / ".lock"):
            entered.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(60)
    with pytest.raises(TimeoutError), locked(tmp_path / ".lock", seconds=0):
        raise AssertionError
    done.set()
    holder.join()
    with locked(tmp_path / ".lock", seconds=0):
        flush(tmp_path, tmp_path / ".lock")


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a", 0o700)
    assert names(tmp_path) == ["a"]
    with pytest.raises(FileNotFoundError):
        make_folder(tmp_path / "b" / "c")


@pytest.mark.parametrize("word", ["fsync", "FileLock", "mkstemp"])
def test_nothing_else_flushes_locks_or_replaces_files(word: str) -> None:
    modules = (ROOT / "assistant").rglob("*.py")
    assert [path.name for path in modules if word in path.read_text()] in ([], ["fs.py"])
