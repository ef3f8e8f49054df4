"""Real wires: the settings a user has, `init_chat_model`, HTTP on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.llm.client import CancelToken
from assistant.settings import Settings
from assistant.types import Answer, Statement
from tests.chat import Wire, key_of, wire

QUESTION = "What was the value of bilateral trade last year?"
QUOTE = "Last year, bilateral trade between the two countries surpassed $8.4 billion."
WORDED = "Bilateral trade surpassed $8.4 billion last year."
Ask = Callable[..., Answer]


@pytest.fixture
def asking(
    article_home: Path,
    on_article: Assistant,
    minilm: SentenceTransformerEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Assistant]:
    """An assistant over the article, set up by the environment as a user's is."""
    assert on_article

    def make(model: str, url: str, seconds: float = 30, key: str = "") -> Assistant:
        monkeypatch.setenv("ASSISTANT_MODEL", model)
        monkeypatch.setenv("ASSISTANT_MODEL_URL", url)
        monkeypatch.setenv("ASSISTANT_MODEL_SECONDS", str(seconds))
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        if key:
            monkeypatch.setenv("OPENAI_API_KEY", key)
        return Assistant(settings=Settings.read(article_home), embedder=minilm)

    return make


@pytest.fixture
def server() -> Iterator[Wire]:
    with wire(truthful) as here:
        yield here


def truthful(sent: str) -> Iterator[str]:
    text = f"{WORDED[:-1]} [{key_of(sent, 'surpassed $8.4')}].\n"
    yield from (text[place : place + 5] for place in range(0, len(text), 5))


def is_quoted(answer: Answer) -> bool:
    return [said.text for said in answer.statements] == [QUOTE]


MODELS = [("openai:tiny", "/v1"), ("ollama:tiny", "")]


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_an_answer_is_worded_over_the_wire(
    asking: Callable[..., Assistant], server: Wire, model: str, path: str
) -> None:
    assistant = asking(model, server.url + path)
    first, answer = assistant.stream(QUESTION)
    assert isinstance(first, Statement)
    assert isinstance(answer, Answer)
    assert answer.statements == (first,)
    assert first.text == WORDED
    assert [citation.quote for citation in first.citations] == [QUOTE]
    assert answer.notices == (
        f"Worded by {model}; each sentence was checked against the quotes it cites.",
    )
    assert Answer.from_json(answer.to_json()) == answer
    (asked,) = server.asked
    assert asked["stream"]
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert not asked.get("tools")


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_status_says_whether_the_model_answers(
    asking: Callable[..., Assistant], server: Wire, model: str, path: str
) -> None:
    server.say = lambda _: ["yes"]
    state = asking(model, server.url + path).model_state()
    assert state
    assert (state.model, state.url, state.answers, state.problem) == (
        model, server.url + path, True, "",
    )  # fmt: skip


def test_one_thread_after_another_may_ask(asking: Callable[..., Assistant], server: Wire) -> None:
    assistant, answers = asking("openai:tiny", server.url + "/v1"), list[Answer]()
    for _ in range(3):
        thread = threading.Thread(target=lambda: answers.append(assistant.ask(QUESTION)))
        thread.start()
        thread.join()
    assert [answer.statements[0].text for answer in answers] == [WORDED] * 3


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_m2_a_busy_server_is_asked_once_more(
    asking: Callable[..., Assistant], server: Wire, model: str, path: str
) -> None:
    server.status, server.body, server.headers = 429, b"{}", {"Retry-After": "0"}
    answer = asking(model, server.url + path).ask(QUESTION)
    assert is_quoted(answer)
    assert answer.notices == (f"Quoted instead: The model {model} is asked too often (429).",)
    assert len(server.asked) == 2


def test_m2_a_pause_longer_than_the_deadline_is_not_waited_for(
    asking: Callable[..., Assistant], server: Wire
) -> None:
    server.status, server.body, server.headers = 429, b"{}", {"Retry-After": "3600"}
    assert is_quoted(asking("openai:tiny", server.url + "/v1").ask(QUESTION))
    assert len(server.asked) == 1


