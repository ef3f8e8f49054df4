"""What `assistant ask` takes in a process of its own, and where the time goes.

    python -m research.benchmarks.cold HOME [--question "…"] [--times 10]

HOME is synced already. The command is run so many times, then each phase alone, in processes of
their own as well: wall seconds and seconds of the processor, medians. The phases are measured
where they first happen, so one that needs another's imports looks short.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

_ASK = "How large was trade between China and Belarus last year?"
_PHASES = """
import sys
from time import perf_counter, process_time
def phase(name, work):
    wall, cpu = perf_counter(), process_time()
    found = work()
    print(name, perf_counter() - wall, process_time() - cpu, sep="\\t")
    return found
def imported(name):
    phase(f"import {name}", lambda: __import__(name))
home, question = sys.argv[1:]
imported("numpy")
imported("assistant.assistant")
from assistant import Assistant
assistant = Assistant(home)
phase("digest of the embedder's weights", lambda: assistant.embedder.fingerprint)
phase("open the index, its files compared", assistant._ready)
imported("onnxruntime")
imported("tokenizers")
phase("embed a question, the first", lambda: assistant.embedder.embed_query(question))
phase("embed a question, another", lambda: assistant.embedder.embed_query(f"{question} Why?"))
phase("search, the first", lambda: assistant.find(question, 10))
spans = assistant.reader._spans
phase("load the reader, its file compared", lambda: (spans._pairs, spans._run))
phase("answer, the first", lambda: assistant.ask(question))
phase("answer, once more", lambda: assistant.ask(question))
"""


def run(command: Sequence[str]) -> tuple[str, float, float, float]:
    """What a command prints, its wall seconds, its processor's, and the most MB it had."""
    wall, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, perf_counter() - wall, cpu, spent.ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("--question", default=_ASK)
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    home, question, times = str(options.home.absolute()), options.question, options.times
    load = os.getloadavg()[0]
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
          f"{platform.python_version()}, {times} runs, load {load:.1f} before\n")  # fmt: skip
    print(f"{'':44}{'wall s':>9}{'cpu s':>9}{'MB':>8}")
    ask = [sys.executable, "-m", "assistant", "ask", question, "--home", home]
    for name, command in (("python", [sys.executable, "-c", ""]), ("assistant ask", ask)):
        _, walls, cpus, most = zip(*(run(command) for _ in range(times)), strict=True)
        print(f"{name:44}{median(walls):9.2f}{median(cpus):9.2f}{max(most):8.0f}")
    phases: dict[str, list[tuple[float, float]]] = {}
    for _ in range(times):
        for line in run([sys.executable, "-c", _PHASES, home, question])[0].splitlines():
            name, wall, cpu = line.split("\t")
            phases.setdefault(name, []).append((float(wall), float(cpu)))
    for name, found in phases.items():
        wall, cpu = (median(each) for each in zip(*found, strict=True))
        print(f"  {name:42}{wall:9.3f}{cpu:9.3f}")


if __name__ == "__main__":
    main()
