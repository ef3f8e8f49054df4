"""What one more question costs in a long conversation: `python -m research.benchmarks.long`.

A scripted assistant says three short statements at once, so all that is measured is drawing: the
seconds from Enter until the answer stands there complete, those for which the browser could do
nothing else (its long tasks), the processor seconds of the server, and the bytes it sent. Of
several questions to each conversation the median. Each is asked twice: with all turns drawn, and
as the page does it, with the last ones.
"""

import argparse
import os
import platform
import shutil
import time
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from assistant.history import MAX_TURNS, Conversation, History
from assistant.types import Answer, Turn
from assistant.web import chat
from tests.conftest import CHROMIUMS, SWITCHES
from tests.scripted import ScriptedAssistant, ask, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TURNS = (0, 10, 50, 190)
QUESTIONS = 5
_WATCH = """window.blocked = 0; new PerformanceObserver((list) => {
  for (const task of list.getEntries()) window.blocked += task.duration;
}).observe({ type: "longtask" });"""


def begun(history: History, turns: int) -> str:
    """The address of a conversation of so many turns."""
    *_, answer = ScriptedAssistant().stream("Who met?")
    assert isinstance(answer, Answer)
    said = Conversation.begin()
    for number in range(turns):
        said = said.with_turn(Turn(f"Question {number}", answer))
    return f"#c-{history.save(said).id}" if turns else ""


def costs(browser: "Browser", address: str, turns: int) -> list[tuple[float, ...]]:
    """Of each question: seconds, seconds blocked, processor seconds, kilobytes."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    tab = context.new_page()
    received: list[int] = []
    network = context.new_cdp_session(tab)
    network.send("Network.enable")
    network.on("Network.dataReceived", lambda got: received.append(got["encodedDataLength"]))
    tab.add_init_script(_WATCH)
    tab.goto(address)
    tab.locator("#chat .asked" if turns else "#chat .example").nth(
        max(min(turns, chat.MAX_DRAWN) - 1, 0)
    ).wait_for()
    found: list[tuple[float, ...]] = []
    for number in range(QUESTIONS):
        tab.wait_for_timeout(1000)
        received.clear()
        tab.evaluate("window.blocked = 0")
        began, worked = time.perf_counter(), time.process_time()
        ask(tab, f"And {number}?")
        took, worked = time.perf_counter() - began, time.process_time() - worked
        tab.wait_for_timeout(1000)
        blocked = tab.evaluate("window.blocked") / 1000
        found.append((took, blocked, worked, sum(received) / 1000))
    context.close()
    return found


def main() -> None:
    """Print a table."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, nargs="+", default=TURNS)
    turns = parser.parse_args().turns
    load = os.getloadavg()[0]
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    assistant = ScriptedAssistant()
    print(f"{datetime.now(UTC):%Y-%m-%d}. {os.cpu_count()} cores, {platform.system()}, Gradio "
          f"{version('gradio')}; load {load:.1f} before it began.\n")  # fmt: skip
    print("turns before   drawn   seconds   blocked   server s       kB")
    with TemporaryDirectory() as folder:
        assistant.settings.history = Path(folder)
        with serving(assistant) as served, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
            for count, most in product(turns, (MAX_TURNS, chat.MAX_DRAWN)):
                chat.MAX_DRAWN = most
                where = str(served.local_url) + begun(History(Path(folder)), count)
                rows = zip(*costs(browser, where, count), strict=True)
                took, blocked, worked, size = map(median, rows)
                drawn = min(count + 1, most)
                print(f"{count:12} {drawn:7} {took:9.2f} {blocked:9.2f} {worked:10.2f} {size:8.0f}")
            browser.close()


if __name__ == "__main__":
    main()
