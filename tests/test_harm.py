from pathlib import Path

from research.benchmarks.harm import trials


def test_i4_i14_i15_whatever_happens_to_a_file_the_index_answers(tmp_path: Path) -> None:
    """A few harms at random; `python -m research.benchmarks.harm` makes more."""
    broken = [(name, kind) for name, kind, lives in trials(tmp_path, 8, seed=7) if not lives]
    assert not broken
