"""Answers as HTML, for the page and for a notebook."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from itertools import combinations
from urllib.parse import urlencode

from assistant.cite import disagreement
from assistant.show import (
    bare,
    escape,
    excerpt,
    lead,
    sources_of,
    split_statement,
    split_words,
    unwrapped,
)
from assistant.types import Answer, Citation, Statement

# A probability of at least so much, in words and as the share that was right of answers so sure,
# on questions it was not fitted to (research/benchmarks/results/calibration.txt).
_CONFIDENCE = (
    (0.85, "very likely", "about 9 in 10"),
    (0.7, "likely", "about 3 in 4"),
    (0.5, "more likely than not", "about 6 in 10"),
    (0.0, "unsure", "fewer than half"),
)
_STYLE = "<style>.passage { white-space: pre-wrap } .soft { white-space: normal }</style>"


def to_html(answer: Answer) -> str:
    """For a notebook: the answer, then its sources."""
    turn = sha256(ascii(answer.question).encode()).hexdigest()[:8]
    return (
        f'{_STYLE}<div class="assistant-answer">{bubble(answer, turn)}{cards(answer, turn)}</div>'
    )


def bubble(answer: Answer, turn: int | str) -> str:
    """The answer for a chat; its markers link to the cards of the same turn. One line.

    What is known only at the end stands at the end: nothing moves that is being read.
    """
    sources = sources_of(answer)
    to = {source: f'<a class="cite" href="#src-{turn}-{n}">' for source, n in sources.items()}
    # Brackets that a style may leave out.
    left, right = (f'<span class="edge">{escape(edge)}</span>' for edge in "[]")
    marks = {source: f"{to[source]}{left}{n}{right}</a>" for source, n in sources.items()}
    blocks = [_abstention_html(answer, to)] if answer.abstention is not None else []
    blocks += [_statement_html(statement, marks) for statement in answer.statements]
    blocks += [_confidence_html(answer.confidence)] * bool(answer.statements and answer.confidence)
    others, conflicts = list(answer.notices), []
    for one, other in combinations(answer.citations, 2):
        if (notice := disagreement(one, other)) in others:
            others.remove(notice)
            conflicts.append(_conflict_html((one, other), marks))
    blocks += conflicts
    asides = list(map(escape, others))
    if answer.standalone and answer.standalone != answer.question:
        asides.insert(0, f"Searched for: {escape(answer.standalone)}")
    blocks += [f'<p class="aside" dir="auto">{aside}</p>' for aside in asides]
    return "".join(blocks)


def _statement_html(statement: Statement, marks: Mapping[Citation, str]) -> str:
    before, words, after = map(escape, split_statement(statement))
    text = f"{before}<strong>{words}</strong>{after}" if words else before
    cited = " ".join(marks[citation] for citation in statement.citations)
    verdict = f'<span class="verdict">{statement.verdict}</span>'
    return (
        f'<p class="statement" dir="auto">{text} <span class="rests">{cited} {verdict}</span></p>'
    )


def _abstention_html(answer: Answer, to: Mapping[Citation, str]) -> str:
    assert answer.abstention is not None
    near = "".join(
        f"<li>{link}{escape(source.location)}</a>"
        f'<span class="excerpt" dir="auto">{escape(excerpt(source.passage))}</span></li>'
        for source, link in to.items()
    )
    near = near and f"<p>Closest passages</p><ul>{near}</ul>"
    return f'<div class="abstention"><p>{escape(answer.abstention.explanation)}</p>{near}</div>'


def _confidence_html(probability: float) -> str:
    least, word, share = next(grade for grade in _CONFIDENCE if probability >= grade[0])
    return (
        f'<p class="sure at{least * 100:.0f}">Answers your question: <strong>{word}</strong> '
        f'<span class="share">({share} so sure were right, in trials in English)</span></p>'
    )


def _conflict_html(sides: Sequence[Citation], marks: Mapping[Citation, str]) -> str:
    items = "".join(
        f'<li><span class="where">{escape(side.location)}</span> {marks[side]}'
        f'<span class="excerpt" dir="auto">{_emphasised(side.quote, side)}</span></li>'
        for side in sides
    )
    return f'<div class="conflict"><p>The sources disagree</p><ul>{items}</ul></div>'


def cards(answer: Answer, turn: int | str) -> str:
    """A card for each citation, its words marked; for an abstention, the closest. One line."""
    return "".join(_card(source, n, f"src-{turn}-{n}") for source, n in sources_of(answer).items())


def _card(source: Citation, number: int, name: str) -> str:
    """Its link leads to where the quoted words stand; of a closest passage, all its sentences."""
    passage, sha256, start, end = source.passage, source.sha256, source.start, source.end
    if not source.quote:
        sha256, start = "", passage.start + lead(passage)
        end = passage.start + len(passage.text.rstrip())
    return (
        f'<article id="{name}" class="src" tabindex="-1"><h4>'
        f'<span class="badge">{number if source.quote else "Closest"}</span> '
        f'<a class="open" href="{viewer_link(source.source, sha256, start, end)}">'
        f'{escape(source.location)}</a> <a class="back" href="#{name}">↩</a></h4>'
        f"{_passage_html(source)}</article>"
    )


def viewer_link(source: str, sha256: str = "", start: int = 0, end: int = 0) -> str:
    """The address, inside the page, of a document and a place in it. For an `href`, as it is."""
    place = {"source": source, "sha256": sha256, "start": start, "end": end}
    return escape(f"#read?{urlencode(place, errors='replace')}")


def _emphasised(quote: str, citation: Citation) -> str:
    before, words, after = map(escape, split_words(quote, citation))
    return f"{before}<strong>{words}</strong>{after}" if words else before


def _passage_html(source: Citation) -> str:
    """The passage with the quoted words marked, what stands above its first sentence apart."""
    passage = source.passage
    text = unwrapped(passage.text, "\r")  # shown as a space, still one character
    start, end = source.start - passage.start, source.end - passage.start
    body = min(lead(passage), start) if source.quote else lead(passage)
    before, after = (text[body:start], text[end:]) if source.quote else (text[body:], "")
    above = escape(bare(text[:body]))
    above = above and f'<p class="above" dir="auto">{above}</p>'
    marked = source.quote and f"<mark>{_emphasised(text[start:end], source)}</mark>"
    return (
        f'{above}<p class="passage" dir="auto">{escape(before.lstrip())}'
        f"{marked}{escape(after.rstrip())}</p>"
    )
