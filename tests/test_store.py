import errno
import gc
import json
import multiprocessing
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.assistant import Assistant
from assistant.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexUnwritable
from assistant.settings import Settings
from assistant.store import Store
from assistant.store.generation import GOOD_RECALL, Generation
from assistant.store.manifest import checksum, digests, remove
from assistant.text import terms, topic
from assistant.types import Document, Passage, Span
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


def publish(store: Store, texts: list[str], vectors: Any) -> Generation:  # noqa: ANN401
    """Make an index of one document with these passages, each with its vector."""
    spans = [Span(100 * i, 100 * i + len(text)) for i, text in enumerate(texts)]
    passages = [
        Passage("a.txt", *span, text, (span,)) for span, text in zip(spans, texts, strict=True)
    ]
    with store.write() as draft:
        draft.add(Document("a.txt", "", str(texts), ()), passages)
        draft.add_vectors([passage.key for passage in passages], vectors)
        store.publish(draft, [])
    generation = store.current()
    assert generation is not None
    return generation


def unit_vectors(count: int, size: int = 384) -> Any:  # noqa: ANN401 (an array)
    drawn = np.random.default_rng(0).normal(size=(count, size))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def warm(generation: Generation) -> None:
    """Open Chroma, and wait for it."""
    generation.warm()
    if generation._opener:
        generation._opener.join()


