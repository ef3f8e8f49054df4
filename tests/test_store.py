import json
import multiprocessing
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.assistant import Assistant
from assistant.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexUnwritable
from assistant.settings import Settings
from assistant.store import Generation, Store
from assistant.terms import topic
from tests.conftest import WordEmbeddings

RECIPE = {"model": "words", "weights": "words-1"}


def write(home: Path, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        path = home / "knowledge" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)


def fresh(home: Path) -> Assistant:
    return Assistant(settings=Settings(home=home), embedder=WordEmbeddings())


def current(assistant: Assistant) -> Generation:
    generation = assistant._store.current()
    assert generation is not None
    return generation


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "index").iterdir() if path.is_dir())


@pytest.fixture
def synced(assistant: Assistant, home: Path) -> Assistant:
    write(home, {"seat.txt": "The seat is Minsk.", "limit.txt": "The limit is 5 percent."})
    assistant.sync()
    return assistant


def test_readers_follow_the_swap_and_the_old_generation_goes(synced: Assistant, home: Path) -> None:
    before = current(synced).name
    write(home, {"new.txt": "The fee is 3 euros."})
    after = synced.sync().generation
    assert after != before
    assert current(synced).name == after
    assert folders(home) == [after]
    assert current(synced) is current(synced)


def test_a_generation_stays_while_another_reads_it(synced: Assistant, home: Path) -> None:
    reader = fresh(home)
    held = current(reader)
    write(home, {"new.txt": "The fee is 3 euros."})
    after = synced.sync().generation
    assert folders(home) == [held.name, after]
    assert [p.source for p, _ in held.nearest([1.0] * 256, 5)]  # it still answers
    assert len(current(reader)) == 3  # and lets go at the next look
    del held
    write(home, {"new.txt": None})
    assert folders(home) != [synced.sync().generation, after]
    assert len(folders(home)) <= 2


def test_an_index_deleted_under_a_reader_is_built_again(synced: Assistant, home: Path) -> None:
    shutil.rmtree(home / "index")
    write(home, {"limit.txt": "The limit is 7 percent."})
    answer = synced.ask("What is the limit in percent?")
    assert "7 percent" in answer.statements[0].text
    assert answer.notices[0].startswith("There was no index yet.")


def test_i8_a_second_writer_is_refused(synced: Assistant, home: Path) -> None:
    with synced._store.write(), pytest.raises(IndexBusy, match="another sync"):
        fresh(home).sync()
    fresh(home).sync()


def _hold_the_lock(index: Path, held: "multiprocessing.synchronize.Event") -> None:
    with Store(index, RECIPE).write():
        held.set()
        multiprocessing.Event().wait(60)


