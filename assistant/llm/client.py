"""The user's own chat model: called so that it may fail, by a deadline and with a plain message.

The only module that imports `langchain`. A call runs on an event loop in a thread of its own, where
cancelling it closes the connection whatever the server does: a deadline that is looked at only
between two pieces does not hold against a server that sends none.
"""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import aclosing, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, cast

from assistant.errors import AssistantError, ExtraMissing, ModelFailed
from assistant.settings import Settings, is_set
from assistant.text import visible

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


class CancelToken(Future[None]):
    """Cancelled, from any thread, once nobody waits for an answer any more."""

    current: ClassVar[ContextVar["CancelToken | None"]] = ContextVar("cancel token", default=None)
    """That of the answer being made in this context; None where nobody can cancel it."""


Messages = Sequence[tuple[str, str]]
"""(role, text), as LangChain reads them."""

WINDOW = 8_192
"""Tokens of the smallest window that holds a whole call; asked of Ollama, whose own is smaller."""
_TOKENS = 2_048  # of an answer, where a server of the user's own has only the window
_HOSTED_TOKENS = 4_096  # of an answer elsewhere: what it thinks counts too
_MOST_RECEIVED = 100_000  # characters of one call, thoughts included
_GRACE = 0.2  # seconds past the deadline for the loop to say so itself
_EXTRAS = {"google_genai": "google"} | {name: name for name in ("anthropic", "ollama", "openai")}
_STATUS = {
    400: "does not accept the request (400)",
    401: "refused the key (401); it is read from the environment",
    403: "refused access (403)",
    404: "is not known to its server (404)",
    413: "finds the request too large (413)",
    429: "is asked too often (429)",
}
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xai|ghp|gho|ghs|lsv2|glpat|xox[a-z])[-_][\w.-]{6,}"
    r"|\b(?:AIza|AKIA|ya29\.)[\w-]{10,}|\beyJ[\w-]{8,}\.[\w.-]+|\bBearer\s+\S+"
    r"|(?:[A-Za-z]:)?[\\/](?:home|Users|root)\b(?:[\\/][^\s'\"“”,;:)]*)?"
    r"|\b(?=\w*\d)(?=\w*[A-Za-z])\w{32,}|(?<=://)[^\s/@]+(?=@)"
)


def redact(text: str) -> str:
    """The text on one line, without what looks like a key, a password or a home folder."""
    return _SECRET.sub("…", " ".join(visible(text).split()))


class Deadline:
    """The moment by which to be done, so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, 0 once it is past."""
        return max(0.0, self._end - monotonic())


@dataclass(frozen=True, slots=True)
class ModelState:
    """What chat model is configured, and whether it answers."""

    model: str
    url: str
    """Empty: where the provider's own server is."""
    answers: bool
    problem: str
    """Why it does not answer; empty where it does."""


class ChatModel:
    """A chat model by its name; `load` makes it when it is first asked."""

    def __init__(self, name: str, url: str, load: "Callable[[], BaseChatModel]") -> None:
        self.name = name
        self.url = url
        self._load = cache(load)

    def stream(self, messages: Messages, deadline: Deadline) -> Iterator[str]:
        """Its reply, in pieces as they come. Closing ends the call, and so does a `CancelToken`.

        Raises `ModelFailed` (late at the deadline, or cancelled), `ExtraMissing`.
        """
        pieces: SimpleQueue[str | AssistantError | None] = SimpleQueue()
        call = self._call(self._load(), messages, deadline, pieces.put)
        running = asyncio.run_coroutine_threadsafe(call, _loop())

        def end() -> None:
            if deadline.left:  # else the call ends itself; cancelled twice, it leaves a connection
                running.cancel()

        if token := CancelToken.current.get():
            token.add_done_callback(lambda _: end())
        try:
            while (piece := pieces.get(timeout=deadline.left + _GRACE)) is not None:
                if isinstance(piece, AssistantError):
                    raise piece
                yield piece
        except Empty:
            raise ModelFailed(self.name, _problem(TimeoutError(), deadline.seconds)) from None
        finally:
            end()

    async def _call(
        self,
        chat: "BaseChatModel",
        messages: Messages,
        deadline: Deadline,
        emit: Callable[[str | AssistantError | None], None],
    ) -> None:
        """One call, on the loop: emits each piece, then None, or what went wrong.

        Where the server is too busy and has sent nothing yet, it is asked once more.
        """
        received, names = 0, ("finish_reason", "done_reason", "stop_reason")

        async def ask() -> None:
            nonlocal received
            # A stream of LangChain's is a generator, though it is typed as an iterator.
            stream = cast("AsyncGenerator[Any]", chat.astream(list(messages)))
            async with aclosing(stream) as chunks:
                async for chunk in chunks:
                    text = str(chunk.text)
                    received += len(text)
                    if text:
                        emit(text[:_MOST_RECEIVED])
                    if received > _MOST_RECEIVED:
                        problem = f"went on for more than {_MOST_RECEIVED:,} characters"
                        raise ModelFailed(self.name, problem)
                    reasons = map(chunk.response_metadata.get, names)
                    if next(filter(None, reasons), "") in ("length", "max_tokens", "MAX_TOKENS"):
                        raise ModelFailed(self.name, "was cut short by its own limit")

        try:
            async with asyncio.timeout(deadline.left):
                try:
                    await ask()
                except Exception as error:
                    headers = getattr(getattr(error, "response", None), "headers", {})
                    pause = 1.0  # second, where the server does not say
                    with suppress(ValueError):
                        pause = max(0.0, float(headers.get("retry-after", pause)))
                    if _status(error) != 429 or received or pause >= deadline.left:
                        raise
                    await asyncio.sleep(pause)
                    await ask()
            emit(None)
        except AssistantError as error:
            emit(error)
        except (Exception, asyncio.CancelledError) as error:
            emit(ModelFailed(self.name, _problem(error, deadline.seconds)))

    def state(self) -> ModelState:
        """Whether it answers now; waits ten seconds at most."""
        problem = ""
        try:
            reply = self.stream([("human", "Answer with one word: yes.")], Deadline(10))
            if not any(piece.strip() for piece in reply):
                problem = str(ModelFailed(self.name, "said nothing"))
        except AssistantError as error:
            problem = str(error)
        return ModelState(self.name, self.url, not problem, problem)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of all calls: what a provider's package keeps belongs to the loop it began on."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="chat model", daemon=True).start()
    return loop


