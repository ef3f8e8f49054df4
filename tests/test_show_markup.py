import html
import re
from urllib.parse import parse_qs

import pytest
from hypothesis import given

from assistant.cite import disagreement
from assistant.show import html as markup
from assistant.types import (
    Abstention,
    Answer,
    Citation,
    Hit,
    Passage,
    Span,
    Statement,
)
from tests.test_show import HOSTILE, LI, PLAIN, TALK, Page, answer, cited


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_adds_no_tag(hostile: str) -> None:
    bad = cited(f"x. {hostile} y.", hostile, source=hostile, heading=hostile)
    good = cited("x. plain y.", "plain")
    for shown in (markup.bubble, markup.cards):
        assert Page(shown(answer(bad), 1)).tags == Page(shown(answer(good), 1)).tags
        assert "\n" not in shown(answer(bad), 1)
    assert hostile in Page(markup.to_html(answer(bad))).said


def test_links_lead_to_the_cards_of_their_turn() -> None:
    shown = answer(LI, TALK)
    links = re.findall(r'<a class="cite" href="#(.+?)">(.+?)</a>', markup.bubble(shown, 7))
    plain = [(to, html.unescape(re.sub("<.+?>", "", marker))) for to, marker in links]
    assert plain == [("src-7-1", "[1]"), ("src-7-2", "[2]")]
    cards = re.findall(r'<article id="(.+?)" class="src" tabindex="-1">', markup.cards(shown, 7))
    assert cards == ["src-7-1", "src-7-2"]


@given(before=PLAIN, quote=PLAIN, after=PLAIN)
def test_the_mark_holds_the_exact_words(before: str, quote: str, after: str) -> None:
    text = before + quote + after
    found = Passage("a", 5, 5 + len(text), text, (Span(5, 5 + len(text)),))
    start = 5 + len(before)
    shown = markup.cards(answer(Citation("a", "", start, start + len(quote), quote, found)), 1)
    marks = re.findall("<mark>(.*?)</mark>", shown)
    assert [html.unescape(mark) for mark in marks] == [quote]


def test_wrapped_lines_flow_and_others_stay() -> None:
    wrapped = "A long line of a paragraph that was wrapped\nhere. Short\nline\n- item"
    found = Passage("a", 0, len(wrapped), wrapped, (Span(0, len(wrapped)),))
    shown = markup.cards(answer(Citation("a", "", 44, 55, wrapped[44:55], found)), 1)
    assert "<mark>here&#46; Short</mark>&#10;line&#10;&#45; item" in shown
    assert shown.count('<span class="soft">&#10;</span>') == 1
    assert html.unescape(re.sub("<.*?>", "", shown)).endswith(wrapped)


def test_a_heading_above_the_passage_stands_apart() -> None:
    shown = markup.cards(answer(LI), 1)
    assert '<p class="above" dir="auto">Visit</p>' in shown
    assert "<mark>Li met Golovchenko&#46;</mark> They talked&#46;</p>" in shown


def test_an_abstention_is_a_card_with_its_closest_passages() -> None:
    hits = (Hit(LI.passage, 0.5), Hit(TALK.passage, 0.4))
    shown = Answer("Who?", abstention=Abstention.NOTHING_RELEVANT, closest=hits)
    assert markup.bubble(shown, 1).startswith(
        '<div class="abstention"><p>Nothing in your documents'
    )
    assert markup.bubble(shown, 1).count('<a class="cite"') == 2
    assert markup.cards(shown, 1).count("<article") == 2
    assert "<mark>" not in markup.cards(shown, 1)


def test_a_follow_up_says_what_was_searched() -> None:
    shown = Answer("And then?", (Statement("x", (LI,)),), standalone="What did Li do then?")
    assert "Searched for&#58;" not in markup.bubble(shown, 1)
    assert "Searched for: What did Li do then&#63;" in markup.bubble(shown, 1)


def test_each_statement_tells_its_verdict_and_the_answer_how_sure_it_is() -> None:
    for sure, told in ((0.9, "sure"), (0.6, "likely"), (0.45, "may be")):
        said = Answer("Who?", (Statement("x", (LI,)), Statement("y", (TALK,))), confidence=sure)
        shown = markup.bubble(said, 1)
        assert shown.count('<span class="verdict">supported</span>') == 2
        assert f"<strong>{told}</strong>" in shown


def test_sources_that_disagree_are_shown_side_by_side_and_no_other_notice_is_lost() -> None:
    both = (Statement("x", (LI,)), Statement("y", (TALK,)))
    notices = (disagreement(LI, TALK), "The index is old.")
    shown = markup.bubble(Answer("Who?", both, notices=notices), 1)
    assert shown.count('<div class="conflict">') == 1
    assert "Li met Golovchenko" in shown.split('<div class="conflict">')[1]
    assert shown.count('class="aside"') == 1
    assert "The index is old" in shown


def test_the_way_to_a_document_is_an_address_inside_the_page() -> None:
    to = html.unescape(markup.viewer_link("a &#<b>.md", "00", 3, 9))
    assert to.startswith("#read?")
    asked = parse_qs(to.split("?")[1])
    assert asked == {"source": ["a &#<b>.md"], "sha256": ["00"], "start": ["3"], "end": ["9"]}
    assert "<" not in markup.viewer_link("<\udc80>")


POSSIBLE = Answer(
    "Who?",
    abstention=Abstention.DOES_NOT_SAY,
    candidates=(Statement(LI.quote, (LI,)), Statement(TALK.quote, (TALK,))),
    missing=("<b>X300</b>",),
)


def test_what_may_be_meant_is_shown_with_links_and_asserted_by_nobody() -> None:
    shown = markup.bubble(POSSIBLE, 1)
    assert shown.count('<a class="cite"') == 2
    assert "This may be what you mean" in shown
    assert "Your documents do not mention “&lt;b&gt;X300" in shown.replace("&#60;", "&lt;").replace(
        "&#62;", "&gt;"
    )
    assert "verdict" not in shown
    assert markup.cards(POSSIBLE, 1).count("<mark>") == 2
