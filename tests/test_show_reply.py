"""An answer as other programs get it, and the document that says so."""

import json
import re
from argparse import Namespace
from pathlib import Path

import pytest
from pydantic import BaseModel

from assistant import cli
from assistant.assistant import Assistant
from assistant.show.export import (
    AbstentionReply,
    CitationReply,
    PassageReply,
    Reply,
    StatementReply,
)
from assistant.types import Abstention
from tests.conftest import ARTICLE

DOCUMENT = (Path(__file__).parents[1] / "docs" / "programs.md").read_text(encoding="utf-8")
KINDS: dict[str, type[BaseModel]] = {
    "": Reply,
    "statements[].": StatementReply,
    "statements[].citations[].": CitationReply,
    "abstention.": AbstentionReply,
    "closest[].": PassageReply,
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_an_answer_loses_nothing_that_is_worth_sending(on_article: Assistant) -> None:
    answer = on_article.ask("What was the value of bilateral trade last year?")
    reply = Reply.model_validate(answer)
    (cited,) = reply.statements[0].citations
    text = ARTICLE.read_text(encoding="utf-8")
    assert text[cited.start : cited.end] == cited.quote
    assert cited.location == answer.citations[0].location
    assert reply.abstention is None
    assert reply.closest == ()
    assert Reply.model_validate_json(reply.model_dump_json()) == reply


def test_an_abstention_has_its_reason_and_the_closest_passages(on_article: Assistant) -> None:
    answer = on_article.ask("Who won the world cup?")
    reply = Reply.model_validate(answer)
    assert reply.abstention is not None
    assert reply.abstention.reason is answer.abstention
    assert reply.abstention.explanation == reply.abstention.reason.explanation
    text = ARTICLE.read_text(encoding="utf-8")
    assert reply.closest
    assert all(text[near.start : near.end] == near.text for near in reply.closest)


def test_the_documented_answer_is_what_comes(on_article: Assistant) -> None:
    example = json.loads(blocks("json")[-1])
    came = Reply.model_validate(on_article.ask(example["question"])).model_dump(mode="json")
    assert re.fullmatch(r"gen-\d{6}-[0-9a-f]{6}", example.pop("generation"))
    assert re.fullmatch(r"gen-\d{6}-[0-9a-f]{6}", came.pop("generation"))
    for said in example, came, *example["statements"], *came["statements"]:
        key = "probability" if "probability" in said else "confidence"
        assert said.pop(key) == pytest.approx(0.846, abs=0.02)
    assert came == example


def test_every_field_is_documented_as_the_schema_says() -> None:
    rows = dict(re.findall(r"^\| `([\w.\[\]]+)` \| (.+) \|$", DOCUMENT, re.MULTILINE))
    expected = {
        prefix + name: field.description
        for prefix, kind in KINDS.items()
        for name, field in kind.model_fields.items()
    }
    assert {name: row for name, row in rows.items() if name in expected} == expected
    assert all(f"`{reason}`" in DOCUMENT for reason in Abstention)


@pytest.mark.parametrize("configuration", blocks("json")[:-1])
def test_the_documented_configurations_start_the_command(configuration: str) -> None:
    (servers,) = json.loads(configuration).values()
    options: Namespace = cli._parser().parse_args(servers["documents"]["args"])
    assert options.run is cli._mcp
    assert options.home == "/path/of/the/folder"


def test_the_documented_python_runs(
    on_article: Assistant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(on_article.settings.home))
    (code,) = [each for each in blocks("python") if "gradio_client" not in each]
    exec(compile(code, "programs.md", "exec"), {})
    assert "surpassed $8.4 billion" in capsys.readouterr().out


def test_the_documented_exit_statuses_are_those_of_the_command() -> None:
    assert re.findall(r"^\| (\d) \|", DOCUMENT, re.MULTILINE) == ["0", "1", "2"]
    assert (cli.ANSWERED, cli.ABSTAINED, cli.FAULT) == (0, 1, 2)
    assert (cli.HELD, cli.NOT_HELD) == (0, 1)
