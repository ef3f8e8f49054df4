import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

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
    monkeypatch.setattr("assistant.web.app.serve", lambda *given, **_: served.append(given))
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


def test_a_broken_pipe_and_ctrl_c_are_no_traceback(
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
    knowledge: Path, capsys: Captured
) -> None:
    assert main(["ui", "--host", "0.0.0.0"]) == 2
    assert "add --auth" in capsys.readouterr().err
    assert main(["ui", "--auth"]) == 2
    assert "assistant account add NAME --may-change" in capsys.readouterr().err


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
