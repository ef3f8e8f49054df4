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
from itertools import combinations
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from assistant.types import (
    Answer,
    Changes,
    Checked,
    Citation,
    Passage,
    Standing,
    Statement,
    SyncReport,
    Verdict,
    disagreement,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from assistant.history import Conversation
    from assistant.model import ModelState

# What steers a terminal, reorders a line or is no text: controls, bidi marks, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# A newline amid a paragraph: a long line before it, a letter after it.
_WRAPPED = re.compile(r"(?<=[^\r\n]{40})\n(?=[^\W\d_])")
_HEADING = re.compile(r"^#{1,6}[ \t]+|[ \t]+#+$", re.MULTILINE)
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
_VERDICTS = {verdict: verdict.value for verdict in Verdict}
# Odds of at least so much, in words and as the share that was right of answers so sure, on
# questions the odds were not fitted to (benchmarks/results/calibration.txt).
_SURE = (
    (0.85, "very likely", "about 9 in 10"),
    (0.7, "likely", "about 3 in 4"),
    (0.5, "more likely than not", "about 6 in 10"),
    (0.0, "unsure", "fewer than half"),
)
_STYLE = "<style>.passage { white-space: pre-wrap } .soft { white-space: normal }</style>"


def to_text(answer: Answer, *, bold: bool = False) -> str:
    """For a terminal: the statements with their markers, then what each marker stands for.

    `bold` sets the words that answer in bold, with the codes of a terminal.
    """
    sources = _sources(answer)
    blocks = [answer.abstention.explanation] if answer.abstention is not None else []
    for said in answer.statements:
        markers = "".join(f"[{sources[citation]}]" for citation in said.citations)
        before, words, after = (_flat(part) for part in _stated(said))
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
    """The answer for a chat; its markers link to the cards of the same turn. One line.

    What is known only at the end stands at the end: nothing moves that is being read.
    """
    sources = _sources(answer)
    to = {source: f'<a class="cite" href="#src-{turn}-{n}">' for source, n in sources.items()}
    marks = {source: f"{to[source]}{_marker(n)}</a>" for source, n in sources.items()}
    blocks = [_abstention(answer, to)] if answer.abstention is not None else []
    blocks += [_said(said, marks) for said in answer.statements]
    blocks += [_sureness(answer.confidence)] * bool(answer.statements and answer.confidence)
    told, conflicts = list(answer.notices), []
    for one, other in combinations(answer.citations, 2):
        if (notice := disagreement(one, other)) in told:
            told.remove(notice)
            conflicts.append(_conflict((one, other), marks))
    blocks += conflicts
    asides = list(map(escape, told))
    if answer.standalone and answer.standalone != answer.question:
        asides.insert(0, f"Searched for: {escape(answer.standalone)}")
    blocks += [f'<p class="aside" dir="auto">{aside}</p>' for aside in asides]
    return "".join(blocks)


def _said(said: Statement, marks: Mapping[Citation, str]) -> str:
    before, words, after = map(escape, _stated(said))
    text = f"{before}<strong>{words}</strong>{after}" if words else before
    cited = " ".join(marks[citation] for citation in said.citations)
    verdict = f'<span class="verdict">{_VERDICTS[said.verdict]}</span>'
    return (
        f'<p class="statement" dir="auto">{text} <span class="rests">{cited} {verdict}</span></p>'
    )


def _marker(number: int) -> str:
    """`[1]`, with brackets that a style may leave out."""
    return f'<span class="edge">&#91;</span>{number}<span class="edge">&#93;</span>'


def _abstention(answer: Answer, to: Mapping[Citation, str]) -> str:
    assert answer.abstention is not None
    near = "".join(
        f"<li>{link}{escape(source.location)}</a>"
        f'<span class="excerpt" dir="auto">{escape(_excerpt(source.passage))}</span></li>'
        for source, link in to.items()
    )
    near = near and f"<p>Closest passages</p><ul>{near}</ul>"
    return f'<div class="abstention"><p>{escape(answer.abstention.explanation)}</p>{near}</div>'


def _sureness(odds: float) -> str:
    least, word, share = next(grade for grade in _SURE if odds >= grade[0])
    return (
        f'<p class="sure at{least * 100:.0f}">Answers your question: <strong>{word}</strong> '
        f'<span class="share">({share} so sure were right, in trials in English)</span></p>'
    )


def _conflict(sides: Sequence[Citation], marks: Mapping[Citation, str]) -> str:
    items = "".join(
        f'<li><span class="where">{escape(side.location)}</span> {marks[side]}'
        f'<span class="excerpt" dir="auto">{_emphasised(side.quote, side)}</span></li>'
        for side in sides
    )
    return f'<div class="conflict"><p>The sources disagree</p><ul>{items}</ul></div>'


def cards(answer: Answer, turn: int | str) -> str:
    """A card for each citation, its words marked; for an abstention, the closest. One line."""
    return "".join(
        f'<article id="src-{turn}-{number}" class="src" tabindex="-1"><h4>'
        f'<span class="badge">{number if source.quote else "Closest"}</span> '
        f'<a class="open" href="{_reading(source)}">{escape(source.location)}</a> '
        f'<a class="back" href="#src-{turn}-{number}">↩</a></h4>{_prose(source)}</article>'
        for source, number in _sources(answer).items()
    )


def reading(source: str, sha256: str = "", start: int = 0, end: int = 0) -> str:
    """The address, inside the page, of a document and a place in it. For an `href`, as it is."""
    place = {"source": source, "sha256": sha256, "start": start, "end": end}
    return escape(f"#read?{urlencode(place, errors='replace')}")


def _reading(source: Citation) -> str:
    """Where the quoted words stand; of a closest passage, all its sentences."""
    if source.quote:
        return reading(source.source, source.sha256, source.start, source.end)
    start = source.passage.start + _lead(source.passage)
    length = len(source.passage.text[_lead(source.passage) :].rstrip())
    return reading(source.source, "", start, start + length)


def escape(text: str) -> str:
    """The text as HTML that shows it literally, also inside Markdown. One line."""
    return visible(text).translate(_ENTITIES)


def visible(text: str) -> str:
    r"""The text with steering characters spelt out, such as `\x1b`."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def unwrapped(text: str, space: str = " ") -> str:
    """The text, as long as it was, without the newlines that only wrapped a line."""
    return _WRAPPED.sub(space, text)


def bare(heading: str) -> str:
    """A heading without Markdown's signs of one."""
    return _HEADING.sub("", heading.strip())


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


def model_to_text(state: "ModelState") -> str:
    """What chat model is configured and whether it answers, for a terminal."""
    at = f" at {line(state.url)}" if state.url else ""
    answers = "it answers" if state.answers else line(state.problem)
    return f"answers are worded by {line(state.model)}{at}: {answers}"


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


def _stated(said: Statement) -> tuple[str, str, str]:
    """`_parted`, of a statement: where it is no quote, nothing in it can be marked."""
    cited = said.citations[0]
    return _parted(said.text, cited) if said.text == cited.quote else (said.text, "", "")


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
    text = unwrapped(passage.text, "\r")  # shown as a space, still one character
    start, end = source.start - passage.start, source.end - passage.start
    body = min(_lead(passage), start) if source.quote else _lead(passage)
    before, after = (text[body:start], text[end:]) if source.quote else (text[body:], "")
    above = escape(bare(text[:body]))
    above = above and f'<p class="above" dir="auto">{above}</p>'
    marked = source.quote and f"<mark>{_emphasised(text[start:end], source)}</mark>"
    return (
        f'{above}<p class="passage" dir="auto">{escape(before.lstrip())}'
        f"{marked}{escape(after.rstrip())}</p>"
    )
