"""Wrong passwords, counted: after a few, the next one has to wait, and longer each time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

MOST = 10_000
"""So many are remembered; the one not seen for longest is forgotten first."""
FORGETTING = 600.0
"""Seconds after which one wrong try is forgotten: an office behind one address mistypes too."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many tries are free, and how long the wait can grow."""

    free: int
    longest: float

    def wait(self, wrong: float) -> float:
        """Seconds after so many wrong tries: none, then 1, 2, 4 and on."""
        over = int(wrong) - self.free
        return 0.0 if over < 0 else min(2.0 ** min(over, 30), self.longest)


Who = tuple[str, ...]
"""Whose tries are counted: an address, a name, or a name in a known browser."""
PATIENCE = {
    "address": Patience(5, 900),
    "browser": Patience(5, 900),
    # Many addresses can hold a name, so not for long; a browser that knows it is counted apart.
    "name": Patience(20, 60),
}
"""By the first word of who tries."""


class Tries:
    """Counts in memory, of bounded size."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[Who, tuple[float, float]] = OrderedDict()

    def wait(self, each: Iterable[Who]) -> float:
        """Seconds until all of them may try again; 0 is now."""
        now = self._clock()
        return max((self._ready(who) - now for who in each if who in self._counts), default=0.0)

    def begin(self, each: Iterable[Who]) -> None:
        """Count a try as wrong before it is looked at: many at once must not slip through."""
        now = self._clock()
        for who in each:
            self._counts[who] = (self._wrong(who, now) + 1, now)
            self._counts.move_to_end(who)
        while len(self._counts) > MOST:
            self._counts.popitem(last=False)

    def right(self, each: Iterable[Who]) -> None:
        """Take back the count of a try that was right, and of no other."""
        for who in each:
            wrong, last = self._counts.pop(who, (0.0, 0.0))
            if wrong > 1:
                self._counts[who] = (wrong - 1, last)

    def _ready(self, who: Who) -> float:
        wrong, last = self._counts[who]
        return last + PATIENCE[who[0]].wait(wrong)

    def _wrong(self, who: Who, now: float) -> float:
        wrong, last = self._counts.get(who, (0.0, now))
        return max(0.0, wrong - (now - last) / FORGETTING)
