"""Scripted chat models, and servers on loopback that speak the wires of real ones."""

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

Say = Callable[[str], Iterable[Any]]
"""What is sent, to the pieces that come back: text, a whole chunk, seconds to wait, an error."""


def key_of(sent: str, words: str) -> str:
    """The key of the first sentence of the evidence that holds the words."""
    found = re.search(rf"^\[(\w+)\] .*{re.escape(words)}", sent, re.MULTILINE)
    assert found, sent
    return found[1]


def first(sent: str) -> tuple[str, str]:
    """The key and the words of the sentence that the first key of the evidence stands for."""
    found = re.search(r"^\[(\w+)\] (.*)$", sent, re.MULTILINE)
    return (found[1], found[2]) if found else ("none", "")


class ScriptedChatModel(BaseChatModel):
    """Says what `say` makes of what it is sent; keeps that, and whether a call was ended."""

    say: Say
    sent: list[str]
    ended: list[str]

    def __init__(self, say: Say) -> None:
        super().__init__(say=say, sent=[], ended=[])  # type: ignore[call-arg]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **_: object,
    ) -> ChatResult:
        raise NotImplementedError

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **_: object,
    ) -> AsyncIterator[ChatGenerationChunk]:
        sent = str(messages[-1].content)
        self.sent.append(sent)
        try:
            for piece in self.say(sent):
                if isinstance(piece, BaseException):
                    raise piece
                if isinstance(piece, int | float):
                    await asyncio.sleep(piece)
                    continue
                chunk = AIMessageChunk(content=piece) if isinstance(piece, str) else piece
                yield ChatGenerationChunk(message=chunk)
                await asyncio.sleep(0)
        finally:
            self.ended.append(sent)


@dataclass
class Wire:
    """A server that speaks OpenAI's and Ollama's protocols; what it says can be changed."""

    say: Say
    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    """Sent instead of a stream, where it is not empty."""
    raw: Callable[[Callable[[bytes], None]], None] | None = None
    """Writes the stream itself."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What was posted."""
    keys: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    """Set when something was posted."""
    gone: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed its connection amid an answer."""


@contextmanager
def wire(say: Say) -> Iterator[Wire]:
    """The server, until the end of the block."""
    here = Wire(say)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            here.keys.append(self.headers.get("authorization", ""))
            here.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            here.reached.set()
            try:
                self._reply()
            except OSError:
                here.gone.set()
                self.close_connection = True

        def _reply(self) -> None:
            status, here.status = here.status, here.status
            self.send_response(status)
            for name, value in here.headers.items():
                self.send_header(name, value)
            if here.body:
                self.send_header("Content-Length", str(len(here.body)))
                self.end_headers()
                self.wfile.write(here.body)
                return
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if here.raw:
                here.raw(self._send)
            else:
                speak = _openai if "completions" in self.path else _ollama
                for line in speak(here.say(here.asked[-1]["messages"][-1]["content"])):
                    self._send(line.encode())
            self._send(b"")

        def _send(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here.url = f"http://127.0.0.1:{server.server_port}"
        yield here
        server.shutdown()


def _openai(pieces: Iterable[str]) -> Iterator[str]:
    for piece in pieces:
        yield f"data: {json.dumps(_openai_chunk({'content': piece}, None))}\n\n"
    yield f"data: {json.dumps(_openai_chunk({}, 'stop'))}\n\ndata: [DONE]\n\n"


def _openai_chunk(delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [choice]}  # fmt: skip


def _ollama(pieces: Iterable[str]) -> Iterator[str]:
    same = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
    for piece in pieces:
        said = {"role": "assistant", "content": piece}
        yield json.dumps(same | {"message": said, "done": False}) + "\n"
    over = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    yield json.dumps(same | over) + "\n"
