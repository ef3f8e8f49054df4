import sys
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.load import readers
from research.benchmarks.mixed import mixed, small
from tests.conftest import WordEmbeddings


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")
def test_a_mixed_folder_is_read_but_for_its_bad_files(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All formats twice, 30 that are none; `python -m research.benchmarks.mixed` makes more."""
    monkeypatch.setattr(readers, "SECONDS", 600.0)  # a busy machine has the same reasons
    monkeypatch.setattr(readers, "PROCESSOR_SECONDS", 100.0)
    outcome = mixed(assistant, 24)
    assert {skip.source: skip.reason for skip in outcome.first.skipped} == outcome.reasons
    assert (len(outcome.first.added), len(outcome.reasons)) == (24, 30)
    assert (outcome.again.embedded, len(outcome.again.unchanged)) == (0, 24)
    assert outcome.again.generation == outcome.first.generation
    assert "keeper of the lighthouse" in outcome.before
    assert outcome.good


def test_of_many_texts_only_the_changed_one_is_embedded(
    assistant: Assistant, words: WordEmbeddings, home: Path
) -> None:
    reports = small(assistant, 30)
    assert [report.embedded for report in reports.values()] == [30, 1, 0]
    assert len(words.embedded) == 31
