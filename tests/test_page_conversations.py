"""Conversations in a real browser: kept, opened again, cut, handed out; each person's own."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.cite import read_answers
from assistant.history import Conversation, History, Thumb, latest_feedback, read_feedback
from assistant.types import Abstention, Answer, Turn
from assistant.web.actions import parse_command
from assistant.web.chat import MAX_DRAWN
from tests.scripted import QUOTES, ScriptedAssistant, ask, dressed, serving
from tests.test_page import check_leads_to
from tests.test_page_hostile import FOREIGN, HOSTILE
from tests.test_show import LI, answer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page


# Gradio leaves the socket open with which it looked for a free port.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]
Opener = Callable[..., "Page"]


@pytest.fixture(scope="module")
def served() -> ScriptedAssistant:
    return ScriptedAssistant()


@pytest.fixture
def scripted(served: ScriptedAssistant, tmp_path: Path) -> ScriptedAssistant:
    """The assistant behind the page, with a history of its own for each test."""
    served.settings.history = tmp_path / "history"
    served.go_on.clear()
    served.histories.clear()
    return served


@pytest.fixture
def history(scripted: ScriptedAssistant) -> History:
    return History(scripted.settings.history)


def serve(scripted: ScriptedAssistant) -> Iterator[str]:
    with serving(scripted) as served:
        yield str(served.local_url)


@pytest.fixture(scope="module")
def address(served: ScriptedAssistant) -> Iterator[str]:
    yield from serve(served)


@pytest.fixture
def context(browser: "Browser") -> Iterator["BrowserContext"]:
    made = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    yield made
    made.close()


@pytest.fixture
def opener(
    context: "BrowserContext", address: str, scripted: ScriptedAssistant
) -> Iterator[Opener]:
    """Opens tabs with the column shown. Nothing may leave for elsewhere or fail."""
    faults: list[str] = []

    def note(what: str, bad: bool) -> None:
        broken_off = "AbortError" in what or "errored out" in what  # by a reload
        if bad and not what.startswith(("data:", "blob:")) and not broken_off:
            faults.append(what)

    def open_tab(where: str = "") -> "Page":
        tab = context.new_page()
        tab.on("request", lambda sent: note(sent.url, not sent.url.startswith(address)))
        tab.on("response", lambda got: note(f"{got.status} {got.url}", got.status >= 400))
        tab.on("console", lambda said: note(said.text, said.type == "error"))
        tab.on("pageerror", lambda error: faults.append(str(error)))
        show(tab, address + where)
        return tab

    yield open_tab
    assert faults == []


@pytest.fixture
def tab(opener: Opener) -> "Page":
    return opener()


def show(tab: "Page", address: str) -> None:
    """Open the page, unless it is, with the column of conversations."""
    if address:
        tab.goto(address)
    tab.locator(".talks").wait_for(state="attached")
    tab.locator("#columns[data-begun]").wait_for()
    if not tab.locator("#conversations").is_visible():
        tab.locator("#show-conversations").click()
    tab.locator(".talks").wait_for()


def reload(tab: "Page") -> None:
    tab.reload()
    show(tab, "")


def titles(tab: "Page") -> list[str]:
    return tab.locator(".talks a.talk").all_inner_texts()


def asked(tab: "Page") -> list[str]:
    return tab.locator("#chat .asked").all_inner_texts()


def settle(tab: "Page", *questions: str) -> None:
    """Wait until these are the questions of the chat, and the list says it is kept."""
    tab.wait_for_function(
        "wanted => JSON.stringify([...document.querySelectorAll('#chat .asked')]"
        ".map(each => each.innerText)) === JSON.stringify(wanted)"
        " && !document.querySelector('#chat .reading')",
        arg=list(questions),
    )
    dressed(tab)


def keep(tab: "Page", question: str) -> None:
    """Ask, and wait until it is kept."""
    ask(tab, question)
    tab.locator(".talks .now").wait_for()
    dressed(tab)


def button(tab: "Page", name: str) -> "Locator":
    return tab.get_by_role("button", name=name)


def kept(history: History) -> list[list[str]]:
    """The questions of every conversation, the last changed first."""
    return [
        [turn.question for turn in history.read(each.id).turns] for each in history.list().entries
    ]


def test_a_conversation_survives_a_reload_with_its_citations(
    tab: "Page", scripted: ScriptedAssistant
) -> None:
    keep(tab, "Who met?")
    keep(tab, "unknown price")
    reload(tab)
    settle(tab, "Who met?", "unknown price")
    tab.locator('#chat a.cite[href="#src-1-2"]').click()
    check_leads_to(tab, "src-1-2", QUOTES[1])
    assert Abstention.DOES_NOT_SAY.explanation in tab.locator("#chat .abstention").inner_text()
    scripted.histories.clear()
    keep(tab, "And then?")
    ((first, second),) = scripted.histories
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert [cited.quote for cited in first.citations] == list(QUOTES)


def test_it_survives_a_restart_and_is_seen_by_another_browser(
    tab: "Page", browser: "Browser", scripted: ScriptedAssistant
) -> None:
    keep(tab, "Who met?")
    fragment = tab.evaluate("location.hash")
    assert re.fullmatch("#c-[0-9a-f]{32}", fragment)
    for again in serve(scripted):
        other = browser.new_context().new_page()
        show(other, again + fragment)
        settle(other, "Who met?")
        assert titles(other) == ["Who met?"]
        assert other.locator(".src mark").count() == 3
        other.context.close()


def test_conversations_are_begun_listed_and_opened(tab: "Page", history: History) -> None:
    assert "What you ask is kept here" in tab.locator(".talks").inner_text()
    keep(tab, "Who met?")
    button(tab, "New conversation").click()
    settle(tab)
    assert tab.evaluate("location.hash") == ""
    assert tab.locator("#chat .example").count() == 2
    keep(tab, "How much?")
    assert titles(tab) == ["How much?", "Who met?"]
    assert tab.locator(".talks a[aria-current]").inner_text() == "How much?"
    tab.get_by_role("link", name="Who met?").focus()
    tab.keyboard.press("Enter")
    settle(tab, "Who met?")
    tab.locator(".talks a[aria-current]").get_by_text("Who met?").wait_for()
    assert tab.evaluate("document.activeElement.textContent") == "Who met?"
    tab.go_back()
    settle(tab, "How much?")
    keep(tab, "And then?")
    assert kept(history) == [["How much?", "And then?"], ["Who met?"]]


def test_a_stopped_and_a_failed_answer_are_saved(
    tab: "Page", history: History, scripted: ScriptedAssistant
) -> None:
    scripted.go_on.clear()
    tab.get_by_role("textbox").fill("slow question")
    tab.keyboard.press("Enter")
    tab.locator("#chat .statement").wait_for()
    with tab.expect_event("requestfinished", lambda sent: sent.url.endswith("/cancel")):
        button(tab, "Stop").click()
        tab.locator("#chat .remark").wait_for()
        scripted.go_on.set()
    tab.locator(".talks .now").wait_for()
    keep(tab, "damaged")
    (entry,) = history.list().entries
    stopped, failed = history.read(entry.id).turns
    assert stopped.remark == "Stopped."
    assert stopped.answer is not None
    assert len(stopped.answer.statements) == 1
    assert failed.answer is None
    assert "<b>torn</b>" in failed.remark
    reload(tab)
    settle(tab, "slow question", "damaged")
    assert tab.locator("#chat .remark").first.inner_text() == "Stopped."


def test_u3_what_came_until_the_browser_was_closed_is_saved(
    opener: Opener, tab: "Page", history: History, scripted: ScriptedAssistant
) -> None:
    scripted.go_on.clear()
    tab.get_by_role("textbox").fill("slow question")
    tab.keyboard.press("Enter")
    tab.locator("#chat .statement").wait_for()
    tab.close()
    scripted.go_on.set()
    other = opener()
    for _ in range(100):
        if history.list().entries:
            break
        other.wait_for_timeout(100)
    ((question,),) = kept(history)
    assert question == "slow question"
    reload(other)
    other.get_by_role("link", name="slow question").click()
    settle(other, "slow question")


def test_after_stop_the_next_question_is_asked_at_once(
    tab: "Page", history: History, scripted: ScriptedAssistant
) -> None:
    tab.get_by_role("textbox").fill("slow question")
    tab.keyboard.press("Enter")
    tab.locator("#chat .statement").wait_for()
    scripted.closed.clear()
    with tab.expect_event("requestfinished", lambda sent: sent.url.endswith("/cancel")):
        button(tab, "Stop").click()
    assert not scripted.closed.is_set()  # what was stopped is still at work
    keep(tab, "Who met?")
    scripted.go_on.set()
    assert kept(history) == [["slow question", "Who met?"]]
    settle(tab, "slow question", "Who met?")


def test_leaving_for_another_conversation_keeps_what_came(
    tab: "Page", history: History, scripted: ScriptedAssistant
) -> None:
    keep(tab, "Who met?")
    scripted.go_on.clear()
    tab.get_by_role("textbox").fill("slow question")
    tab.keyboard.press("Enter")
    tab.locator("#chat .statement").nth(3).wait_for()
    with tab.expect_event("requestfinished", lambda sent: sent.url.endswith("/cancel")):
        button(tab, "New conversation").click()
        settle(tab)
        scripted.go_on.set()
    keep(tab, "How much?")
    assert kept(history) == [["How much?"], ["Who met?", "slow question"]]
    assert history.read(history.list().entries[1].id).turns[1].remark == "Stopped."


def test_a_question_is_retried_and_what_followed_goes(tab: "Page", history: History) -> None:
    for question in ("Who met?", "damaged", "How much?"):
        keep(tab, question)
    button(tab, "Retry question 2").click()
    settle(tab, "Who met?", "damaged")
    button(tab, "Undo").wait_for()
    assert kept(history) == [["Who met?", "damaged"]]


def test_a_question_is_edited_or_left(tab: "Page", history: History) -> None:
    box = tab.get_by_role("textbox", name="Question")
    for question in ("Who met?", "How much?"):
        keep(tab, question)
    button(tab, "Edit question 1").click()
    tab.get_by_role("status").get_by_text("Editing question 1").wait_for()
    assert box.input_value() == "Who met?"
    tab.keyboard.press("Escape")
    tab.get_by_role("status").get_by_text("Editing").wait_for(state="detached")
    assert box.input_value() == ""
    button(tab, "Edit question 1").click()
    tab.get_by_role("status").get_by_text("Editing question 1").wait_for()
    box.fill("   ")
    box.press("Enter")
    tab.get_by_role("status").get_by_text("Ask something first.").wait_for()
    assert asked(tab) == ["Who met?", "How much?"]
    assert kept(history) == [["Who met?", "How much?"]]
    box.fill("Who spoke?")
    box.press("Enter")
    settle(tab, "Who spoke?")
    tab.get_by_role("link", name="Who spoke?").wait_for()
    assert kept(history) == [["Who spoke?"]]


def test_the_last_question_is_taken_back(tab: "Page", history: History) -> None:
    box = tab.get_by_role("textbox", name="Question")
    for question in ("Who met?", "How much?"):
        keep(tab, question)
    button(tab, "Undo").click()
    settle(tab, "Who met?")
    assert box.input_value() == "How much?"
    assert kept(history) == [["Who met?"]]
    button(tab, "Undo").click()
    settle(tab)
    assert box.input_value() == "Who met?"
    assert kept(history) == []


def test_a_conversation_is_renamed_and_deleted_by_the_keyboard(
    tab: "Page", history: History
) -> None:
    keep(tab, "Who met?")
    button(tab, "Rename").focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("dialog").wait_for()
    tab.keyboard.type("The visit")
    tab.keyboard.press("Enter")
    tab.get_by_role("link", name="The visit").wait_for()
    assert asked(tab) == ["Who met?"]
    for key, left in (("Escape", 1), ("Enter", 0)):
        button(tab, "Delete this").focus()
        tab.keyboard.press("Enter")
        dialog = tab.get_by_role("dialog")
        assert "Delete “The visit”?" in dialog.inner_text()
        if key == "Enter":
            dialog.get_by_role("button", name="Delete").focus()
        tab.keyboard.press(key)
        dialog.wait_for(state="detached")
        tab.locator(".talks a").first.wait_for(state="attached" if left else "detached")
        assert len(history.list().entries) == left
    settle(tab)


def test_an_answer_is_copied_with_its_footnotes(
    context: "BrowserContext", tab: "Page", scripted: ScriptedAssistant
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    keep(tab, "Who met?")
    button(tab, "Copy answer 1").click()
    tab.get_by_text("Copied").wait_for()
    text = tab.evaluate("navigator.clipboard.readText()")
    assert text.startswith("Li Qiang met Roman Golovchenko in Minsk. [1]\n\n")
    assert "[3] visit.md, “Visit”, line 6\n    “Trade reached $8.4 billion.”" in text


def test_a_conversation_is_exported_as_what_verify_reads(tab: "Page", tmp_path: Path) -> None:
    for question in ("Who met? <b>", "damaged", "unknown"):
        keep(tab, question)
    with tab.expect_download() as json_file:
        button(tab, "Save this conversation's answers").click()
    assert json_file.value.suggested_filename == "Who-met-b.json"
    json_file.value.save_as(tmp_path / "answers.json")
    first, last = read_answers(tmp_path / "answers.json")
    assert [each.quote for each in first.citations] == list(QUOTES)
    assert last.abstention is Abstention.DOES_NOT_SAY
    with tab.expect_download() as markdown_file:
        button(tab, "Save this conversation as Markdown").click()
    assert markdown_file.value.suggested_filename == "Who-met-b.md"
    text = markdown_file.value.path().read_text(encoding="utf-8")
    assert "# Who met? &lt;b&gt;\n" in text
    assert "\n[^3]: visit.md, “Visit”, line 6: “Trade reached \\$8.4 billion.”" in text


def test_thumbs_are_saved_with_a_comment(tab: "Page", scripted: ScriptedAssistant) -> None:
    keep(tab, "Who met?")
    keep(tab, "unknown")
    button(tab, "Not helpful: answer 2").click()
    tab.get_by_role("status").get_by_text("Thank you").wait_for()
    pressed = tab.locator("button[aria-pressed=true]")
    assert pressed.all_inner_texts() == ["Not helpful"]
    tab.get_by_role("textbox", name="Comment").fill("It does say.")
    tab.keyboard.press("Enter")
    tab.locator(".comment").wait_for(state="detached")
    assert tab.evaluate("document.activeElement.textContent") == "Not helpful"
    for _ in range(100):
        told = read_feedback(scripted.settings.history)
        if len(told.feedback) == 2:
            break
        tab.wait_for_timeout(50)
    first, second = told.feedback
    assert (first.thumb, first.comment) == (Thumb.DOWN, "")
    assert (second.thumb, second.comment) == (Thumb.DOWN, "It does say.")
    assert (second.question, second.history) == ("unknown", ("Who met?",))
    assert second.answer.abstention is Abstention.DOES_NOT_SAY


def pressed(tab: "Page") -> list[str | None]:
    """What is thought of the answers, after all was drawn."""
    tab.wait_for_function("() => new Promise((drawn) => setTimeout(() => drawn(true), 100))")
    return [each.get_attribute("aria-label") for each in tab.locator("[aria-pressed=true]").all()]


def test_a_pressed_thumb_stays_pressed_until_it_is_taken_back(
    tab: "Page", scripted: ScriptedAssistant
) -> None:
    keep(tab, "Who met?")
    button(tab, "Helpful: answer 1").first.click()
    tab.get_by_role("status").get_by_text("Thank you").wait_for()
    keep(tab, "How much?")
    button(tab, "Not helpful: answer 2").click()
    both = ["Helpful: answer 1", "Not helpful: answer 2"]
    assert pressed(tab) == both
    reload(tab)
    settle(tab, "Who met?", "How much?")
    button(tab, "Undo").wait_for()
    assert pressed(tab) == both
    button(tab, "New conversation").click()
    settle(tab)
    keep(tab, "Why?")
    assert pressed(tab) == []
    tab.get_by_role("link", name="Who met?").click()
    settle(tab, "Who met?", "How much?")
    button(tab, "Undo").wait_for()
    assert pressed(tab) == both
    button(tab, "Helpful: answer 1").first.click()
    tab.get_by_role("status").get_by_text("Taken back.").wait_for()
    assert tab.locator(".comment").count() == 0
    keep(tab, "When?")
    assert pressed(tab) == both[1:]
    (left,) = latest_feedback(read_feedback(scripted.settings.history).feedback)
    assert (left.question, left.thumb) == ("How much?", Thumb.DOWN)


def test_a_question_to_go_on_with_is_asked_by_a_click_or_enter(
    tab: "Page", history: History, scripted: ScriptedAssistant
) -> None:
    keep(tab, "Who met?")
    link = tab.get_by_role("link", name="What is said about “Visit”?")
    link.focus()
    tab.keyboard.press("Enter")
    settle(tab, "Who met?", "What is said about “Visit”?")
    link.wait_for(state="detached")
    assert len(scripted.histories[-1]) == 1
    tab.locator("#chat .bot-row .acts").nth(1).wait_for()
    assert kept(history) == [["Who met?", "What is said about “Visit”?"]]


def test_of_a_long_conversation_the_last_turns_are_drawn_until_more_are_asked_for(
    opener: Opener, history: History
) -> None:
    talk = Conversation.begin()
    for number in range(1, MAX_DRAWN + 6):
        talk = talk.with_turn(Turn(f"Question {number}", answer(LI)))
    tab = opener(f"#c-{history.save(talk).id}")
    settle(tab, *[f"Question {number}" for number in range(6, MAX_DRAWN + 6)])
    button(tab, "Undo").wait_for()
    assert tab.locator("#cited .turn").count() == MAX_DRAWN
    keep(tab, "Who met?")
    settle(tab, *[f"Question {number}" for number in range(7, MAX_DRAWN + 6)], "Who met?")
    tab.get_by_role("link", name="Show 6 earlier questions").focus()
    tab.keyboard.press("Enter")
    every = [f"Question {number}" for number in range(1, MAX_DRAWN + 6)]
    settle(tab, *every, "Who met?")
    assert tab.locator(".earlier").count() == 0
    button(tab, f"Retry question {MAX_DRAWN + 5}").click()
    settle(tab, *every[5:])
    button(tab, "Undo").wait_for()
    assert kept(history) == [every]
    button(tab, "Edit question 6").click()
    tab.get_by_role("status").get_by_text("Editing question 6").wait_for()
    assert tab.get_by_role("textbox", name="Question").input_value() == "Question 6"


def test_two_tabs_lose_nothing_of_one_another(
    opener: Opener, tab: "Page", history: History
) -> None:
    keep(tab, "Who met?")
    keep(tab, "How much?")
    other = opener(tab.evaluate("location.hash"))
    settle(other, "Who met?", "How much?")
    keep(other, "Why?")
    button(tab, "Undo").click()
    tab.get_by_role("status").get_by_text("went on in another window").wait_for()
    settle(tab, "Who met?", "How much?", "Why?")
    keep(other, "And?")
    keep(tab, "When?")
    settle(tab, "Who met?", "How much?", "Why?", "And?", "When?")
    assert kept(history) == [["Who met?", "How much?", "Why?", "And?", "When?"]]


def test_two_tabs_that_answer_at_once_lose_nothing(
    opener: Opener, tab: "Page", history: History, scripted: ScriptedAssistant
) -> None:
    keep(tab, "Who met?")
    other = opener(tab.evaluate("location.hash"))
    settle(other, "Who met?")
    scripted.go_on.clear()
    tab.get_by_role("textbox").fill("slow question")
    tab.keyboard.press("Enter")
    tab.locator("#chat .statement").nth(3).wait_for()
    keep(other, "How much?")
    scripted.go_on.set()
    settle(tab, "Who met?", "How much?", "slow question")
    tab.get_by_role("status").get_by_text("here is all of it").wait_for()
    assert kept(history) == [["Who met?", "How much?", "slow question"]]


def test_a_conversation_deleted_elsewhere_is_reported(
    opener: Opener, tab: "Page", history: History
) -> None:
    keep(tab, "Who met?")
    history.remove(history.list().entries[0].id)
    tab.get_by_role("textbox").fill("How much?")
    tab.keyboard.press("Enter")
    tab.get_by_role("status").get_by_text("may have been deleted").wait_for()
    assert tab.get_by_role("textbox").input_value() == "How much?"
    while tab.get_by_role("textbox").input_value():  # not heard until the event has ended
        tab.keyboard.press("Enter")
        tab.wait_for_timeout(300)
    settle(tab, "How much?")
    tab.get_by_role("link", name="How much?").wait_for()
    assert kept(history) == [["How much?"]]


def test_u11_another_persons_conversation_is_not_opened(
    opener: Opener, scripted: ScriptedAssistant
) -> None:
    others = History(scripted.settings.history, "bo")
    secret = others.save(Conversation.begin().with_turn(Turn("A secret?", answer(LI))))
    tab = opener(f"#c-{secret.id}")
    tab.get_by_role("status").get_by_text("There is no such conversation").wait_for()
    commands = [("change", "rename", "title"), ("change", "delete", ""), ("fetch", "export", "")]
    for kind, do, more in commands:
        send(tab, kind, {"do": do, "key": secret.id, "kind": "json", "title": more})
        tab.get_by_role("status").get_by_text("There is no such conversation").wait_for()
        send(tab, "change", {"do": "leave"})
        tab.get_by_role("status").get_by_text("no such").wait_for(state="detached")
    assert asked(tab) == []
    assert "secret" not in tab.content()
    assert others.read(secret.id) == secret


def send(tab: "Page", kind: str, what: object) -> None:
    """As a page that was tampered with would."""
    box = tab.locator(f"#command-{kind} input")
    box.evaluate(
        "(box, text) => { box.value = text;"
        "box.dispatchEvent(new Event('input', { bubbles: true }));"
        "box.dispatchEvent(new KeyboardEvent('keypress', { key: 'Enter', bubbles: true })) }",
        what if isinstance(what, str) else json.dumps(what),
    )


FORGED = (
    "", "nonsense", "[1]", "[" * 50_000, {"do": "open"}, {"do": "_view"}, {"do": ["open"]},
    {"do": "open", "key": "../../../etc/passwd"}, {"do": "open", "key": 7},
    {"do": "edit", "turn": 1}, {"do": "edit", "turn": -1}, {"do": "edit", "turn": True},
    {"do": "__class__"},
)  # fmt: skip


def test_a_forged_command_does_nothing(tab: "Page", history: History) -> None:
    keep(tab, "Who met?")
    status = tab.get_by_role("status").locator(".status")
    for what in FORGED:
        for kind in ("change", "retry", "fetch"):
            send(tab, kind, what)
            status.filter(has_text=re.compile(r"\S")).wait_for()
            send(tab, "change", {"do": "leave"})
            status.filter(has_text=re.compile(r"^$")).wait_for(state="attached")
        assert asked(tab) == ["Who met?"], what
        assert kept(history) == [["Who met?"]], what


def test_nothing_sent_is_believed() -> None:
    assert parse_command(None) == {}
    assert parse_command('{"do": {"a": 1}, "turn": 1.5, "key": "x"}') == {"key": "x"}


def test_a_damaged_conversation_is_reported_and_the_others_are_there(
    opener: Opener, tab: "Page", history: History
) -> None:
    keep(tab, "Who met?")
    (history.folder / f"{'0' * 32}.json").write_text("<img src=x onerror='window.x=1'>")
    other = opener(f"#c-{'0' * 32}")
    assert titles(other) == ["Who met?"]
    assert "was left as it is: it is not JSON" in other.locator(".talks").inner_text()
    other.get_by_role("status").get_by_text("cannot be read").wait_for()
    assert str(history.folder) not in other.content()


def test_q6_q7_hostile_text_is_shown_and_does_nothing(
    tab: "Page", scripted: ScriptedAssistant, sink: tuple[str, list[str]]
) -> None:
    sunk, reached = sink
    for payload in list(HOSTILE.values())[::3]:
        scripted.hostile = payload.replace("SINK", sunk)
        check_hostile(tab, scripted.hostile)
        assert reached == [], payload
        button(tab, "New conversation").click()
        settle(tab)


def check_hostile(tab: "Page", payload: str) -> None:
    """Kept, renamed, commented on and exported, it is shown as text, and does nothing."""
    keep(tab, f"hostile {payload}")
    reload(tab)
    tab.locator("#chat .statement").first.wait_for()
    flat = "".join(payload.split())
    assert flat in "".join(tab.locator("#chat .asked").evaluate("e => e.textContent").split())
    assert "".join(tab.locator(".talks .now").evaluate("e => e.textContent").split())[:40] in (
        "hostile" + flat
    )
    button(tab, "Rename").click()
    tab.get_by_role("dialog").get_by_role("textbox").fill(payload[:90])
    tab.keyboard.press("Enter")
    shown = " ".join(payload[:90].split())
    tab.wait_for_function(
        "shown => document.querySelector('.talks .now')?.textContent === shown", arg=shown
    )
    button(tab, "Delete this").click()
    assert shown in tab.get_by_role("dialog").evaluate("e => e.textContent")
    tab.keyboard.press("Escape")
    button(tab, "Not helpful").click()
    tab.get_by_role("textbox", name="Comment").fill(payload.replace("\n", " "))
    tab.keyboard.press("Enter")
    with tab.expect_download() as exported:
        button(tab, "as Markdown").click()
    assert not re.search(r'[/\\<>:"|?*]', exported.value.suggested_filename)
    button(tab, "Copy").click()
    tab.get_by_text(re.compile("^(Copied|Not copied)$")).wait_for()
    for part in (".talks", "#conversations", "#status", "#further"):
        inside = ", ".join(f"{part} .md {each.strip()}" for each in FOREIGN.split(","))
        assert tab.locator(inside).count() == 0, (part, payload)
    assert tab.evaluate("window.x") is None, payload


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_scrolls_down_only(opener: Opener, width: int) -> None:
    tab = opener()
    tab.set_viewport_size({"width": width, "height": 780})
    keep(tab, "Who met? " + "x" * 200)
    button(tab, "Helpful: answer 1").first.click()
    tab.locator(".comment").wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    button(tab, "Delete this").click()
    tab.get_by_role("dialog").wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