@contextmanager
def counted_queries() -> Iterator[list[object]]:
    """What Chroma's collections are asked meanwhile."""
    from chromadb.api.models.Collection import Collection

    queries: list[object] = []
    query = Collection.query

    def counted(self: Collection, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        queries.append(named)
        return query(self, *given, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Collection, "query", counted)
        yield queries


def write_sealed(manifest: Path, built: dict[str, Any]) -> None:
    """Write a manifest as if an index had been published with it."""
    manifest.write_text(json.dumps(built | {"seal": checksum(built)}))


@contextmanager
def as_somebody_else(home: Path) -> Iterator[None]:
    """As a user who may read the home and write nothing."""
    for path in [home, *home.parents]:
        if path.stat().st_uid == 0 and path != Path("/tmp") and "pytest" in str(path):
            path.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def synced(assistant: Assistant, home: Path) -> Assistant:
    write(home, {"seat.txt": "The seat is Minsk.", "limit.txt": "The limit is 5 percent."})
    assistant.sync()
    return assistant


def test_chroma_and_the_stored_copies_give_equal_hits_with_equal_scores(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    # Like those of documents: near to one of a few topics, not all equally far apart.
    vectors = unit_vectors(8)[rng.integers(8, size=200)] + 0.05 * unit_vectors(200)
    generation = publish(Store(tmp_path, RECIPE), [f"text {i}" for i in range(200)], vectors)
    asked = [vectors[i] / np.linalg.norm(vectors[i]) for i in range(0, 200, 20)]
    searches = [(vector.tolist(), sources) for vector in asked for sources in (None, ["a.txt"])]

    def found() -> list[Any]:
        return [generation.search(vector, ["7"], 10, sources) for vector, sources in searches]

    compared = found()
    warm(generation)
    with counted_queries() as queries:
        assert found() == compared
    assert len(queries) == len(searches)


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
    answer = synced.ask("What is the limit?")
    assert "7 percent" in answer.statements[0].text
    assert answer.notices[0].startswith("There was no index yet.")


def test_i8_a_second_writer_is_refused(synced: Assistant, home: Path) -> None:
    with (
        synced._store.write(),
        pytest.raises(IndexBusy, match=r"being rebuilt .* since 20\d\d-"),
    ):
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
def test_i7_an_index_that_cannot_be_written_is_said_plainly(synced: Assistant, home: Path) -> None:
    write(home, {"new.txt": "The fee is 3 euros."})
    with as_somebody_else(home), pytest.raises(IndexUnwritable, match="it is read-only"):
        fresh(home).sync()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_i7_an_index_that_cannot_be_written_answers(synced: Assistant, home: Path) -> None:
    with as_somebody_else(home):
        answer = fresh(home).ask("What is the limit?")
    assert answer.to_json() and answer.statements == synced.ask(answer.question).statements


def _ask_with_no_room(home: Path, told: "multiprocessing.Queue[str]") -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
    told.put(fresh(home).ask("What is the limit?").statements[0].text)


def test_i6_a_full_disk_does_not_keep_from_answering(synced: Assistant, home: Path) -> None:
    assert "5 percent" in told_by(_ask_with_no_room, home)


def told_by(task: Callable[..., None], home: Path) -> str:
    """What a new process says of a home."""
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[str] = context.Queue()
    process = context.Process(target=task, args=(home, told))
    process.start()
    said = told.get(timeout=120)
    process.join()
    return said


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
    assert "cannot be written" in told_by(_with_little_room, home)
    assert current(fresh(home)).name == name
    assert folders(home) == [name]
    assert synced.ask("What is the limit?").statements


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_i5_on_a_small_disk_it_says_what_it_needs(tmp_path: Path, words: WordEmbeddings) -> None:
    options = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    if subprocess.run(options, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        write(tmp_path, {"limit.txt": "The limit is 5 percent."})
        fresh(tmp_path).sync()
        before = folders(tmp_path)
        write(tmp_path, {f"{i}.txt": f"Record number{i} is here." for i in range(200)})
        with pytest.raises(IndexUnwritable, match=r"disk full, needs \d+ MB"):
            fresh(tmp_path).sync()
        assert folders(tmp_path) == before
        assert "5 percent" in fresh(tmp_path).ask("What is the limit?").statements[0].text
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def _flush_with_little_room(home: Path, told: "multiprocessing.Queue[str]") -> None:
    import resource

    from assistant.store import client

    def limited(folder: Path) -> Any:  # noqa: ANN401 (Chroma's client)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        return open_local(folder)

    store, vectors = Store(home / "index", RECIPE), unit_vectors(3_200)
    texts = [f"Record {i}." for i in range(3_200)]
    old = publish(store, texts[:2_000], vectors[:2_000])
    # Chroma's SQLite file has room in it; what grows beyond is only the graph, silently cut.
    room = (old.folder / "chroma" / "chroma.sqlite3").stat().st_size + 100_000
    open_local = vars(client)["open_local"]
    vars(client)["open_local"] = limited
    try:
        publish(store, texts, vectors)
    except IndexUnwritable as error:
        told.put(str(error))
    else:
        told.put("published")


def test_i5_a_flush_that_chroma_cuts_silently_is_not_published(home: Path) -> None:
    assert "cannot be written" in told_by(_flush_with_little_room, home)
    generation = Store(home / "index", RECIPE).current()
    assert generation is not None
    assert folders(home) == [generation.name]
    assert len(generation) == 2_000
    vectors = unit_vectors(3_200)[:2_000:50]
    assert all(generation.nearest(vector, 1)[0][1] > 0.999 for vector in vectors)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "manifest cut": lambda gen: (gen / "manifest.json").write_text("{"),
    "manifest no mapping": lambda gen: (gen / "manifest.json").write_text("[]"),
    "passages cut": lambda gen: os.truncate(gen / "passages.sqlite", 1000),
    "passages gone": lambda gen: (gen / "passages.sqlite").unlink(),
    "generation gone": shutil.rmtree,
    "pointer empty": lambda gen: (gen.parent / "CURRENT").write_text(""),
    "pointer rubbish": lambda gen: (gen.parent / "CURRENT").write_bytes(b"\xff\0/"),
    "pointer astray": lambda gen: (gen.parent / "CURRENT").write_text("../knowledge"),
}


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_i14_i15_a_damaged_index_is_noticed_and_rebuilt(
    synced: Assistant, home: Path, harm: Callable[[Path], object]
) -> None:
    harm(current(synced).folder)
    with pytest.raises(IndexDamaged):
        fresh(home)._store.current()
    answer = fresh(home).ask("What is the limit?")
    assert "5 percent" in answer.statements[0].text
    assert "is damaged" in answer.notices[0]


def test_damage_inside_a_file_is_mended_by_the_next_sync(synced: Assistant, home: Path) -> None:
    database = current(synced).folder / "passages.sqlite"
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database.stat().st_size - 4096))
    with pytest.raises(IndexDamaged):
        current(fresh(home)).passages()
    assert fresh(home).sync().added == ("limit.txt", "seat.txt")
    assert len(current(fresh(home)).passages()) == 2


HARM_TO_CHROMA: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "gone with its folder": lambda path: shutil.rmtree(path.parent),
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "rubbish": lambda path: path.write_bytes(b"\xff" * path.stat().st_size),
}


