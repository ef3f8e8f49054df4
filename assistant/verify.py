"""Each statement against its exact quotes: keep it, or drop it with its citations.

Saved answers against the folder as it is now: each citation held, moved or gone.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

from assistant import load
from assistant.errors import AnswerFileRefused
from assistant.text import digits, terms
from assistant.types import (
    Answer,
    Checked,
    Citation,
    Document,
    Span,
    Standing,
    Statement,
    disagreement,
    locate,
)

# Share of words two sentences have in common when they speak of the same thing.
_SAME_MATTER = 0.6


def verify(statements: Sequence[Statement]) -> list[Statement]:
    """The statements that say nothing beyond the sentences they cite."""
    return [statement for statement in statements if is_supported(statement)]


def is_supported(statement: Statement) -> bool:
    """Whether every citation is exact and the statement is one of the quotes, word for word."""
    return all(map(is_exact, statement.citations)) and statement.text in {
        citation.quote for citation in statement.citations
    }


def is_exact(citation: Citation) -> bool:
    """Whether the quote is where it says, made of whole sentences, and holds the words marked."""
    passage = citation.passage
    starts = {span.start for span in passage.sentences}
    ends = {span.end for span in passage.sentences}
    return (
        _holds(citation, citation.words)
        and citation.start in starts
        and citation.end in ends
        and citation.source == passage.source
        and bool(citation.quote)
        and citation.quote == passage.quote(Span(citation.start, citation.end))
    )


def _holds(citation: Citation, words: Span | None) -> bool:
    return words is None or citation.start <= words.start < words.end <= citation.end


def disagreements(statements: Sequence[Statement]) -> list[str]:
    """A notice for each two sources that speak of the same thing and differ in a number."""
    return [
        disagreement(one.citations[0], other.citations[0])
        for one, other in combinations(statements, 2)
        if _disagree(one, other)
    ]


def _disagree(one: Statement, other: Statement) -> bool:
    sources = [{citation.source for citation in each.citations} for each in (one, other)]
    if sources[0] & sources[1] or digits(one.text) == digits(other.text):
        return False
    words = [frozenset(terms(each.text)) - digits(each.text) for each in (one, other)]
    return len(words[0] & words[1]) >= _SAME_MATTER * len(words[0] | words[1])


def recheck(folder: Path, limit: int, citations: Iterable[Citation]) -> dict[Citation, Checked]:
    """What has become of each citation. Raises `KnowledgeMissing`.

    Read are the files that are cited, and all others of at most `limit` bytes where one of them
    does not hold what it did.
    """
    found = load.scan(folder, limit).files
    checked = dict.fromkeys(citations, Checked(Standing.GONE))
    cited = {citation.source for citation in checked}
    others = [file for file in found if file.source not in cited]
    with load.Readers() as readers:
        for files in [file for file in found if file.source in cited], others:
            gone = [each for each in checked if checked[each].standing is Standing.GONE]
            for _, document in readers.read(files if gone else [], limit, {}):
                if isinstance(document, Document):
                    checked |= _found(document, gone)
    return checked


def _found(document: Document, citations: Iterable[Citation]) -> Iterator[tuple[Citation, Checked]]:
    """Those of the citations whose words stand in the document."""
    for cited in citations:
        places = [place.start() for place in re.finditer(re.escape(cited.quote), document.text)]
        if places:
            start = min(places, key=lambda place: abs(place - cited.start))
            same = (document.source, start) == (cited.source, cited.start)
            standing = Standing.HELD if same else Standing.MOVED
            yield cited, Checked(standing, _location(document, start))


def _location(document: Document, start: int) -> str:
    """Where a person would look for this character."""
    section = [each for each in document.sections if each.start <= start][-1]
    lines = document.text.count("\n", section.start, start)
    return locate(document.source, section.heading, section.unit, section.number, lines)


def read_answers(path: Path) -> list[Answer]:
    """The answers saved in a file: JSON, one or a list of them, or one on each line.

    Raises `AnswerFileRefused`, which names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AnswerFileRefused(path, 0, f"{error}.") from None
    try:
        whole = json.loads(text)
        saved = [json.dumps(one) for one in (whole if isinstance(whole, list) else [whole])]
    except (ValueError, RecursionError):
        saved = text.splitlines()
    return [_answer(path, number, one) for number, one in enumerate(saved, 1) if one.strip()]


def _answer(path: Path, number: int, text: str) -> Answer:
    try:
        return Answer.from_json(text)
    except ValueError as error:
        raise AnswerFileRefused(path, number, str(error)) from None
