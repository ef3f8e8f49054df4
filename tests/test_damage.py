"""Every kind of damage to the files of an index, as it is met by a process that then starts."""

import multiprocessing
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from assistant.assistant import Assistant
from assistant.errors import IndexDamaged
from assistant.settings import Settings
from assistant.store.draft import size
from tests.conftest import WordEmbeddings

# Damage can end a process, or fill a disk: it is met in a child that may write no large file.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["chromadb", "assistant.assistant", "tests.conftest"])
_MOST_BYTES = 100 * 2**20
_FILES, _A_FILE = 60, 17  # over 1,000 passages, so that Chroma writes its graph
_ASKED = "Which matter concerns record 512?"


def assistant_of(home: Path) -> tuple[Assistant, WordEmbeddings]:
    words = WordEmbeddings(64)
    return Assistant(settings=Settings(home=home), embedder=words), words


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose index is to be copied, and then damaged."""
    home = tmp_path_factory.mktemp("sound")
    (home / "knowledge").mkdir()
    for number in range(_FILES):
        records = range(number * _A_FILE, (number + 1) * _A_FILE)
        sections = [f"# Record {i}\n\nRecord {i} concerns matter {i % 97}." for i in records]
        (home / "knowledge" / f"{number}.md").write_text("\n\n".join(sections))
    assistant_of(home)[0].sync()
    return home


def gone(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def empty(path: Path) -> None:
    os.truncate(path, 0)


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def headless(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * min(100, path.stat().st_size))


def flipped(path: Path) -> None:
    """Some bytes are others, in each page of a database."""
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 10, len(data), 512):
        data[place] ^= 0x55
    path.write_bytes(data)


def foreign(path: Path) -> None:
    """A sound file, and not ours."""
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE others (name TEXT)")


def garbled(path: Path) -> None:
    """What SQLite would quote of it in its message is no text."""
    path.write_bytes(path.read_bytes().replace(b"CREATE INDEX", b"CREATE \xffNDEX"))


def astray(path: Path) -> None:
    path.write_text("gen-000009-abcdef\n")


KINDS: list[tuple[str, Callable[[Path], None]]] = [
    *(("CURRENT", harm) for harm in (gone, empty, flipped, astray)),
    *(("gen-*/manifest.json", harm) for harm in (gone, empty, half, flipped)),
    *(("gen-*/passages.sqlite", harm) for harm in (gone, empty, half, headless, flipped, foreign)),
    *(
        ("gen-*/chroma/chroma.sqlite3", harm)
        for harm in (gone, empty, half, headless, flipped, foreign, garbled)
    ),
    ("gen-*/chroma", gone),
    ("gen-*/chroma/*-*", gone),
    ("gen-*/chroma/*/header.bin", headless),
    ("gen-*/chroma/*/data_level0.bin", half),
    ("gen-*/chroma/*/data_level0.bin", flipped),
    ("gen-*/chroma/*/length.bin", flipped),
    ("gen-*/chroma/*/link_lists.bin", foreign),
    ("gen-*/chroma/*/index_metadata.pickle", empty),
    ("gen-*/chroma/*/index_metadata.pickle", half),
]


@pytest.mark.parametrize(
    ("place", "harm"), KINDS, ids=[f"{Path(place).name} {harm.__name__}" for place, harm in KINDS]
)
def test_i4_i14_i15_a_damaged_index_answers_right_and_embeds_nothing(
    sound: Path, tmp_path: Path, place: str, harm: Callable[[Path], None]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(sound, home)
    (damaged,) = (home / "index").glob(place)
    harm(damaged)
    assert told_by(_meet, home) == {
        "found": "Record 512 concerns matter 27.",
        "embedded": 0,
        "problems": [],
        "passages": _FILES * _A_FILE,
    }
    assert size(home) < 2 * size(sound)


def test_i15_with_passages_and_vectors_both_damaged_all_is_embedded_again(
    sound: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(sound, home)
    for place in ("gen-*/passages.sqlite", "gen-*/chroma/chroma.sqlite3"):
        flipped(next((home / "index").glob(place)))
    told = told_by(_meet, home)
    assert told["found"] == "Record 512 concerns matter 27."
    assert told["embedded"] == _FILES * _A_FILE


def test_i4_what_chroma_writes_when_it_is_opened_is_no_damage(sound: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(sound, home)
    for _ in range(3):
        generation = assistant_of(home)[0]._store.current()
        assert generation is not None
        assert generation.collection is not None  # from now on it is searched
        assert generation.nearest([1.0] * 64, 5)
        assert generation.changed("chroma") == []
        generation.close()


def _meet(home: Path, told: "multiprocessing.Queue[object]") -> None:
    """As somebody who asks, and then syncs."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    assistant, words = assistant_of(home)
    with suppress(IndexDamaged):
        if (generation := assistant._store.current()) is not None:
            _ = generation.collection  # as a process that has asked before
    found = assistant.find(_ASKED, 1)[0].passage.text.splitlines()[-1]
    passages = assistant.sync().passages
    problems = assistant._store.verify()
    told.put(
        {
            "found": found,
            "embedded": len(words.embedded),
            "problems": problems,
            "passages": passages,
        }
    )


def told_by(task: Callable[..., None], home: Path) -> Any:  # noqa: ANN401
    """What a new process says of a home, which it survives."""
    told: multiprocessing.Queue[object] = _processes.Queue()
    process = _processes.Process(target=task, args=(home, told))
    process.start()
    try:
        return told.get(timeout=60)
    finally:
        process.join(60)
        assert process.exitcode == 0