KEY = "sk-proj-abcdefgh12345678"


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "refused the key (401); it is read from the environment"),
        (404, "is not known to its server (404)"),
        (500, "answered with an error (500)"),
    ],
)
def test_m2_m10_an_error_is_told_without_what_the_server_said_of_the_key(
    asking: Callable[..., Assistant], server: Wire, model: str, path: str, status: int, told: str
) -> None:
    server.status = status
    server.body = b'{"error": {"message": "Incorrect API key provided: ' + KEY.encode() + b'"}}'
    assistant = asking(model, server.url + path, key=KEY)
    answer = assistant.ask(QUESTION)
    assert is_quoted(answer)
    assert answer.notices == (f"Quoted instead: The model {model} {told}.",)
    state = assistant.model_state()
    assert state
    assert state.problem == f"The model {model} {told}."
    assert KEY not in f"{state} {answer.to_json()} {assistant.settings}"


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_m2_a_server_that_is_down_or_unknown(
    asking: Callable[..., Assistant], model: str, path: str
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    answer = asking(model, f"http://127.0.0.1:{port}{path}").ask(QUESTION)
    assert is_quoted(answer)
    assert "cannot be reached: its server does not answer" in answer.notices[0]
    answer = asking(model, f"http://nowhere.invalid{path}").ask(QUESTION)
    assert is_quoted(answer)
    assert "cannot be reached" in answer.notices[0]


def _trickle(send: Callable[[bytes], None]) -> None:
    """Alive for ever, and never a word: comments of the protocol, or half a line of JSON."""
    while True:
        send(b": ping\n\n")
        time.sleep(0.02)


def _spaces(send: Callable[[bytes], None]) -> None:
    while True:
        send(b" ")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("model", "path", "raw"),
    [(*MODELS[0], _trickle), (*MODELS[0], _spaces), (*MODELS[1], _spaces)],
    ids=["openai comments", "openai spaces", "ollama spaces"],
)
def test_m1_the_deadline_holds_against_a_server_that_trickles(
    asking: Callable[..., Assistant],
    server: Wire,
    model: str,
    path: str,
    raw: Callable[[Callable[[bytes], None]], None],
) -> None:
    assert not is_quoted(asking(model, server.url + path).ask(QUESTION))  # imports all it needs
    server.raw = raw
    assistant = asking(model, server.url + path, seconds=1)
    assert assistant._model is not None
    assert assistant._model._load()  # to set it up takes longer than it may
    answer = assistant.ask(QUESTION)
    assert is_quoted(answer)
    assert answer.notices == (f"Quoted instead: The model {model} did not answer in time (1 s).",)
    assert server.gone.wait(20)  # the connection was closed, not left to the server


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_m1_a_server_that_says_nothing_is_left_at_the_deadline(
    asking: Callable[..., Assistant], model: str, path: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # accepts, and that is all
        port = listening.getsockname()[1]
        answer = asking(model, f"http://127.0.0.1:{port}{path}", seconds=1).ask(QUESTION)
    assert is_quoted(answer)
    assert "did not answer in time (1 s)" in answer.notices[0]


def _cut(send: Callable[[bytes], None]) -> None:
    send(b'data: {"choices":[{"index":0,"delta":{"content":"Bilateral tra"}}]}\n\n')
    raise OSError


def _garbage(send: Callable[[bytes], None]) -> None:
    send(b"data: {\x00\xff not JSON\n\n{]\n")


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
@pytest.mark.parametrize("raw", [_cut, _garbage])
def test_m3_a_stream_that_breaks_is_replaced_by_the_quotes(
    asking: Callable[..., Assistant],
    server: Wire,
    model: str,
    path: str,
    raw: Callable[[Callable[[bytes], None]], None],
) -> None:
    server.raw = raw
    answer = asking(model, server.url + path).ask(QUESTION)
    assert is_quoted(answer)
    assert answer.notices[-1].startswith("Quoted")


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"A" * 1_000_000, b'{"a": 1}'])
@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_m7_a_page_instead_of_a_stream(
    asking: Callable[..., Assistant], server: Wire, model: str, path: str, body: bytes
) -> None:
    server.body = body
    answer = asking(model, server.url + path).ask(QUESTION)
    assert is_quoted(answer)
    assert answer.notices[-1].startswith("Quoted")
    assert len(answer.notices[-1]) < 400


def test_closing_the_stream_ends_the_call(asking: Callable[..., Assistant], server: Wire) -> None:
    def endless(sent: str) -> Iterator[str]:
        yield from truthful(sent)
        while True:
            yield "Trade "
            time.sleep(0.01)

    server.say = endless
    stream = asking("openai:tiny", server.url + "/v1").stream(QUESTION)
    assert isinstance(next(stream), Statement)
    stream.close()  # type: ignore[attr-defined]
    assert server.gone.wait(20)


