import http.server
import json
import multiprocessing
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection

from assistant.assistant import Assistant
from assistant.errors import (
    AssistantError,
    IndexBusy,
    IndexMismatch,
    KnowledgeMissing,
    ServerUnusable,
)
from assistant.settings import Settings
from assistant.store.draft import Draft
from assistant.store.server import Server, open_server
from assistant.types import Abstention, Progress
from tests.conftest import WordEmbeddings
from tests.test_store import current, folders, write

CHROMA = Path(sys.executable).with_name("chroma")
VECTOR = [1.0] + [0.0] * 255
_names = count(1)


@dataclass
class Chroma:
    """A real server on loopback, that can be stopped and started again."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        where = ["--path", str(self.folder / "data"), "--host", "127.0.0.1"]
        self.process = subprocess.Popen(
            [str(CHROMA), "run", *where, "--port", str(self.port)],
            stdout=log,
            stderr=log,
            cwd=self.folder,
        )
        log.close()
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroma]:
    server = Chroma(tmp_path_factory.mktemp("chroma"), free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def address(chroma: Chroma) -> str:
    """A name of its own on the server, for each test."""
    return f"http://127.0.0.1:{chroma.port}/team{next(_names)}"


def machine(folder: Path, address: str, *, knowledge: bool = False) -> Assistant:
    (folder / "knowledge" if knowledge else folder).mkdir(parents=True, exist_ok=True)
    return Assistant(settings=Settings(home=folder, chroma=address), embedder=WordEmbeddings())


@pytest.fixture
def writer(tmp_path: Path, address: str) -> Assistant:
    assistant = machine(tmp_path / "writer", address, knowledge=True)
    write(assistant.settings.home, {"seat.txt": "The seat is Minsk.", "n.md": "# N\n\nIt is 5."})
    assistant.sync()
    return assistant


@pytest.fixture
def reader(tmp_path: Path, address: str) -> Assistant:
    return machine(tmp_path / "reader", address)


def api(address: str) -> FastAPI:
    return open_server(address, "", 20)


def collections(address: str) -> list[str]:
    name = address.rpartition("/")[2]
    found = (each.name for each in api(address).list_collections())
    return sorted(each for each in found if each.partition(".")[0] == name)


def collection(address: str) -> Collection:
    """The collection of the generation that answers."""
    name = f"{address.rpartition('/')[2]}.{Server(address).current()}"
    return Collection(api(address), api(address).get_collection(name), embedding_function=None)


def said(assistant: Assistant, question: str) -> str:
    return " ".join(statement.text for statement in assistant.ask(question).statements)


def test_a_machine_without_documents_answers_as_the_one_that_has_them(
    writer: Assistant, reader: Assistant, tmp_path: Path
) -> None:
    alone = machine(tmp_path / "alone", "", knowledge=True)
    shutil.copytree(writer.settings.knowledge, alone.settings.knowledge, dirs_exist_ok=True)
    alone.sync()
    for question in ("What is the seat?", "What is it about N?", "Who is the king?"):
        answers = [each.ask(question) for each in (alone, writer, reader)]
        assert len({answer.citations for answer in answers}) == 1
        assert len({answer.abstention for answer in answers}) == 1
    for sources in (None, ["n.md"], ["n.md", "seat.txt"]):
        near = [current(each).nearest(VECTOR, 5, sources) for each in (alone, writer, reader)]
        assert [passage for passage, _ in near[0]] == [passage for passage, _ in near[1]]
        assert near[1] == near[2]
        assert [cosine for _, cosine in near[0]] == pytest.approx([x for _, x in near[1]], abs=1e-5)
    assert current(reader).documents == current(alone).documents
    assert current(reader).frequencies(["seat"]) == current(alone).frequencies(["seat"])
    assert not (reader.settings.home / "knowledge").exists()


def test_a_change_is_read_at_the_next_question_and_only_that_is_brought(
    writer: Assistant, reader: Assistant
) -> None:
    assert "Minsk" in said(reader, "What is the seat?")
    write(writer.settings.home, {"seat.txt": "The seat is Beijing now.", "x.txt": "A fee is due."})
    generation = writer.sync().generation
    assert "Beijing" in said(reader, "What is the seat?")
    assert current(reader).name == current(writer).name == generation
    write(writer.settings.home, {"seat.txt": None})
    writer.sync()
    assert sorted(current(reader).documents) == ["n.md", "seat.txt", "x.txt"]
    assert reader.ask("What is the seat?").abstention
    assert sorted(current(reader).documents) == ["n.md", "x.txt"]
    assert folders(reader.settings.home) == [current(reader).name]


def test_a_document_whose_bytes_alone_changed_is_brought_with_its_new_hash(
    writer: Assistant, reader: Assistant
) -> None:
    reader.ask("What is the seat?")
    write(writer.settings.home, {"seat.txt": "The seat is Minsk.\n"})
    writer.sync()
    reader.ask("What is the seat?")
    assert current(reader).documents == current(writer).documents


def _ask_on(home: Path, address: str, go_on: Any, told: Any) -> None:  # noqa: ANN401
    reader = machine(home, address)
    seen = []
    while go_on.is_set():
        try:
            seen.append(said(reader, "What is the seat?"))
            told.put(seen[-1])
        except BaseException as error:
            told.put(f"failed: {error!r}")
            return
    told.put("end")


def test_readers_never_stumble_over_the_writer(
    writer: Assistant, reader: Assistant, address: str, tmp_path: Path
) -> None:
    context = multiprocessing.get_context("spawn")
    go_on, told = context.Event(), context.Queue()
    go_on.set()
    other = context.Process(target=_ask_on, args=(tmp_path / "other", address, go_on, told))
    other.start()
    assert "Minsk" in told.get(timeout=120)
    towns = ["Beijing", "Brest", "Gomel"]
    for town in towns:
        write(writer.settings.home, {"seat.txt": f"The seat is {town}."})
        writer.sync()
        assert town in said(reader, "What is the seat?")
        while town not in (heard := told.get(timeout=120)):
            assert heard.startswith("The seat is ")
    go_on.clear()
    heard = "The seat is Gomel."
    while heard != "end":
        assert "Gomel" in heard
        heard = told.get(timeout=120)
    other.join()


def test_only_the_last_two_generations_stay_on_the_server(writer: Assistant, address: str) -> None:
    names = [current(writer).name]
    for i in range(3):
        write(writer.settings.home, {"new.txt": f"The fee is {i} euros."})
        names.append(writer.sync().generation)
    team = address.rpartition("/")[2]
    assert collections(address) == [team, *(f"{team}.{name}" for name in names[-2:])]


def test_a_sync_that_changes_nothing_publishes_nothing(writer: Assistant, address: str) -> None:
    before = collections(address)
    assert writer.sync().embedded == 0
    assert collections(address) == before


def test_a_local_index_moves_to_a_server_and_back_without_embedding_again(
    tmp_path: Path, address: str, chroma: Chroma
) -> None:
    alone = machine(tmp_path / "writer", "", knowledge=True)
    write(alone.settings.home, {"seat.txt": "The seat is Minsk."})
    alone.sync()
    shared = machine(tmp_path / "writer", address)
    assert shared.sync().embedded == 0
    assert Server(address).current() == current(shared).name
    assert not (current(shared).folder / "chroma").exists()
    assert "Minsk" in said(shared, "What is the seat?")
    again = machine(tmp_path / "writer", "")
    assert "Minsk" in said(again, "What is the seat?")
    assert again.sync().embedded == 0
    assert (current(again).folder / "chroma").is_dir()


def test_the_first_question_publishes_where_the_documents_are(
    tmp_path: Path, address: str, reader: Assistant
) -> None:
    with pytest.raises(ServerUnusable, match="holds no index named team.*Sync on the machine"):
        reader.ask("What is the seat?")
    writer = machine(tmp_path / "writer", address, knowledge=True)
    write(writer.settings.home, {"seat.txt": "The seat is Minsk."})
    assert "Minsk" in said(writer, "What is the seat?")
    assert "Minsk" in said(reader, "What is the seat?")


def test_what_the_server_lost_is_published_again_without_embedding(
    writer: Assistant, reader: Assistant, address: str
) -> None:
    api(address).delete_collection(collection(address).name)
    with pytest.raises(ServerUnusable, match="the generation is gone.*sync where the documents"):
        reader.ask("What is the seat?")
    again = machine(writer.settings.home, address)
    assert again.sync().embedded == 0
    assert "Minsk" in said(reader, "What is the seat?")
    api(address).delete_collection(address.rpartition("/")[2])
    assert again.sync().embedded == 0
    assert "Minsk" in said(reader, "What is the seat?")


def test_a_reader_that_syncs_harms_nothing(reader: Assistant, writer: Assistant) -> None:
    with pytest.raises(KnowledgeMissing):
        reader.sync()
    with pytest.raises(KnowledgeMissing):
        reader.sync(rebuild=True)
    assert "Minsk" in said(reader, "What is the seat?")


def test_a_deleted_or_damaged_copy_is_brought_again(reader: Assistant, writer: Assistant) -> None:
    assert "Minsk" in said(reader, "What is the seat?")
    shutil.rmtree(reader.settings.index)
    assert "Minsk" in said(reader, "What is the seat?")
    os.truncate(current(reader).folder / "passages.sqlite", 1000)
    again = machine(reader.settings.home, reader.settings.chroma)
    assert "Minsk" in said(again, "What is the seat?")


def test_a_copy_is_of_no_use_without_its_server(reader: Assistant, writer: Assistant) -> None:
    reader.ask("What is the seat?")
    alone = machine(reader.settings.home, "")
    assert alone._store.current() is None
    with pytest.raises(KnowledgeMissing):
        alone.ask("What is the seat?")


def test_a_machine_that_gets_the_documents_embeds_what_it_has_no_vectors_of(
    reader: Assistant, writer: Assistant
) -> None:
    reader.ask("What is the seat?")
    shutil.copytree(writer.settings.knowledge, reader.settings.knowledge)
    report = reader.sync()
    assert (report.embedded, len(report.unchanged)) == (2, 2)
    assert "Minsk" in said(writer, "What is the seat?")
    assert writer.sync().embedded == 0  # the rows are the same, so it kept its vectors


def test_a_second_writer_that_lost_is_told_and_leaves_nothing(
    writer: Assistant, tmp_path: Path, address: str
) -> None:
    second = machine(tmp_path / "second", address, knowledge=True)
    write(second.settings.home, {"seat.txt": "The seat is Vitebsk."})
    embed = second.embedder.embed_documents

    def meanwhile(texts: list[str]) -> list[list[float]]:
        write(writer.settings.home, {"seat.txt": "The seat is Beijing."})
        writer.sync()
        return embed(texts)

    second.embedder.embed_documents = meanwhile  # type: ignore[method-assign]
    with pytest.raises(IndexBusy, match="team.* is already being rebuilt by another sync"):
        second.sync()
    assert len(collections(address)) == 3
    assert "Beijing" in said(writer, "What is the seat?")
    assert "Beijing" in said(second, "What is the seat?")


def test_drafts_that_can_no_longer_win_are_removed(writer: Assistant, address: str) -> None:
    team = address.rpartition("/")[2]
    for replaces in ("gen-000000-000000", current(writer).name):
        api(address).create_collection(
            f"{team}.gen-000099-{'a' * 6 if replaces > 'gen-000000-f' else 'b' * 6}",
            metadata={"replaces": replaces},
        )
    api(address).create_collection(f"{team}.notes")
    write(writer.settings.home, {"new.txt": "The fee is 3 euros."})
    writer.sync()
    assert [name for name in collections(address) if "gen-000099" in name] == []
    assert f"{team}.notes" in collections(address)  # not ours


def test_a_generation_that_goes_while_it_is_brought_is_no_fault(
    writer: Assistant, reader: Assistant, address: str
) -> None:
    class Hurried(Server):
        """A server on which the writer publishes twice while a reader is at work."""

        left = 2

        def fetch(self, name: str, draft: Draft, progress: Progress) -> None:
            while self.left:
                write(writer.settings.home, {"seat.txt": f"The seat is town {self.left}."})
                writer.sync()
                self.left -= 1
            super().fetch(name, draft, progress)

    reader._store.server = Hurried(address)
    assert "town 1" in said(reader, "What is the seat?")


def test_an_empty_folder_is_shared_too(tmp_path: Path, reader: Assistant, address: str) -> None:
    writer = machine(tmp_path / "writer", address, knowledge=True)
    writer.sync()
    assert reader.ask("What is the seat?").abstention == Abstention.NO_DOCUMENTS
    write(writer.settings.home, {"seat.txt": "The seat is Minsk."})
    writer.sync()
    assert "Minsk" in said(reader, "What is the seat?")
    write(writer.settings.home, {"seat.txt": None, "bad.txt": ""})
    writer.sync()
    assert reader.ask("What is the seat?").abstention == Abstention.NO_DOCUMENTS
    assert reader.status().skipped == writer.status().skipped != ()


def test_no_other_machine_is_looked_up(
    writer: Assistant, reader: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = set[object](), socket.getaddrinfo

    def watched(host: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401
        asked.add(host)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    reader.ask("What is the seat?")
    write(writer.settings.home, {"new.txt": "The fee is 3 euros."})
    machine(writer.settings.home, writer.settings.chroma).sync()
    assert asked == {"127.0.0.1"}


def test_i19_a_server_that_stops_is_an_error_and_one_that_comes_back_works(
    tmp_path: Path,
) -> None:
    (tmp_path / "server").mkdir()
    chroma = Chroma(tmp_path / "server", free_port())
    address = f"http://127.0.0.1:{chroma.port}"
    chroma.start()
    try:
        writer = machine(tmp_path / "writer", address, knowledge=True)
        write(writer.settings.home, {"seat.txt": "The seat is Minsk."})
        writer.sync()
        reader = machine(tmp_path / "reader", address)
        assert "Minsk" in said(reader, "What is the seat?")
        chroma.stop()
        for assistant in (reader, writer):
            with pytest.raises(ServerUnusable, match="nothing answers there.*ASSISTANT_CHROMA"):
                assistant.ask("What is the seat?")
        with pytest.raises(ServerUnusable):
            writer.sync()
        assert reader.status().passages == 1  # what is here can still be told
        chroma.start()
        assert "Minsk" in said(reader, "What is the seat?")
        write(writer.settings.home, {"seat.txt": "The seat is Brest."})
        writer.sync()
        assert "Brest" in said(reader, "What is the seat?")
    finally:
        chroma.stop()


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[int]]]:
    """A server that answers each connection as told; its address, and how often it was called."""
    calls: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                calls.append(1)
                threading.Thread(target=_answer, args=(answer, connection), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/team", calls
        listening.shutdown(socket.SHUT_RDWR)


def _answer(answer: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection:
        try:
            connection.recv(65536)
            answer(connection)
        except OSError:
            pass  # the client has had enough


def _http(status: str, kind: str, body: bytes) -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def _silent(connection: socket.socket) -> None:
    connection.recv(1)  # until the client hangs up


def _endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        connection.sendall(b"1," * 32768)


def _trickle(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        connection.sendall(b"1,")
        time.sleep(0.05)


BROKEN: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "an error": (_http("500 Oops", "text/plain", b"oops"), "no index of ours .status 500"),
    "an error in JSON": (_http("500 Oops", "application/json", b'{"a": 1}'), "no index of ours"),
    "HTML": (_http("200 OK", "text/html", b"<h1>Hello</h1>"), "status 200, text/html"),
    "JSON of others": (_http("200 OK", "application/json", b'{"id": 1}'), "no index of ours"),
    "no JSON": (_http("200 OK", "application/json", b"{"), "no index of ours"),
    "a dropped connection": (lambda connection: None, "breaks off"),
    "silence": (_silent, "no answer within 0.5 seconds"),
    "no end": (_endless, "no index of ours .the answer has no end|no answer within"),
    "a trickle": (_trickle, "no answer within 0.5 seconds"),
}


@pytest.mark.parametrize(("answer", "told"), BROKEN.values(), ids=BROKEN)
def test_i19_a_broken_server_is_said_plainly_and_in_time(
    answer: Callable[[socket.socket], None], told: str
) -> None:
    with serving(answer) as (address, calls):
        with pytest.raises(ServerUnusable, match=told):
            Server(address, seconds=0.5).current()
        assert len(calls) <= 3


def test_i19_a_connection_that_breaks_is_tried_twice_more() -> None:
    with serving(lambda connection: None) as (address, calls):
        with pytest.raises(ServerUnusable):
            Server(address).current()
        assert len(calls) == 3


def test_i19_nobody_there_is_said_plainly() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ServerUnusable, match="nothing answers there"):
        Server(address).current()


def test_i18_a_poisoned_collection_is_refused_and_its_code_does_not_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "server").mkdir()
    chroma = Chroma(tmp_path / "server", free_port())
    address = f"http://127.0.0.1:{chroma.port}"
    chroma.start()
    try:
        writer = machine(tmp_path / "writer", address, knowledge=True)
        write(writer.settings.home, {"seat.txt": "The seat is Minsk."})
        writer.sync()
        chroma.stop()
        _poison(chroma.folder / "data" / "chroma.sqlite3", tmp_path)
        chroma.start()
        for assistant in (
            machine(tmp_path / "reader", address),
            machine(tmp_path / "writer", address),
        ):
            with pytest.raises(ServerUnusable, match="names an embedding function.*sync"):
                assistant.ask("What is the seat?")
        assert machine(tmp_path / "writer", address).sync().embedded == 0
        assert "Minsk" in said(machine(tmp_path / "reader", address), "What is the seat?")
        assert not (tmp_path / "ran").exists()
    finally:
        chroma.stop()


def _poison(database: Path, folder: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')")
    modules = [{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}]
    (folder / "modules.json").write_text(json.dumps(modules))
    config = {"model_name": str(folder), "kwargs": {"trust_remote_code": True}, "device": "cpu"}
    function = {"type": "known", "name": "sentence_transformer", "config": config}
    with closing(sqlite3.connect(database)) as db, db:
        poison = json.dumps({"embedding_function": function})
        db.execute("UPDATE collections SET config_json_str = ?, schema_str = NULL", (poison,))


def _rows(address: str) -> tuple[str, dict[str, Any]]:
    found = collection(address).get(where={"source": "seat.txt"}, include=["metadatas"])
    assert found["metadatas"]
    return found["ids"][0], dict(found["metadatas"][0])


HARM: dict[str, dict[str, Any]] = {
    "another text": {"text": "The seat is Paris."},
    "a longer text": {"text": "The seat is Minsk. And more."},
    "a text that is none": {"text": 5},
    "no sentences": {"sentences": "[]"},
    "sentences outside": {"sentences": "[[0, 9000]]"},
    "sentences between characters": {"sentences": "[[0.5, 3.5]]"},
    "sentences that are none": {"sentences": "5"},
    "sentences not in JSON": {"sentences": "["},
    "a place before the start": {"start": -3, "end": 15},
    "another source": {"source": "../../n.md"},
    "a start that is none": {"start": "one"},
    "a title that is none": {"title": 5},
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_i20_rows_that_are_not_as_they_were_written_are_refused(
    harm: dict[str, Any], writer: Assistant, reader: Assistant, address: str
) -> None:
    row, fields = _rows(address)
    collection(address).update(ids=[row], metadatas=[fields | harm])
    with pytest.raises(ServerUnusable, match="no index of ours"):
        reader.ask("What is the seat?")
    assert reader.status().generation == ""


def _exchange(theirs: Collection, row: str) -> None:
    theirs.delete(ids=[row])
    theirs.add(ids=["x"], embeddings=VECTOR, metadatas=[{"source": "x"}])


OTHERS: dict[str, Callable[[Collection, str], object]] = {
    "a row gone": lambda theirs, row: theirs.delete(ids=[row]),
    "a row more": lambda theirs, row: theirs.add(ids=["x"], embeddings=VECTOR),
    "a row for another": lambda theirs, row: _exchange(theirs, row),
    "no manifest": lambda theirs, row: theirs.modify(metadata={"replaces": ""}),
    "a manifest of rubbish": lambda theirs, row: theirs.modify(
        metadata={**(theirs.metadata or {}), "recipe": "5"}
    ),
    "a million passages": lambda theirs, row: theirs.modify(
        metadata={**(theirs.metadata or {}), "passages": 10**9}
    ),
    "another digest": lambda theirs, row: theirs.modify(
        metadata={**(theirs.metadata or {}), "digest": "0"}
    ),
}


@pytest.mark.parametrize("harm", OTHERS.values(), ids=OTHERS)
def test_i20_a_torn_collection_is_refused_and_mended_by_a_rebuild(
    harm: Callable[[Collection, str], object], writer: Assistant, reader: Assistant, address: str
) -> None:
    harm(collection(address), _rows(address)[0])
    with pytest.raises(ServerUnusable, match="no index of ours"):
        reader.ask("What is the seat?")
    writer.sync(rebuild=True)
    assert "Minsk" in said(reader, "What is the seat?")


@pytest.mark.parametrize("pointer", ["../../etc", "gen-1", "", 7])
def test_i20_a_pointer_elsewhere_is_refused(
    pointer: str | int, writer: Assistant, reader: Assistant, address: str
) -> None:
    team = api(address).get_collection(address.rpartition("/")[2])
    theirs = Collection(api(address), team, embedding_function=None)
    theirs.modify(metadata={"generation": pointer})
    with pytest.raises(ServerUnusable, match="no index of ours"):
        reader.ask("What is the seat?")
    assert not reader.settings.index.exists()


def test_i20_vectors_of_another_dimension_are_refused(
    writer: Assistant, reader: Assistant, address: str
) -> None:
    reader.ask("What is the seat?")
    with pytest.raises(ServerUnusable, match="dimension"):
        current(reader).nearest([1.0, 0.0], 3)


def test_i12_a_machine_with_another_model_is_refused(
    writer: Assistant, reader: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader.embedder, "name", "others")
    with pytest.raises(IndexMismatch, match="http.*was built with model words, not model others"):
        reader.ask("What is the seat?")
    assert not reader.settings.index.exists()


def test_several_indexes_share_a_server(writer: Assistant, tmp_path: Path, address: str) -> None:
    other = machine(tmp_path / "other", f"{address}-2", knowledge=True)
    write(other.settings.home, {"seat.txt": "The seat is Vilnius."})
    other.sync()
    assert "Vilnius" in said(other, "What is the seat?")
    assert "Minsk" in said(writer, "What is the seat?")


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("http://127.0.0.1:9000/team", "http://127.0.0.1:9000/api/v2"),
        ("http://httpbox", "http://httpbox:8000/api/v2"),
        ("https://chroma.example/", "https://chroma.example:443/api/v2"),
        ("http://[::1]:9000", "http://[::1]:9000/api/v2"),
    ],
)
def test_the_server_is_asked_where_its_address_says(address: str, asked: str) -> None:
    assert open_server(address, "", 1).get_api_url() == asked


def test_settings_of_chroma_in_the_current_folder_count_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("chroma_client_auth_provider=evil.Evil")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    open_server("http://127.0.0.1:8000", "", 1)
    assert not (tmp_path / "ran").exists()


def test_the_token_goes_to_the_server_and_into_no_message() -> None:
    heard: list[str | None] = []

    class Listening(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers["Authorization"])
            self.send_error(401)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Listening) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{listening.server_port}"
        with pytest.raises(AssistantError) as refused:
            Server(address, "s3cret").current()
        listening.shutdown()
    assert heard == ["Bearer s3cret"]
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in repr(Settings(home=Path(), chroma=address, chroma_token="s3cret"))