@pytest.mark.parametrize("harm", HARM_TO_CHROMA.values(), ids=HARM_TO_CHROMA)
def test_i14_without_chroma_the_stored_vectors_answer(
    synced: Assistant, home: Path, words: WordEmbeddings, harm: Callable[[Path], object]
) -> None:
    asked = words.embed_query("What is the limit?")
    sound = current(synced).nearest(asked, 2)
    harm(current(synced).folder / "chroma" / "chroma.sqlite3")
    found = current(fresh(home)).nearest(asked, 2)
    assert [passage for passage, _ in found] == [passage for passage, _ in sound]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in sound])
    write(home, {"new.txt": "The fee is 3 euros."})
    words.embedded.clear()
    mended = Assistant(settings=Settings(home=home), embedder=words)
    assert mended.sync().embedded == len(words.embedded) == 1
    assert len(current(mended).nearest(asked, 9)) == 3


def test_i17_an_outdated_index_is_built_again_and_a_newer_one_is_refused(
    synced: Assistant, home: Path
) -> None:
    manifest = current(synced).folder / "manifest.json"
    built = json.loads(manifest.read_text())
    built["recipe"]["splitter"] = 0
    write_sealed(manifest, built)
    assert fresh(home)._store.current() is None
    built["recipe"]["format"] = 1
    del built["seal"]
    manifest.write_text(json.dumps(built))  # of a time when there was no seal
    assert fresh(home)._store.current() is None
    assert "5 percent" in fresh(home).ask("What is the limit?").statements[0].text
    manifest = current(fresh(home)).folder / "manifest.json"
    built["recipe"]["format"] = 99
    for name in ("manifest.json", "manifest.spare.json"):
        manifest.with_name(name).write_text(json.dumps(built | {"seal": "of another kind"}))
    for refused in (lambda: fresh(home).ask("What is the limit?"), fresh(home).sync):
        with pytest.raises(IndexMismatch, match="format 99.*Update the assistant"):
            refused()
    fresh(home).sync(rebuild=True)
    assert "5 percent" in fresh(home).ask("What is the limit?").statements[0].text


def test_who_refuses_a_newer_index_holds_it_no_more(tmp_path: Path) -> None:
    store = Store(tmp_path / "index", RECIPE)
    folder = publish(store, ["The fee is 3 euros."], unit_vectors(1)).folder
    built = json.loads((folder / "manifest.json").read_text())
    built["recipe"]["format"] = 99
    for name in ("manifest.json", "manifest.spare.json"):
        write_sealed(folder / name, built)
    del store
    with pytest.raises(IndexMismatch) as told, Store(tmp_path / "index", RECIPE).write():
        raise AssertionError
    remove(folder)
    assert not folder.exists(), told


