"""The words at a citation, the document around them, and the page for everyone."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import pytest

from tests.scripted import QUOTES, TEXT, ScriptedAssistant, ask, close_viewer, open_page, peek

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(autouse=True)
def _as_it_was(scripted: ScriptedAssistant) -> Iterator[None]:
    yield
    for name, value in vars(ScriptedAssistant(settings=scripted.settings)).items():
        setattr(scripted, name, value)


def opened(tab: "Page", chip: int = 0) -> None:
    tab.locator("#chat a.cite").nth(chip).click()
    tab.locator("#viewer[open] .line").first.wait_for()


def text_of(tab: "Page", place: str) -> str:
    return str(tab.locator(place).evaluate("place => place.textContent"))


@pytest.mark.browser
def test_hover_shows_the_quote_and_its_place_without_asking_the_server(visitor: "Page") -> None:
    ask(visitor, "Who met?")
    sent: list[str] = []
    visitor.on("request", lambda request: sent.append(request.url))
    peek(visitor, 1)
    assert text_of(visitor, "#preview .words") == QUOTES[1]
    assert text_of(visitor, "#preview .where") == "visit.md, “Visit”, line 3"
    visitor.mouse.move(5, 5)
    visitor.locator("#preview").wait_for(state="hidden")
    assert sent == []


@pytest.mark.browser
def test_focus_shows_the_quote_and_escape_closes_it(visitor: "Page") -> None:
    ask(visitor, "Who met?")
    chip = visitor.locator("#chat a.cite").nth(2)
    visitor.keyboard.press("Shift+Tab")
    chip.focus()
    visitor.locator("#preview").wait_for()
    assert chip.get_attribute("aria-describedby") == "preview"
    assert text_of(visitor, "#preview .words") == QUOTES[2]
    visitor.keyboard.press("Escape")
    visitor.locator("#preview").wait_for(state="hidden")
    assert chip.get_attribute("aria-describedby") is None
    assert chip.evaluate("chip => chip === document.activeElement")


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 600], ids=["beside the chat", "over it"])
def test_the_keyboard_alone_opens_the_document_and_comes_back(visitor: "Page", width: int) -> None:
    visitor.set_viewport_size({"width": width, "height": 800})
    ask(visitor, "Who met?")
    chip = visitor.locator("#chat a.cite").nth(1)
    for _ in range(20):
        visitor.keyboard.press("Shift+Tab")
        if chip.evaluate("chip => chip === document.activeElement"):
            break
    visitor.keyboard.press("Enter")
    visitor.locator("#viewer mark:focus").wait_for()
    assert text_of(visitor, "#viewer mark") == QUOTES[1].replace("\n", " ")
    assert text_of(visitor, "#viewer-place") == "“Visit”, line 4"
    whole = " ".join(text_of(visitor, "#viewer .text").split())
    assert "Trade reached $8.4 billion. It may grow." in whole
    close_viewer(visitor)
    assert chip.evaluate("chip => chip === document.activeElement")
    assert not visitor.locator("#preview").is_visible()
    assert not visitor.locator("#panel").evaluate("panel => panel.inert")


@pytest.mark.browser
def test_a_button_leads_back_to_the_answer(visitor: "Page") -> None:
    ask(visitor, "Who met?")
    opened(visitor)
    visitor.get_by_role("button", name="Back to the answer").last.click()
    visitor.locator("#viewer[open]").wait_for(state="detached")
    assert visitor.locator("#chat a.cite").first.evaluate("a => a === document.activeElement")


@pytest.mark.browser
def test_a_changed_file_is_reported_and_the_words_are_found_again(
    visitor: "Page", scripted: ScriptedAssistant
) -> None:
    ask(visitor, "Who met?")
    scripted.sha256, scripted.preface = "11" * 32, "A new beginning.\n\n" * 9
    opened(visitor, 2)
    assert "has changed since it was cited" in text_of(visitor, "#viewer .told")
    assert text_of(visitor, "#viewer mark") == QUOTES[2]
    close_viewer(visitor)
    scripted.text = "Other words altogether."
    opened(visitor, 2)
    assert "no longer in it" in text_of(visitor, "#viewer .told")
    assert visitor.locator("#viewer mark").count() == 0


@pytest.mark.browser
def test_of_a_file_that_is_gone_the_cited_words_are_shown(
    visitor: "Page", scripted: ScriptedAssistant
) -> None:
    ask(visitor, "Who met?")
    scripted.text = "gone"
    opened(visitor)
    assert "visit.md is not there." in text_of(visitor, "#viewer .told")
    assert text_of(visitor, "#viewer mark") == QUOTES[0]


@pytest.mark.browser
def test_a_long_document_comes_in_stretches(visitor: "Page", scripted: ScriptedAssistant) -> None:
    before = "".join(f"Before {n}, a line of the document.\n\n" for n in range(30_000))
    after = "".join(f"\n\nAfter {n}, a line of the document." for n in range(30_000))
    scripted.preface, scripted.text, scripted.sha256 = before, TEXT + after, "11" * 32
    ask(visitor, "Who met?")
    opened(visitor)
    assert len(text_of(visitor, "#viewer .text")) < 100_000
    mark = visitor.locator("#viewer mark")
    top = "mark => mark.getBoundingClientRect().top"
    was = mark.evaluate(top)
    for side, words in (("first", "Before"), ("last", "After")):
        count = visitor.locator("#viewer .line").count()
        button = visitor.locator(f"#viewer .more >> nth={0 if side == 'first' else -1}")
        with visitor.expect_response("**/document"):
            button.evaluate("button => button.click()")
        visitor.wait_for_function(
            f"() => document.querySelectorAll('#viewer .line').length > {count}"
        )
        assert abs(mark.evaluate(top) - was) < 2
        lines = visitor.locator("#viewer .line p").all_text_contents()
        numbers = [int(each.split()[1].strip(",")) for each in lines if each.startswith(words)]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.browser
def test_sources_that_disagree_are_a_card_with_both_sides(visitor: "Page") -> None:
    ask(visitor, "conflict")
    card = visitor.locator("#chat .conflict")
    said = card.inner_text()
    assert said.startswith("The sources disagree")
    assert "a.md, “Visit”, line 6" in said
    assert "b.md, “Visit”, line 6" in said
    card.locator("a.cite").nth(1).click()
    visitor.locator("#viewer mark").wait_for()
    assert text_of(visitor, "#viewer-title") == "b.md"


@pytest.mark.browser
def test_verdicts_and_confidence_are_shown_in_words(
    visitor: "Page", scripted: ScriptedAssistant
) -> None:
    for probability, word in (
        (0.95, "sure"),
        (0.6, "likely"),
        (0.45, "may be"),
    ):
        scripted.confidence = probability
        ask(visitor, "Who met?")
        assert visitor.locator("#chat .sure strong").last.inner_text() == word
    assert visitor.locator("#chat .verdict").first.inner_text().endswith("supported")


@pytest.mark.browser
def test_nothing_moves_while_an_answer_comes(visitor: "Page", scripted: ScriptedAssistant) -> None:
    ask(visitor, "Who met?")
    visitor.evaluate(
        """() => { window.moved = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.moved += entry.value;
        }).observe({ type: "layout-shift" }) }"""
    )
    scripted.go_on.clear()
    visitor.get_by_role("textbox").fill("slow question")
    visitor.keyboard.press("Enter")
    visitor.locator("#chat .statement").nth(3).wait_for()
    visitor.wait_for_timeout(700)  # a shift right after a key is not counted
    scripted.go_on.set()
    visitor.locator("#chat .reading").wait_for(state="detached")
    visitor.wait_for_timeout(300)
    assert visitor.evaluate("window.moved") < 0.1


def looked_at(tab: "Page", question: str, *, viewer: bool = False, words: bool = False) -> None:
    if question:
        ask(tab, question)
    if words:
        peek(tab)
    if viewer:
        opened(tab)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_serious(
    browser: "Browser",
    address: str,
    scripted: ScriptedAssistant,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    axe, found = Axe(), []
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    tab = context.new_page()
    states: list[tuple[str, dict[str, bool]]] = [
        ("", {}), ("Who met?", {}), ("", {"words": True}), ("", {"viewer": True}),
        ("unknown", {}), ("conflict", {}), ("damaged", {}),
    ]  # fmt: skip
    open_page(tab, address)
    for question, more in states:
        looked_at(tab, question, **more)
        for fault in axe.run(tab).response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                nodes = [node["html"][:200] for node in fault["nodes"]]
                found.append((question, more, fault["id"], nodes))
        if more.get("viewer"):
            close_viewer(tab)
    context.close()
    assert found == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 768, 1920])
def test_it_fits_any_width_in_any_script(
    browser: "Browser", address: str, scripted: ScriptedAssistant, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    tab = context.new_page()
    open_page(tab, address)
    ways = {}
    for script in ("图书馆每天早上九点开门" * 9, "تفتح المكتبة في الساعة التاسعة صباحا"):
        scripted.hostile = script
        ask(tab, f"hostile {script}")
        ask(tab, script)
        tab.locator("#chat .statement").get_by_text(script).last.wait_for()
        statement = tab.locator("#chat .statement").get_by_text(script).last
        tab.locator(f"#chat .asked >> text={script}").last.wait_for()
        ways[script[0]] = statement.evaluate("each => getComputedStyle(each).direction")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert list(ways.values()) == ["ltr", "rtl"]
    context.close()
