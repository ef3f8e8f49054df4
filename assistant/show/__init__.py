"""Answers and reports as a person, a browser or a program wants them.

    terminal   text
    html       HTML, for the page and for a notebook
    export     JSON and Markdown, to be kept; and what other programs get

Here stands what they share: other people's text made safe (the only place that escapes), and the
pieces of an answer. All of it came from documents, file names, questions or models, and is shown
literally.
"""

import re
import string
from collections.abc import Callable

from assistant.types import Answer, Citation, Passage, Statement

# What steers a terminal, reorders a line or is no text: controls, bidi marks, lone surrogates.
_STEERING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
# All punctuation, so that neither HTML nor Gradio's Markdown finds anything to act on.
_ENTITIES = {ord(char): f"&#{ord(char)};" for char in string.punctuation + "\n\t"}
_ENTITIES[ord("\r")] = '<span class="soft">&#10;</span>'
# What Markdown acts on, wherever it stands in a line; `<`, `>` and `&` are entities instead,
# because not every program knows a backslash before them.
_ACTIVE = re.compile(r"[\\`*_{}\[\]|~$^=#@%]|:(?=\S)|(?i:(?<=www)\.)|^[-+:]|!$")


def escape(text: str) -> str:
    """The text as HTML that shows it literally, also inside Markdown. One line."""
    return spell_out(text).translate(_ENTITIES)


def spell_out(text: str) -> str:
    r"""The text with steering characters spelled out, such as `\x1b`."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def unwrapped(text: str, space: str = " ") -> str:
    """The text, as long as it was, without the newlines that only wrapped a line."""
    # A newline amid a paragraph: a long line before it, a letter after it.
    return re.sub(r"(?<=[^\r\n]{40})\n(?=[^\W\d_])", space, text)


def bare(heading: str) -> str:
    """A heading without Markdown's signs of one."""
    return re.sub(r"(?m)^#{1,6}[ \t]+|[ \t]+#+$", "", heading.strip())


def line(text: str) -> str:
    """The text on one line, safe for a terminal and a log."""
    return " ".join(spell_out(text).split())


def flat(text: str) -> str:
    """The text with each stretch of white space as one space."""
    return re.sub(r"\s+", " ", spell_out(text))


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def markdown(text: str) -> str:
    """The text as Markdown that shows it literally. One line."""
    shown = re.sub(r"^(\d+)(?=[.)])", r"\1\\", _ACTIVE.sub(r"\\\g<0>", line(text)))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


MAY_BE_MEANT = "This may be what you mean:"
"""Stands before the candidates of an answer."""


def sources_of(answer: Answer) -> dict[Citation, int]:
    """What is shown, numbered: the citations, of an abstention those of what may be meant.

    Where there are none, the closest passages with nothing quoted.
    """
    shown = [*answer.citations, *(each.citations[0] for each in answer.candidates)]
    if answer.abstention is not None and not shown and not answer.reply:
        near = [hit.passage for hit in answer.closest[:3]]
        shown = [Citation(found.source, "", found.start, found.start, "", found) for found in near]
    return {source: n for n, source in enumerate(dict.fromkeys(shown), 1)}


def emphasise(
    quote: str, citation: Citation, form: Callable[[str], str], left: str, right: str
) -> str:
    """The quote, each part of it given `form`, with the words that answer between two marks."""
    if citation.words is None:
        return form(quote)
    start, end = (place - citation.start for place in citation.words)
    return f"{form(quote[:start])}{left}{form(quote[start:end])}{right}{form(quote[end:])}"


def emphasise_statement(
    statement: Statement, form: Callable[[str], str], left: str, right: str
) -> str:
    """`emphasise`, of a statement: where it is no quote, nothing in it can be marked."""
    text, cited = statement.text, statement.citations[0]
    is_quote = text == cited.quote
    return emphasise(text, cited, form, left, right) if is_quote else form(text)


def lead(passage: Passage) -> int:
    """Where the first sentence begins in the text: a heading may stand before it."""
    return passage.sentences[0].start - passage.start if passage.sentences else 0


def excerpt(passage: Passage) -> str:
    """How the passage begins, on a line, without the heading above it."""
    text = line(passage.text[lead(passage) :])
    return text if len(text) <= 160 else text[:160].rsplit(" ", 1)[0] + " …"