def load(settings: Settings) -> ChatModel:
    """The model that the settings name, not yet connected."""
    return ChatModel(settings.model, settings.model_url, lambda: _initialize(settings))


def _initialize(settings: Settings) -> "BaseChatModel":
    provider, _, name = settings.model.partition(":")
    wanted = f"ASSISTANT_MODEL={settings.model}"
    try:
        from langchain.chat_models import init_chat_model
    except ImportError:
        raise ExtraMissing(wanted, _EXTRAS.get(provider, "openai")) from None
    try:
        options = _options(provider, settings)
        return cast("BaseChatModel", init_chat_model(name, model_provider=provider, **options))
    except ImportError as error:
        if provider in _EXTRAS:
            raise ExtraMissing(wanted, _EXTRAS[provider]) from None
        raise ModelFailed(settings.model, _describe("needs a package", error)) from None
    except Exception as error:
        raise ModelFailed(settings.model, _describe("cannot be set up", error)) from None


def _options(provider: str, settings: Settings) -> dict[str, Any]:
    """What a model is made with: one try, and no more time, text and window than it needs."""
    url, seconds = settings.model_url, settings.model_seconds
    own: dict[str, Any] = {"base_url": url} if url else {}
    hosted: dict[str, Any] = {"timeout": seconds, "max_retries": 0, "max_tokens": _HOSTED_TOKENS}
    # A connection of its own for each call: none is left open, and none belongs to a dead server.
    closing = {"Connection": "close"}
    if provider != "google_genai":
        hosted["default_headers"] = closing
    if provider == "ollama":
        limits = {"num_ctx": WINDOW, "num_predict": _TOKENS, "temperature": 0}
        return own | limits | {"client_kwargs": {"timeout": seconds, "headers": closing}}
    if provider == "openai" and url:
        # llama.cpp's server does not know the limit's newer name, by which LangChain sends it.
        own |= {"temperature": 0, "extra_body": {"max_tokens": _TOKENS}, "stream_usage": False}
        own |= {} if is_set("OPENAI_API_KEY") else {"api_key": "none"}
        return own | hosted | {"max_tokens": _TOKENS, "use_responses_api": False}
    return own | hosted if provider in _EXTRAS else own


def _problem(error: BaseException, seconds: float) -> str:
    """What went wrong, to be read after the model's name."""
    errors: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in errors:
        errors.append(cause)
        cause = cause.__cause__ or cause.__context__
    status = next(filter(None, map(_status, errors)), 0)
    if status:
        return _STATUS.get(status, f"answered with an error ({status})")
    if any(isinstance(each, TimeoutError) or "Timeout" in type(each).__name__ for each in errors):
        return f"did not answer in time ({seconds:g} s)"
    if any(isinstance(each, socket.gaierror) for each in errors):
        return "cannot be reached: its server's name is not known"
    if any(isinstance(e, ConnectionError) or type(e).__name__ == "ConnectError" for e in errors):
        return "cannot be reached: its server does not answer"
    if isinstance(error, asyncio.CancelledError):
        return "was stopped"
    return _describe("failed", error)


def _describe(what: str, error: BaseException) -> str:
    message = redact(str(error))[:200].rstrip(". ")
    return f"{what}: {message or type(error).__name__}"


def _status(error: BaseException) -> int:
    """The HTTP status an error came of, under the names that providers give it; else 0."""
    for name in ("status_code", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and 400 <= status < 600:
            return status
    return 0
