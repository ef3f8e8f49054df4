"""The tab "Sources" in a real browser, with a real assistant and a real folder behind it."""

import html
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import gradio as gr
import httpx
import pytest
from fastapi import Request

from assistant.assistant import Assistant
from assistant.errors import IndexBusy
from assistant.library import MOST
from assistant.settings import Settings
from assistant.types import Source, State
from assistant.web import chat, sources
from assistant.web.accounts import Person
from assistant.web.auth import PERSON
from assistant.web.chat import Chat, Components
from tests.conftest import WordEmbeddings
from tests.scripted import ask, serious, serving
from tests.test_page import contrast
from tests.test_page_hostile import FOREIGN, HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Locator, Page

HARBOUR = "The harbour closes at nine."
LIMIT = 2**20
LEASE = """<title>Lease</title><h1>Lease</h1><h2>Rent</h2>
<p>The rent is 1,150 euros. It is paid in advance.</p>
<h2 style="break-before: page">Pets</h2>
<p>Cats may be kept. Dogs need the consent of the landlord in writing.</p>"""


@pytest.fixture
def knowledge(home: Path) -> Path:
    for name, text in {
        "seat.txt": "The council has its seat in Minsk.",
        "limit.txt": "The refund limit is 100 euros.",
        "fee.md": "# Fees\n\nThe entry fee is 3 euros.",
    }.items():
        (home / "knowledge" / name).write_text(text)
    return home / "knowledge"


@pytest.fixture
def served(knowledge: Path, words: WordEmbeddings) -> Iterator[Assistant]:
    """The assistant, synced, with a page at its `address`."""
    assistant = Assistant(
        settings=Settings(home=knowledge.parent, file_megabytes=1), embedder=words
    )
    assistant.sync()
    yield assistant


@pytest.fixture
def address(served: Assistant) -> Iterator[str]:
    with serving(served) as shown:
        yield str(shown.local_url)


