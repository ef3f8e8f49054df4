"""Saved answers against the folder as it is now: each citation held, moved or gone."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from assistant import load
from assistant.errors import AnswerFileRefused
from assistant.types import Answer, Checked, Citation, Document, Standing, locate


def recheck(folder: Path, limit: int, citations: Iterable[Citation]) -> dict[Citation, Checked]:
    """What has become of each citation. Raises `KnowledgeMissing`.

    Read are the files that are cited, and all others of at most `limit` bytes where one of them
    does not hold what it did.
    """
    found, _ = load.scan(folder, limit)
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
        raise AnswerFileRefused(path, 0, str(error)) from None
    try:
        whole = json.loads(text)
        saved = [json.dumps(one) for one in (whole if isinstance(whole, list) else [whole])]
    except ValueError:
        saved = text.splitlines()
    return [_answer(path, number, one) for number, one in enumerate(saved, 1) if one.strip()]


def _answer(path: Path, number: int, text: str) -> Answer:
    try:
        return Answer.from_json(text)
    except ValueError as error:
        raise AnswerFileRefused(path, number, str(error)) from None
