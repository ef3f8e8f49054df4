from pathlib import Path

from benchmarks.kills import KINDS, trials


def test_i1_i2_i3_a_killed_sync_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    """Two kills of each kind; `python -m benchmarks.kills` makes more."""
    done = list(trials(tmp_path, 2 * len(KINDS), seed=1))
    assert [trial.kind for trial in done] == [*KINDS, *KINDS]
    assert {trial.outcome for trial in done} <= {"old", "new"}
