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


def stream(queue: RequestQueue, work: Work, who: str = "ana") -> AsyncGenerator[str, None]:
    return queue.run(who, work.steps(), lambda words: words)


async def drain(steps: AsyncIterator[str]) -> list[str]:
    return [step async for step in steps]


async def begun(work: Work) -> None:
    assert await asyncio.to_thread(work.begun.wait, 20)


async def test_a_free_place_is_acquired_at_once() -> None:
    work = Work()
    work.go_on.set()
    assert await drain(stream(RequestQueue(), work)) == ["first", "second"]
    assert work.closed


async def test_the_queue_keeps_its_order_and_says_the_position() -> None:
    queue, works = RequestQueue(running=1, waiting=2), [Work(), Work(), Work()]
    seen: list[tuple[int, str]] = []

    async def asking(number: int) -> None:
        async for step in stream(queue, works[number], f"person {number}"):
            seen.append((number, step))

    tasks = []
    for number in range(3):
        tasks.append(asyncio.create_task(asking(number)))
        await asyncio.sleep(0)
    await begun(works[0])
    assert (1, "In line: 0 before you.") in seen
    assert (2, "In line: 1 before you.") in seen
    assert not works[1].begun.is_set()
    for work in works:
        work.go_on.set()
    await asyncio.gather(*tasks)
    firsts = [number for number, step in seen if step == "first"]
    assert firsts == [0, 1, 2]


async def test_u2_who_finds_the_queue_full_gets_a_message_at_once() -> None:
    queue, first = RequestQueue(running=1, waiting=0), Work()
    task = asyncio.create_task(drain(stream(queue, first)))
    await begun(first)
    assert await drain(stream(queue, Work(), "bo")) == [BUSY]
    first.go_on.set()
    assert await task == ["first", "second"]
    later = Work()
    later.go_on.set()
    assert await drain(stream(queue, later, "bo")) == ["first", "second"]


async def test_llm10_nobody_acquires_more_than_their_share() -> None:
    queue, works = RequestQueue(running=4, per_person=2), [Work(), Work()]
    tasks = [asyncio.create_task(drain(stream(queue, work))) for work in works]
    await asyncio.gather(*map(begun, works))
    assert await drain(stream(queue, Work())) == [ENOUGH]
    other = Work()
    other.go_on.set()
    assert await drain(stream(queue, other, "bo")) == ["first", "second"]
    for work in works:
        work.go_on.set()
    await asyncio.gather(*tasks)
    assert queue._asked == {}


async def test_u3_who_leaves_frees_the_place_running_or_waiting() -> None:
    queue, first, second, third = RequestQueue(running=1, waiting=5), Work(), Work(), Work()
    first.go_on.set()
    async with aclosing(stream(queue, first)) as steps:
        assert await anext(steps) == "first"
        waiting = asyncio.create_task(drain(stream(queue, second, "bo")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert first.closed
    third.go_on.set()
    assert await drain(stream(queue, third, "cy")) == ["first", "second"]
    assert not second.begun.is_set()
    assert queue._asked == {}


async def test_who_leaves_halts_what_is_at_work() -> None:
    work = Work()

    def steps() -> Generator[str, None, None]:
        token = CancelToken.current.get()
        assert token
        token.add_done_callback(lambda _: work.go_on.set())
        yield from work.steps()

    queue = RequestQueue()
    leaving = asyncio.create_task(drain(queue.run("ana", steps(), lambda words: words)))
    await begun(work)
    assert not work.go_on.is_set()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert work.go_on.is_set()
    while queue._asked:
        await asyncio.sleep(0.01)
    assert work.closed


async def test_who_stops_a_step_at_work_does_not_wait_for_it_but_the_next_does() -> None:
    queue, first, second = RequestQueue(running=1, waiting=1), Work(), Work()
    second.go_on.set()
    stopped = asyncio.create_task(drain(stream(queue, first)))
    await begun(first)
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    waiting = asyncio.create_task(drain(stream(queue, second, "bo")))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.begun.is_set()
    first.go_on.set()
    assert (await waiting)[-2:] == ["first", "second"]
    assert first.closed
    assert queue._asked == {}


class SlowToClose:
    """Steps that take a while to be put away, or fail at it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.closing, self.go_on = threading.Event(), threading.Event()
        self.error = error
        self.threads: list[str] = []

    def steps(self) -> Generator[str, None, None]:
        try:
            yield "first"
            yield "second"
        finally:
            self.closing.set()
            self.threads.append(threading.current_thread().name)
            self.go_on.wait(3)
            if self.error:
                raise self.error


async def test_who_leaves_holds_up_nobody_while_the_answer_is_put_away() -> None:
    queue, slow, after = RequestQueue(running=1, waiting=1), SlowToClose(), Work()
    after.go_on.set()
    steps = queue.run("ana", slow.steps(), lambda words: words)
    assert await anext(steps) == "first"
    leaving = asyncio.create_task(steps.aclose())
    waiting = asyncio.create_task(drain(stream(queue, after, "bo")))
    assert await asyncio.to_thread(slow.closing.wait, 20)
    assert not leaving.done()  # the event loop goes on meanwhile
    assert slow.threads[0].startswith("answer")
    assert not after.begun.is_set()  # its place is free once it is put away
    slow.go_on.set()
    await leaving
    assert (await waiting)[-2:] == ["first", "second"]
    assert queue._asked == {}


async def test_who_is_cancelled_twice_still_frees_the_place_once_it_is_put_away() -> None:
    queue, slow = RequestQueue(running=1, waiting=0), SlowToClose()
    steps = queue.run("ana", slow.steps(), lambda words: words)
    assert await anext(steps) == "first"
    leaving = asyncio.create_task(steps.aclose())
    assert await asyncio.to_thread(slow.closing.wait, 20)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await drain(stream(queue, Work(), "bo")) == [BUSY]
    slow.go_on.set()
    while queue._asked:
        await asyncio.sleep(0.01)
    after = Work()
    after.go_on.set()
    assert await drain(stream(queue, after, "bo")) == ["first", "second"]


async def test_what_fails_while_it_is_put_away_is_logged_and_frees_the_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue, slow = RequestQueue(running=1, waiting=0), SlowToClose(OSError("the disk is full"))
    slow.go_on.set()
    async with aclosing(queue.run("ana", slow.steps(), lambda words: words)) as steps:
        assert await anext(steps) == "first"
    assert "the disk is full" in caplog.text
    assert queue._asked == {}
