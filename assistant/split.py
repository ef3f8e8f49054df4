"""Document → Passages: cut at sentences, never across a heading or a page, nothing lost.

Two laws, tested: `document.text[p.start:p.end] == p.text` for every passage p, and every
character that is not white space is in exactly one passage.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from assistant.types import Document, Passage, Section, Span, counted

VERSION = 2
"""Part of the index's recipe: raise it when the same document would be cut otherwise."""
TOKENS = 128
"""Word pieces a passage aims at: what all-MiniLM-L6-v2 was trained on (it reads 256)."""

Measure = Callable[[Sequence[str]], Sequence[int]]
"""How many tokens of the embedding model each text has."""

# A word of 100 letters is one unknown token to WordPiece, so length is bounded in characters
# too: no text a person wrote has more than eight letters to a token.
_LETTERS_PER_TOKEN = 8
# Sentence splitters may be quadratic in a paragraph; nothing a person wrote is longer.
_PARAGRAPH = 8_000
# A blank line, or a line break before a list item or a table row, ends a sentence.
_BREAK = re.compile(r"\n[^\S\n]*(?=\n|[-*+•–|] ?\S|\d{1,3}[.)] |[a-z][.)] )")
_PAUSE = re.compile(r"[;:,，、；：]?\s+")
_SCRIPTS = {
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
}


def split(document: Document, measure: Measure, limit: int, aim: int = TOKENS) -> list[Passage]:
    """Cut a document into passages of about `aim` tokens, at most `limit`."""
    breaks = [match.start() for match in re.finditer("\n", document.text)]
    return [
        _passage(document, section, group, breaks, first=not index)
        for section in document.sections
        for index, group in enumerate(_groups(document.text, section, measure, limit, aim))
    ]


def _passage(
    document: Document, section: Section, group: list[Span], breaks: list[int], *, first: bool
) -> Passage:
    start, end, number = group[0].start, group[-1].end, section.number
    if first:  # the heading belongs to the passage, though to none of its sentences
        start = section.start + _indent(document.text[section.start : start + 1])
    if counted(section.unit, number):
        number += bisect_left(breaks, start) - bisect_left(breaks, section.start)
    return Passage(
        source=document.source,
        start=start,
        end=end,
        text=document.text[start:end],
        sentences=tuple(group),
        title=document.title,
        heading=section.heading,
        unit=section.unit,
        number=number,
    )


def _groups(
    text: str, section: Section, measure: Measure, limit: int, aim: int
) -> Iterator[list[Span]]:
    """Sentences packed evenly: a section a little over the aim gives halves, not a stub."""
    sentences = _rows if section.unit == "row" else _sentences
    sized = _sized(text, list(sentences(text, section.body, section.end)), measure, limit)
    total = sum(size for _, size in sized)
    parts = round(total / min(aim, limit) + 0.25)
    even = total / max(1, parts)
    group: list[Span] = []
    held = 0
    for span, size in sized:
        if group and (held + size / 2 > even or held + size > limit):
            yield group
            group, held = [], 0
        group.append(span)
        held += size
    if group:
        yield group


def _sized(
    text: str, spans: Sequence[Span], measure: Measure, limit: int
) -> list[tuple[Span, int]]:
    """Each sentence with its tokens; one that is too long is cut into halves until it fits."""
    sizes = measure([text[span.start : span.end] for span in spans])
    sized = []
    for span, tokens in zip(spans, sizes, strict=True):
        letters = span.end - span.start
        size = max(tokens, letters // _LETTERS_PER_TOKEN)
        if size <= limit or letters == 1:
            sized.append((span, size))
        else:
            sized += _sized(text, list(_halves(text, span)), measure, limit)
    return sized


def _halves(text: str, span: Span) -> Iterator[Span]:
    """Cut near the middle, after a pause if there is one in the middle half."""
    middle = (span.start + span.end) // 2
    quarter = (span.end - span.start) // 4
    pauses = [match.end() for match in _PAUSE.finditer(text, middle - quarter, middle + quarter)]
    cut = min(pauses, key=lambda place: abs(place - middle), default=middle)
    yield from _trimmed(text, [span.start, cut, span.end])


def _rows(text: str, start: int, end: int) -> Iterator[Span]:
    """The rows of a table: each is one sentence, whatever stands in its cells."""
    newlines = (match.end() for match in re.finditer("\n", text[start:end]))
    yield from _trimmed(text, [start, *(start + at for at in newlines), end])


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    from sentencex import get_sentence_boundaries

    language = _language(text[start : min(end, start + _PARAGRAPH)])
    for paragraph in _paragraphs(text, start, end):
        found = get_sentence_boundaries(language, text[paragraph.start : paragraph.end])
        starts = {paragraph.start + int(boundary["start_index"]) for boundary in found}
        yield from _trimmed(text, sorted(starts | {paragraph.start, paragraph.end}))


def _paragraphs(text: str, start: int, end: int) -> Iterator[Span]:
    cuts = [start, *(match.end() for match in _BREAK.finditer(text, start, end)), end]
    for span in _trimmed(text, cuts):
        edges = [*range(span.start, span.end, _PARAGRAPH), span.end]
        yield from _trimmed(text, edges)


def _trimmed(text: str, cuts: Sequence[int]) -> Iterator[Span]:
    """The stretches between the cuts, without the white space around them; blank ones go."""
    for start, end in pairwise(cuts):
        stretch = text[start:end]
        if stretch.strip():
            yield Span(start + _indent(stretch), start + len(stretch.rstrip()))


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _language(text: str) -> str:
    """Guess by script; the splitter's rules for English serve the rest."""
    counts = {language: len(script.findall(text)) for language, script in _SCRIPTS.items()}
    if counts["ja"]:  # Japanese is mostly written in Chinese characters
        counts["ja"] += counts["zh"]
    language = max(counts, key=lambda name: counts[name])
    return language if counts[language] * 4 > len(text) else "en"