@pytest.mark.parametrize(("model", "path"), MODELS, ids=["openai", "ollama"])
def test_a_cancelled_token_ends_a_call_that_says_nothing(
    asking: Callable[..., Assistant], server: Wire, model: str, path: str
) -> None:
    server.raw = _spaces
    assistant, token = asking(model, server.url + path, seconds=600), CancelToken()
    context = copy_context()
    context.run(CancelToken.current.set, token)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(context.run, assistant.ask, QUESTION)
        assert server.reached.wait(60)
        token.cancel()
        assert waiting.result(60).notices == (f"Quoted instead: The model {model} was stopped.",)
    assert server.gone.wait(20)


@pytest.fixture
def _interruptible() -> Iterator[None]:
    """What a test starts hears Ctrl+C, though a shell that runs the tests aside has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interruptible")
@pytest.mark.parametrize("command", ["ask", "chat"])
def test_ctrl_c_ends_a_call_in_a_line(
    article_home: Path, on_article: Assistant, server: Wire, command: str
) -> None:
    assert on_article
    server.raw = _spaces
    set_up = {
        "ASSISTANT_MODEL": "openai:tiny",
        "ASSISTANT_MODEL_URL": f"{server.url}/v1",
        "ASSISTANT_MODEL_SECONDS": "600",
    }
    asked = [QUESTION] if command == "ask" else []
    with subprocess.Popen(
        [sys.executable, "-m", "assistant", command, "--home", str(article_home), *asked],
        env=os.environ | set_up,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin
        running.stdin.write(f"{QUESTION}\n")
        running.stdin.flush()
        assert server.reached.wait(120)
        running.send_signal(signal.SIGINT)
        out, told = running.communicate(timeout=60)
    assert running.returncode == 2
    assert not out.strip("> ")
    assert told.splitlines()[-1].endswith("assistant: stopped")
    assert "Traceback" not in told
    assert server.gone.wait(20)


def test_a_key_goes_to_the_server_that_is_named_and_a_local_one_needs_none(
    asking: Callable[..., Assistant], server: Wire
) -> None:
    asking("openai:tiny", server.url + "/v1").ask(QUESTION)
    asking("openai:tiny", server.url + "/v1", key=KEY).ask(QUESTION)
    assert server.keys == ["Bearer none", f"Bearer {KEY}"]


def test_nothing_but_the_model_is_asked_and_tracing_stays_off(
    asking: Callable[..., Assistant], server: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key of LangSmith's alone traces nothing."""
    monkeypatch.setenv("LANGSMITH_API_KEY", "lsv2_pt_0123456789")
    asked, connect = set[object](), socket.socket.connect

    def watched(self: socket.socket, place: object) -> None:
        asked.add(place)
        connect(self, place)  # type: ignore[arg-type]

    def look_up(*arguments: object, **_: object) -> None:
        asked.add(arguments)
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assistant = asking("openai:tiny", server.url + "/v1")
    assert assistant.ask(QUESTION).statements[0].text == WORDED
    assert assistant.chain.invoke(QUESTION).statements[0].text == WORDED
    assert asked == {("127.0.0.1", int(server.url.rsplit(":", 1)[1]))}


@contextmanager
def transformers_server(folder: Path) -> Iterator[str]:
    """`transformers serve` on a Llama of random weights, made here."""
    _make_llama(folder)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = Path(sys.executable).parent / "transformers"
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        serving = subprocess.Popen(
            [command, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port)],
            stdout=log, stderr=log, env=offline,
        )  # fmt: skip
    try:
        for _ in range(600):
            with closing(socket.socket()) as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            assert serving.poll() is None, (folder / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        serving.terminate()
        serving.wait(30)


def _make_llama(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate(["<s>", "</s>", *alphabet])}
    letters = Tokenizer(models.BPE(vocabulary, []))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    letters.save(str(folder / "tokenizer.json"))
    template = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template,
            "bos_token": "<s>", "eos_token": "</s>"}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=8192, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)


def test_a_real_server_that_talks_at_random_changes_nothing_but_a_notice(
    asking: Callable[..., Assistant], tmp_path: Path
) -> None:
    pytest.importorskip("accelerate", reason="transformers[serving] is not installed")
    folder = tmp_path / "llama"
    folder.mkdir()
    with transformers_server(folder) as url:
        assistant = asking(f"openai:{folder}", url, seconds=120)
        state = assistant.model_state()
        assert state
        assert state.answers, state.problem
        answer = assistant.ask(QUESTION)
    assert is_quoted(answer)
    assert answer.notices[-1].startswith("Quoted")  # it said nothing of use, or without an end
