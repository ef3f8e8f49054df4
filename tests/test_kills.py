from pathlib import Path

from benchmarks.kills import KINDS, trials


def test_i1_i2_i3_a_killed_sync_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    """One kill of each kind; `python -m benchmarks.kills` makes more."""
    outcomes = list(trials(tmp_path, len(KINDS), seed=1))
    assert [kind for kind, _ in outcomes] == list(KINDS)
    assert {outcome for _, outcome in outcomes} <= {"old", "new"}
