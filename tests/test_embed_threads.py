from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_info

from assistant.embed import one_thread


def threads() -> set[int]:
    """Of NumPy's own BLAS; other libraries may have brought theirs."""
    return {each["num_threads"] for each in threadpool_info() if "numpy" in each["filepath"]}


def multiply(number: int) -> set[int]:
    with one_thread():
        assert np.ones(number) @ np.ones(number) == number
        return threads()


def test_one_thread_multiplies_and_afterwards_as_many_as_before() -> None:
    before = threads()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(multiply, range(1, 50))) == [{1}] * 49
    assert threads() == before
