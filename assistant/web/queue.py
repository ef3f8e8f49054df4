"""Who is asking. The door has found out; here it is only read.

How many are answered at once, how many wait, and who is asked to come again.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import gradio as gr
from fastapi import Request

from assistant.llm.client import CancelToken
from assistant.web.accounts import LOCAL, Person
from assistant.web.auth import PERSON

_NOBODY = Person(LOCAL, may_change=False)


def person(request: gr.Request) -> Person:
    """Who is asking, and whether they may change the sources."""
    return _found(request.request) or _NOBODY


def seat(request: gr.Request) -> str:
    """For whom a question is counted: the account; without accounts, the tab."""
    return str(request.username or f"/{request.session_hash}")


def username(request: Request) -> str | None:
    """Whom Gradio is to take for logged in."""
    found = _found(request)
    return found.name if found else None


def arrive(request: gr.Request) -> tuple[Any, Any]:
    """The buttons that are not for everyone: to sync, and to log out."""
    may_change, has_account = person(request).may_change, request.username is not None
    return gr.update(visible=may_change), gr.update(visible=has_account)


def _found(request: Request | None) -> Person | None:
    return request.scope.get(PERSON) if request else None


BUSY = "Many people are asking right now. Your question is kept: please try again in a moment."
ENOUGH = "Your other questions are still being answered. Please wait for one of them."
_PAUSE = 3.0
"""Seconds between two signs of life to one who waits; one who has gone is noticed by them."""

T = TypeVar("T")


class RequestQueue:
    """Some are answered at once, for more would only all be slower; others wait in line.

    One event loop uses them, so nothing here needs a lock.
    """

    def __init__(self, reading: int = 16, waiting: int = 128, each: int = 3) -> None:
        self._free = reading
        self._threads = ThreadPoolExecutor(reading, thread_name_prefix="seat")
        self._waiting = waiting
        self._each = each
        self._line: deque[asyncio.Future[None]] = deque()
        self._held: Counter[str] = Counter()

    async def taken(
        self, who: str, steps: Generator[T, None, None], tell: Callable[[str], T]
    ) -> AsyncGenerator[T, None]:
        """The steps, each made in a thread, once there is a seat; `tell` shows what is awaited.

        All are made in one context, in which a call of a model finds the token that cancels it.
        """
        if self._held[who] >= self._each:
            yield tell(ENOUGH)
            return
        if not self._free and len(self._line) >= self._waiting:
            yield tell(BUSY)
            return
        place, step = self._come(who), None
        token, context = CancelToken(), copy_context()
        context.run(CancelToken.current.set, token)
        try:
            while not place.done():
                yield tell(f"In line: {self._line.index(place)} before you.")
                await asyncio.wait([place], timeout=_PAUSE)
            work = asyncio.get_running_loop().run_in_executor
            while True:
                step = work(self._threads, context.run, _next, steps)
                made = await asyncio.shield(step)
                if made is None:
                    return
                yield made
        finally:
            token.cancel()
            if step is None or step.done():
                self._end(steps, who, place)
            else:  # its seat is taken till it is done; whoever stopped it does not wait for that
                step.add_done_callback(lambda _: self._end(steps, who, place))

    def _come(self, who: str) -> asyncio.Future[None]:
        """A place, which is done when it is a seat."""
        self._held[who] += 1
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free:
            self._free -= 1
            place.set_result(None)
        else:
            self._line.append(place)
        return place

    def _end(self, steps: Generator[T, None, None], who: str, place: asyncio.Future[None]) -> None:
        """Have no more steps made, and give the seat to the next."""
        try:
            steps.close()
        finally:
            self._leave(who, place)

    def _leave(self, who: str, place: asyncio.Future[None]) -> None:
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]
        if not place.done():
            self._line.remove(place)
        elif self._line:
            self._line.popleft().set_result(None)
        else:
            self._free += 1


def _next(steps: Generator[T, None, None]) -> T | None:
    return next(steps, None)
