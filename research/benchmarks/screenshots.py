"""Pictures of the page in every state: `python -m research.benchmarks.screenshots FOLDER`.

The real assistant reads the sample article and a few small files written for the purpose.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from assistant import Assistant
from assistant.types import Answer, Statement
from assistant.web import app as page
from tests.conftest import ARTICLE, CHROMIUMS, SWITCHES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = ((1440, 900), (360, 780), (768, 1024))
FILES = {
    "refunds-2024.md": "# Refunds\n\nThe refund limit is 100 euros.\n",
    "refunds-2025.md": "# Refunds\n\nThe refund limit is 200 euros.\n",
    "图书馆.md": "# 图书馆规则\n\n图书馆每天早上九点开门，晚上八点关门。\n\n读者可以借五本书。\n",
    "مكتبة.md": "# قواعد المكتبة\n\nتفتح المكتبة في الساعة التاسعة صباحا.\n\nاستعارة خمسة كتب.\n",
    "letter.doc": "of an old format",
    "prices.csv": "item,price\n" + "".join(f"item {n},{n * 3}\n" for n in range(1, 400)),
}
TRADE = "How large was trade between China and Belarus last year?"


class Slow(Assistant):
    """Answers `slowly …` without ever coming to its end, and `broken` not at all."""

    def stream(self, question: str, **more: object) -> Iterator[Statement | Answer]:
        """As the assistant does; the first statement, then nothing for a minute."""
        if question == "broken":
            raise RuntimeError("for the picture")
        parts = super().stream(question.removeprefix("slowly "))
        if not question.startswith("slowly "):
            yield from parts
            return
        yield next(parts)
        import time

        time.sleep(60)


def ask(tab: "Page", question: str, *, whole: bool = True) -> None:
    """Ask, and wait for the answer or for its first statement."""
    turns = tab.locator("#chat .asked").count()
    tab.get_by_role("textbox").fill(question)
    tab.keyboard.press("Enter")
    tab.locator("#chat .asked").nth(turns).wait_for()
    if whole:
        tab.locator("#chat .reading").wait_for(state="detached", timeout=60_000)
    else:
        tab.locator("#chat .statement").first.wait_for(timeout=60_000)


def look(tab: "Page") -> None:
    """Ask about trade and put the focus on a chip."""
    ask(tab, TRADE)
    tab.keyboard.press("Shift+Tab")
    tab.locator("#chat a.cite").first.focus()


def read(tab: "Page", question: str = TRADE) -> None:
    """Open the document at the first citation of the answer."""
    ask(tab, question)
    tab.locator("#chat a.cite").first.click()
    tab.locator("#viewer mark").wait_for()


def talks(tab: "Page") -> None:
    """The list of conversations open, one answer thought well of."""
    ask(tab, "What is the refund limit?")
    tab.get_by_role("button", name="New conversation").click()
    tab.locator("#chat .example").first.wait_for()
    ask(tab, "In which areas did China and Belarus agree to cooperate?")
    tab.get_by_role("button", name="Helpful: answer 1", exact=True).click()
    tab.locator("#show-conversations").click()


def sources(tab: "Page") -> None:
    """The tab of sources, one of them skipped, and one removed."""
    tab.get_by_role("tab", name="Sources").click()
    tab.locator("#files .source-list").wait_for()
    tab.locator("#library").scroll_into_view_if_needed()


def removing(tab: "Page") -> None:
    """The question before a source is removed."""
    sources(tab)
    tab.locator("#files button.remove").first.click()


STATES: dict[str, Callable[["Page"], None]] = {
    "empty": lambda tab: None,
    "streaming": lambda tab: ask(tab, f"slowly {TRADE}", whole=False),
    "answer": lambda tab: ask(tab, "In which areas did China and Belarus agree to cooperate?"),
    "preview": look,
    "viewer": read,
    "rows": lambda tab: read(tab, "What is the price of item 217?"),
    "abstention": lambda tab: ask(tab, "What tariff rate was agreed?"),
    "conflict": lambda tab: ask(tab, "What is the refund limit?"),
    "error": lambda tab: ask(tab, "broken"),
    "chinese": lambda tab: read(tab, "图书馆早上几点开门？"),
    "arabic": lambda tab: read(tab, "متى تفتح المكتبة؟"),
    "conversations": talks,
    "sources": sources,
    "removing": removing,
}


@contextmanager
def served() -> Iterator[str]:
    """The page over a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        knowledge = Path(home, "knowledge")
        knowledge.mkdir()
        shutil.copy(ARTICLE, knowledge)
        for name, text in FILES.items():
            (knowledge / name).write_text(text, encoding="utf-8")
        assistant = Slow(home)
        (knowledge / "draft.md").write_text("# Draft\n\nNot yet.\n", encoding="utf-8")
        assistant.library.remove("draft.md")
        assistant.sync()
        running = page.start(assistant, "127.0.0.1", None, browse=False)
        yield str(running.local_url)
        running.close(verbose=False)


def take(browser: "Browser", address: str, folder: Path, names: list[str]) -> None:
    """Each state at each size, light and dark."""
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            for name in names:
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=cast("object", scheme),  # type: ignore[arg-type]
                    reduced_motion="reduce",
                )
                tab = context.new_page()
                tab.goto(address)
                tab.locator("#chat .example").first.wait_for()
                try:
                    STATES[name](tab)
                except Exception as error:  # a picture of what went wrong says more
                    print(f"{name} {width} {scheme}: {error}", file=sys.stderr)
                tab.wait_for_timeout(300)
                tab.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
                context.close()


def main(folder: Path, names: list[str]) -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    with served() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=SWITCHES)
        take(chromium, address, folder, names or list(STATES))
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
