"""Kill a sync with SIGKILL at many points, and see what the next start answers from.

    python -m benchmarks.kills [--trials 51]

Three kinds of points in turn: at a random time; inside Chroma's flush (as soon as its
`data_level0.bin` changes, plus 0 to 30 ms: where a store written in place is lost); and at a
chosen step of ours (before the n-th fsync or rename). Each trial starts from the same old index
of 600 passages, edits, adds and deletes files so that over 1,000 new vectors make Chroma flush,
kills the sync, and then, in a new process, opens the index, searches it both ways, and syncs
again. Good is: exactly the old or the new passages, found; and the sync then reaches the new
state. Children may write no file over 200 MB, for a torn index can fill a disk.
"""

import argparse
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.assistant import Assistant
from assistant.settings import Settings
from assistant.terms import terms
from tests.conftest import WordEmbeddings

KINDS = ("random time", "inside the flush", "chosen step")
_MOST_BYTES = 200 * 2**20
_OLD, _NEW = 600, 1_300
_STEPS = 28  # fsyncs and renames of one sync, a few more or less


def write_old(home: Path) -> None:
    """A folder of one passage a file."""
    (home / "knowledge").mkdir(parents=True)
    for i in range(_OLD):
        _write(home, i, "old")


def write_new(home: Path) -> None:
    """Files added, edited and deleted."""
    for i in range(100, _OLD + _NEW - 100):
        _write(home, i, "new" if i >= 200 else "old")
    for i in range(100):
        (home / "knowledge" / f"{i}.txt").unlink(missing_ok=True)


def _write(home: Path, i: int, age: str) -> None:
    text = f"The {age} record number{i} concerns matter{i % 97} and place{i % 89}."
    (home / "knowledge" / f"{i}.txt").write_text(text)


def assistant(home: Path) -> Assistant:
    """With a model that costs nothing: what is tried here is the store."""
    return Assistant(settings=Settings(home=home), embedder=WordEmbeddings(64))


def held(home: Path) -> dict[str, object]:
    """What an index answers from: its passages, and whether both searches find one of them."""
    generation = assistant(home)._store.current()
    assert generation is not None
    passages = generation.passages()
    probe = passages[len(passages) // 2]
    near = generation.nearest(WordEmbeddings(64).embed_query(probe.embedded), 10)
    name = f"number{probe.source.removesuffix('.txt')}"
    matched = generation.matching(terms(name), 10)
    return {
        "ids": sorted(passage.id for passage in passages),
        "found": probe in dict(near) and probe in dict(matched),
    }


def child(task: str, home: Path, step: int) -> None:
    """What a child process does: sync, perhaps to be killed at a step, and tell what is held."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    if step:
        _die_at(step)
    if "sync" in task:
        assistant(home).sync()
    if "look" in task:
        print(json.dumps(held(home)))


def _die_at(step: int) -> None:
    """Kill this process before its `step`-th fsync or rename."""
    steps = 0

    def counted(event: str, _: tuple[object, ...]) -> None:
        nonlocal steps
        if event in ("os.rename", "assistant.fsync"):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync

    def announced(fd: Any) -> None:  # noqa: ANN401 (as os.fsync has it)
        sys.audit("assistant.fsync")
        fsync(fd)

    os.fsync = announced
    sys.addaudithook(counted)


def start(task: str, home: Path, step: int = 0) -> "subprocess.Popen[bytes]":
    """A child process at a task."""
    command = [sys.executable, "-m", "benchmarks.kills", "--child", task]
    return subprocess.Popen(
        [*command, "--home", str(home), "--step", str(step)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def ask_child(home: Path, task: str = "look") -> dict[str, object] | None:
    """What a new process holds; None if it fails or hangs."""
    process = start(task, home)
    try:
        out, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return json.loads(out) if process.returncode == 0 else None


def kill_at(kind: str, home: Path, seconds: float, rng: random.Random) -> bool:
    """Start a sync and kill it; whether it was killed before it ended."""
    if kind == "chosen step":
        process = start("sync", home, rng.randint(1, _STEPS))
    else:
        process = start("sync", home)
        if kind == "random time":
            _wait(process, rng.uniform(0, seconds))
        else:
            _await_flush(process, home)
            _wait(process, rng.uniform(0, 0.03))
        process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _await_flush(process: "subprocess.Popen[bytes]", home: Path) -> None:
    seen: dict[Path, int] = {}
    while process.poll() is None:
        for path in home.glob("index/build-*/chroma/*/data_level0.bin"):
            with suppress(FileNotFoundError):
                stamp = path.stat().st_mtime_ns
                # The first sight is the copy, or the empty file Chroma begins with.
                if seen.setdefault(path, stamp) != stamp:
                    return
        time.sleep(0.0005)


def trials(folder: Path, count: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Kind and outcome ("old", "new" or "broken: why") of each trial."""
    rng = random.Random(seed)
    old, new = folder / "old", folder / "new"
    write_old(old)
    assistant(old).sync()
    shutil.copytree(old, new)
    write_new(new)
    began = time.monotonic()
    start("sync", new).communicate()
    seconds = time.monotonic() - began
    states = {"old": ask_child(old), "new": ask_child(new)}
    assert all(state and state["found"] for state in states.values())
    assert states["old"] != states["new"]
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        home = folder / "trial"
        shutil.copytree(old, home)
        write_new(home)
        kill_at(kind, home, seconds, rng)
        now = ask_child(home)
        outcome = next((name for name, state in states.items() if state == now), "broken: state")
        if ask_child(home, "sync and look") != states["new"]:
            outcome = "broken: the next sync"
        shutil.rmtree(home)
        yield kind, outcome


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder in a memory disk of its own where we may mount one."""
    with TemporaryDirectory() as place:
        options = ["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", place]
        mounted = os.geteuid() == 0 and not subprocess.run(options, check=False).returncode
        try:
            yield Path(place)
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", place], check=False)


def main() -> int:
    """Print a table; 1 if anything was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=51)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.home, options.step)
        return 0
    outcomes: Counter[tuple[str, str]] = Counter()
    with small_disk() as folder:
        for outcome in trials(folder, options.trials):
            outcomes[outcome] += 1
            print(*outcome, sep=": ", file=sys.stderr)
    for kind in KINDS:
        counts = {what: n for (each, what), n in sorted(outcomes.items()) if each == kind}
        print(f"{kind:18} {sum(counts.values()):3} kills: {counts}")
    broken = sum(n for (_, what), n in outcomes.items() if what.startswith("broken"))
    print(f"{options.trials - broken} of {options.trials} reopened to exactly the old or new state")
    return int(bool(broken))


if __name__ == "__main__":
    raise SystemExit(main())
