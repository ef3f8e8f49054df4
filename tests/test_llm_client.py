import asyncio
import threading
from contextvars import copy_context
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk

from assistant.errors import AssistantError, ExtraMissing, ModelFailed
from assistant.llm.client import CancelToken, ChatModel, Deadline, load, redact
from assistant.settings import Settings
from tests.chat import Say, ScriptedChatModel

ASKED = [("human", "Is it?")]


def model(say: Say) -> tuple[ChatModel, ScriptedChatModel]:
    chat = ScriptedChatModel(say)
    return ChatModel("scripted:one", "", lambda: chat), chat


def test_pieces_come_as_they_are_said() -> None:
    one, chat = model(lambda _: ["It ", "is", "."])
    assert list(one.stream(ASKED, Deadline(30))) == ["It ", "is", "."]
    assert chat.sent == chat.ended == ["Is it?"]


def test_thoughts_and_calls_of_tools_are_not_said() -> None:
    blocks = AIMessageChunk(
        content=[{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "Yes."}],
        tool_call_chunks=[
            {"name": "delete", "args": "{}", "id": "1", "index": 0, "type": "tool_call_chunk"}
        ],
    )
    one, _ = model(lambda _: [blocks])
    assert list(one.stream(ASKED, Deadline(30))) == ["Yes."]


@pytest.mark.parametrize(
    ("say", "problem"),
    [
        ([600], r"did not answer in time \(0.2 s\)"),
        (["It ", 600], r"did not answer in time \(0.2 s\)"),
        ([ConnectionRefusedError()], "its server does not answer"),
        ([RuntimeError("key sk-abcdefgh1234 in /home/ana/x")], r"failed: key … in …\.$"),
        ([RuntimeError()], "failed: RuntimeError"),
        (["A" * 1_000_000], "went on for more than 100,000 characters"),
        ([AIMessageChunk(content="It i", response_metadata={"finish_reason": "length"})],
         "cut short by its own limit"),
        ([asyncio.CancelledError()], "was stopped"),
    ],
    ids=["m1 silent", "m1 stops", "m2 refused", "m10 error", "no words", "llm10 endless", "m3 cut",
         "cancelled"],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_plain_words(say: list[object], problem: str) -> None:
    one, chat = model(lambda _: say)
    with pytest.raises(ModelFailed, match=problem):
        list(one.stream(ASKED, Deadline(0.2 if 600 in say else 30)))
    assert chat.ended


class BusyError(Exception):
    status_code = 429


def test_m2_a_busy_model_is_asked_once_more_and_no_more() -> None:
    one, chat = model(lambda _: ["Yes."] if len(chat.sent) > 1 else [BusyError()])
    assert list(one.stream(ASKED, Deadline(30))) == ["Yes."]
    always, chat = model(lambda _: [BusyError()])
    with pytest.raises(ModelFailed, match="asked too often"):
        list(always.stream(ASKED, Deadline(30)))
    assert len(chat.sent) == 2


def test_closing_ends_the_call() -> None:
    one, chat = model(lambda _: ["It ", 600])
    pieces = one.stream(ASKED, Deadline(600))
    assert next(pieces) == "It "
    assert not chat.ended
    pieces.close()  # type: ignore[attr-defined]
    asyncio.run(_until(chat))


def test_a_cancelled_token_ends_a_silent_call() -> None:
    one, chat = model(lambda _: ["It ", 600])
    token, context = CancelToken(), copy_context()
    context.run(CancelToken.current.set, token)
    pieces = one.stream(ASKED, Deadline(600))
    assert context.run(next, pieces) == "It "
    threading.Timer(0.05, token.cancel).start()
    with pytest.raises(ModelFailed, match="was stopped"):
        context.run(next, pieces)
    asyncio.run(_until(chat))
    with pytest.raises(ModelFailed, match="was stopped"):  # nor is it asked again
        context.run(list, one.stream(ASKED, Deadline(600)))


async def _until(chat: ScriptedChatModel) -> None:
    while not chat.ended:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-AbC123xyz_456",
        "gsk_abcdefgh12345",
        "hf_abcdefgh12345",
        "AIzaSyA1234567890abc",
        "AKIA1234567890ABCD",
        "ghp_abcdefgh12345",
        "lsv2_pt_abcdef_123456",
        "eyJhbGciOi.eyJzdWIiOiIx.abc",
        "Bearer abc.def",
        "/home/ana/.config/keys",
        "/Users/ana/keys",
        r"C:\\Users\\ana\\keys",
        "0123456789abcdef0123456789abcdef",
        "ana:hunter2",
    ],
)
def test_m10_what_looks_like_a_key_or_a_home_is_not_repeated(secret: str) -> None:
    shown = redact(f"before http://{secret}@host, {secret}")
    assert secret not in shown or secret == "ana:hunter2"
    assert f"://{secret}" not in shown
    assert "before" in shown


@pytest.mark.parametrize(
    "text", ["Trade surpassed $8.4 billion.", "The risk-averse spend /homework on skis.", "a@b.eu"]
)
def test_other_words_are_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("anthropic:claude", ExtraMissing, r'pip install "agreement-assistant\[anthropic\]"'),
        ("google_genai:gemini", ExtraMissing, r"agreement-assistant\[google\]"),
        ("mistralai:small", ModelFailed, "pip install langchain-mistralai"),
        ("nosuch:one", ModelFailed, "Unsupported provider"),
        ("openai:gpt", ModelFailed, "OPENAI_API_KEY"),
    ],
)
def test_a_model_that_cannot_be_set_up_says_what_is_missing(
    name: str, error: type[AssistantError], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    one = load(Settings(home=Path(), model=name))
    with pytest.raises(error, match=told):
        list(one.stream(ASKED, Deadline(30)))
    state = one.state()
    assert not state.answers
    assert state.problem
