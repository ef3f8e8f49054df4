import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant import show
from assistant.show import export
from assistant.types import Abstention, Answer, Hit, Statement, Turn
from tests.test_show import HOSTILE, LI, PLAIN, TALK, Page, answer, cited


def test_json_round_trips() -> None:
    hits = (Hit(LI.passage, 0.5, 0.25, 1 / 3),)
    for saved in (
        answer(LI, TALK),
        Answer("", abstention=Abstention.UNSUPPORTED, closest=hits, notices=("“ü”\n\x00",)),
    ):
        assert export.from_json(export.to_json(saved)) == saved
        assert export.from_json(export.to_json(saved).encode()) == saved
        assert isinstance(export.from_json(export.to_json(saved)).timings, dict)


@given(question=PLAIN, confidence=st.floats(0, 1), quote=PLAIN)
def test_json_round_trips_for_any_text(question: str, confidence: float, quote: str) -> None:
    said = (Statement(quote, (cited(f"{quote} ", quote),)),)
    saved = Answer(question, said, confidence=confidence)
    assert export.from_json(export.to_json(saved)) == saved


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "nope",
        "null",
        "[]",
        "{}",
        '{"question": 1}',
        '{"question": "q", "more": 1}',
        '{"question": "q", "abstention": "bored"}',
        '{"question": "q", "closest": [{"passage": {}}]}',
        '{"question": "\\ud800"}',
        b"\xff\xfe",
        "[" * 100_000,
    ],
)
def test_json_of_anything_else_is_refused_in_a_sentence(garbage: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^This is not a saved answer: [^\n]+\.$"):
        export.from_json(garbage)


def test_an_answer_saved_with_odds_is_read() -> None:
    saved = export.to_json(answer(LI))
    earlier = saved.replace('"probability"', '"odds"')
    assert '"odds"' in earlier
    assert export.from_json(earlier) == answer(LI)


def test_json_is_what_others_can_read() -> None:
    read = json.loads(export.to_json(answer(LI)))
    assert read["statements"][0]["citations"][0]["quote"] == LI.quote


def rendered(text: str) -> Page:
    """As other programs show Markdown, with all that they act on."""
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


def test_markdown_has_a_footnote_for_each_citation() -> None:
    both = Answer("Who?", (Statement("They met. They talked.", (TALK, LI)),), notices=("Old.",))
    hits = (Hit(TALK.passage, 0.5),)
    unsaid = Answer("Why?", abstention=Abstention.DOES_NOT_SAY, closest=hits)
    turns = (Turn("Who?", both), Turn("Why?", unsaid), Turn("And?", answer(LI), "Stopped."))
    assert export.conversation_to_markdown("Who?", turns) == (
        "# Who?\n\n"
        "## Who?\n\nThey met. They talked.[^1][^2]\n\n*Old.*\n\n"
        "## Why?\n\nYour documents touch on this, but do not say.\n\n"
        "- Closest: b.pdf, line 1: “They talked. A lot.”\n\n"
        "## And?\n\nLi met Golovchenko.[^3]\n\n*Stopped.*\n\n"
        "[^1]: b.pdf, line 1: “They talked.”\n\n"
        "[^2]: a.md, “Visit”, line 3: “Li met Golovchenko.”\n\n"
        "[^3]: a.md, “Visit”, line 3: “Li met Golovchenko.”\n"
    )


@given(PLAIN | st.sampled_from(HOSTILE) | st.text("[]()!*_`~#+-=|<>&:.1w/\\\"' \n"))
def test_text_in_markdown_shows_as_itself_and_nothing_acts(text: str) -> None:
    for before, tags in (("", {"p"}), ("# ", {"h1"}), ("- ", {"ul", "li"})):
        page = rendered(f"{before}{show.markdown(text)}[^1]")
        assert set(page.tags) == tags
        assert page.said.strip() == f"{show.line(text)}[^1]"
    page = rendered(f"[^1]: {show.markdown(text)}: “{show.markdown(text)}”")
    assert page.tags == ["p"]
    assert page.said.strip() == f"[^1]: {show.line(text)}: “{show.line(text)}”"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_adds_nothing_to_markdown(hostile: str) -> None:
    def exported(text: str) -> str:
        bad = cited(f"x. {text} y.", text, source=text, heading=text)
        said = Answer(text, (Statement(text, (bad,)),), notices=(text,))
        return export.conversation_to_markdown(text, [Turn(text, said, text)])

    assert rendered(exported(hostile)).tags == rendered(exported("plain")).tags
    assert show.line(hostile) in rendered(exported(hostile)).said
    assert not re.search(r"(?<!\\)https?:/|(?i:(?<!\\)www\.)|\{\{|\$\{", exported(hostile))


def test_json_of_a_conversation_is_its_answers() -> None:
    turns = (Turn("Who?", answer(LI)), Turn("Lost?"), Turn("When?", answer(TALK)))
    told = export.conversation_to_json(turns)
    saved = [export.from_json(json.dumps(each)) for each in json.loads(told)]
    assert saved == [answer(LI), answer(TALK)]


def test_markdown_and_json_keep_what_may_be_meant() -> None:
    possible = Answer(
        "Who?", abstention=Abstention.DOES_NOT_SAY, candidates=(Statement(LI.quote, (LI,)),)
    )
    assert "- May be meant: " in export.conversation_to_markdown("T", [Turn("Who?", possible)])
    assert Answer.from_json(possible.to_json()) == possible
    assert Answer.from_json(possible.to_json()).candidates
