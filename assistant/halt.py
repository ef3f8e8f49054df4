"""Ending a call of a model from another thread, once nobody waits for the answer."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar

HALT: ContextVar["Future[None] | None"] = ContextVar("halt", default=None)
"""Done once whoever asked has stopped waiting; None where nobody can say so."""


def when_halted(end: Callable[[], object]) -> None:
    """Call `end` once nobody waits any more; at once, where that is so already."""
    halt = HALT.get()
    if halt is not None:
        halt.add_done_callback(lambda _: end())
