"""Answers and reports as text, HTML and JSON: the only place that escapes.

Everything here came from documents, file names, questions or models, and is shown literally.
"""

import json
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from assistant.types import Answer, Changes, Checked, Citation, Passage, Standing, SyncReport

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from assistant.history import Conversation

# What steers a terminal, reorders a line or is no text: controls, bidi marks, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# A newline amid a paragraph: a long line before it, a letter after it.
_WRAPPED = re.compile(r"(?<=[^\r\n]{40})\n(?=[^\W\d_])")
# All punctuation, so that neither HTML nor Gradio's Markdown finds anything to act on.
_ENTITIES = {ord(char): f"&#{ord(char)};" for char in string.punctuation + "\n\t"}
_ENTITIES[ord("\r")] = '<span class="soft">&#10;</span>'
# What Markdown acts on, wherever it stands in a line; `<`, `>` and `&` are entities instead,
# because not every program knows a backslash before them.
_ACTIVE = re.compile(r"[\\`*_{}\[\]|~$^=#@%]|:(?=\S)|(?i:(?<=www)\.)|^[-+:]|!$")
_NUMBERED = re.compile(r"^(\d+)(?=[.)])")
_SPACES = re.compile(r"\s+")
_BOLD, _PLAIN = "\x1b[1m", "\x1b[22m"
_CLOSEST, _EXCERPT, _NAMES = 3, 160, 20
_STYLE = "<style>.passage { white-space: pre-wrap } .soft { white-space: normal }</style>"


def to_text(answer: Answer, *, bold: bool = False) -> str:
    """For a terminal: the statements with their markers, then what each marker stands for.

    `bold` sets the words that answer in bold, with the codes of a terminal.
    """
    sources = _sources(answer)
    blocks = [answer.abstention.explanation] if answer.abstention is not None else []
    for said in answer.statements:
        markers = "".join(f"[{sources[citation]}]" for citation in said.citations)
        before, words, after = (_flat(part) for part in _parted(said.text, said.citations[0]))
        words = f"{_BOLD}{words}{_PLAIN}" if words and bold else words
        blocks.append(f"{before}{words}{after} {markers}")
    for source, number in sources.items():
        mark, words = (f"[{number}]", source.quote) if source.quote else ("Closest:", "")
        words = line(words) or _excerpt(source.passage)
        blocks.append(f"{mark} {line(source.location)}\n    “{words}”")
    return "\n\n".join([*blocks, *(f"Note: {line(notice)}" for notice in answer.notices)])


def to_html(answer: Answer) -> str:
    """For a notebook: the answer, then its sources."""
    turn = sha256(ascii(answer.question).encode()).hexdigest()[:8]
    return (
        f'{_STYLE}<div class="assistant-answer">{bubble(answer, turn)}{cards(answer, turn)}</div>'
    )


def bubble(answer: Answer, turn: int | str) -> str:
    """The answer for a chat; its markers link to the cards of the same turn. One line."""
    sources = _sources(answer)
    to = {source: f'<a class="cite" href="#src-{turn}-{n}">' for source, n in sources.items()}
    blocks = []
    if answer.standalone and answer.standalone != answer.question:
        blocks.append(f'<p class="aside">Searched for: {escape(answer.standalone)}</p>')
    if answer.abstention is not None:
        near = "".join(f"<li>{to[source]}{escape(source.location)}</a></li>" for source in sources)
        near = near and f"<p>Closest passages</p><ul>{near}</ul>"
        reason = escape(answer.abstention.explanation)
        blocks.append(f'<div class="abstention"><p>{reason}</p>{near}</div>')
    for said in answer.statements:
        markers = " ".join(f"{to[cited]}&#91;{sources[cited]}&#93;</a>" for cited in said.citations)
        text = _emphasised(said.text, said.citations[0])
        blocks.append(f'<p class="statement">{text} {markers}</p>')
    blocks += [f'<p class="aside">{escape(notice)}</p>' for notice in answer.notices]
    return "".join(blocks)


def cards(answer: Answer, turn: int | str) -> str:
    """A card for each citation, its words marked; for an abstention, the closest. One line."""
    return "".join(
        f'<article id="src-{turn}-{number}" class="src" tabindex="-1"><h4>'
        f'<span class="badge">{number if source.quote else "Closest"}</span> '
        f'{escape(source.location)} <a class="back" href="#src-{turn}-{number}">↩</a></h4>'
        f"{_prose(source)}</article>"
        for source, number in _sources(answer).items()
    )


def escape(text: str) -> str:
    """The text as HTML that shows it literally, also inside Markdown. One line."""
    return visible(text).translate(_ENTITIES)


