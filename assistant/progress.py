"""How far a long step is."""

from types import TracebackType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tqdm import tqdm


_LOOK = "{desc}: {percentage:3.0f}% {bar} {elapsed}, {remaining} left"


class Progress(Protocol):
    """Told what is being done, and how much of it."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` are behind us, in units of the step; at its end both are the same."""


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


class Bar:
    """A bar on stderr for each step, with the time that is left; none where that is no terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Move the bar of this step; a new step gets a new bar."""
        from tqdm import tqdm

        if what != self._what or self._bar is None:
            self.close()
            self._bar = tqdm(
                total=total, desc=what, leave=False, delay=0.3, bar_format=_LOOK,
                dynamic_ncols=True, disable=None,
            )  # fmt: skip
            self._what = what
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
