"""Kill a sync with SIGKILL at many points, and see what the next start answers from.

    python -m research.benchmarks.kills [--trials 50]

Four kinds of points: at a random time; before a chosen call that changes a file (`traced.py`:
each kind of call in turn, early and late ones of it; twice as often as the others); inside Chroma's
flush (0 to 15 ms after its `data_level0.bin` changes: where a store written in place is lost); and
before a chosen step of ours (each fsync and rename of a sync, one after the other). Each trial
starts from a copy of the same old index, edits, adds and deletes files so that 1,100 new vectors
make Chroma flush, kills the sync, and then, in a new process, opens the index, verifies it and
searches it both ways, and syncs again. Good is: exactly the old or the new passages, sound and
found; and the sync then reaches the new state.

"in time" counts the kills that came before the sync had ended, "torn" those that left Chroma's
files half written in the unfinished build. Children may write no file over 200 MB, and all
happens in a small disk in memory where one can be mounted: a torn index can fill a disk.
"""

import argparse
import json
import multiprocessing
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.assistant import Assistant
from assistant.settings import Settings
from research.benchmarks.traced import await_tracer, can_trace, kill_before, record
from tests.conftest import WordEmbeddings

KINDS = ("random time", "chosen write", "inside the flush", "chosen write", "chosen step")
"""The kinds of one round."""
_MOST_BYTES = 200 * 2**20
_A_FILE = 10  # passages
_OLD = range(104)  # files: over 1,000 passages, so that Chroma has flushed before
_NEW = range(10, 154)
_EDITED = range(10, 70)
# Children are forked from a process that has imported everything and opened nothing.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["chromadb", "assistant.assistant", "tests.conftest"])


@dataclass(frozen=True)
class Trial:
    """One kill, and what came of it."""

    kind: str
    outcome: str
    """`old`, `new`, or `broken: why`."""
    in_time: bool
    torn: bool


def write_old(home: Path) -> None:
    """The folder as the old index knows it."""
    (home / "knowledge").mkdir(parents=True)
    for number in _OLD:
        _write(home, number, "old")


def write_new(home: Path) -> None:
    """Files edited, added and deleted."""
    for number in _NEW:
        if number in _EDITED or number not in _OLD:
            _write(home, number, "new")
    for number in set(_OLD) - set(_NEW):
        (home / "knowledge" / f"{number}.md").unlink()


def _write(home: Path, number: int, age: str) -> None:
    sections = [
        f"# Record {i}\n\nThe {age} record {i} concerns matter {i % 97} and place {i % 89}."
        for i in range(number * _A_FILE, (number + 1) * _A_FILE)
    ]
    (home / "knowledge" / f"{number}.md").write_text("\n\n".join(sections))


def assistant(home: Path) -> Assistant:
    """With a model that costs nothing: what is tried here is the store."""
    return Assistant(settings=Settings(home=home), embedder=WordEmbeddings(64))


def sync(home: Path, step: int = 0, *, traced: bool = False) -> None:
    """In a child: sync, to be killed before a step of it unless that is 0."""
    if traced:
        await_tracer()
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    steps = _count_steps(step)
    assistant(home).sync()
    (home / "steps").write_text(str(len(steps)))


def look(home: Path) -> None:
    """In a child: write down which passages answer, and whether both searches find one of them."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    store = assistant(home)._store
    generation = store.current()
    assert generation is not None
    passages = generation.passages()
    probe = passages[len(passages) // 2]
    near = generation.nearest(WordEmbeddings(64).embed_query(probe.embedded), 10)
    matched = generation.matching([probe.heading.removeprefix("Record ")], 10)
    seen = {
        "ids": sorted(passage.id for passage in passages),
        "found": probe in dict(near) and probe in dict(matched),
        "problems": store.verify(),
    }
    (home / "seen").write_text(json.dumps(seen))


def _count_steps(last: int) -> list[str]:
    """Note each fsync and rename from now on; before the `last`, kill this process."""
    steps: list[str] = []

    def note(event: str, _: tuple[object, ...]) -> None:
        if event in ("os.rename", "assistant.fsync"):
            steps.append(event)
            if len(steps) == last:
                os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync

    def announced(fd: Any) -> None:  # noqa: ANN401 (as os.fsync has it)
        sys.audit("assistant.fsync")
        fsync(fd)

    os.fsync = announced
    sys.addaudithook(note)
    return steps


def start(task: Callable[..., None], *values: object, **options: object) -> BaseProcess:
    """A child process at a task."""
    process = _processes.Process(target=task, args=values, kwargs=options)
    process.start()
    return process


def seen(home: Path) -> Any:  # noqa: ANN401 (JSON)
    """What a new process finds in the index; None if it fails or hangs."""
    (home / "seen").unlink(missing_ok=True)
    process = start(look, home)
    process.join(60)
    process.kill()
    process.join()
    return json.loads((home / "seen").read_text()) if process.exitcode == 0 else None


def kill(process: BaseProcess, kind: str, home: Path, seconds: float, rng: random.Random) -> bool:
    """Kill a sync at a point of its kind; whether it was not at its end yet."""
    if kind == "random time":
        process.join(rng.uniform(0, 1.1 * seconds))
    elif kind == "inside the flush":
        _await_flush(process, home, growing=rng.random() < 0.5)
        time.sleep(rng.uniform(0, 0.015))
    else:  # it kills itself
        process.join(60)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def _await_flush(process: BaseProcess, home: Path, growing: bool) -> None:
    """Until the vectors' file is written again (after deletions), or grows (after additions)."""
    first: os.stat_result | None = None
    while process.is_alive():
        for path in home.glob("index/build-*/chroma/*/length.bin"):  # the last to be copied but one
            with suppress(FileNotFoundError):
                now = path.with_name("data_level0.bin").stat()
                first = first or now
                written = now.st_mtime_ns != first.st_mtime_ns
                if now.st_size > first.st_size if growing else written:
                    return
        time.sleep(0.0003)


