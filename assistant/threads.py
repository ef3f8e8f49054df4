"""NumPy with one thread, while something small is multiplied.

Its threads wait for one another by counting. For a question's vector, 15 ms of work, two of them
took 149 ms of a busy processor.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any

_lock = RLock()  # one at a time: the number is the whole process's, and only who set it resets it


@contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, NumPy multiplies with one thread; then with as many as before."""
    with _lock, _blas().limit(limits=1):
        yield


@cache
def _blas() -> Any:  # noqa: ANN401 (of a library without types)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")
