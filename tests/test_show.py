import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant import show
from assistant.history import Conversation, Turn
from assistant.types import (
    Abstention,
    Answer,
    Citation,
    Hit,
    Passage,
    Skipped,
    Span,
    Statement,
    SyncReport,
    disagreement,
)

HOSTILE = [
    "<script>window.x=1</script>",
    "<img src=http://127.0.0.1:7999/i onerror=alert(1)>",
    "![a](http://127.0.0.1:7999/?q=SECRET)",
    "[x](javascript:alert(1))",
    "$$x^2$$ `code` **bold** _it_ ~~no~~",
    "http://127.0.0.1:7999/ www.example.com a@example.com",
    "${window.x=1} {{7*7}} {question} %s",
    "<div style='position:fixed'><form action=http://127.0.0.1:7999></form></div>",
    "# heading\n\n- item\n\n    code\n\n| a | b |\n|---|---|",
    "&lt;b&gt; &amp; &#60;",
]
PLAIN = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1)


def passage(text: str, quote: str = "", source: str = "a.md", heading: str = "") -> Passage:
    at = 100 + text.index(quote or text.lstrip())
    sentences = (Span(at, at + len(quote or text.lstrip())),)
    return Passage(source, 100, 100 + len(text), text, sentences, heading, heading)


def cited(text: str, quote: str, source: str = "a.md", heading: str = "") -> Citation:
    found = passage(text, quote, source, heading)
    start = 100 + text.index(quote)
    return Citation(found.source, "00" * 32, start, start + len(quote), quote, found)


def answer(*citations: Citation, **more: str) -> Answer:
    statements = tuple(Statement(citation.quote, (citation,)) for citation in citations)
    return Answer(more.get("question", "Who?"), statements, timings={"read": 0.1}, confidence=1 / 3)