def test_a_generation_whose_place_is_not_flushed_is_not_left(
    synced: Assistant, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    before = folders(home)
    write(home, {"new.txt": "The fee is 3 euros."})
    with monkeypatch.context() as patched:
        patched.setattr("assistant.store.flush", broken)
        with pytest.raises(IndexUnwritable, match="Input/output error"):
            synced.sync()
    assert folders(home) == before
    assert synced.sync().added == ("new.txt",)


def test_i13_vectors_of_another_size_are_refused(synced: Assistant, home: Path) -> None:
    other = Assistant(settings=Settings(home=home), embedder=WordEmbeddings(128))
    for refused in (lambda: other.ask("What is the limit?"), other.sync):
        write(home, {"new.txt": "The fee is 3 euros."})
        with pytest.raises(IndexMismatch, match="256 numbers, not 128.*assistant rebuild"):
            refused()
    other.sync(rebuild=True)
    assert "5 percent" in other.ask("What is the limit?").statements[0].text


def _poison(place: str, function: dict[str, object], config: dict[str, Any]) -> None:
    vectors = {"defaults": config["defaults"], "vectors": config["keys"]["#embedding"]}
    if place == "sparse":
        index = config["defaults"]["sparse_vector"]["sparse_vector_index"]
    else:
        index = vectors[place]["float_list"]["vector_index"]
    index["config"]["embedding_function"] = function


@pytest.mark.parametrize("place", ["defaults", "vectors", "sparse", "configuration"])
def test_i18_a_collection_that_names_an_embedding_function_is_refused(
    synced: Assistant, home: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    config: dict[str, object] = {"model_name": str(tmp_path), "kwargs": {"trust_remote_code": True}}
    config |= {"device": "cpu", "normalize_embeddings": False}
    function: dict[str, object] = {
        "type": "known",
        "name": "sentence_transformer",
        "config": config,
    }
    database = current(synced).folder / "chroma" / "chroma.sqlite3"
    with closing(sqlite3.connect(database)) as db, db:
        if place == "configuration":
            poison = json.dumps({"embedding_function": function})
            db.execute("UPDATE collections SET config_json_str = ?, schema_str = NULL", (poison,))
        else:
            schema = json.loads(db.execute("SELECT schema_str FROM collections").fetchone()[0])
            _poison(place, function, schema)
            db.execute("UPDATE collections SET schema_str = ?", (json.dumps(schema),))
    folder = database.parents[1]
    built = json.loads((folder / "manifest.json").read_text())
    built["files"] = digests(folder, "passages.sqlite", "chroma")
    write_sealed(folder / "manifest.json", built)  # as who wrote the poison can as well
    generation = current(fresh(home))
    with pytest.raises(IndexDamaged, match="names an embedding function"):
        _ = generation.collection
    warm(generation)
    assert generation.nearest([1.0] * 256, 1)  # by the copies
    assert "names an embedding function" in fresh(home)._store.verify()[0]
    write(home, {"new.txt": "The fee is 3 euros."})
    fresh(home).sync()  # makes the vectors' part anew, from its own copy
    assert fresh(home).ask("What is the fee in euros?").statements
    assert not (tmp_path / "ran").exists()


def test_i22_deleted_words_are_in_no_file_of_the_index(synced: Assistant, home: Path) -> None:
    write(home, {"secret.txt": "The password is zanzibarish."})
    synced.sync()
    assert _holding(home / "index", b"zanzibar")
    write(home, {"secret.txt": None})
    synced.sync()
    assert folders(home) == [current(synced).name]
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


def test_i23_every_passage_is_found_by_its_own_vector(home: Path) -> None:
    vectors = unit_vectors(1_200)
    texts = [f"Record {i}." for i in range(len(vectors))]
    generation = publish(Store(home / "index", RECIPE), texts, vectors)
    found = (
        passage in dict(generation.nearest(vector, 4))
        for passage, vector in zip(generation.passages(), vectors, strict=True)
    )
    assert sum(found) >= 0.999 * len(texts)


@pytest.mark.parametrize("sources", [None, ["a.txt"], []], ids=["all", "one", "none"])
def test_compared_or_by_chroma_the_same_passages_are_nearest(
    home: Path, sources: list[str] | None
) -> None:
    vectors = unit_vectors(60)
    generation = publish(
        Store(home / "index", RECIPE), [f"Record {i}." for i in range(60)], vectors
    )
    compared = generation.nearest(vectors[3], 9, sources)
    warm(generation)
    with counted_queries() as queries:
        searched = generation.nearest(vectors[3], 9, sources)
    assert len(queries) == (sources != [])
    assert [passage for passage, _ in compared] == [passage for passage, _ in searched]
    assert [cosine for _, cosine in compared] == pytest.approx([c for _, c in searched], abs=1e-5)


def test_a_process_that_goes_on_asking_is_answered_by_chroma(synced: Assistant, home: Path) -> None:
    asking = fresh(home)
    with counted_queries() as queries:
        answers = [asking.ask("What is the limit?") for _ in range(2)]
        assert queries == []  # a command that asks once has no use for it
        warm(current(asking))
        answers.append(asking.ask("What is the limit?"))
        assert len(queries) == 1
        write(home, {"new.txt": "The fee is 3 euros."})
        synced.sync()
        queries.clear()
        answers.append(asking.ask("What is the limit?"))  # a new generation: once by the copies
        warm(current(asking))
        assert queries == []
        answers.append(asking.ask("What is the limit?"))
        assert len(queries) == 1
    assert len({answer.statements for answer in answers}) == 1


def test_a_process_that_ends_while_chroma_is_opened_ends_in_peace(
    synced: Assistant, home: Path
) -> None:
    code = (
        "import sys, pathlib, tests.test_store as test\n"
        "asking = test.fresh(pathlib.Path(sys.argv[1]))\n"
        "for _ in range(2): print(asking.ask('What is the limit?').statements[0].text)"
    )
    command = [sys.executable, "-c", code, str(home)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout == "The limit is 5 percent.\n" * 2
    assert done.stderr == ""


def test_a_graph_that_failed_its_check_is_not_searched(home: Path) -> None:
    store, vectors = Store(home / "index", RECIPE), unit_vectors(4_000)  # as bad as vectors can be
    generation = publish(store, [f"Record {i}." for i in range(4_000)], vectors)
    assert 0.5 < generation.manifest["recall"] < GOOD_RECALL
    warm(generation)
    with counted_queries() as queries:
        assert generation.nearest(vectors[3], 9)[0][1] == pytest.approx(1)
    assert queries == []
    assert store.verify() == []  # it holds what it should, and so it is kept


def test_where_chroma_finds_too_few_the_copies_answer(
    synced: Assistant, words: WordEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chromadb.api.models.Collection import Collection
    from chromadb.errors import InternalError

    generation, asked = current(synced), words.embed_query("What is the limit?")
    assert generation.manifest["recall"] == 1
    compared = generation.nearest(asked, 2)
    warm(generation)

    def fails(*_: object, **__: object) -> None:
        raise InternalError("the graph is torn")

    for query in (lambda *_, **__: {"ids": [["x"]], "distances": [[0.0]]}, fails):
        monkeypatch.setattr(Collection, "query", query)
        assert generation.nearest(asked, 2) == compared


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


@pytest.mark.parametrize("term", ['"', "\0", 'a" OR "seat', "seat*", "(", "NEAR(a b)", "-seat", ""])
def test_a_term_is_never_a_query(synced: Assistant, term: str) -> None:
    assert current(synced).matching([term, "minsk"], 5)[0][0].source == "seat.txt"
    assert len(current(synced).matching([term, "minsk"], 5)) <= 2
    assert current(synced).frequencies([term, "minsk"])["minsk"] == 1


def test_sources_limit_both_searches(synced: Assistant, words: WordEmbeddings) -> None:
    generation, asked = current(synced), words.embed_query("seat Minsk")
    assert [p.source for p, _ in generation.nearest(asked, 5, ["limit.txt"])] == ["limit.txt"]
    assert [p.source for p, _ in generation.matching(["minsk"], 5, ["seat.txt"])] == ["seat.txt"]
    assert generation.nearest(asked, 5, []) == generation.matching(["minsk"], 5, []) == []


def test_scores_of_some_passages_are_those_of_the_searches(
    synced: Assistant, words: WordEmbeddings
) -> None:
    generation, asked = current(synced), words.embed_query("seat Minsk")
    near, matching = generation.nearest(asked, 5), generation.matching(["minsk", "limit"], 5)
    passages = generation.passages()
    assert len(near) == len(matching) == len(passages) == 2
    for vector in (asked, words.embed_query("limit")):  # mostly the two find different ones
        near = generation.nearest(vector, 5)
        cosines, scores = generation.search(vector, ["minsk", "limit"], 1)
        assert (cosines[0], scores[0]) == (near[0], matching[0])
        assert dict(cosines) == pytest.approx({p: dict(near)[p] for p, _ in cosines}, abs=1e-6)
        assert dict(scores) == pytest.approx({p: dict(matching)[p] for p, _ in scores})
        assert dict(cosines).keys() == dict(scores).keys()
    assert generation.search(asked, [], 5) == (generation.nearest(asked, 5), [])
    assert generation.search(asked, ["minsk"], 5, []) == ([], [])
    assert generation.words(passages) == {each: " ".join(terms(each.text)) for each in passages}


def test_a_sample_is_fair_in_order_and_the_same_for_the_same_folder(
    assistant: Assistant, home: Path
) -> None:
    write(home, {f"{i:02}.txt": f"Matter {i} is here." for i in range(40)})
    assistant.sync()
    some = current(assistant).passages(10)
    assert len(some) == 10
    assert some == sorted(some, key=lambda passage: passage.source)
    assert {passage.source for passage in some} != {f"{i:02}.txt" for i in range(10)}
    write(home, {"00.txt": "Something else.", "40.txt": "Another one."})
    assistant.sync()
    write(home, {"00.txt": "Matter 0 is here."})
    (home / "knowledge" / "40.txt").unlink()
    assistant.sync()
    assert current(assistant).passages(10) == some
    assert [each.source for each in current(assistant).passages(10, ["07.txt"])] == ["07.txt"]


def test_vectors_are_compared_block_by_block(
    assistant: Assistant, home: Path, words: WordEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, {f"{i:02}.txt": f"Matter {i} is here." for i in range(40)})
    assistant.sync()
    asked, sources = words.embed_query("Matter 17"), [f"{i:02}.txt" for i in range(30)]
    whole = current(assistant).nearest(asked, 9, sources)
    warm(current(assistant))
    monkeypatch.setattr("assistant.store.generation._MOST_KEYS", 20)
    monkeypatch.setattr("assistant.store.generation._BLOCK", 4)
    found = current(assistant).nearest(asked, 9, sources)
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in whole])
    assert found[0][0].source == whole[0][0].source == "17.txt"
    assert {passage.source for passage, _ in found} <= set(sources)


def test_better_matches_come_first(assistant: Assistant, home: Path) -> None:
    more = "Tariffs, tariffs and again tariffs of the union."
    write(home, {"a.txt": f"One tariff is named here. {'Other words. ' * 30}", "b.txt": more})
    assistant.sync()
    found = current(assistant).matching(topic("tariffs"), 5)
    assert [passage.source for passage, _ in found] == ["b.txt", "a.txt"]
    assert found[0][1] > found[1][1]


def test_i21_an_index_moves_and_has_any_name(
    synced: Assistant, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del synced
    home.rename(tmp_path / "Mein Ördner #1?")
    monkeypatch.chdir(tmp_path)
    answer = fresh(Path("Mein Ördner #1?")).ask("What is the limit?")
    assert answer.statements and not answer.notices


def test_a_graph_does_not_fill_up_with_what_was_removed(home: Path) -> None:
    store, vectors = Store(home / "index", RECIPE), unit_vectors(1_000, 8)
    sizes = []
    for age in range(5):
        generation = publish(store, [f"Record {i} of {age}." for i in range(1_000)], vectors)
        sizes += [
            path.stat().st_size for path in generation.folder.glob("chroma/*/data_level0.bin")
        ]
    assert len(sizes) == 5
    assert max(sizes) < 2.5 * sizes[0]


def test_many_vectors_at_once_are_all_in_the_graph_and_few_wait_to_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.store.graph.FLUSHES", 2)
    store, vectors = Store(home / "index", RECIPE), unit_vectors(3_500)
    generation = publish(store, [f"Record {i}." for i in range(3_500)], vectors)
    with closing(sqlite3.connect(generation.folder / "chroma" / "chroma.sqlite3")) as db:
        (waiting,) = db.execute("SELECT count(*) FROM embeddings_queue").fetchone()
    assert waiting <= 1_000
    assert store.verify() == []


def _hold(folder: Path, held: "multiprocessing.synchronize.Event") -> None:
    generation = Generation(folder)
    held.set()
    multiprocessing.Event().wait(60)
    generation.close()


def test_a_reader_in_another_process_keeps_its_generation(synced: Assistant, home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, first = context.Event(), current(synced)
    reader = context.Process(target=_hold, args=(first.folder, held))
    reader.start()
    assert held.wait(60)
    name = first.name
    del first
    write(home, {"new.txt": "The fee is 3 euros."})
    after = synced.sync().generation
    assert folders(home) == [name, after]
    reader.kill()
    reader.join()
    synced.sync()
    assert folders(home) == [current(synced).name]


def test_i9_readers_never_stumble_over_a_writer(synced: Assistant, home: Path) -> None:
    done, seen, failed = threading.Event(), set[int](), list[BaseException]()

    def read() -> None:
        while not done.is_set():
            try:  # each time as a process that has just started
                generation = current(fresh(home))
                seen.add(len(generation.nearest([1.0] * 256, 99)))
                assert len(generation.passages()) == len(generation)
            except BaseException as error:
                failed.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for i in range(8):
        write(home, {f"{i}.txt": f"The fee number {i} is {i} euros."})
        synced.sync()
    done.set()
    for reader in readers:
        reader.join()
    assert not failed
    assert seen <= set(range(2, 11))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux does")
def test_old_generations_are_let_go(synced: Assistant, home: Path) -> None:
    def open_files() -> set[str]:
        targets = set()
        for handle in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since
                targets.add(str(handle.readlink()))
        return {path for path in targets if path.startswith(str(home / "index"))}

    for i in range(4):
        write(home, {"new.txt": f"The fee is {i} euros."})
        synced.sync()
        synced.ask("What is the fee?")
    gc.collect()
    assert open_files()
    assert all(str(current(synced).folder) in path for path in open_files())
    assert len(list((home / "index").glob("gen-*"))) == 1


def test_i16_reading_makes_no_folder(assistant: Assistant, home: Path) -> None:
    assert assistant.status().generation == ""
    assert not (home / "index").exists()
