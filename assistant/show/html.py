"""Answers as HTML, for the page and for a notebook."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import combinations
from urllib.parse import urlencode

from assistant.cite import disagreement
from assistant.show import (
    MAY_BE_MEANT,
    bare,
    emphasise,
    emphasise_statement,
    escape,
    excerpt,
    lead,
    sources_of,
    unwrapped,
)
from assistant.types import Answer, Citation

# A probability of at least so much, in words and as the share that was right of answers so sure,
# on questions it was not fitted to (research/benchmarks/results/calibration.txt).
_CONFIDENCE = (
    (0.8, "sure", "about 9 in 10"),
    (0.5, "likely", "about 2 in 3"),
    (0.0, "may be", "fewer than half"),
)
_STRONG = ("<strong>", "</strong>")


def to_html(answer: Answer) -> str:
    """For a notebook: the answer, then its sources."""
    turn = sha256(ascii(answer.question).encode()).hexdigest()[:8]
    style = "<style>.passage { white-space: pre-wrap } .soft { white-space: normal }</style>"
    shown = bubble(answer, turn) + cards(answer, turn)
    return f'{style}<div class="assistant-answer">{shown}</div>'


def bubble(answer: Answer, turn: int | str) -> str:
    """The answer for a chat; its markers link to the cards of the same turn. One line.

    What is known only at the end stands at the end: nothing moves that is being read.
    """
    sources = sources_of(answer)
    links = {source: f'<a class="cite" href="#src-{turn}-{n}">' for source, n in sources.items()}
    # Brackets that a style may leave out.
    left, right = (f'<span class="edge">{escape(edge)}</span>' for edge in "[]")
    marks = {source: f"{links[source]}{left}{n}{right}</a>" for source, n in sources.items()}
    blocks = []
    if answer.abstention is not None:
        near = "".join(
            f"<li>{link}{escape(source.location)}</a>"
            f'<span class="excerpt" dir="auto">{_words(source)}</span></li>'
            for source, link in links.items()
        )
        above = MAY_BE_MEANT if answer.candidates else "Closest passages"
        near = near and f"<p>{escape(above)}</p><ul>{near}</ul>"
        reason = escape(answer.refusal)
        blocks.append(f'<div class="abstention"><p>{reason}</p>{near}</div>')
    for statement in answer.statements:
        text = emphasise_statement(statement, escape, *_STRONG)
        cited = " ".join(marks[citation] for citation in statement.citations)
        blocks.append(
            f'<p class="statement" dir="auto">{text} <span class="rests">{cited} '
            f'<span class="verdict">{statement.verdict}</span></span></p>'
        )
    if answer.statements and answer.confidence:
        least, word, share = next(each for each in _CONFIDENCE if answer.confidence >= each[0])
        blocks.append(
            f'<p class="sure at{least * 100:.0f}">Answers your question: <strong>{word}</strong> '
            f'<span class="share">({share} so sure were right, in trials in English)</span></p>'
        )
    return "".join([*blocks, *_notices(answer, marks)])


def _words(source: Citation) -> str:
    """The quote with the words that answer, or how the passage begins where nothing is quoted."""
    if not source.quote:
        return escape(excerpt(source.passage))
    return emphasise(source.quote, source, escape, *_STRONG)


def _notices(answer: Answer, marks: Mapping[Citation, str]) -> Iterator[str]:
    """What the reader should know besides; two sources that disagree stand side by side."""
    others = list(answer.notices)
    for sides in combinations(answer.citations, 2):
        if (notice := disagreement(*sides)) in others:
            others.remove(notice)
            items = "".join(
                f'<li><span class="where">{escape(side.location)}</span> {marks[side]}'
                '<span class="excerpt" dir="auto">'
                f"{emphasise(side.quote, side, escape, *_STRONG)}</span></li>"
                for side in sides
            )
            yield f'<div class="conflict"><p>The sources disagree</p><ul>{items}</ul></div>'
    if answer.standalone and answer.standalone != answer.question:
        yield f'<p class="aside" dir="auto">Searched for: {escape(answer.standalone)}</p>'
    yield from (f'<p class="aside" dir="auto">{escape(other)}</p>' for other in others)


def cards(answer: Answer, turn: int | str) -> str:
    """A card for each citation, its words marked; for an abstention, the closest. One line."""
    return "".join(_card(source, n, f"src-{turn}-{n}") for source, n in sources_of(answer).items())


def _card(source: Citation, number: int, name: str) -> str:
    """The passage, what stands above its first sentence apart, under a link to its place.

    The quoted words are marked, and the link leads to them; of a closest passage, to its sentences.
    """
    passage = source.passage
    text = unwrapped(passage.text, "\r")  # shown as a space, still one character
    body = lead(passage)
    if source.quote:
        start, end = source.start - passage.start, source.end - passage.start
        body = min(body, start)
        badge, link = (
            str(number),
            viewer_link(source.source, source.sha256, source.start, source.end),
        )
        marked = emphasise(text[start:end], source, escape, *_STRONG)
        before, after = escape(text[body:start].lstrip()), escape(text[end:].rstrip())
        shown = f"{before}<mark>{marked}</mark>{after}"
    else:
        end = passage.start + len(passage.text.rstrip())
        badge, link = "Closest", viewer_link(source.source, "", passage.start + body, end)
        shown = escape(text[body:].lstrip())
    above = escape(bare(text[:body]))
    above = above and f'<p class="above" dir="auto">{above}</p>'
    return (
        f'<article id="{name}" class="src" tabindex="-1"><h4><span class="badge">{badge}</span> '
        f'<a class="open" href="{link}">{escape(source.location)}</a> '
        f'<a class="back" href="#{name}">↩</a></h4>'
        f'{above}<p class="passage" dir="auto">{shown}</p></article>'
    )


def viewer_link(source: str, sha256: str = "", start: int = 0, end: int = 0) -> str:
    """The address, inside the page, of a document and a place in it. For an `href`, as it is."""
    place = {"source": source, "sha256": sha256, "start": start, "end": end}
    return escape(f"#read?{urlencode(place, errors='replace')}")
