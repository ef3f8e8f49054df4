from pathlib import Path

from research.benchmarks.kills import KINDS, trials
from research.benchmarks.traced import can_trace


def test_i1_i2_i3_a_killed_sync_leaves_the_old_or_the_new_state(tmp_path: Path) -> None:
    """One round of kills of each kind; `python -m research.benchmarks.kills` makes more."""
    kinds = [kind for kind in KINDS if can_trace() or kind != "chosen write"]
    done = list(trials(tmp_path, len(kinds), seed=1))
    assert [trial.kind for trial in done] == kinds
    assert {trial.outcome for trial in done} <= {"old", "new"}