class Page(HTMLParser):
    """What a browser would see: the tags, and the text of each."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.said = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


LI = cited("# Visit\n\nLi met Golovchenko. They talked.", "Li met Golovchenko.", heading="Visit")
TALK = cited("They talked.\nA lot.", "They talked.", source="b.pdf")


def test_text_numbers_the_citations_by_first_use() -> None:
    both = Statement("Li met Golovchenko and talked.", (TALK, LI))
    assert show.to_text(Answer("Who?", (both, Statement("They talked.", (TALK,))))) == (
        "Li met Golovchenko and talked. [1][2]\n\n"
        "They talked. [1]\n\n"
        "[1] b.pdf, line 1\n    “They talked.”\n\n"
        "[2] a.md, “Visit”, line 3\n    “Li met Golovchenko.”"
    )


def test_text_tells_the_notices() -> None:
    told = Answer("Who?", (Statement("x", (LI,)),), notices=("The sources\ndisagree.",))
    assert show.to_text(told).endswith("\n\nNote: The sources disagree.")


def test_text_of_an_abstention_shows_the_three_closest() -> None:
    hits = tuple(Hit(passage(f"{n} " + "word " * 100), 0.5) for n in range(5))
    told = show.to_text(Answer("Who?", abstention=Abstention.DOES_NOT_SAY, closest=hits))
    first, *rest = told.split("\n\n")
    assert first == Abstention.DOES_NOT_SAY.explanation
    assert len(rest) == 3
    assert rest[0].startswith("Closest: a.md, line 1\n    “0 word word")
    assert rest[0].endswith("word …”")
    assert all(len(block) < 200 for block in rest)


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_steers_a_terminal(text: str) -> None:
    shown = Answer(text, (Statement(text, (cited(f"{text}.", f"{text}.", source=f"{text}.md"),)),))
    told = show.to_text(shown)
    told.encode()
    steering = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    assert not re.search(steering, told)


def test_steering_characters_are_spelt_out() -> None:
    assert show.visible("\x1b[2J gpj\u202eexe \udc80") == r"\x1b[2J gpj\u202eexe \udc80"
    assert show.line("two\nlines\r\n and\ttabs") == "two lines and tabs"


@given(PLAIN | st.sampled_from(HOSTILE))
def test_escaped_text_shows_as_itself_and_nothing_acts(text: str) -> None:
    escaped = show.escape(text)
    assert html.unescape(escaped) == text
    assert not re.search(r"[<>\n\"'`*_\[\]()$~{}!|:@./\\]", escaped)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_adds_no_tag(hostile: str) -> None:
    bad = cited(f"x. {hostile} y.", hostile, source=hostile, heading=hostile)
    good = cited("x. plain y.", "plain")
    for shown in (show.bubble, show.cards):
        assert Page(shown(answer(bad), 1)).tags == Page(shown(answer(good), 1)).tags
        assert "\n" not in shown(answer(bad), 1)
    assert hostile in Page(show.to_html(answer(bad))).said


def test_links_lead_to_the_cards_of_their_turn() -> None:
    shown = answer(LI, TALK)
    links = re.findall(r'<a class="cite" href="#(.+?)">(.+?)</a>', show.bubble(shown, 7))
    plain = [(to, html.unescape(re.sub("<.+?>", "", marker))) for to, marker in links]
    assert plain == [("src-7-1", "[1]"), ("src-7-2", "[2]")]
    cards = re.findall(r'<article id="(.+?)" class="src" tabindex="-1">', show.cards(shown, 7))
    assert cards == ["src-7-1", "src-7-2"]


@given(before=PLAIN, quote=PLAIN, after=PLAIN)
def test_the_mark_holds_the_exact_words(before: str, quote: str, after: str) -> None:
    text = before + quote + after
    found = Passage("a", 5, 5 + len(text), text, (Span(5, 5 + len(text)),))
    start = 5 + len(before)
    shown = show.cards(answer(Citation("a", "", start, start + len(quote), quote, found)), 1)
    marks = re.findall("<mark>(.*?)</mark>", shown)
    assert [html.unescape(mark) for mark in marks] == [quote]


def test_wrapped_lines_flow_and_others_stay() -> None:
    wrapped = "A long line of a paragraph that was wrapped\nhere. Short\nline\n- item"
    found = Passage("a", 0, len(wrapped), wrapped, (Span(0, len(wrapped)),))
    shown = show.cards(answer(Citation("a", "", 44, 55, wrapped[44:55], found)), 1)
    assert "<mark>here&#46; Short</mark>&#10;line&#10;&#45; item" in shown
    assert shown.count('<span class="soft">&#10;</span>') == 1
    assert html.unescape(re.sub("<.*?>", "", shown)).endswith(wrapped)


def test_a_heading_above_the_passage_stands_apart() -> None:
    shown = show.cards(answer(LI), 1)
    assert '<p class="above" dir="auto">Visit</p>' in shown
    assert "<mark>Li met Golovchenko&#46;</mark> They talked&#46;</p>" in shown


def test_an_abstention_is_a_card_with_its_closest_passages() -> None:
    hits = (Hit(LI.passage, 0.5), Hit(TALK.passage, 0.4))
    shown = Answer("Who?", abstention=Abstention.NOTHING_RELEVANT, closest=hits)
    assert show.bubble(shown, 1).startswith('<div class="abstention"><p>Nothing in your documents')
    assert show.bubble(shown, 1).count('<a class="cite"') == 2
    assert show.cards(shown, 1).count("<article") == 2
    assert "<mark>" not in show.cards(shown, 1)


def test_a_follow_up_says_what_was_searched() -> None:
    shown = Answer("And then?", (Statement("x", (LI,)),), standalone="What did Li do then?")
    assert "Searched for&#58;" not in show.bubble(shown, 1)
    assert "Searched for: What did Li do then&#63;" in show.bubble(shown, 1)


def test_each_statement_tells_its_verdict_and_the_answer_how_sure_it_is() -> None:
    for odds, told in ((0.9, "very likely"), (0.8, "likely"), (0.6, "more likely than not")):
        said = Answer("Who?", (Statement("x", (LI,)), Statement("y", (TALK,))), confidence=odds)
        shown = show.bubble(said, 1)
        assert shown.count('<span class="verdict">supported</span>') == 2
        assert f"<strong>{told}</strong>" in shown


def test_sources_that_disagree_are_shown_side_by_side_and_no_other_notice_is_lost() -> None:
    both = (Statement("x", (LI,)), Statement("y", (TALK,)))
    notices = (disagreement(LI, TALK), "The index is old.")
    shown = show.bubble(Answer("Who?", both, notices=notices), 1)
    assert shown.count('<div class="conflict">') == 1
    assert "Li met Golovchenko" in shown.split('<div class="conflict">')[1]
    assert shown.count('class="aside"') == 1
    assert "The index is old" in shown


def test_the_way_to_a_document_is_an_address_inside_the_page() -> None:
    to = html.unescape(show.reading("a &#<b>.md", "00", 3, 9))
    assert to.startswith("#read?")
    asked = parse_qs(to.split("?")[1])
    assert asked == {"source": ["a &#<b>.md"], "sha256": ["00"], "start": ["3"], "end": ["9"]}
    assert "<" not in show.reading("<\udc80>")


def test_json_round_trips() -> None:
    hits = (Hit(LI.passage, 0.5, 0.25, 1 / 3),)
    for saved in (
        answer(LI, TALK),
        Answer("", abstention=Abstention.UNSUPPORTED, closest=hits, notices=("“ü”\n\x00",)),
    ):
        assert show.from_json(show.to_json(saved)) == saved
        assert show.from_json(show.to_json(saved).encode()) == saved
        assert isinstance(show.from_json(show.to_json(saved)).timings, dict)


@given(question=PLAIN, confidence=st.floats(0, 1), quote=PLAIN)
def test_json_round_trips_for_any_text(question: str, confidence: float, quote: str) -> None:
    said = (Statement(quote, (cited(f"{quote} ", quote),)),)
    saved = Answer(question, said, confidence=confidence)
    assert show.from_json(show.to_json(saved)) == saved


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
        show.from_json(garbage)


def test_json_is_what_others_can_read() -> None:
    read = json.loads(show.to_json(answer(LI)))
    assert read["statements"][0]["citations"][0]["quote"] == LI.quote


def test_a_report_counts_and_names() -> None:
    report = SyncReport(
        added=("a.md",),
        changed=("b.md",),
        unchanged=("c.md",),
        skipped=(Skipped("x.exe", "not a document"), Skipped("\x1b[2J", "hidden")),
        notes=(("b.md", "guessed encoding"),),
        passages=57,
        embedded=12,
        seconds=2.13,
    )
    assert show.report_to_text(report) == (
        "Indexed 3 files, 57 passages (12 embedded) in 2.1 s: "
        "1 added, 1 changed, 0 removed, 1 unchanged, 2 skipped\n"
        "  added: a.md\n"
        "  changed: b.md\n"
        "  skipped: x.exe: not a document\n"
        "  skipped: \\x1b[2J: hidden\n"
        "  note: b.md: guessed encoding"
    )


def test_a_long_report_is_cut() -> None:
    told = show.report_to_text(SyncReport(added=tuple(f"{n}.md" for n in range(1000)), passages=1))
    assert len(told.splitlines()) == 22
    assert told.endswith("\n  added: and 980 more")
    assert told.startswith("Indexed 1,000 files, 1 passage (")


def conversation(*turns: Turn) -> Conversation:
    talk = Conversation.begin()
    for turn in turns:
        talk = talk.and_then(turn)
    return talk


def rendered(text: str) -> Page:
    """As other programs show Markdown, with all that they act on."""
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


def test_markdown_has_a_footnote_for_each_citation() -> None:
    both = Answer("Who?", (Statement("They met. They talked.", (TALK, LI)),), notices=("Old.",))
    hits = (Hit(TALK.passage, 0.5),)
    unsaid = Answer("Why?", abstention=Abstention.DOES_NOT_SAY, closest=hits)
    turns = (Turn("Who?", both), Turn("Why?", unsaid), Turn("And?", answer(LI), "Stopped."))
    assert show.conversation_to_markdown(conversation(*turns)) == (
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
    def export(text: str) -> str:
        bad = cited(f"x. {text} y.", text, source=text, heading=text)
        said = Answer(text, (Statement(text, (bad,)),), notices=(text,))
        return show.conversation_to_markdown(conversation(Turn(text, said, text)))

    assert rendered(export(hostile)).tags == rendered(export("plain")).tags
    assert show.line(hostile) in rendered(export(hostile)).said
    assert not re.search(r"(?<!\\)https?:/|(?i:(?<!\\)www\.)|\{\{|\$\{", export(hostile))


def test_json_of_a_conversation_is_its_answers() -> None:
    turns = (Turn("Who?", answer(LI)), Turn("Lost?"), Turn("When?", answer(TALK)))
    told = show.conversation_to_json(conversation(*turns))
    saved = [show.from_json(json.dumps(each)) for each in json.loads(told)]
    assert saved == [answer(LI), answer(TALK)]
