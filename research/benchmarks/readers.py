"""How long many people wait who ask at the same moment.

    python -m research.benchmarks.readers [--readers 1 10 100]

The page is served as `assistant ui` serves it, in a process of its own, over the sample article;
the readers are one client that speaks to it over HTTP as so many browsers do: each with a cookie
and a session of its own. All ask at once, each one of the article's questions. "First" is the
time until a reader has the first statement, or the abstention where there is none; "whole" until
the answer is complete.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
ARTICLE = ROOT / "knowledge" / "china-belarus-joint-statement.txt"
_SAID = ('class=\\"statement', 'class=\\"abstention')
"""How an answer, or its first part, looks on its way."""
_PATIENCE = httpx.Timeout(300)
_MANY = httpx.Limits(max_connections=None)


@dataclass(frozen=True)
class Visit:
    """What one reader saw."""

    question: str
    seen: str
    """Every message of the server, as it came."""
    first: float | None
    """Seconds until something was said; None if nothing was."""
    whole: float


async def visit(address: str, question: str, cookies: httpx.Cookies | None = None) -> Visit:
    """Open the page, ask, and read to the end."""
    async with httpx.AsyncClient(
        base_url=address, cookies=cookies, timeout=_PATIENCE, limits=_MANY
    ) as browser:
        (await browser.get("/")).raise_for_status()
        event, inputs = _asking((await browser.get("/config")).json())
        return await ask(browser, [question] + [None] * (inputs - 1), event, uuid.uuid4().hex)


async def ask(browser: httpx.AsyncClient, data: list[Any], event: int, session: str) -> Visit:
    """Ask as the page's script does: join the queue, then read what comes."""
    message = {"data": data, "fn_index": event, "session_hash": session}
    began = time.monotonic()
    (await browser.post("/gradio_api/queue/join", json=message)).raise_for_status()
    first, seen = None, []
    query = {"session_hash": session}
    async with browser.stream("GET", "/gradio_api/queue/data", params=query) as told:
        told.raise_for_status()
        async for line in told.aiter_lines():
            seen.append(line)
            if first is None and any(mark in line for mark in _SAID):
                first = time.monotonic() - began
    return Visit(data[0], "\n".join(seen), first, time.monotonic() - began)


def _asking(config: dict[str, Any]) -> tuple[int, int]:
    """The number of the event that answers what is in the box, and how much it takes."""
    (box,) = (
        part["id"] for part in config["components"] if part["props"].get("elem_id") == "question"
    )
    return next(
        (int(event["id"]), len(event["inputs"]))
        for event in config["dependencies"]
        if [box, "submit"] in event["targets"]
    )


async def visits(address: str, questions: Sequence[str]) -> list[Visit]:
    """As many readers as questions, all at once."""
    return await asyncio.gather(*(visit(address, question) for question in questions))


@contextmanager
def served() -> Iterator[str]:
    """The page over the sample article, in a process of its own."""
    with TemporaryDirectory() as home:
        (Path(home) / "knowledge").mkdir()
        shutil.copy(ARTICLE, Path(home) / "knowledge")
        command = [sys.executable, "-m", "assistant", "ui", "--home", home]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
            assert server.stdout
            lines = (line for line in server.stdout if "http://" in line)
            try:
                yield next(lines).split()[2]
            finally:
                server.terminate()


def table(rows: list[list[Visit]], load: float) -> str:
    """The waits, under the day, the machine, and what else it was doing."""
    machine = (
        f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"Gradio {version('gradio')}"
    )
    lines = [f"{datetime.now(UTC):%Y-%m-%d}. {machine}; load {load:.1f} before it began.", ""]
    columns = ("first: median", "last reader", "whole: median", "last reader", "unanswered")
    lines += [f"{'readers':8}" + "".join(f"{column:>15}" for column in columns)]
    for row in rows:
        first = [seen.first for seen in row if seen.first is not None]
        whole = [seen.whole for seen in row]
        seconds = (median(first), max(first), median(whole), max(whole))
        lines += [
            f"{len(row):<8}"
            + "".join(f"{each:13.1f} s" for each in seconds)
            + f"{len(row) - len(first):15}"
        ]
    return "\n".join(lines)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 10, 100])
    options = parser.parse_args()
    lines = (ROOT / "benchmarks" / "article.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    load = os.getloadavg()[0]
    with served() as address:
        asyncio.run(visits(address, questions[:1]))  # the models are loaded by the first
        rows = [
            asyncio.run(visits(address, [questions[i % len(questions)] for i in range(count)]))
            for count in options.readers
        ]
    print(table(rows, load))


if __name__ == "__main__":
    main()
