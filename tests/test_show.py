import html
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from assistant import show
from assistant.show import terminal
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
    assert terminal.to_text(Answer("Who?", (both, Statement("They talked.", (TALK,))))) == (
        "Li met Golovchenko and talked. [1][2]\n\n"
        "They talked. [1]\n\n"
        "[1] b.pdf, line 1\n    “They talked.”\n\n"
        "[2] a.md, “Visit”, line 3\n    “Li met Golovchenko.”"
    )


def test_text_tells_the_notices() -> None:
    told = Answer("Who?", (Statement("x", (LI,)),), notices=("The sources\ndisagree.",))
    assert terminal.to_text(told).endswith("\n\nNote: The sources disagree.")


def test_text_of_an_abstention_shows_the_three_closest() -> None:
    hits = tuple(Hit(passage(f"{n} " + "word " * 100), 0.5) for n in range(5))
    told = terminal.to_text(Answer("Who?", abstention=Abstention.DOES_NOT_SAY, closest=hits))
    first, *rest = told.split("\n\n")
    assert first == Abstention.DOES_NOT_SAY.explanation
    assert len(rest) == 3
    assert rest[0].startswith("Closest: a.md, line 1\n    “0 word word")
    assert rest[0].endswith("word …”")
    assert all(len(block) < 200 for block in rest)


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_steers_a_terminal(text: str) -> None:
    shown = Answer(text, (Statement(text, (cited(f"{text}.", f"{text}.", source=f"{text}.md"),)),))
    told = terminal.to_text(shown)
    told.encode()
    steering = "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
    assert not re.search(steering, told)


def test_steering_characters_are_spelt_out() -> None:
    assert show.spell_out("\x1b[2J gpj\u202eexe \udc80") == r"\x1b[2J gpj\u202eexe \udc80"
    assert show.line("two\nlines\r\n and\ttabs") == "two lines and tabs"


@given(PLAIN | st.sampled_from(HOSTILE))
def test_escaped_text_shows_as_itself_and_nothing_acts(text: str) -> None:
    escaped = show.escape(text)
    assert html.unescape(escaped) == text
    assert not re.search(r"[<>\n\"'`*_\[\]()$~{}!|:@./\\]", escaped)


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
    assert terminal.report_to_text(report) == (
        "Indexed 3 files, 57 passages (12 embedded) in 2.1 s: "
        "1 added, 1 changed, 0 removed, 1 unchanged, 2 skipped\n"
        "  added: a.md\n"
        "  changed: b.md\n"
        "  skipped: x.exe: not a document\n"
        "  skipped: \\x1b[2J: hidden\n"
        "  note: b.md: guessed encoding"
    )


def test_a_long_report_is_cut() -> None:
    told = terminal.report_to_text(
        SyncReport(added=tuple(f"{n}.md" for n in range(1000)), passages=1)
    )
    assert len(told.splitlines()) == 22
    assert told.endswith("\n  added: and 980 more")
    assert told.startswith("Indexed 1,000 files, 1 passage (")


def test_text_of_what_may_be_meant_quotes_it_under_the_reason() -> None:
    possible = Answer(
        "Who?",
        abstention=Abstention.DOES_NOT_SAY,
        candidates=(Statement(LI.quote, (LI,)),),
        missing=("X300",),
    )
    told = terminal.to_text(possible).split("\n\n")
    assert told[0] == "Your documents do not mention “X300”."
    assert told[1] == show.MAY_BE_MEANT
    assert told[2] == f"[1] {LI.location}\n    “{LI.quote}”"


def test_text_of_a_reply_shows_no_passage() -> None:
    hits = (Hit(LI.passage, 0.5),)
    reply = Answer("Hi", abstention=Abstention.NO_QUESTION, reply="Hello.", closest=hits)
    assert terminal.to_text(reply) == "Hello."
