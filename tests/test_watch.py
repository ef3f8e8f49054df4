from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import pytest

from assistant import sync as watch
from assistant.assistant import Assistant
from assistant.errors import AssistantError, IndexBusy, KnowledgeMissing
from assistant.sync import follow
from assistant.types import SyncReport


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_REST", 50)


def following(assistant: Assistant) -> Iterator[SyncReport | AssistantError]:
    return follow(assistant.settings.knowledge, assistant.sync)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def later(act: Callable[[], None]) -> None:
    Timer(1.0, act).start()


def news(outcomes: Iterator[SyncReport | AssistantError]) -> SyncReport:
    outcome = next(outcomes)
    assert isinstance(outcome, SyncReport)
    return outcome


def test_each_change_is_followed(assistant: Assistant, home: Path) -> None:
    path = home / "knowledge" / "sub" / "a.txt"
    outcomes = following(assistant)
    assert news(outcomes).passages == 0
    later(lambda: write(path, "The seat is Minsk."))  # once the watch has begun
    assert news(outcomes).added == ("sub/a.txt",)
    write(path, "The seat is Brest.")
    assert news(outcomes).changed == ("sub/a.txt",)
    path.unlink()
    assert news(outcomes).removed == ("sub/a.txt",)


def test_what_changes_before_the_watch_has_begun_is_not_missed(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_ANYWAY", 50)
    outcomes = following(assistant)
    next(outcomes)
    write(home / "knowledge" / "a.txt", "The seat is Minsk.")
    assert news(outcomes).added == ("a.txt",)


def test_what_fails_is_told_once_and_tried_again(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_ANYWAY", 50)
    (home / "knowledge" / "a.txt").write_text("The seat is Minsk.")
    tries = iter([True, True, True, False, False])

    def sync() -> SyncReport:
        if next(tries):
            raise IndexBusy(home / "index")
        return assistant.sync()

    outcomes = follow(home / "knowledge", sync)
    assert isinstance(next(outcomes), IndexBusy)
    assert news(outcomes).added == ("a.txt",)


def test_a_folder_that_goes_ends_it(
    assistant: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_ANYWAY", 50)
    outcomes = following(assistant)
    next(outcomes)
    (home / "knowledge").rename(home / "away")
    with pytest.raises(KnowledgeMissing):
        list(outcomes)