def _is_torn(home: Path) -> bool:
    """Whether the flush had begun and not ended: the pickle is written last."""
    for pickle in home.glob("index/build-*/chroma/*/index_metadata.pickle"):
        vectors = pickle.with_name("data_level0.bin")
        return vectors.stat().st_mtime_ns > pickle.stat().st_mtime_ns
    return False


@dataclass(frozen=True)
class Ground:
    """What the trials begin from and are compared with."""

    old: Path
    states: dict[str, Any]
    """What is seen in the old index, and after the sync."""
    seconds: float
    """How long the sync takes."""
    steps: int
    calls: Mapping[str, int]


def prepare(folder: Path) -> Ground:
    """Make the old index, and the new one twice: timed, and watched."""
    old, new, watched = folder / "old", folder / "new", folder / "watched"
    write_old(old)
    start(sync, old).join()
    for home in (new, watched):
        shutil.copytree(old, home)
        write_new(home)
    began = time.monotonic()
    start(sync, new).join()
    seconds = time.monotonic() - began
    calls = record(start(sync, watched, traced=True), folder / "calls") if can_trace() else {}
    states = {"old": seen(old), "new": seen(new)}
    for state in states.values():
        assert state and state["found"] and not state["problems"], "nothing to compare with"
    shutil.rmtree(watched)
    return Ground(old, states, seconds, int((new / "steps").read_text()), calls)


def trials(folder: Path, count: int, seed: int = 0) -> Iterator[Trial]:
    """So many kills, of each kind in turn."""
    rng = random.Random(seed)
    ground = prepare(folder)
    kinds = [kind for kind in KINDS if ground.calls or kind != "chosen write"]
    for number in range(count):
        kind, turn = kinds[number % len(kinds)], number // len(kinds)
        if kind == "chosen write":
            turn = 2 * turn + (number % len(kinds) == KINDS.index(kind))
        yield trial(ground, folder / "trial", kind, turn, rng)


def trial(ground: Ground, home: Path, kind: str, turn: int, rng: random.Random) -> Trial:
    """Kill one sync, look, and sync again."""
    shutil.copytree(ground.old, home)
    write_new(home)
    if kind == "chosen write":
        in_time = kill_at_write(home, ground.calls, turn, rng)
    else:
        step = 1 + turn % ground.steps if kind == "chosen step" else 0
        in_time = kill(start(sync, home, step), kind, home, ground.seconds, rng)
    torn = _is_torn(home)
    now = seen(home)
    outcome = next((name for name, state in ground.states.items() if state == now), "broken: state")
    start(sync, home).join()
    if seen(home) != ground.states["new"]:
        outcome = "broken: the next sync"
    shutil.rmtree(home)
    return Trial(kind, outcome, in_time, torn)


def kill_at_write(home: Path, calls: Mapping[str, int], turn: int, rng: random.Random) -> bool:
    """Kill a sync before one of its calls; whether it was not at its end yet."""
    call = list(calls)[turn % len(calls)]
    process = start(sync, home, traced=True)
    kill_before(process, call, rng.randint(1, calls[call]))
    return process.exitcode == -signal.SIGKILL


@contextmanager
def small_disk() -> Iterator[Path]:
    """A folder in a memory disk of its own where we may mount one."""
    with TemporaryDirectory() as place:
        options = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", place]
        mounted = os.geteuid() == 0 and not subprocess.run(options, check=False).returncode
        try:
            yield Path(place)
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", place], check=False)


def table(done: list[Trial]) -> str:
    """The outcomes by kind, under the day and the machine."""
    machine = (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"Chroma {version('chromadb')}"
    )
    lines = [f"{datetime.now(UTC):%Y-%m-%d}. {machine}.", ""]
    columns = ("kills", "in time", "torn", "old", "new", "broken")
    lines += [f"{'kind of point':18}" + "".join(f"{column:>9}" for column in columns)]
    for kind in (*dict.fromkeys(KINDS), "all"):
        of_kind = [trial for trial in done if kind in (trial.kind, "all")]
        old, new = (sum(trial.outcome == state for trial in of_kind) for state in ("old", "new"))
        in_time, torn = sum(t.in_time for t in of_kind), sum(t.torn for t in of_kind)
        counts = (len(of_kind), in_time, torn, old, new, len(of_kind) - old - new)
        lines += [f"{kind:18}" + "".join(f"{count:9}" for count in counts)]
    return "\n".join(lines)


def main() -> int:
    """Print a table; 1 if anything was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    options = parser.parse_args()
    with small_disk() as folder:
        done = []
        for trial in trials(folder, options.trials):
            done.append(trial)
            print(f"{len(done)}: {trial.kind}: {trial.outcome}", file=sys.stderr)
    print(table(done))
    return int(any(trial.outcome.startswith("broken") for trial in done))


if __name__ == "__main__":
    raise SystemExit(main())
