import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant import assistant as module
from assistant.cli import main
from assistant.errors import IndexBusy
from assistant.history import Feedback, History, Thumb
from assistant.types import SyncReport
from assistant.web.accounts import Accounts
from tests.chat import wire
from tests.conftest import WordEmbeddings


@pytest.fixture(autouse=True)
def _word_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SentenceTransformerEmbeddings", lambda _: WordEmbeddings())


@pytest.fixture
def knowledge(home: Path) -> Path:
    (home / "knowledge" / "limit.txt").write_text("The refund limit is 100 euros for each order.")
    return home / "knowledge"


Captured = pytest.CaptureFixture[str]
FULL = Path("/dev/full")


def test_the_answer_is_on_stdout_and_the_status_0(knowledge: Path, capsys: Captured) -> None:
    assert main(["ask", "What", "is", "the", "refund", "limit?"]) == 0
    assert "The refund limit is 100 euros for each order. [1]" in capsys.readouterr().out


def test_an_abstention_has_status_1(knowledge: Path, capsys: Captured) -> None:
    assert main(["ask", "Who won the world cup?"]) == 1
    assert "documents" in capsys.readouterr().out


@pytest.mark.parametrize("question", ["?", "x" * 5000])
def test_a_fault_has_status_2_and_one_line_on_stderr(
    knowledge: Path, capsys: Captured, question: str
) -> None:
    assert main(["ask", question]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("assistant: ")
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("before", [True, False], ids=["before the command", "after it"])
def test_home_is_named_on_the_command_line(before: bool, tmp_path: Path, capsys: Captured) -> None:
    home = ["--home", str(tmp_path / "nowhere")]
    assert main([*home, "ask", "Anything?"] if before else ["ask", *home, "Anything?"]) == 2
    assert f"No documents folder at {tmp_path / 'nowhere' / 'knowledge'}" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_json(knowledge: Path, capsys: Captured) -> None:
    main(["ask", "--json", "What is the refund limit?"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["statements"][0]["citations"][0]["source"] == "limit.txt"
    main(["sync", "--json"])
    assert json.loads(capsys.readouterr().out)["unchanged"] == ["limit.txt"]
    main(["status", "--json"])
    assert json.loads(capsys.readouterr().out)["documents"] == ["limit.txt"]


def test_the_question_may_come_from_stdin(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is the refund limit?\n"))
    assert main(["ask"]) == 0


def test_chat_goes_on_after_a_fault_and_ends_with_an_empty_line(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = "What is the refund limit?\n???\nWho won the world cup?\n\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert main(["chat"]) == 0
    captured = capsys.readouterr()
    assert "100 euros" in captured.out
    assert "Ask something" in captured.err


def test_sync_rebuild_and_status_report(knowledge: Path, capsys: Captured) -> None:
    (knowledge / "photo.txt").write_bytes(bytes(range(256)) * 100)
    assert main(["sync"]) == 0
    out = capsys.readouterr().out
    assert "limit.txt" in out
    assert "photo.txt" in out
    assert "not text" in out
    assert main(["rebuild"]) == 0
    assert "1 added" in capsys.readouterr().out
    assert main(["status"]) == 0
    assert "1 document" in capsys.readouterr().out


def test_a_dry_run_tells_and_does_nothing(knowledge: Path, capsys: Captured) -> None:
    main(["sync"])
    capsys.readouterr()
    (knowledge / "fee.txt").write_text("The entry fee is 3 euros.")
    assert main(["sync", "--dry-run"]) == 0
    assert "1 new\n  new: fee.txt" in capsys.readouterr().out
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    assert "1 document" in out
    assert "new: fee.txt" in out
    main(["sync"])
    capsys.readouterr()
    main(["sync", "--dry-run"])
    assert capsys.readouterr().out == "The index is as the folder is\n"


def test_most_documents_are_removed_only_with_yes(knowledge: Path, capsys: Captured) -> None:
    for number in range(9):
        (knowledge / f"{number}.txt").write_text(f"House {number} has {number + 2} windows.")
    main(["sync"])
    for path in knowledge.iterdir():
        path.unlink()
    capsys.readouterr()
    for command in ("sync", "rebuild"):
        assert main([command]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("assistant: 10 of 10 documents are no longer in ")
    assert main(["ask", "How many windows has house 3?"]) == 0
    capsys.readouterr()
    assert main(["sync", "--yes"]) == 0
    assert "10 removed" in capsys.readouterr().out


def test_the_page_is_served_though_most_documents_are_gone(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        (knowledge / f"{number}.txt").write_text(f"House {number} has {number + 2} windows.")
    main(["sync"])
    for path in knowledge.iterdir():
        path.unlink()
    served = []
    page = SimpleNamespace(
        local_url="http://127.0.0.1:7860/", block_thread=lambda: served.append(1)
    )
    monkeypatch.setattr("assistant.web.app.start", lambda *_, **__: page)
    assert main(["ui"]) == 0
    assert served
    assert "10 of 10 documents are no longer in" in capsys.readouterr().err


def test_watching_prints_what_comes(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = iter([IndexBusy(knowledge), SyncReport(added=("limit.txt",))])
    monkeypatch.setattr("assistant.sync.follow", lambda folder, sync: outcomes)
    assert main(["sync", "--watch"]) == 0
    captured = capsys.readouterr()
    assert "added: limit.txt" in captured.out
    assert captured.err.startswith("assistant: The index at")


def test_saved_answers_are_verified(knowledge: Path, capsys: Captured, tmp_path: Path) -> None:
    main(["ask", "--json", "What is the refund limit?"])
    saved = tmp_path / "answers.jsonl"
    saved.write_text(capsys.readouterr().out)
    assert main(["verify", str(saved)]) == 0
    assert "1 held, 0 moved, 0 gone" in capsys.readouterr().out
    (knowledge / "limit.txt").write_text("The refund limit is 250 euros for each order.")
    assert main(["verify", str(saved)]) == 1
    out = capsys.readouterr().out
    assert "gone: limit.txt, line 1\n    “The refund limit is 100 euros for each order.”" in out
    main(["verify", "--json", str(saved)])
    (told,) = json.loads(capsys.readouterr().out)["citations"]
    assert (told["standing"], told["source"]) == ("gone", "limit.txt")
    assert main(["verify", str(tmp_path / "nowhere.jsonl")]) == 2


def test_the_index_is_verified(knowledge: Path, capsys: Captured) -> None:
    assert main(["verify"]) == 1
    assert "index: There is no index" in capsys.readouterr().out
    main(["sync"])
    capsys.readouterr()
    assert main(["verify"]) == 0
    assert capsys.readouterr().out == "index: sound\n"
    (passages,) = knowledge.parent.glob("index/gen-*/passages.sqlite")
    passages.write_bytes(passages.read_bytes()[:-4096])
    assert main(["verify"]) == 1
    assert "index: " in capsys.readouterr().out


def test_thumbs_become_questions_to_evaluate(
    knowledge: Path, capsys: Captured, tmp_path: Path
) -> None:
    assistant = module.Assistant()
    history = History(assistant.settings.history)
    for question, thumb in (
        ("What is the refund limit?", Thumb.UP),
        ("Who won the world cup?", Thumb.UP),
        ("What is the limit?", Thumb.DOWN),
    ):
        said = assistant.ask(question)
        history.add_feedback(
            Feedback(question, said, thumb, datetime.now(UTC), "too\nlow" * (thumb == "down"))
        )
    capsys.readouterr()
    assert main(["feedback"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "to look at: What is the limit?\n    too low\n"
    (tmp_path / "questions.jsonl").write_text(captured.out)
    assert main(["evaluate", str(tmp_path / "questions.jsonl"), "--each"]) == 0
    told = capsys.readouterr().out
    assert "right words first" in told
    assert "1 of 1" in told


def test_feedback_without_any_prints_nothing(home: Path, capsys: Captured) -> None:
    assert main(["feedback"]) == 0
    assert capsys.readouterr() == ("", "")
    (home / "history" / "local").mkdir(parents=True)
    (home / "history" / "local" / "feedback.jsonl").write_text("damaged")
    assert main(["feedback"]) == 2
    assert capsys.readouterr().err.startswith("assistant: Line 1 of ")


def one_line(capsys: Captured) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("assistant: ")
    assert len(captured.err.splitlines()) == 1
    return captured.err


@pytest.mark.parametrize("plot", ["nowhere/plot.svg", "knowledge", "questions.jsonl/plot.svg"])
def test_a_plot_that_cannot_be_written_is_found_out_before_the_run(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, plot: str
) -> None:
    questions = knowledge.parent / "questions.jsonl"
    questions.write_text('{"question": "What is the refund limit?"}')
    monkeypatch.setattr(module.Assistant, "sync", None)
    assert main(["evaluate", str(questions), "--plot", str(knowledge.parent / plot)]) == 2
    assert f"{knowledge.parent / plot} cannot be written: " in one_line(capsys)


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_a_plot_that_finds_no_room_costs_no_result(knowledge: Path, capsys: Captured) -> None:
    questions = knowledge.parent / "questions.jsonl"
    questions.write_text('{"question": "What is the refund limit?"}')
    assert main(["evaluate", str(questions), "--plot", str(FULL)]) == 2
    captured = capsys.readouterr()
    assert "answerable" in captured.out
    assert captured.err.endswith(f"assistant: {FULL} cannot be written: No space left on device.\n")


@pytest.mark.parametrize(
    "command",
    ["ask Who?", "chat", "sync", "sync --watch", "rebuild", "status", "verify", "feedback", "ui",
     "evaluate FILE", "account list", "account add ana", "account remove ana"],
)  # fmt: skip
def test_a_home_that_is_a_file_is_refused(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    file = knowledge / "limit.txt"
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    assert main(["--home", str(file), *command.replace("FILE", str(file)).split()]) == 2
    assert f"home is {str(file)!r}; it must be a folder" in one_line(capsys)


@pytest.mark.parametrize("command", ["ask Who?", "sync", "status"])
def test_an_index_that_is_a_file_is_refused(
    knowledge: Path, capsys: Captured, command: str
) -> None:
    (knowledge.parent / "index").write_text("")
    assert main(command.split()) == 2
    assert "assistant: The index at" in one_line(capsys)
    assert main(["verify"]) == 1


@pytest.mark.parametrize("command", ["verify", "evaluate"])
@pytest.mark.parametrize("name", ["knowledge", "nowhere", "x" * 300, "binary", "deep"])
def test_a_file_that_cannot_be_read_is_refused(
    knowledge: Path, capsys: Captured, command: str, name: str
) -> None:
    (knowledge.parent / "binary").write_bytes(b"\xff\x00" * 100)
    (knowledge.parent / "deep").write_text("[" * 100_000)
    assert main([command, str(knowledge.parent / name)]) == 2
    one_line(capsys)


@pytest.mark.parametrize("port", ["70000", "65536", "0", "-1"])
def test_a_port_that_is_none_is_refused_before_anything_is_synced(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    monkeypatch.setattr(module.Assistant, "sync", None)
    assert main(["ui", "--port", port]) == 2
    assert f"--port is {port}; it must be 1 to 65535" in one_line(capsys)


def test_bytes_that_are_no_text_are_no_question(knowledge: Path, capsys: Captured) -> None:
    assert main(["ask", "\udcff\udcfe"]) == 2
    assert "Ask something" in one_line(capsys)
    assert main(["ask", "What is the refund limit \udcff?"]) == 0
    assert main(["ask", "--json", "--source", "\udcff.txt", "What is the limit?"]) == 2


def test_characters_that_the_output_does_not_know_are_spelt_out(
    knowledge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    assert main(["ask", "What is the refund limit?"]) == 0
    assert b"\\u201cThe refund limit is 100 euros for each order.\\u201d" in shown.getvalue()


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_closed_stream_is_no_traceback(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    monkeypatch.setattr(sys, stream, None)
    asked = [] if stream == "stdin" else ["What is the refund limit?"]
    assert main(["ask", *asked]) == (2 if stream == "stdin" else 0)
    monkeypatch.setattr(sys, stream, None)
    assert main(["chat"] if stream == "stdin" else ["status"]) == 0
    monkeypatch.undo()
    assert "Traceback" not in capsys.readouterr().err


def test_an_input_that_cannot_be_read_is_told(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(readline=fail, isatty=lambda: False))
    for command in ("ask", "account add ana", "chat"):
        assert main(command.split()) == 2
        told = "assistant: The standard input cannot be read: Input/output error.\n"
        assert capsys.readouterr().err.endswith(told)


def test_a_password_that_is_no_text_is_refused(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b"correct horse batt\xe9ry\n"), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", typed)
    assert main(["account", "add", "ana"]) == 2
    assert "it must be text in UTF-8" in one_line(capsys)


@pytest.mark.parametrize("command", ["status", "--help", "ask Who?"])
def test_a_closed_pipe_ends_the_command_quietly(knowledge: Path, command: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "assistant", *command.split()],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"ASSISTANT_HOME": str(knowledge.parent)},
    ) as running:  # fmt: skip
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == ""
    assert running.returncode == (0 if command == "--help" else 2)


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_an_output_without_room_is_told(knowledge: Path) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "assistant", "--home", str(knowledge.parent), "status"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    told = "assistant: the standard output cannot be written: No space left on device.\n"
    assert done.stderr == told


def test_ctrl_c_is_no_traceback(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Assistant, "ask", interrupted)
    assert main(["ask", "What is the refund limit?"]) == 2
    assert capsys.readouterr().err == "assistant: stopped\n"


def test_accounts_are_added_listed_and_removed(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = knowledge.parent
    for name, rights in (("ana", ["--may-change"]), ("bo", [])):
        monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
        assert main(["account", "add", name, *rights]) == 0
    assert Accounts(home / "accounts.json").check("ana", "correct horse battery")
    capsys.readouterr()
    assert main(["account", "list"]) == 0
    out = capsys.readouterr().out
    assert out == "ana, who may ask and change the sources\nbo, who may ask\n"
    assert main(["account", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1] == {"name": "bo", "may_change": False}
    assert main(["account", "remove", "ana"]) == 0
    assert main(["account", "remove", "ana"]) == 2
    assert "none of that name" in capsys.readouterr().err


def test_a_short_password_is_refused_and_none_is_an_argument(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert main(["account", "add", "ana"]) == 2
    assert "12 characters or more" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["account", "add", "ana", "correct horse battery"])


def test_a_password_is_typed_twice_unseen(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["correct horse battery", "correct horse batter", *["correct horse battery"] * 2])
    monkeypatch.setattr("assistant.cli.getpass", lambda _: next(typed))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert main(["account", "add", "ana"]) == 2
    assert "typed the same both times" in capsys.readouterr().err
    assert main(["account", "add", "ana"]) == 0


def test_u8_listening_wider_wants_a_password_and_a_login_an_account(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.Assistant, "sync", None)  # refused before anything is synced
    assert main(["ui", "--host", "0.0.0.0"]) == 2
    assert "add --auth" in capsys.readouterr().err
    assert main(["ui", "--auth"]) == 2
    assert "assistant account add NAME --may-change" in capsys.readouterr().err
    assert main(["ui", "--auth", "--address", "ask.example.org"]) == 2
    assert "as browsers show it" in one_line(capsys)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1", "a..b", "\0", "999.1.1.1"])
def test_a_host_that_is_not_this_machine_is_refused_before_anything_is_synced(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    Accounts(knowledge.parent / "accounts.json").add("ana", "correct horse battery")
    monkeypatch.setattr(module.Assistant, "sync", None)
    assert main(["ui", "--auth", "--host", host]) == 2
    assert "it must be an address of this machine, the port free" in one_line(capsys)


@pytest.mark.parametrize("parent", ["a file", "no folder"])
def test_an_account_that_cannot_be_stored_is_one_line(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, parent: str
) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "no folder").symlink_to(tmp_path / "a file" / "x")
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    assert main(["--home", str(tmp_path / parent / "home"), "account", "add", "ana"]) == 2
    assert "cannot be written: " in one_line(capsys)


def test_help_is_quick_and_names_every_command() -> None:
    code = (
        "import sys; from assistant.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch','gradio','chromadb','langchain_core') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    commands = "ask chat sync rebuild status verify feedback evaluate ui mcp account"
    for command in commands.split():
        assert f"\n    {command} " in done.stdout
    assert done.stdout.endswith("[]\n")


def test_it_is_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assistant", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("usage: assistant")


def test_status_says_whether_a_chat_model_answers(
    knowledge: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["status", "--json"])
    assert json.loads(capsys.readouterr().out)["model"] is None
    main(["status"])
    assert "worded" not in capsys.readouterr().out
    with wire(lambda _: ["yes"]) as server:
        monkeypatch.setenv("ASSISTANT_MODEL", "ollama:tiny")
        monkeypatch.setenv("ASSISTANT_MODEL_URL", server.url)
        assert main(["status"]) == 0
        assert f"worded by ollama:tiny at {server.url}: it answers" in capsys.readouterr().out
        server.status, server.body = 500, b"{}"
        assert main(["status"]) == 0
        assert "worded by ollama:tiny" in (shown := capsys.readouterr().out)
        assert "The model ollama:tiny answered with an error (500)." in shown
        main(["status", "--json"])
        state = json.loads(capsys.readouterr().out)["model"]
    assert state == {
        "model": "ollama:tiny",
        "url": server.url,
        "answers": False,
        "problem": "The model ollama:tiny answered with an error (500).",
    }
