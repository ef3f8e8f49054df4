"""What every way to show an answer needs of it."""

from assistant.show.words import line
from assistant.types import Answer, Citation, Passage, Statement

_CLOSEST, _EXCERPT = 3, 160


def sources_of(answer: Answer) -> dict[Citation, int]:
    """What is shown, numbered: the citations, or the closest passages with nothing quoted."""
    near = [hit.passage for hit in answer.closest[:_CLOSEST]] * (answer.abstention is not None)
    blank = [Citation(found.source, "", found.start, found.start, "", found) for found in near]
    return {source: n for n, source in enumerate(dict.fromkeys([*answer.citations, *blank]), 1)}


def parted(quote: str, citation: Citation) -> tuple[str, str, str]:
    """What stands before the words that answer, the words, and what stands after them."""
    if citation.words is None:
        return quote, "", ""
    start, end = (place - citation.start for place in citation.words)
    return quote[:start], quote[start:end], quote[end:]


def stated(said: Statement) -> tuple[str, str, str]:
    """`parted`, of a statement: where it is no quote, nothing in it can be marked."""
    cited = said.citations[0]
    return parted(said.text, cited) if said.text == cited.quote else (said.text, "", "")


def lead(passage: Passage) -> int:
    """Where the first sentence begins in the text: a heading may stand before it."""
    return passage.sentences[0].start - passage.start if passage.sentences else 0


def excerpt(passage: Passage) -> str:
    """How the passage begins, on a line, without the heading above it."""
    text = line(passage.text[lead(passage) :])
    return text if len(text) <= _EXCERPT else text[:_EXCERPT].rsplit(" ", 1)[0] + " …"
