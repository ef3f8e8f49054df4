import sys
from pathlib import Path

import pytest

from benchmarks.mixed import trial
from tests.conftest import WordEmbeddings


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links there")
def test_every_good_file_is_indexed_and_every_bad_one_reported(tmp_path: Path) -> None:
    """56 files; `python -m benchmarks.mixed` makes 500, with the real embedding model."""
    _, first, _ = trial(tmp_path / "home", WordEmbeddings(), 56)
    assert (len(first.added), len(first.skipped)) == (26, 30)
    assert ("region 5/file 12.text", "guessed encoding cp1251") in first.notes
