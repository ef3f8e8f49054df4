"""How many questions are answered at once, how many wait, and who is asked to try again."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from assistant.llm.client import CancelToken

BUSY = "Many people are asking right now. Your question is kept: please try again in a moment."
ENOUGH = "Your other questions are still being answered. Please wait for one of them."
_log = logging.getLogger(__name__)

T = TypeVar("T")


class RequestQueue:
    """Answers some questions at once, as more would only all be slower; others wait in order.

    It is used from one event loop, so nothing here needs a lock.
    """

    def __init__(self, running: int = 16, waiting: int = 128, per_person: int = 3) -> None:
        self._free = running
        self._threads = ThreadPoolExecutor(running, thread_name_prefix="answer")
        self._max_waiting = waiting
        self._per_person = per_person
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._asked: Counter[str] = Counter()
        self._closing: set[asyncio.Task[None]] = set()

    async def run(
        self, who: str, steps: Generator[T, None, None], notice: Callable[[str], T]
    ) -> AsyncGenerator[T, None]:
        """The steps, each made in a thread, once it is their turn; `notice` shows a message.

        All are made in one context, in which a model's call finds its `CancelToken`. Whoever leaves
        before the last one has the generator closed, in a thread too: closing may save a
        conversation, and must not hold up everybody else.
        """
        enough = self._asked[who] >= self._per_person
        if enough or (not self._free and len(self._waiting) >= self._max_waiting):
            yield notice(ENOUGH if enough else BUSY)
            return
        place = self._acquire(who)
        step: asyncio.Future[T | None] | None = None
        token, context = CancelToken(), copy_context()
        context.run(CancelToken.current.set, token)

        def in_thread(call: Callable[[], Any]) -> asyncio.Future[Any]:
            return asyncio.get_running_loop().run_in_executor(self._threads, context.run, call)

        async def close(step: asyncio.Future[T | None]) -> None:
            """After the step at work close the generator, then give its place to the next."""
            try:
                await asyncio.wait([step])
                await in_thread(steps.close)
            except Exception as error:
                _log.error("An answer that was left could not be put away", exc_info=error)
            finally:
                self._release(who, place)

        try:
            while not place.done():
                yield notice(f"In line: {self._waiting.index(place)} before you.")
                await asyncio.wait([place], timeout=3)  # whoever has gone is noticed then
            while True:
                step = in_thread(lambda: next(steps, None))
                made = await asyncio.shield(step)
                if made is None:
                    return
                yield made
        finally:
            token.cancel()
            if step is None:
                self._release(who, place)
            else:
                closing = asyncio.create_task(close(step))
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)
                if step.done():  # else whoever stopped it does not wait for it
                    await asyncio.shield(closing)

    def _acquire(self, who: str) -> asyncio.Future[None]:
        """A place in the queue, done when it is its turn."""
        self._asked[who] += 1
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            place.set_result(None)
        else:
            self._waiting.append(place)
        return place

    def _release(self, who: str, place: asyncio.Future[None]) -> None:
        self._asked -= Counter([who])  # leaves no counts of 0
        if not place.done():
            self._waiting.remove(place)
        elif self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1