def test_i11_the_lock_of_a_killed_writer_is_taken_over(synced: Assistant, home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    writer = context.Process(target=_hold_the_lock, args=(home / "index", held))
    writer.start()
    assert held.wait(60)
    with pytest.raises(IndexBusy):
        synced.sync()
    writer.kill()
    writer.join()
    synced.sync()


def test_what_a_crash_left_is_removed_and_never_opened(synced: Assistant, home: Path) -> None:
    name = current(synced).name
    for rubbish in ("build-abcdef", "gen-000009-abcdef"):
        (home / "index" / rubbish / "chroma").mkdir(parents=True)
    assert current(fresh(home)).name == name
    synced.sync()
    assert folders(home) == [name]


def test_a_sync_that_fails_leaves_the_old_generation(
    synced: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = current(synced).name
    write(home, {"new.txt": "The fee is 3 euros."})

    def fail(_: list[str]) -> list[list[float]]:
        raise RuntimeError("the model broke")

    monkeypatch.setattr(synced.embedder, "embed_documents", fail)
    with pytest.raises(RuntimeError):
        synced.sync()
    assert folders(home) == [name]
    assert current(fresh(home)).name == name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_index_that_cannot_be_written_is_said_plainly(synced: Assistant, home: Path) -> None:
    write(home, {"new.txt": "The fee is 3 euros."})
    for path in [home, *home.parents]:
        if path.stat().st_uid == 0 and path != Path("/tmp") and "pytest" in str(path):
            path.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(IndexUnwritable, match="(?i)permission"):
            fresh(home).sync()
    finally:
        os.seteuid(0)


def _with_little_room(home: Path, told: "multiprocessing.Queue[str]") -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    try:
        fresh(home).sync()
    except IndexUnwritable as error:
        told.put(str(error))


def test_i5_a_full_disk_leaves_the_old_answers(synced: Assistant, home: Path) -> None:
    name = current(synced).name
    write(home, {f"{i}.txt": f"Record number{i} is here." for i in range(400)})
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[str] = context.Queue()
    writer = context.Process(target=_with_little_room, args=(home, told))
    writer.start()
    assert "cannot be written" in told.get(timeout=120)
    writer.join()
    assert current(fresh(home)).name == name
    assert synced.ask("What is the limit in percent?").statements


DAMAGE: dict[str, Callable[[Path], object]] = {
    "manifest cut": lambda gen: (gen / "manifest.json").write_text("{"),
    "manifest no mapping": lambda gen: (gen / "manifest.json").write_text("[]"),
    "passages cut": lambda gen: os.truncate(gen / "passages.sqlite", 1000),
    "passages gone": lambda gen: (gen / "passages.sqlite").unlink(),
    "chroma gone": lambda gen: shutil.rmtree(gen / "chroma"),
    "generation gone": shutil.rmtree,
}


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_i14_i15_a_damaged_index_is_noticed_and_rebuilt(
    synced: Assistant, home: Path, harm: Callable[[Path], object]
) -> None:
    harm(current(synced).folder)
    answer = fresh(home).ask("What is the limit in percent?")
    assert "5 percent" in answer.statements[0].text


def test_an_outdated_recipe_is_no_index_and_a_newer_format_is_refused(
    synced: Assistant, home: Path
) -> None:
    manifest = current(synced).folder / "manifest.json"
    built = json.loads(manifest.read_text())
    built["recipe"]["splitter"] = 0
    manifest.write_text(json.dumps(built))
    assert fresh(home)._store.current() is None
    built["recipe"]["format"] = 99
    manifest.write_text(json.dumps(built))
    with pytest.raises(IndexMismatch, match="format 99.*Update the assistant"):
        fresh(home).ask("What is the limit?")


def test_i18_a_collection_that_names_an_embedding_function_is_refused(
    synced: Assistant, home: Path
) -> None:
    database = current(synced).folder / "chroma" / "chroma.sqlite3"
    poison = '{"type":"known","name":"sentence_transformer","config":{"model_name":"evil"}}'
    with closing(sqlite3.connect(database)) as db, db:
        db.execute(
            "UPDATE collections SET schema_str = replace(schema_str, ?, ?)",
            ('{"type":"legacy"}', poison),
        )
    generation = current(fresh(home))
    with pytest.raises(IndexDamaged, match="names an embedding function"):
        generation.nearest([1.0] * 256, 1)
    write(home, {"new.txt": "The fee is 3 euros."})
    fresh(home).sync()  # makes the vectors' part anew, from its own copy
    assert fresh(home).ask("What is the fee in euros?").statements


def test_i22_deleted_words_are_in_no_file_of_the_index(synced: Assistant, home: Path) -> None:
    write(home, {"secret.txt": "The password is zanzibarish."})
    synced.sync()
    assert _holding(home / "index", b"zanzibar")
    write(home, {"secret.txt": None})
    synced.sync()
    assert not _holding(home / "index", b"zanzibar")


def _holding(folder: Path, words: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and words in path.read_bytes()]


def test_i23_every_passage_is_found_by_its_own_words(assistant: Assistant, home: Path) -> None:
    count = 1_200  # more than Chroma keeps before it writes its graph
    lines = [f"Record {i} has value {i * 7} at place {i % 89}." for i in range(count)]
    write(home, {f"{i}.txt": line for i, line in enumerate(lines)})
    assistant.sync()
    generation = current(assistant)
    words = WordEmbeddings()
    passages = generation.passages()
    assert len(passages) == count
    found = [
        passage in dict(generation.nearest(words.embed_query(passage.embedded), 4))
        for passage in passages[::4]
    ]
    assert sum(found) >= 0.99 * len(found)  # words may share a place of the vector
    assert generation.matching(["8393"], 4)[0][0].source == "1199.txt"


def test_f24_equal_files_share_a_vector_and_are_both_found(
    assistant: Assistant, home: Path, words: WordEmbeddings
) -> None:
    write(home, {"a.txt": "The seat is Minsk.", "b/a.txt": "The seat is Minsk."})
    assert assistant.sync().embedded == 1
    near = current(assistant).nearest(words.embed_query("The seat is Minsk."), 5)
    assert [passage.source for passage, _ in near] == ["a.txt", "b/a.txt"]


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("贸易", "zh.txt"),
        ("Какую страну посетили?", "ru.txt"),
        ("trading partners", "en.txt"),
        ('" OR * NEAR( trades', "en.txt"),
    ],
)
def test_words_are_found_in_several_languages(
    assistant: Assistant, home: Path, question: str, source: str
) -> None:
    write(
        home,
        {
            "zh.txt": "去年双边贸易额超过84亿美元。",
            "ru.txt": "Делегация была в двух странах.",
            "en.txt": "China is a trading partner.",
        },
    )
    assistant.sync()
    generation = current(assistant)
    assert [p.source for p, _ in generation.matching(topic(question), 5)] == [source]
    others = [name for name in ("zh.txt", "ru.txt", "en.txt") if name != source]
    assert generation.matching(topic(question), 5, others) == []


def test_i16_reading_makes_no_folder(assistant: Assistant, home: Path) -> None:
    assert assistant.status().generation == ""
    assert not (home / "index").exists()


CHANGES = st.lists(
    st.dictionaries(
        st.sampled_from(["a.txt", "b.txt", "c.md"]),
        st.none() | st.sampled_from(["One fact.", "Two facts. More.", "# H\n\nThree.", ""]),
        min_size=1,
    ),
    min_size=1,
    max_size=3,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=CHANGES)
def test_the_index_equals_a_rebuild_after_any_changes(
    changes: list[dict[str, str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("law")
    (home / "knowledge").mkdir()
    assistant = fresh(home)
    for change in changes:
        write(home, change)
        assistant.sync()
    stored = {passage.id for passage in current(assistant).passages()}
    again = assistant.sync()
    assert (again.embedded, again.added, again.changed, again.removed) == (0, (), (), ())
    assistant.sync(anew=True)
    assert {passage.id for passage in current(assistant).passages()} == stored
