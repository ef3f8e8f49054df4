"""Harm a file of the index at random, and see what the next start makes of it.

    python -m research.benchmarks.harm [--trials 100]

`tests/test_damage.py` has the kinds of damage one can think of; this finds those one did not. Each
trial copies a sound index, harms one of its files in one way, and starts a process that asks and
then syncs. It survives if the process lives, finds the right passage and all passages as they were,
embeds nothing, and leaves an index that verifies as sound. Half of the trials have an index whose
graph Chroma has written, half a small one whose vectors are still in Chroma's database.
"""

import argparse
import json
import random
import resource
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from assistant.errors import IndexDamaged
from research.benchmarks.kills import assistant, small_disk, start

_MOST_BYTES = 200 * 2**20
_PASSAGES = (1_200, 200)
_PAGE = 4096


def _one_bit(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _many_bytes(data: bytearray, rng: random.Random) -> None:
    for _ in range(64):
        data[rng.randrange(len(data))] ^= 0xFF


def _zeros(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start : start + _PAGE] = bytes(len(data[start : start + _PAGE]))


def _cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _longer(data: bytearray, rng: random.Random) -> None:
    data += rng.randbytes(100)


def _rubbish(data: bytearray, rng: random.Random) -> None:
    data[:] = rng.randbytes(len(data))


HARMS: dict[str, Callable[[bytearray, random.Random], None] | None] = {
    "one bit": _one_bit,
    "64 bytes": _many_bytes,
    "a page of zeros": _zeros,
    "cut": _cut,
    "longer": _longer,
    "rubbish": _rubbish,
    "gone": None,
}


def write(home: Path, passages: int) -> None:
    """A folder of so many passages."""
    (home / "knowledge").mkdir(parents=True)
    for first in range(0, passages, 10):
        records = (f"# Record {i}\n\nRecord {i} is of {i % 97}." for i in range(first, first + 10))
        (home / "knowledge" / f"{first}.md").write_text("\n\n".join(records))


def meet(home: Path) -> None:
    """In a child: ask, sync, verify, and write down what came of it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    asking = assistant(home)
    with suppress(IndexDamaged):
        if (generation := asking._store.current()) is not None:
            _ = generation.collection  # as a process that has asked before
    found = asking.find("record 133", 1)[0].passage.text
    report = asking.sync()
    generation = assistant(home)._store.current()
    assert generation is not None
    told = {
        "found": found,
        "embedded": report.embedded,
        "passages": [(passage.id, passage.text) for passage in generation.passages()],
        "problems": assistant(home)._store.verify(),
    }
    (home / "told").write_text(json.dumps(told))


def told(home: Path) -> object:
    """What a new process says of a home; how it ended, where it says nothing."""
    process = start(meet, home)
    process.join(120)
    process.kill()
    process.join()
    path = home / "told"
    return json.loads(path.read_text()) if path.exists() else f"exit {process.exitcode}"


def harm(index: Path, rng: random.Random) -> tuple[str, str]:
    """Harm one file in one way: which, and how."""
    files = [path for path in sorted(index.rglob("*")) if path.is_file() and path.stat().st_size]
    path, kind = rng.choice(files), rng.choice(list(HARMS))
    do = HARMS[kind]
    if do is None:
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        do(data, rng)
        path.write_bytes(data)
    return path.name, kind


def trials(folder: Path, count: int, seed: int = 0) -> Iterator[tuple[str, str, bool]]:
    """So many harms, on each index in turn: the file, how it was harmed, whether all was well."""
    rng, trial = random.Random(seed), folder / "trial"
    homes = [folder / f"sound-{passages}" for passages in _PASSAGES]
    for home, passages in zip(homes, _PASSAGES, strict=True):
        write(home, passages)
        told(home)  # makes the index
    sound = {home: told(home) for home in homes}
    assert all(isinstance(each, dict) for each in sound.values()), "nothing to compare with"
    for number in range(count):
        home = homes[number % len(homes)]
        shutil.copytree(home, trial, ignore=shutil.ignore_patterns("told"))
        name, kind = harm(trial / "index", rng)
        yield name, kind, told(trial) == sound[home]
        shutil.rmtree(trial)


def main() -> int:
    """Print how many survived, by file; 1 if any did not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tried, survived = Counter[str](), Counter[str]()
    with small_disk() as folder:
        for name, kind, lives in trials(folder, options.trials, options.seed):
            tried[name] += 1
            survived[name] += lives
            print(f"{tried.total()}: {name}: {kind}: {'' if lives else 'BROKEN'}", file=sys.stderr)
    for name in sorted(tried):
        print(f"{name:24}{survived[name]:6} of {tried[name]}")
    print(f"{'all':24}{survived.total():6} of {tried.total()}")
    return int(survived != tried)


if __name__ == "__main__":
    raise SystemExit(main())
