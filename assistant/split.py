"""Document → Passages: cut at sentences, never across a heading or a page, nothing lost.

Two laws, tested: `document.text[p.start:p.end] == p.text` for every passage p, and every
character that is not white space is in exactly one passage.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from assistant.text import sentences, stretches
from assistant.types import Document, Passage, Section, Span, counted

VERSION = 3
"""Part of the index's recipe: raise it when the same document would be cut otherwise."""
TOKENS = 128
"""Word pieces a passage aims at: what all-MiniLM-L6-v2 was trained on (it reads 256)."""

Measure = Callable[[Sequence[str]], Sequence[int]]
"""How many tokens of the embedding model each text has."""

# A word of 100 letters is one unknown token to WordPiece, so length is bounded in characters
# too: no text a person wrote has more than eight letters to a token.
_LETTERS_PER_TOKEN = 8
_PAUSE = re.compile(r"[;:,，、；：]?\s+")


def split(document: Document, measure: Measure, limit: int, aim: int = TOKENS) -> list[Passage]:
    """Cut a document into passages of about `aim` tokens, at most `limit`."""
    text, passages = document.text, list[Passage]()
    breaks = [match.start() for match in re.finditer("\n", text)]
    for section in document.sections:
        for index, group in enumerate(_groups(text, section, measure, limit, aim)):
            start, end, number = group[0].start, group[-1].end, section.number
            if not index:  # the heading belongs to the passage, though to none of its sentences
                above = text[section.start : start + 1]
                start = section.start + len(above) - len(above.lstrip())
            if counted(section.unit, number):
                number += bisect_left(breaks, start) - bisect_left(breaks, section.start)
            passages.append(
                Passage(
                    source=document.source,
                    start=start,
                    end=end,
                    text=text[start:end],
                    sentences=tuple(group),
                    title=document.title,
                    heading=section.heading,
                    unit=section.unit,
                    number=number,
                )
            )
    return passages


def _groups(
    text: str, section: Section, measure: Measure, limit: int, aim: int
) -> Iterator[list[Span]]:
    """Sentences packed evenly: a section a little over the aim gives halves, not a stub."""
    under = text[section.body : section.end]
    if section.unit == "row":  # each row of a table is one sentence, whatever stands in its cells
        newlines = (match.end() for match in re.finditer("\n", under))
        found = list(stretches(under, [0, *newlines, len(under)]))
    else:
        found = sentences(under)
    spans = [Span(section.body + start, section.body + end) for start, end in found]
    sized = _sized(text, spans, measure, limit)
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
            # Cut near the middle, after a pause if there is one in the middle half.
            middle, quarter = (span.start + span.end) // 2, letters // 4
            pauses = _PAUSE.finditer(text, middle - quarter, middle + quarter)
            near = ((abs(pause.end() - middle), pause.end()) for pause in pauses)
            _, cut = min(near, default=(0, middle))
            halves = list(stretches(text, [span.start, cut, span.end]))
            sized += _sized(text, halves, measure, limit)
    return sized
