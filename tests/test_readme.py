"""The README's code runs, and its commands exist."""

import re
import shlex
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.cli import _parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(
    code: str,
    on_article: Assistant,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(on_article.settings.home))
    exec(compile(code, "README.md", "exec"), {})
    if "print" in code:
        assert "surpassed $8.4 billion" in capsys.readouterr().out


@pytest.mark.parametrize("command", "".join(blocks("sh")).splitlines())
def test_commands_exist(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert program == "assistant"
        assert _parser().parse_args(arguments)


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 150
    assert blocks("python")


def test_settings_are_those_the_code_reads() -> None:
    read = set(re.findall(r"ASSISTANT_\w+", (ROOT / "assistant" / "settings.py").read_text()))
    assert set(re.findall(r"^\| `(ASSISTANT_\w+)`", README, re.MULTILINE)) == read