@pytest.fixture
def arriving(browser: "Browser", address: str) -> Iterator["Page"]:
    """A browser, not yet at the page. Nothing may leave for elsewhere or fail."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    tab = context.new_page()
    faults: list[str] = []
    tab.on("request", lambda sent: faults.extend([sent.url] * (not sent.url.startswith(address))))
    tab.on("response", lambda got: faults.extend([got.url] * (got.status >= 400)))
    tab.on("console", lambda said: faults.extend([said.text] * (said.type == "error")))
    tab.on("pageerror", lambda error: faults.append(str(error)))
    yield tab
    context.close()
    assert faults == []


@pytest.fixture
def visitor(arriving: "Page", address: str) -> "Page":
    """A browser at the tab."""
    open_tab(arriving, address)
    return arriving


def open_tab(tab: "Page", address: str) -> None:
    tab.goto(address)
    tab.locator("#chat .example").first.wait_for()
    tab.get_by_role("tab", name="Sources").click()
    tab.locator("#files .source-list").wait_for()


def add(tab: "Page", *files: tuple[str, bytes]) -> None:
    """Choose the files with the button, and wait until each is told of."""
    given: list[FilePayload] = [
        {"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files
    ]
    with tab.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Add files…").click()
    chooser.value.set_files(given)
    tab.locator("#added p").get_by_text(re.compile(r"in the folder\.|none was added")).wait_for()


def row(tab: "Page", name: str) -> "Locator":
    return tab.locator("#files .file").filter(has=tab.get_by_text(name, exact=True))


def ready(tab: "Page") -> None:
    tab.locator("#progress .done").get_by_text("Ready.").wait_for()


def sent(tab: "Page", box: str, **message: object) -> None:
    """As `sources.js` does, whatever buttons there are."""
    tab.locator(f"#{box} textarea").evaluate(
        "(box, text) => { box.value = text;"
        "box.dispatchEvent(new Event('input', { bubbles: true })) }",
        json.dumps(message),
    )


@pytest.mark.browser
def test_the_list_says_how_each_source_stands(
    arriving: "Page", address: str, knowledge: Path
) -> None:
    (knowledge / "new.txt").write_text("New.")
    (knowledge / "limit.txt").write_text("The refund limit is 200 euros.")
    (knowledge / "old.doc").write_bytes(b"old")
    (knowledge / "seat.txt").unlink()
    open_tab(arriving, address)
    for name, told in {
        "fee.md": "1 passage · 33 bytes",
        "limit.txt": "changed since it was indexed",
        "new.txt": "new: sync to ask it",
        "old.doc": "skipped: an old format: save it as DOCX",
        "seat.txt": "no longer in the folder: answers until a sync",
    }.items():
        assert told in row(arriving, name).inner_text()
    head = arriving.locator(".source-list .head p").inner_text()
    assert head == "5 sources · 3 passages · 67 bytes · 1 new · 1 changed · 1 gone · 1 skipped"
    ticks = {each: row(arriving, each).locator("input") for each in ("fee.md", "new.txt")}
    assert ticks["fee.md"].is_checked()
    assert ticks["new.txt"].is_disabled()
    arriving.get_by_role("button", name="Sync folder").last.click()
    ready(arriving)
    assert row(arriving, "seat.txt").count() == 0
    assert "1 passage" in row(arriving, "new.txt").inner_text()


@pytest.mark.browser
def test_only_the_ticked_sources_answer_and_the_page_says_so_beside_the_question(
    visitor: "Page",
) -> None:
    assert visitor.locator("#scope .scope").count() == 0
    visitor.get_by_role("checkbox", name="Answer from limit.txt").uncheck()
    visitor.locator("#scope").get_by_text("Answering from 2 of 3 sources").wait_for()
    ask(visitor, "What is the refund limit?")
    assert visitor.locator("#chat .abstention").count() == 1
    visitor.get_by_role("button", name="none").click()
    visitor.locator("#scope").get_by_text("Answering from 0 of 3 sources").wait_for()
    visitor.get_by_role("textbox", name="Question").fill("What is the refund limit?")
    visitor.keyboard.press("Enter")
    visitor.locator("#status").get_by_text("No source is to answer").wait_for()
    visitor.get_by_role("checkbox", name="Answer from limit.txt").check()
    visitor.locator("#scope").get_by_text("Answering from 1 of 3 sources").wait_for()
    ask(visitor, "What is the refund limit?")
    assert "100 euros" in visitor.locator("#chat .statement").inner_text()
    visitor.get_by_role("button", name="all", exact=True).click()
    visitor.locator("#scope .scope").wait_for(state="detached")
    ask(visitor, "What is the entry fee?")
    assert "3 euros" in visitor.locator("#chat .statement").last.inner_text()


@pytest.mark.browser
def test_quick_ticks_are_all_counted(visitor: "Page") -> None:
    visitor.locator("#files input.answers").evaluate_all("boxes => boxes.forEach(b => b.click())")
    visitor.locator("#scope").get_by_text("Answering from 0 of 3 sources").wait_for()


@pytest.mark.browser
def test_an_added_file_is_carried_through_to_ready_and_answers(
    visitor: "Page", knowledge: Path
) -> None:
    add(visitor, ("../harbour.txt", HARBOUR.encode()))
    ready(visitor)
    assert visitor.locator("#added li.good").inner_text() == "“harbour.txt” was added."
    assert (knowledge / "harbour.txt").read_text() == HARBOUR
    row(visitor, "harbour.txt").wait_for()
    ask(visitor, "When does the harbour close?")
    assert HARBOUR in visitor.locator("#chat .statement").inner_text()


@pytest.mark.browser
def test_a_file_that_is_there_and_not_yet_indexed_is_brought_to_ready(
    visitor: "Page", knowledge: Path
) -> None:
    (knowledge / "harbour.txt").write_text(HARBOUR)
    add(visitor, ("harbour.txt", HARBOUR.encode()))
    ready(visitor)
    assert visitor.locator("#added li.good").inner_text() == "“harbour.txt” is already there."
    ask(visitor, "When does the harbour close?")
    assert HARBOUR in visitor.locator("#chat .statement").inner_text()


@pytest.mark.browser
def test_a_printed_pdf_is_added_asked_and_read_at_the_words(
    visitor: "Page", browser: "Browser"
) -> None:
    press = browser.new_page()
    press.set_content(LEASE)
    printed = press.pdf()
    press.close()
    add(visitor, ("lease.pdf", printed))
    ready(visitor)
    ask(visitor, "Who needs the consent of the landlord in writing?")
    chip = visitor.locator("#chat a.cite").first
    assert chip.get_attribute("aria-label") == "Source 1: lease.pdf, page 2"
    chip.click()
    visitor.locator("#viewer mark").wait_for()
    words = "Dogs need the consent of the landlord in writing."
    assert visitor.locator("#viewer mark").inner_text() == words
    parts = visitor.locator("#viewer .text > *").all_inner_texts()
    assert parts == [
        "Page 1", "Lease", "Rent", "The rent is 1,150 euros. It is paid in advance.",
        "Page 2", "Pets", f"Cats may be kept. {words}",
    ]  # fmt: skip


@pytest.mark.browser
def test_u5_what_is_refused_is_reported_file_by_file(visitor: "Page", knowledge: Path) -> None:
    before = set(knowledge.iterdir())
    add(
        visitor,
        ("x.exe", b"MZ\x90"),
        ("report.pdf", b"MZ\x90 renamed"),
        ("empty.txt", b""),
        ("large.txt", b"a" * (LIMIT + 1)),
    )
    assert visitor.locator("#added li.bad").all_inner_texts() == [
        "“x.exe” was not added: unknown format .exe.",
        "“report.pdf” was not added: its content is not that of a .pdf file.",
        "“empty.txt” was not added: empty.",
        "“large.txt” was not added: over the 1 MB limit.",
    ]
    assert visitor.locator("#added p").inner_text() == "0 of 4 in the folder."
    assert set(knowledge.iterdir()) == before


@pytest.mark.browser
def test_u5_too_many_files_are_refused_at_once(visitor: "Page", knowledge: Path) -> None:
    before = set(knowledge.iterdir())
    add(visitor, *[(f"{number}.txt", b"Text.") for number in range(MOST + 1)])
    assert "none was added: add at most 100" in visitor.locator("#added p").inner_text()
    assert set(knowledge.iterdir()) == before


@pytest.mark.browser
def test_u6_a_file_of_the_same_name_is_kept_beside_the_other(
    visitor: "Page", knowledge: Path
) -> None:
    add(visitor, ("limit.txt", b"The refund limit is 300 euros."))
    ready(visitor)
    assert "“limit (2).txt” was added: another “limit.txt” is there." in (
        visitor.locator("#added li.good").inner_text()
    )
    assert (knowledge / "limit.txt").read_text() == "The refund limit is 100 euros."


DROP = """([place, name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const at = document.querySelector(place);
  const how = { dataTransfer: data, bubbles: true, cancelable: true };
  return ["dragover", "drop"].map((kind) => at.dispatchEvent(new DragEvent(kind, how)));
}"""


@pytest.mark.browser
def test_files_are_dropped_on_the_tab_and_nowhere_else(visitor: "Page", knowledge: Path) -> None:
    assert visitor.evaluate(DROP, ["#chat", "astray.txt", "Astray."]) == [False, False]
    assert visitor.evaluate(DROP, ["#files", "harbour.txt", HARBOUR]) == [False, False]
    ready(visitor)
    assert (knowledge / "harbour.txt").read_text() == HARBOUR
    assert not (knowledge / "astray.txt").exists()


@pytest.mark.browser
def test_a_source_is_removed_by_keyboard_after_a_question_and_kept(
    visitor: "Page", knowledge: Path
) -> None:
    button = visitor.get_by_role("button", name="Remove limit.txt")
    button.focus()
    visitor.keyboard.press("Enter")
    dialog = visitor.get_by_role("dialog", name="Remove “limit.txt”?")
    dialog.wait_for()
    visitor.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert button.evaluate("button => button === document.activeElement")
    assert (knowledge / "limit.txt").exists()
    visitor.keyboard.press("Enter")
    visitor.keyboard.press("Tab")
    visitor.keyboard.press("Enter")
    visitor.locator("#status").get_by_text("it is kept as removed/limit.txt").wait_for()
    assert sorted(each.name for each in knowledge.iterdir()) == ["fee.md", "seat.txt"]
    assert (knowledge.parent / "removed" / "limit.txt").exists()
    row(visitor, "limit.txt").wait_for(state="detached")
    assert visitor.evaluate("document.activeElement.closest('#files') !== null")


@pytest.mark.browser
def test_a_removed_source_is_restored_by_keyboard_beside_another_and_answers(
    arriving: "Page", address: str, knowledge: Path, served: Assistant
) -> None:
    served.library.remove("limit.txt")
    (knowledge / "limit.txt").write_text("The harbour closes at nine.")
    served.sync()
    open_tab(arriving, address)
    arriving.get_by_role("button", name="Restore limit.txt").focus()
    arriving.keyboard.press("Enter")
    arriving.locator("#status").get_by_text("“limit (2).txt” was restored").wait_for()
    row(arriving, "limit (2).txt").get_by_role("checkbox").wait_for()
    assert arriving.get_by_role("button", name="Restore").count() == 0
    assert (knowledge / "limit.txt").read_text() == "The harbour closes at nine."
    assert arriving.evaluate("document.activeElement.closest('#files') !== null")
    ask(arriving, "What is the refund limit?")
    assert "100 euros" in arriving.locator("#chat .statement").inner_text()


@pytest.mark.browser
def test_the_index_is_rebuilt_after_a_question_with_a_bar(
    visitor: "Page", served: Assistant, words: WordEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, go_on = served.status().generation, threading.Event()
    embed = words.embed_documents

    def slowly(texts: list[str]) -> list[list[float]]:
        assert go_on.wait(20)
        return embed(texts)

    monkeypatch.setattr(words, "embed_documents", slowly)
    visitor.get_by_role("button", name="Rebuild index…").click()
    visitor.get_by_role("dialog").get_by_role("button", name="Rebuild").click()
    visitor.locator("#progress").get_by_text("Indexing: 9 %").wait_for()
    bar = visitor.get_by_role("progressbar", name="Indexing")
    assert bar.evaluate("bar => bar.value / bar.max") == pytest.approx(0.1, abs=0.01)
    go_on.set()
    ready(visitor)
    assert served.status().generation != before


@pytest.fixture
def emptied(knowledge: Path, served: Assistant) -> Path:
    """The folder, of whose fourteen indexed documents two are left."""
    for number in range(11):
        (knowledge / f"{number}.txt").write_text(f"The fee of item {number} is {number} euros.")
    served.sync()
    for path in knowledge.iterdir():
        if path.name not in ("limit.txt", "fee.md"):
            path.unlink()
    return knowledge


@pytest.mark.browser
def test_a_sync_that_would_remove_most_documents_asks_first(
    arriving: "Page", address: str, served: Assistant, emptied: Path
) -> None:
    arriving.goto(address)
    arriving.locator("#chat .example").first.wait_for()
    question = "12 of 14 documents are not in the folder any more. Remove them from the index?"
    for answer, left in (("Leave them", 14), ("Remove them", 2)):
        arriving.get_by_role("button", name="Sync folder").click()
        arriving.get_by_role("status").get_by_text(question).wait_for()
        assert len(served.status().documents) == 14
        arriving.get_by_role("status").get_by_role("button", name=answer).click()
        arriving.get_by_role("status").get_by_text(question).wait_for(state="detached")
        done = "Ready. The index was left as it is." if left == 14 else "Ready. "
        arriving.get_by_role("status").get_by_text(done).wait_for()
        assert len(served.status().documents) == left


@pytest.mark.browser
def test_a_rebuild_that_would_lose_most_documents_asks_under_the_tab(
    arriving: "Page", address: str, served: Assistant, emptied: Path
) -> None:
    open_tab(arriving, address)
    arriving.get_by_role("button", name="Rebuild index…").click()
    arriving.get_by_role("dialog").get_by_role("button", name="Rebuild").click()
    arriving.locator("#progress").get_by_role("button", name="Remove them").click()
    ready(arriving)
    assert served.status().documents == ("fee.md", "limit.txt")
    assert arriving.locator("#files .file").count() == 2


def test_only_who_may_change_confirms_a_removal_and_only_by_saying_so(
    served: Assistant, emptied: Path
) -> None:
    with gr.Blocks():
        parts = Components()
        here = sources.SourcesTab(parts, Chat(served))
    for may_change, confirmed in ((False, "true"), (True, "1"), (True, '"yes"'), (True, "false")):
        asked = f'{{"do": "sync", "confirmed": {confirmed}}}'
        request = sent_by("ana", may_change=may_change)
        *_, last = here.run(asked, frozenset(), "", request)
        assert ("Remove them" in last[parts.status]) == may_change
        assert len(served.status().documents) == 14


@pytest.mark.browser
def test_a_source_links_to_its_text(visitor: "Page") -> None:
    link = row(visitor, "fee.md").get_by_role("link")
    link.click()
    text = visitor.get_by_role("region", name="Text of the document")
    text.get_by_text("The entry fee is 3 euros.").wait_for()


@pytest.mark.browser
def test_hostile_names_are_shown_and_do_nothing(
    arriving: "Page", address: str, knowledge: Path, sink: tuple[str, list[str]]
) -> None:
    """In the list, in what is told of files that are added, in questions and in errors."""
    sunk, asked = sink
    names = [
        " ".join(payload.replace("SINK", sunk).replace("\\", "∖").replace("/", "∕").split())[:80]
        for payload in HOSTILE.values()
    ]
    for name in names:
        (knowledge / f"{name}.txt").write_text(name)
        (knowledge / f"x.{name[:40]}").write_text("of no kind")
    open_tab(arriving, address)
    told = arriving.locator("#files").evaluate("files => files.textContent")
    assert [name for name in names if f"{name}.txt" not in told] == []
    add(arriving, *[(f"{name}.exe", b"MZ") for name in names], (f"{names[0]}.md", b"Words."))
    told = arriving.locator("#added").evaluate("added => added.textContent")
    assert [name for name in names if f"“{name}.exe” was not added" not in told] == []
    ready(arriving)
    dialog = arriving.get_by_role("dialog")
    for name in names:
        arriving.get_by_role("button", name=f"Remove {name}.txt", exact=True).click()
        assert dialog.locator("p").first.inner_text() == f"Remove “{name}.txt”?"
        dialog.get_by_role("button", name="Cancel").click()
    arriving.get_by_role("button", name=f"Remove {names[0]}.txt", exact=True).click()
    dialog.get_by_role("button", name="Remove").click()
    arriving.locator("#status").get_by_text("it is kept as").wait_for()
    restore = arriving.get_by_role("button", name=f"Restore {names[0]}.txt", exact=True)
    restore.click()
    restore.wait_for(state="detached")
    sent(arriving, "command", do="remove", source=" ".join(names))
    arriving.locator("#progress").get_by_text("cannot be used").wait_for()
    assert arriving.evaluate("window.x") is None
    foreign = [each.strip() for each in FOREIGN.split(",") if each.strip() != "input"]
    for part in ("#files .md", "#progress .md", "#status .md", "#added"):
        assert arriving.locator(", ".join(f"{part} {each}" for each in foreign)).count() == 0
    assert arriving.locator("#files .file input:not(.answers)").count() == 0
    assert asked == []


@pytest.mark.browser
def test_a_reader_sees_the_list_and_can_change_nothing(
    browser: "Browser",
    address: str,
    knowledge: Path,
    served: Assistant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (knowledge / "gone.txt").write_text("Gone.")
    served.library.remove("gone.txt")
    reader = Person("reader", may_change=False)
    for module in (sources, chat):
        monkeypatch.setattr(module, "person_of", lambda request: reader)
    context = browser.new_context()
    tab = context.new_page()
    open_tab(tab, address)
    assert tab.locator("#files .file").count() == 3
    for button in ("Add files…", "Remove", "Restore", "Rebuild", "Sync"):
        tab.get_by_role("button", name=button).wait_for(state="detached")
    before = {each: each.read_bytes() for each in knowledge.iterdir()}
    for do, source in {
        "remove": "limit.txt",
        "restore": "gone.txt",
        "rebuild": "",
        "sync": "",
    }.items():
        sent(tab, "command", do=do, source=source)
        tab.locator("#status").get_by_text("Only those who may change the sources").wait_for()
        tab.reload()
        open_tab(tab, address)
    context.close()
    assert send(address).status_code == 403
    assert {each: each.read_bytes() for each in knowledge.iterdir()} == before


def send(
    address: str, name: str = "x.txt", body: bytes = b"Text.", sender: dict[str, str] | None = None
) -> httpx.Response:
    """A file, as the page sends it."""
    headers = {"Content-Type": "application/octet-stream"} | (sender or {})
    place = f"{address}gradio_api/upload"
    return httpx.post(place, params={"name": name}, content=body, headers=headers)


def test_a_file_is_stored_and_nothing_else_is_left(
    address: str, knowledge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert send(address, "../x.txt").json() == {"message": "“x.txt” was added.", "stored": True}
    assert send(address, "x.exe").json()["stored"] is False
    assert (knowledge / "x.txt").read_text() == "Text."
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    "sender",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ],
)
def test_u7_an_upload_from_another_site_stores_nothing(
    address: str, knowledge: Path, sender: dict[str, str]
) -> None:
    before = set(knowledge.iterdir())
    assert send(address, sender=sender).status_code == 403
    assert set(knowledge.iterdir()) == before


def test_u7_a_form_cannot_upload_and_gradios_own_is_never_reached(
    address: str, knowledge: Path
) -> None:
    before = set(knowledge.iterdir())
    place = f"{address}gradio_api/upload"
    assert httpx.post(place, files={"files": ("x.txt", b"Text.")}).status_code == 403
    assert httpx.get(place).status_code == 403
    assert httpx.get(f"{place}_progress?upload_id=x").status_code == 403
    assert httpx.post(f"{place}/", content=b"Text.").status_code == 403
    assert httpx.get(f"{address}gradio_api/file={knowledge / 'fee.md'}").status_code == 403
    assert set(knowledge.iterdir()) == before


def test_u5_a_body_over_the_limit_is_refused_by_what_it_says_and_by_what_comes(
    address: str, served: Assistant, knowledge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(knowledge.iterdir())
    assert send(address, body=b"a" * LIMIT).json()["stored"] is True
    assert send(address, name="b.txt", body=b"a" * (LIMIT + 1)).status_code == 413
    monkeypatch.setattr("assistant.web.security._fits", lambda length, limit: True)
    assert send(address, name="c.txt", body=b"a" * (LIMIT + 1)).status_code == 413
    assert {each.name for each in set(knowledge.iterdir()) - before} == {"x.txt"}


def test_a_choice_of_what_is_not_there_is_no_choice(served: Assistant) -> None:
    with gr.Blocks():
        parts = Components()
        here = sources.SourcesTab(parts, Chat(served))
    request = gr.Request(username=None)
    here.welcome(frozenset(), request)
    chosen, told = here.tick(
        '{"every": "", "ticks": {"limit.txt": false, "x": false}}', frozenset()
    )
    assert (chosen, "2 of 3 sources" in told) == (frozenset({"limit.txt"}), True)
    for message in ("", "{", "[]", "3", "{}", '{"ticks": 3}', '{"ticks": [1]}', "null"):
        assert here.tick(message, chosen)[0] == chosen
    for message in ("", "{", "[]", "null", '{"do": 3}', '{"do": []}', '{"do": "run"}'):
        assert list(here.run(message, chosen, "", request)) == []
    assert here.tick('{"every": "all", "ticks": {"fee.md": false}}', chosen)[0] == {"fee.md"}
    assert len(here.tick('{"every": "none", "ticks": {}}', chosen)[0]) == 3


def test_a_question_to_some_sources_reads_no_list_of_the_folder(
    served: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> None:
        raise AssertionError

    monkeypatch.setattr(served, "sources", never)
    *_, last = Chat(served).answer("What is the refund limit?", (), frozenset({"fee.md"}))
    (turn,) = last
    assert turn.answer is not None
    assert turn.answer.statements[0].text == "The refund limit is 100 euros."


def test_ten_thousand_sources_are_listed_a_few_hundred_at_a_time() -> None:
    many = [Source(f"{number:05}.txt", State.INDEXED, 10, 1) for number in range(10_000)]
    shown = sources.render_list(many, {}, frozenset({"00001.txt"}), "", may_change=True)
    assert shown.count("<li") == sources.MAX_LISTED
    assert shown.count(" checked") == sources.MAX_LISTED - 1
    assert "10,000 sources" in shown
    assert "and 9,700 more: filter to see them" in shown
    assert sources.render_list(many, {}, frozenset(), "0999", may_change=True).count("<li") == 11
    assert "No source is called that." in sources.render_list(
        many, {}, frozenset(), "zz", may_change=True
    )
    assert "Add some" in sources.render_list([], {}, frozenset(), "", may_change=True)
    assert "Add some" not in sources.render_list([], {}, frozenset(), "", may_change=False)


def test_a_few_of_what_was_removed_are_listed_for_those_who_may_restore_it() -> None:
    removed = {f"{number:05}.txt": 10 for number in range(10_000)}
    shown = sources.render_list([], removed, frozenset(), "", may_change=True)
    assert shown.count("<li") == sources.MAX_REMOVED
    assert "and 9,980 more: filter to see them" in shown
    assert sources.render_list([], removed, frozenset(), "0999", may_change=True).count("<li") == 11
    assert "Removed" not in sources.render_list([], removed, frozenset(), "zz", may_change=True)
    assert "00001" not in sources.render_list([], removed, frozenset(), "", may_change=False)


@pytest.mark.browser
def test_many_sources_do_not_freeze_the_page_and_are_found_by_the_filter(
    arriving: "Page", address: str, served: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tuple(Source(f"{number:05}.txt", State.INDEXED, 10, 1) for number in range(10_000))
    monkeypatch.setattr(served, "sources", lambda: many)
    open_tab(arriving, address)
    arriving.locator("#files").get_by_text("and 9,700 more").wait_for()
    arriving.get_by_role("textbox", name="Filter sources").press_sequentially("0999")
    files = arriving.locator("#files .file")
    files.nth(11).wait_for(state="detached")  # what is typed first finds more
    arriving.get_by_role("link", name="09990.txt").wait_for()
    assert files.count() == 11
    arriving.get_by_role("checkbox", name="Answer from 09990.txt").uncheck()
    arriving.locator("#scope").get_by_text("Answering from 9,999 of 10,000 sources").wait_for()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_is_legible_and_fits_a_phone(
    browser: "Browser", address: str, knowledge: Path, scheme: Literal["light", "dark"]
) -> None:
    (knowledge / f"{'long' * 40}.txt").write_text("New.")
    context = browser.new_context(viewport={"width": 360, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    open_tab(tab, address)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    for part in ("a.name", ".about p", ".told", "button.remove", ".head p"):
        ink = tab.locator(f".source-list {part}").first.evaluate("e => getComputedStyle(e).color")
        assert contrast(ink, paper) >= 4.5, part
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_serious(
    browser: "Browser",
    address: str,
    served: Assistant,
    knowledge: Path,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    (knowledge / "old.doc").write_bytes(b"old")
    served.library.remove("fee.md")
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    tab = context.new_page()
    open_tab(tab, address)
    found = {"sources": serious(tab)}
    add(tab, ("harbour.txt", HARBOUR.encode()), ("x.exe", b"MZ"))
    ready(tab)
    tab.get_by_role("checkbox", name="Answer from harbour.txt").uncheck()
    tab.locator("#scope .scope").wait_for()
    found["added"] = serious(tab)
    tab.get_by_role("button", name="Remove harbour.txt").click()
    found["removing"] = serious(tab)
    tab.keyboard.press("Escape")
    ask(tab, "What is the refund limit?")
    tab.get_by_role("button", name="Helpful: answer 1", exact=True).click()
    tab.locator("#show-conversations").click()
    tab.locator(".talks .now").wait_for()
    found["conversations"] = serious(tab)
    tab.get_by_role("button", name="Rename").click()
    found["renaming"] = serious(tab)
    context.close()
    assert {state: faults for state, faults in found.items() if faults} == {}


def sent_by(name: str, *, may_change: bool) -> gr.Request:
    """A request as it comes through the middleware."""
    scope = {"type": "http", "headers": [], PERSON: Person(name, may_change)}
    return gr.Request(Request(scope))


def test_a_source_that_was_removed_is_reported_even_if_the_index_cannot_follow(
    served: Assistant, knowledge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(**_: object) -> None:
        raise IndexBusy(served.settings.index)

    monkeypatch.setattr(served, "sync", busy)
    with gr.Blocks():
        parts = Components()
        here = sources.SourcesTab(parts, Chat(served))
    asked = '{"do": "remove", "source": "limit.txt"}'
    *_, last = here.run(asked, frozenset(), "", sent_by("local", may_change=True))
    assert "it is kept as removed" in last[parts.status].replace("&#46;", ".")
    assert "answers until a sync" in last[here.files]
    assert not (knowledge / "limit.txt").exists()
    asked = asked.replace("remove", "restore")
    *_, last = here.run(asked, frozenset(), "", sent_by("local", may_change=True))
    assert "was restored, and answers after the next sync" in html.unescape(last[parts.status])
    assert (knowledge / "limit.txt").exists()
