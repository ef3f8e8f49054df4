"""The whole thing: the real model, the real store, a real browser, the article."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.settings import Settings
from tests.scripted import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_trade_last_year(on_article: Assistant, article_home: Path) -> None:
    answer = on_article.ask("How large was trade between China and Belarus last year?")
    text = (article_home / "knowledge" / answer.citations[0].source).read_bytes().decode()
    assert "surpassed $8.4 billion" in answer.citations[0].quote
    for citation in answer.citations:
        assert text[citation.start : citation.end] == citation.quote


def test_what_the_article_does_not_say_is_refused(on_article: Assistant) -> None:
    for question in ("Who won the 2022 World Cup?", "What tariff rate was agreed?"):
        answer = on_article.ask(question)
        assert answer.abstention
        assert answer.closest
        assert not answer.citations


def test_answers_follow_the_folder(tmp_path: Path, minilm: SentenceTransformerEmbeddings) -> None:
    (tmp_path / "knowledge").mkdir()
    assistant = Assistant(settings=Settings(home=tmp_path), embedder=minilm)
    note = tmp_path / "knowledge" / "note.md"
    question = "When does the library in Brest open?"

    note.write_text("# Library\n\nThe library in Brest opens at 9 in the morning.\n")
    assistant.sync()
    assert "at 9 in" in assistant.ask(question).statements[0].text

    note.write_text("# Library\n\nThe library in Brest opens at 10 in the morning.\n")
    assert assistant.sync().embedded == 1
    assert "at 10 in" in assistant.ask(question).statements[0].text

    note.unlink()
    assistant.sync()
    assert not assistant.ask(question).statements


@pytest.fixture
def tab(browser: "Browser", on_article: Assistant) -> Iterator["Page"]:
    with serving(on_article) as served:
        address = str(served.local_url)
        tab = browser.new_page()
        elsewhere: list[str] = []
        tab.on("request", lambda sent: elsewhere.append(sent.url))
        tab.goto(address)
        tab.locator("#chat .example").first.wait_for()
        yield tab
        tab.close()
    outside = [url for url in elsewhere if not url.startswith((address, "data:", "blob:"))]
    assert outside == []


@pytest.mark.browser
def test_three_questions_in_the_page(tab: "Page", on_article: Assistant) -> None:
    questions = (
        "How large was trade between China and Belarus last year?",
        "In which areas did China and Belarus agree to deepen their cooperation?",
        "Who won the 2022 World Cup?",
    )
    for turn, question in enumerate(questions, 1):
        tab.get_by_role("textbox").fill(question)
        tab.keyboard.press("Enter")
        tab.locator("#chat .asked").nth(turn - 1).wait_for()
        tab.locator("#chat .reading").wait_for(state="detached")
        answer = on_article.ask(question)
        if answer.citations:
            tab.locator(f'#chat a.cite[href="#src-{turn}-1"]').first.click()
            tab.locator(f"#src-{turn}-1.on").wait_for()
            marked = tab.locator(f"#src-{turn}-1 mark").text_content()
            assert marked == answer.citations[0].quote
    assert tab.locator("#chat .abstention").count() == 1


@pytest.mark.browser
def test_the_examples_come_from_the_article_and_are_answered(tab: "Page") -> None:
    assert "Strengthening Economic Ties" in "".join(tab.locator(".example").all_inner_texts())
    tab.locator("#chat .example").first.click()
    tab.locator("#chat .statement").first.wait_for()
