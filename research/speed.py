"""Speed and memory of two checkouts, in turn: a cold question, warm answers, a sync of one change.

    python -m research.speed CHECKOUT OTHER [--files 10000] [--rounds 5]

Each CHECKOUT is a folder with the package `assistant/` in it; `git worktree` makes one of an
earlier revision. The article in knowledge/ is asked by the real models; the many files are
embedded by a hash of their words, so that what is timed is the work beside the embedding. Printed
are medians over the rounds, and the ratio of the second to the first. Absolute times are this
machine's.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
QUESTION = "What was the value of bilateral trade last year?"
_WARM = r"""
import json, resource, statistics, sys, time
from assistant.assistant import Assistant
asking = Assistant(sys.argv[1])
questions = ["Who met?", "What did Li Qiang say?", "How large was trade last year?",
             "Where did they meet?", "What does the joint statement say about energy?"]
for question in questions * 2:
    asking.ask(question)
    time.sleep(0.1)
times = []
for question in questions * 6:
    started = time.perf_counter()
    asking.ask(question)
    times.append(time.perf_counter() - started)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"warm answer, ms": 1000 * statistics.median(times), "warm memory, MB": peak}))
"""
_SYNC = r"""
import hashlib, json, sys, time
from pathlib import Path
from assistant.assistant import Assistant

class Hashes:
    name, fingerprint, max_tokens = "hashes", "hashes-1", 256

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        found = hashlib.sha256(text.encode()).digest() * 2
        length = sum(each * each for each in found) ** 0.5
        return [each / length for each in found]

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

asking = Assistant(sys.argv[1], embedder=Hashes())
if sys.argv[2] == "build":
    started = time.perf_counter()
    asking.sync()
    print(json.dumps({"first sync, s": time.perf_counter() - started}))
else:
    path = next(Path(sys.argv[1], "knowledge").glob("*.txt"))
    path.write_text(f"The lease of {time.time()} ends in May.\n")
    started = time.perf_counter()
    report = asking.sync()
    assert len(report.changed) == 1, report
    print(json.dumps({"sync of one change, s": time.perf_counter() - started}))
"""


def main() -> None:
    """Print the medians of each checkout and their ratio."""
    parser = argparse.ArgumentParser(description="Speed and memory of two checkouts, in turn.")
    parser.add_argument("checkout", nargs=2, type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    checkouts = [path.resolve() for path in options.checkout]
    place = Path(tempfile.mkdtemp())
    measured: list[dict[str, list[float]]] = [defaultdict(list) for _ in checkouts]
    try:
        homes = [_homes(place / str(number), options.files) for number in range(2)]
        for checkout, (article, many), found in zip(checkouts, homes, measured, strict=True):
            _python(checkout, "-m", "assistant", "--home", str(article), "sync")
            _add(found, _run(checkout, _SYNC, many, "build"))
        for _ in range(options.rounds):
            for checkout, (article, many), found in zip(checkouts, homes, measured, strict=True):
                _add(found, _cold(checkout, article))
                _add(found, _run(checkout, _WARM, article))
                _add(found, _run(checkout, _SYNC, many, "change"))
    finally:
        shutil.rmtree(place)
    for name in measured[0]:
        one, other = (statistics.median(found[name]) for found in measured)
        print(f"{name:24} {one:10.2f} {other:10.2f}   ratio {other / one:.2f}")


def _homes(place: Path, files: int) -> tuple[Path, Path]:
    """A home with the article, and one with many small files."""
    for name in ("article", "many"):
        (place / name / "knowledge").mkdir(parents=True)
    shutil.copy(next((ROOT / "knowledge").glob("*.txt")), place / "article" / "knowledge")
    for number in range(files):
        text = f"House {number} was let in {1900 + number % 100} for {number} euros a month.\n"
        (place / "many" / "knowledge" / f"{number}.txt").write_text(text)
    return place / "article", place / "many"


def _cold(checkout: Path, home: Path) -> dict[str, float]:
    """The seconds and the memory of a command that answers one question."""
    code = (
        "import json, resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "subprocess.run([sys.executable, '-m', 'assistant', *sys.argv[1:]], "
        "stdout=subprocess.DEVNULL)\n"
        "peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024\n"
        "print(json.dumps({'cold question, s': time.perf_counter() - started, "
        "'cold memory, MB': peak}))"
    )
    return _run(checkout, code, "--home", str(home), "ask", QUESTION)


def _run(checkout: Path, code: str, *arguments: object) -> dict[str, float]:
    found: dict[str, float] = json.loads(_python(checkout, "-c", code, *map(str, arguments)))
    return found


def _python(checkout: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True,
                          cwd=checkout, env=environment)  # fmt: skip
    return (done.stdout.splitlines() or [""])[-1]


def _add(found: dict[str, list[float]], numbers: dict[str, float]) -> None:
    for name, number in numbers.items():
        found[name].append(number)


if __name__ == "__main__":
    main()
