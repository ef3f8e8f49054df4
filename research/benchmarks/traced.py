"""Kill a process before a chosen system call that changes a file, by strace (Linux)."""

import ctypes
import re
import shutil
import subprocess
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

CALLS = (
    "write",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "rmdir",
    "mkdir",
    "copy_file_range",
    "sendfile",
)
_SET_TRACER = 0x59616D61  # of <linux/prctl.h>: some systems let only parents trace
_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)")


def can_trace() -> bool:
    """Whether there is strace, and it may trace."""
    if shutil.which("strace") is None:
        return False
    return not subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False).returncode


def await_tracer() -> None:
    """In the traced process: go on when it is watched, which it allows to any of our processes."""
    ctypes.CDLL(None).prctl(_SET_TRACER, ctypes.c_ulong(-1), 0, 0, 0)
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
        time.sleep(0.001)


def record(process: BaseProcess, log: Path) -> dict[str, int]:
    """How often a process makes each call, in the thread that makes it most often."""
    tracer = _attach(process, log, f"trace={','.join(CALLS)}")
    process.join(120)
    process.kill()
    tracer.wait()
    begun = (line for line in log.read_text().splitlines() if "resumed>" not in line)
    counts = Counter(match.groups() for line in begun if (match := _LINE.match(line)))
    return {call: _most(counts, call) for call in CALLS if _most(counts, call)}


def kill_before(process: BaseProcess, call: str, number: int) -> None:
    """Let a process run until a thread of it is about to make this call for the `number`th time."""
    tracer = _attach(
        process, Path("/dev/null"), f"trace={call}", f"inject={call}:signal=KILL:when={number}"
    )
    process.join(120)
    process.kill()
    tracer.wait()


def _most(counts: "Counter[tuple[str, ...]]", call: str) -> int:
    return max((count for (_, name), count in counts.items() if name == call), default=0)


def _attach(process: BaseProcess, log: Path, *expressions: str) -> "subprocess.Popen[bytes]":
    options = [option for each in expressions for option in ("-e", each)]
    return subprocess.Popen(
        ["strace", "-f", "-qq", "-o", str(log), *options, "-p", str(process.pid)],
        stderr=subprocess.DEVNULL,
    )
