"""Answers and conversations as JSON and Markdown, to be kept."""

import json
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from assistant.show.pieces import excerpt, sources_of
from assistant.show.words import line, markdown
from assistant.types import Answer, Citation

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from assistant.history import Conversation


def to_json(answer: Answer) -> str:
    """The whole answer; `from_json` reads it back."""
    return json.dumps(_adapter().dump_python(answer, mode="json"))


def from_json(text: str | bytes) -> Answer:
    """The answer that `to_json` wrote. Raises `ValueError` on anything else."""
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        place = line(".".join(map(str, error.errors()[0]["loc"]))) or "its JSON"
        raise ValueError(f"This is not a saved answer: {place} is not as it should be.") from None


def conversation_to_json(conversation: "Conversation") -> str:
    """Its answers as a list, one on each line; `assistant verify` reads it."""
    answers = [to_json(turn.answer) for turn in conversation.turns if turn.answer is not None]
    return "[\n" + ",\n".join(answers) + "\n]\n"


def conversation_to_markdown(conversation: "Conversation") -> str:
    """Its questions and answers; a footnote for each citation, with its place and exact quote."""
    blocks, notes = [f"# {markdown(conversation.title)}"], list[str]()
    for turn in conversation.turns:
        blocks.append(f"## {markdown(turn.question)}")
        if turn.answer is not None:
            blocks += _answered(turn.answer, len(notes))
            notes += map(_footnote, turn.answer.citations)
        blocks += [f"*{markdown(turn.remark)}*"] if turn.remark.strip() else []
    numbered = [f"[^{number}]: {note}" for number, note in enumerate(notes, 1)]
    return "\n\n".join([*blocks, *numbered]) + "\n"


def _answered(answer: Answer, before: int) -> Iterator[str]:
    """The blocks of an answer in Markdown; so many footnotes stand before its own."""
    numbers = {cited: before + n for n, cited in enumerate(answer.citations, 1)}
    for said in answer.statements:
        marks = "".join(f"[^{numbers[cited]}]" for cited in said.citations)
        yield f"{markdown(said.text)}{marks}"
    if answer.abstention is not None:
        yield markdown(answer.abstention.explanation)
        for near in sources_of(answer):
            place, words = markdown(near.location), markdown(excerpt(near.passage))
            yield f"- Closest: {place}: “{words}”"
    yield from (f"*{markdown(notice)}*" for notice in answer.notices if notice.strip())


def _footnote(cited: Citation) -> str:
    return f"{markdown(cited.location)}: “{markdown(cited.quote)}”"


@cache
def _adapter() -> "TypeAdapter[Answer]":
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)
