"""The page's endpoint for programs, asked by Gradio's own client."""

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from assistant.assistant import Assistant
from assistant.errors import IndexDamaged
from assistant.show.export import Reply
from tests.conftest import ARTICLE
from tests.scripted import serving

QUESTION = "What was the value of bilateral trade last year?"
# Gradio makes event loops in passing, and leaves them open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
ELSEWHERE = {"Origin": "https://evil.example"}


@pytest.fixture(scope="module")
def address(on_article: Assistant) -> Iterator[str]:
    with serving(on_article) as served:
        yield str(served.local_url)
    gc.collect()  # what was left open is counted here


@pytest.fixture(scope="module")
def program(address: str) -> Iterator[Client]:
    client = Client(address, verbose=False, analytics_enabled=False)
    yield client
    client.close()


def test_an_answer_is_cited_to_the_character(program: Client) -> None:
    said = program.predict(QUESTION, api_name="/ask")
    (cited,) = said["statements"][0]["citations"]
    text = ARTICLE.read_text(encoding="utf-8")
    assert text[cited["start"] : cited["end"]] == cited["quote"]
    assert cited["words"] == "$8.4 billion"
    assert said["abstention"] is None
    assert Reply.model_validate_json(Reply(**said).model_dump_json()).statements


def test_the_documented_program_runs(
    program: Client, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = (Path(__file__).parents[1] / "docs" / "programs.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(from gradio_client .*?)```", document, re.DOTALL)
    assert "http://127.0.0.1:7860" in code
    exec(compile(code.replace("http://127.0.0.1:7860", address), "programs.md", "exec"), {})
    assert "surpassed $8.4 billion" in capsys.readouterr().out


def test_an_abstention_is_an_answer_too(program: Client) -> None:
    said = program.predict("Who won the world cup?", api_name="/ask")
    assert said["statements"] == []
    assert said["abstention"]["reason"] == "related, but does not say"
    assert said["closest"][0]["source"] == ARTICLE.name


@pytest.mark.parametrize("sources", [None, [], [ARTICLE.name]])
def test_sources_may_be_named(program: Client, sources: list[str] | None) -> None:
    assert program.predict(QUESTION, sources, api_name="/ask")["statements"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (["?"], "Ask something that the documents might say."),
        (["x" * 4001], "The question has 4,001 characters; at most 4,000 are read."),
        ([QUESTION, ["<b>nowhere</b>"]], "No document of the index is named '<b>nowhere</b>'."),
        ([None], "A question is text, and sources are a list of documents' names."),
        ([QUESTION, ARTICLE.name], "A question is text, and sources are a list"),
        ([QUESTION, [["deep"]]], "A question is text, and sources are a list"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_message(
    program: Client, sent: list[Any], told: str
) -> None:
    with pytest.raises(AppError) as refused:
        program.predict(*sent, api_name="/ask")
    assert str(refused.value).startswith(told)


def test_it_is_all_that_is_offered(program: Client) -> None:
    offered = program.view_api(return_format="dict", print_info=False)
    assert isinstance(offered, dict)
    assert list(offered["named_endpoints"]) == ["/ask"]
    assert offered["unnamed_endpoints"] == {}
    parameters = [
        each["parameter_name"] for each in offered["named_endpoints"]["/ask"]["parameters"]
    ]
    assert parameters == ["question", "sources"]


def test_the_events_of_the_page_cannot_be_called(program: Client) -> None:
    events = program.config["dependencies"]
    assert len(events) > 3
    for event in events:
        if event["api_name"] != "ask":
            with pytest.raises(ValueError, match="Cannot find a function"):
                program.predict(api_name=f"/{event['api_name']}")
            with pytest.raises(ValueError, match="Invalid function index"):
                program.predict(fn_index=event["id"])


@pytest.mark.parametrize("way", ["api/ask", "call/ask", "run/ask", "run/predict"])
def test_u15_the_other_ways_to_call_it_are_closed(address: str, way: str) -> None:
    sent = httpx.post(f"{address}gradio_api/{way}", json={"data": [QUESTION, None], "fn_index": 0})
    assert sent.status_code == 403


def test_u7_a_foreign_origin_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="Could not fetch config"):
        Client(address, verbose=False, analytics_enabled=False, headers=ELSEWHERE)
    question = {"data": [QUESTION, None], "fn_index": 0, "session_hash": "x"}
    sent = httpx.post(f"{address}gradio_api/queue/join", json=question, headers=ELSEWHERE)
    assert sent.status_code == 403


class Broken(Assistant):
    """Fails as the question says."""

    def ask(self, question: str, **_: object) -> NoReturn:
        if question == "damaged":
            raise IndexDamaged(self.settings.index, "it is torn")
        raise RuntimeError("a secret")


@pytest.mark.parametrize(
    ("question", "told"),
    [("damaged", "is damaged (it is torn)"), ("broken", "the details are in the log")],
)
def test_a_fault_is_reported_without_its_details(
    assistant: Assistant, question: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken(settings=assistant.settings, embedder=assistant.embedder)
    with serving(broken) as served:
        client = Client(str(served.local_url), verbose=False, analytics_enabled=False)
        with pytest.raises(AppError) as fault:
            client.predict(question, api_name="/ask")
        client.close()
    assert told in str(fault.value)
    assert "secret" not in str(fault.value)
    assert ("a secret" in caplog.text) == (question == "broken")
