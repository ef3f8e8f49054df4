"""The chain: the same steps as `ask`, as LangChain runnables."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from assistant.assistant import Assistant
from assistant.errors import QuestionRefused
from assistant.types import Answer

STEPS = ["prepare", "condense", "retrieve", "read", "cite", "verify", "answer"]
TRADE = "How large was bilateral trade last year?"


def timeless(answer: Answer) -> Answer:
    return replace(answer, timings={})


@pytest.mark.parametrize(
    "asked",
    [
        {"question": TRADE},
        {"question": "Who won the football World Cup in 2022?"},
        {"question": "Who met in Minsk, and where did they meet?"},
        {"question": "What is this document about?"},
        {"question": "How many cities does it cover?",
         "history": ["What is the Greater Bay Area?"]},
        {"question": TRADE, "sources": ["china-belarus-joint-statement.txt"]},
        {"question": TRADE, "sources": []},
    ],
    ids=lambda asked: str(asked["question"]) + "".join(sorted(asked)),
)  # fmt: skip
def test_the_chain_gives_what_ask_gives(on_article: Assistant, asked: dict[str, Any]) -> None:
    expected = timeless(on_article.ask(**asked))
    assert timeless(on_article.chain.invoke(asked)) == expected
    if asked.keys() == {"question"}:
        assert timeless(on_article.chain.invoke(asked["question"])) == expected


def test_the_chain_serves_many_questions_at_once_and_in_pieces(on_article: Assistant) -> None:
    questions = [TRADE, "Who met in Minsk?", "Who sang the anthem?"]
    expected = [timeless(on_article.ask(question)) for question in questions]
    assert list(map(timeless, on_article.chain.batch(list(questions)))) == expected
    assert list(map(timeless, on_article.chain.stream(TRADE))) == expected[:1]
    answer = asyncio.run(on_article.chain.ainvoke(TRADE))
    assert timeless(answer) == expected[0]


def test_the_steps_are_seen_by_their_names_as_they_run(on_article: Assistant) -> None:
    async def events() -> list[tuple[str, str]]:
        stream = on_article.chain.astream_events(TRADE, version="v2")
        return [(event["event"], event["name"]) async for event in stream]

    seen = asyncio.run(events())
    assert [name for event, name in seen if event == "on_chain_start"] == ["assistant", *STEPS]
    assert [name for event, name in seen if event == "on_chain_end"] == [*STEPS, "assistant"]


class Recorder(BaseCallbackHandler):
    """Keeps the name and the tags of each run."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, bool]] = []

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: object,
        *,
        tags: list[str] | None = None,
        name: str = "",
        **more: object,
    ) -> None:
        self.runs.append((name, "mine" in (tags or [])))


def test_callbacks_and_tags_reach_every_step(on_article: Assistant) -> None:
    recorder = Recorder()
    on_article.chain.invoke(TRADE, {"callbacks": [recorder], "tags": ["mine"]})
    assert recorder.runs == [(name, True) for name in ["assistant", *STEPS]]


def test_the_chain_refuses_what_ask_refuses(on_article: Assistant) -> None:
    for asked in ("?", {"question": TRADE, "sources": ["no.txt"]}):
        with pytest.raises(QuestionRefused):
            on_article.chain.invoke(asked)
    refused, answered = on_article.chain.batch(["?", TRADE], return_exceptions=True)
    assert isinstance(refused, QuestionRefused)
    assert isinstance(answered, Answer)
    with pytest.raises(TypeError, match="A question is text"):
        on_article.chain.invoke(3)


def test_it_composes_with_other_runnables(on_article: Assistant) -> None:
    chain = on_article.chain | RunnableLambda(lambda answer: answer.citations[0].source)
    assert chain.invoke({"question": TRADE}) == "china-belarus-joint-statement.txt"
    assert asyncio.run(chain.ainvoke(TRADE)) == "china-belarus-joint-statement.txt"


def test_langchain_is_imported_when_the_chain_is_asked_for() -> None:
    code = (
        "import sys; from assistant import Assistant; made = Assistant();"
        "print('langchain_core' in sys.modules); made.chain;"
        "print('langchain_core' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
