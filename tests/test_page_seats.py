import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing

import pytest

from assistant.llm.client import CancelToken
from assistant.web.queue import BUSY, ENOUGH, RequestQueue


class Work:
    """Steps that go on when they may, and tell when they are closed."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Event()
        self.closed = False

    def steps(self) -> Generator[str, None, None]:
        try:
            self.begun.set()
            self.go_on.wait(20)
            yield "first"
            yield "second"
        finally:
            self.closed = True


def take(seats: RequestQueue, work: Work, who: str = "ana") -> AsyncGenerator[str, None]:
    return seats.taken(who, work.steps(), lambda words: words)


async def drain(steps: AsyncIterator[str]) -> list[str]:
    return [step async for step in steps]


async def begun(work: Work) -> None:
    assert await asyncio.to_thread(work.begun.wait, 20)


async def test_a_free_seat_is_taken_at_once() -> None:
    work = Work()
    work.go_on.set()
    assert await drain(take(RequestQueue(), work)) == ["first", "second"]
    assert work.closed


async def test_the_line_is_kept_in_order_and_told_of() -> None:
    seats, works = RequestQueue(reading=1, waiting=2), [Work(), Work(), Work()]
    told: list[tuple[int, str]] = []

    async def asking(number: int) -> None:
        async for step in take(seats, works[number], f"person {number}"):
            told.append((number, step))

    tasks = []
    for number in range(3):
        tasks.append(asyncio.create_task(asking(number)))
        await asyncio.sleep(0)
    await begun(works[0])
    assert (1, "In line: 0 before you.") in told
    assert (2, "In line: 1 before you.") in told
    assert not works[1].begun.is_set()
    for work in works:
        work.go_on.set()
    await asyncio.gather(*tasks)
    firsts = [number for number, step in told if step == "first"]
    assert firsts == [0, 1, 2]


async def test_u2_who_finds_seats_and_line_full_is_told_at_once() -> None:
    seats, first = RequestQueue(reading=1, waiting=0), Work()
    task = asyncio.create_task(drain(take(seats, first)))
    await begun(first)
    assert await drain(take(seats, Work(), "bo")) == [BUSY]
    first.go_on.set()
    assert await task == ["first", "second"]
    later = Work()
    later.go_on.set()
    assert await drain(take(seats, later, "bo")) == ["first", "second"]


async def test_llm10_nobody_holds_more_than_their_share() -> None:
    seats, works = RequestQueue(reading=4, each=2), [Work(), Work()]
    tasks = [asyncio.create_task(drain(take(seats, work))) for work in works]
    await asyncio.gather(*map(begun, works))
    assert await drain(take(seats, Work())) == [ENOUGH]
    other = Work()
    other.go_on.set()
    assert await drain(take(seats, other, "bo")) == ["first", "second"]
    for work in works:
        work.go_on.set()
    await asyncio.gather(*tasks)
    assert seats._held == {}


async def test_u3_who_leaves_frees_the_seat_and_the_place_in_line() -> None:
    seats, first, second, third = RequestQueue(reading=1, waiting=5), Work(), Work(), Work()
    first.go_on.set()
    async with aclosing(take(seats, first)) as steps:
        assert await anext(steps) == "first"
        waiting = asyncio.create_task(drain(take(seats, second, "bo")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert first.closed
    third.go_on.set()
    assert await drain(take(seats, third, "cy")) == ["first", "second"]
    assert not second.begun.is_set()
    assert seats._held == {}


async def test_who_leaves_halts_what_is_at_work() -> None:
    work = Work()

    def steps() -> Generator[str, None, None]:
        token = CancelToken.current.get()
        assert token
        token.on_cancel(work.go_on.set)
        yield from work.steps()

    seats = RequestQueue()
    leaving = asyncio.create_task(drain(seats.taken("ana", steps(), lambda words: words)))
    await begun(work)
    assert not work.go_on.is_set()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert work.go_on.is_set()
    while seats._held:
        await asyncio.sleep(0.01)
    assert work.closed


async def test_who_stops_a_step_at_work_does_not_wait_for_it_but_the_next_does() -> None:
    seats, first, second = RequestQueue(reading=1, waiting=1), Work(), Work()
    second.go_on.set()
    stopped = asyncio.create_task(drain(take(seats, first)))
    await begun(first)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    waiting = asyncio.create_task(drain(take(seats, second, "bo")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.begun.is_set()
    first.go_on.set()
    assert (await waiting)[-2:] == ["first", "second"]
    assert first.closed
    assert seats._held == {}