def visible(text: str) -> str:
    r"""The text with steering characters spelt out, such as `\x1b`."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def line(text: str) -> str:
    """The text on one line, safe for a terminal and a log."""
    return " ".join(visible(text).split())


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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


def markdown(text: str) -> str:
    """The text as Markdown that shows it literally. One line."""
    flat = _NUMBERED.sub(r"\1\\", _ACTIVE.sub(r"\\\g<0>", line(text)))
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _answered(answer: Answer, before: int) -> Iterator[str]:
    """The blocks of an answer in Markdown; so many footnotes stand before its own."""
    numbers = {cited: before + n for n, cited in enumerate(answer.citations, 1)}
    for said in answer.statements:
        marks = "".join(f"[^{numbers[cited]}]" for cited in said.citations)
        yield f"{markdown(said.text)}{marks}"
    if answer.abstention is not None:
        yield markdown(answer.abstention.explanation)
        for near in _sources(answer):
            place, words = markdown(near.location), markdown(_excerpt(near.passage))
            yield f"- Closest: {place}: “{words}”"
    yield from (f"*{markdown(notice)}*" for notice in answer.notices if notice.strip())


def _footnote(cited: Citation) -> str:
    return f"{markdown(cited.location)}: “{markdown(cited.quote)}”"


@cache
def _adapter() -> "TypeAdapter[Answer]":
    from pydantic import TypeAdapter

    return TypeAdapter(Answer)


def changes_to_text(changes: Changes) -> str:
    """What a sync would do, for a terminal."""
    kinds = {"new": changes.added, "changed": changes.changed, "removed": changes.removed}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in kinds.items() if names)
    if not changes:
        return "The index is as the folder is"
    return "\n".join([f"The folder differs from the index: {counts}", *_listed(kinds)])


def checked_to_text(checked: Mapping[Citation, Checked]) -> str:
    """What has become of saved citations, for a terminal: those that are not held, the counts."""
    lines = []
    for cited, (standing, location) in checked.items():
        if standing is not Standing.HELD:
            now = f" → {line(location)}" if location else ""
            lines += [f"{standing}: {line(cited.location)}{now}", f"    “{line(cited.quote)}”"]
    counts = Counter(standing for standing, _ in checked.values())
    return "\n".join([*lines, ", ".join(f"{counts[each]} {each}" for each in Standing)])


def report_to_text(report: SyncReport) -> str:
    """What a sync did, for a terminal."""
    changes = {"added": report.added, "changed": report.changed, "removed": report.removed}
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in changes.items())
    files = len(report.added) + len(report.changed) + len(report.unchanged)
    lines = [
        f"Indexed {plural(files, 'file')}, {plural(report.passages, 'passage')} "
        f"({report.embedded} embedded) in {report.seconds:.1f} s: {counts}, "
        f"{len(report.unchanged)} unchanged, {len(report.skipped)} skipped"
    ]
    lines += _listed(changes)
    lines += [f"  skipped: {line(file.source)}: {line(file.reason)}" for file in report.skipped]
    lines += [f"  note: {line(source)}: {line(note)}" for source, note in report.notes]
    return "\n".join(lines)


def _listed(kinds: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for kind, names in kinds.items():
        yield from (f"  {kind}: {line(name)}" for name in names[:_NAMES])
        if len(names) > _NAMES:
            yield f"  {kind}: and {len(names) - _NAMES} more"


def _sources(answer: Answer) -> dict[Citation, int]:
    """What is shown, numbered: the citations, or the closest passages with nothing quoted."""
    near = [hit.passage for hit in answer.closest[:_CLOSEST]] * (answer.abstention is not None)
    blank = [Citation(found.source, "", found.start, found.start, "", found) for found in near]
    return {source: n for n, source in enumerate(dict.fromkeys([*answer.citations, *blank]), 1)}


def _parted(quote: str, citation: Citation) -> tuple[str, str, str]:
    """What stands before the words that answer, the words, and what stands after them."""
    if citation.words is None:
        return quote, "", ""
    start, end = (place - citation.start for place in citation.words)
    return quote[:start], quote[start:end], quote[end:]


def _emphasised(quote: str, citation: Citation) -> str:
    before, words, after = map(escape, _parted(quote, citation))
    return f"{before}<strong>{words}</strong>{after}" if words else before


def _flat(text: str) -> str:
    return _SPACES.sub(" ", visible(text))


def _lead(passage: Passage) -> int:
    """Where the first sentence begins in the text: a heading may stand before it."""
    return passage.sentences[0].start - passage.start if passage.sentences else 0


def _excerpt(passage: Passage) -> str:
    text = line(passage.text[_lead(passage) :])
    return text if len(text) <= _EXCERPT else text[:_EXCERPT].rsplit(" ", 1)[0] + " …"


def _prose(source: Citation) -> str:
    """The passage with the quoted words marked, what stands above its first sentence apart."""
    passage = source.passage
    text = _WRAPPED.sub("\r", passage.text)  # shown as a space, still one character
    start, end = source.start - passage.start, source.end - passage.start
    body = min(_lead(passage), start) if source.quote else _lead(passage)
    before, after = (text[body:start], text[end:]) if source.quote else (text[body:], "")
    above = escape(text[:body].strip())
    above = above and f'<p class="above" dir="auto">{above}</p>'
    marked = source.quote and f"<mark>{_emphasised(text[start:end], source)}</mark>"
    return (
        f'{above}<p class="passage" dir="auto">{escape(before.lstrip())}'
        f"{marked}{escape(after.rstrip())}</p>"
    )
