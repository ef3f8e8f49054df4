"""Plain text, Markdown and reStructuredText: the document's text is the file's own.

Bytes in whatever encoding they are; where their headings are, and the sections between them.
"""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple
from unicodedata import east_asian_width

from assistant.load.builder import Parsed, Refused, clean
from assistant.text import blank
from assistant.types import Section

_COLUMNS = 80  # a longer line is a paragraph; prose wrapped by hand has no such lines

_FRONT_MATTER = re.compile(
    r"---[ \t]*(?:\r\n?|\n)(?=[^\r\n#]*:).*?[\r\n](?:---|\.\.\.)[ \t]*(?=[\r\n]|\Z)", re.DOTALL
)
_SENTENCE = re.compile(r"[.!?…。！？।؟۔][\"'”’»)\]」』）]*$")
_OPEN = re.compile(r"[;,:；，：、—-][\"'”’»)\]」』）]*$")
_DATA = re.compile(r"\t|\||  |://|@|^[\w-]+[:：]")  # a table's row, an address, a field
_ADORNED = re.compile(r"([!-/:-@[-`{-~])\1*")  # the line above or under a title in RST
_ITEM = re.compile(r"(\d+|[A-Za-z]|[ivxIVX]+)[.)]\s")


class Heading(NamedTuple):
    """The lines `start:end` of a text are a heading."""

    start: int
    end: int
    level: int
    name: str


def tile(text: str, headings: list[Heading]) -> list[Section]:
    """The sections that the headings make of the text: all of it, and no body blank."""
    sections: list[Section] = []
    path: list[Heading] = []
    start, body, name, line = 0, 0, "", 1
    for heading in headings:
        if not blank(text[body : heading.start]):
            sections.append(Section(start, body, heading.start, name, number=line))
            line += text.count("\n", start, heading.start)
            start = heading.start
        path = [*(above for above in path if above.level < heading.level), heading]
        body, name = heading.end, " › ".join(step.name for step in path)
    if not blank(text[body:]):
        return [*sections, Section(start, body, len(text), name, number=line)]
    last = sections.pop() if sections else Section(0, 0, 0)
    return [*sections, replace(last, end=len(text))]  # a heading of nothing is text


def markdown_headings(text: str) -> list[Heading]:
    """The headings of Markdown, those in lists and quotations excepted."""
    from markdown_it import MarkdownIt

    blocks, words = MarkdownIt("commonmark").disable("inline"), MarkdownIt("commonmark")
    front = _FRONT_MATTER.match(text)
    top = front.end() if front else 0
    starts = [top + start for start in _starts(text[top:])]
    headings = []
    for token, inline in pairwise(blocks.parse(text[top:])):
        if token.type == "heading_open" and token.level == 0 and len(inline.content) <= 300:
            parts = words.parseInline(inline.content)[0].children or []
            name = "".join(part.content or " " * (part.type == "softbreak") for part in parts)
            first, last = token.map or (0, 0)
            if shown := " ".join(name.split()):
                headings.append(Heading(starts[first], starts[last], int(token.tag[1]), shown))
    return headings


def plain_headings(text: str) -> list[Heading]:
    """The headings of plain text: short lines, standing alone above a paragraph.

    Wrapped prose, verse, lists, tables, addresses and dialogue have none. A heading that is
    missed costs little; a line taken for one is never quoted. So the rule says no when in doubt,
    and of a text with more lines than any book has: that is data, or a log.
    """
    if text.count("\n") > 300_000:
        return []
    lines: list[_Line] = []
    above = ""
    for start, end in pairwise(_starts(text)):
        if words := text[start:end].strip():
            lines.append(_Line(start, end, words, apart=not above))
        above = words
    headings = []
    for headlike, group in groupby(range(len(lines)), key=lambda at: lines[at].headlike):
        run = list(group)
        if headlike and run[-1] + 1 < len(lines):
            for level, at in enumerate(_standing(lines, range(run[0], run[-1] + 1)), 1):
                headings.append(Heading(lines[at].start, lines[at].end, level, lines[at].text))
    return headings


def rst_headings(text: str) -> list[Heading]:
    """The headings of reStructuredText: lines with a line of one sign under, or around them.

    Each new sign is a level deeper, as the first use of it says.
    """
    edges = _starts(text)
    lines = [text[start:end].rstrip() for start, end in pairwise(edges)]
    signs: list[str] = []
    headings = []
    for at in range(1, len(lines)):
        name, under, over = lines[at - 1], lines[at], lines[at - 2] if at > 1 else ""
        is_wide = len(under) >= 4 or len(under) >= _columns(name)
        is_title = name and is_wide and _ADORNED.fullmatch(under)
        if not is_title or _ADORNED.fullmatch(name):
            continue
        framed = over == under and not (at > 2 and lines[at - 3])
        if not framed and (name[0].isspace() or over.strip()):
            continue  # a title stands at the margin, below a blank line
        sign = under[0] * (1 + framed)
        signs += [sign] * (sign not in signs)
        start = edges[at - 2 if framed else at - 1]
        headings.append(Heading(start, edges[at + 1], signs.index(sign) + 1, name.strip()))
    return headings


class _Line(NamedTuple):
    """A line of text that is not blank."""

    start: int
    end: int
    text: str
    apart: bool
    """Whether a blank line, or nothing, is above."""

    @property
    def wide(self) -> bool:
        return len(self.text) > _COLUMNS or _columns(self.text) > _COLUMNS

    @property
    def ends(self) -> bool:
        return bool(_SENTENCE.search(self.text))

    @property
    def headlike(self) -> bool:
        return (
            self.text[0].isalnum()
            and not self.text[0].islower()
            and not self.wide
            and len(self.text.split()) <= 12
            and not any(mark.search(self.text) for mark in (_SENTENCE, _OPEN, _DATA))
        )


def _columns(text: str) -> int:
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def _standing(lines: list[_Line], run: range) -> range:
    """Those of a run of head-like lines that are headings of what comes after it."""
    after = run.stop
    while after > run.start and not (lines[after].apart or lines[after].wide):
        after -= 1  # not a heading but the first lines of a wrapped paragraph
    run = range(run.start, after)
    free = {at for at in run if lines[at].apart or lines[at - 1].ends}
    is_above = lines[after].wide
    if lines[after].apart:
        first = max(set(run) - free, default=run.start - 1) + 1
        last = next((at for at in range(after + 1, len(lines)) if lines[at].apart), len(lines)) - 1
        is_above = is_above or lines[last].ends
    else:
        first = min(free, default=after)
    items = [at for at in range(first, after) if _ITEM.match(lines[at].text)]
    is_list = after - first > 3 or len(items) > 1
    if items:  # numbered as the item of a list is, not as a heading
        goes_on = _ITEM.match(lines[after].text) or (first > 0 and not lines[first - 1].ends)
        is_list = is_list or bool(goes_on)
    return range(first, after) if is_above and not is_list else range(0)


def _starts(text: str) -> list[int]:
    """Where each line starts, and the text ends."""
    return [0, *(newline.end() for newline in re.finditer(r"\r\n?|\n", text)), len(text)]


_UPPER = rb"[\xa1\xa5\xa8\xaa\xaf\xb2\xc0-\xdf]"  # in cp1251: Russian, Ukrainian, Belarusian
_LOWER = rb"[\xa2\xb3\xb4\xb8\xba\xbf\xe0-\xff]"
_CYRILLIC = re.compile(rb"%b?%b+|%b+" % (_UPPER, _LOWER, _UPPER))


def decode(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """The text, and a note on the encoding if it was guessed. Raises `Refused`.

    `declared` is what the file says its encoding is, where it does; UTF-8 that is valid as such
    is believed more.
    """
    text, guessed = _decoded(data, declared)
    if blank(text):
        raise Refused("empty")
    # Controls, and marks of what could not be decoded, are many in what is no text.
    if len(re.findall("[\0-\x08\x0e-\x1f\x7f\ufffd]", text)) > len(text) / (50 if guessed else 3):
        raise Refused("not text")
    return clean(text), (f"guessed encoding {guessed}",) if guessed else ()


def _decoded(data: bytes, declared: str) -> tuple[str, str]:
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return data.decode("utf-16", "replace"), ""
    data = data.removeprefix(BOM_UTF8)
    tries = [("utf-8", "surrogatepass")]
    if re.match(r"(?i)iso-2022-|hz$|utf-7$", declared):  # it looks like ASCII
        tries.insert(0, (declared, "strict"))
    if declared and not re.match(r"(?i)utf-?(16|32)|ucs", declared):  # it would not say so in ASCII
        tries.append((declared, "replace"))
    for encoding, errors in tries:
        with suppress(LookupError, ValueError):  # no such encoding, or not in it
            return data.decode(_WEB.get(encoding.lower(), encoding), errors), ""
    guessed = _guess(data[: 2**20])
    return data.decode(guessed, "replace"), guessed


# What these names mean on the web and in mail: https://encoding.spec.whatwg.org
_WEB = dict.fromkeys(("iso-8859-1", "latin1", "us-ascii", "ascii"), "cp1252") | dict.fromkeys(
    ("gb2312", "gbk"), "gb18030"
)


def _guess(data: bytes) -> str:
    """The likeliest encoding of text that is not UTF-8.

    In Cyrillic and Chinese, high bytes come in runs; only in Cyrillic do the runs look like words
    in lower or upper case. On short texts this is right more often than charset-normalizer.
    """
    runs = re.findall(rb"[\x80-\xff]+", data)
    high = sum(map(len, runs))
    if 10 * data.decode("utf-8", "replace").count("\ufffd") < high:
        return "utf-8"
    if 2 * sum(len(run) for run in runs if len(run) > 1) <= high:
        return "cp1252"
    words = sum(len(run) for run in runs if _CYRILLIC.fullmatch(run))
    return "cp1251" if 2 * words > high else "gb18030"


_NO_TITLE = re.compile(
    r"(?i)untitled|microsoft (word|powerpoint|excel)|powerpoint pres|about:|https?:"
    r"|.*\.[a-z]{2,4}$|.{200}"
)


def real_title(title: str) -> str:
    """The title a file says it has, unless a program filled it in."""
    title = " ".join(clean(title).split())
    return "" if blank(title) or _NO_TITLE.match(title) else title


def plain(data: bytes) -> Parsed:
    """A .txt."""
    return _with_headings(data, plain_headings)


def rst(data: bytes) -> Parsed:
    """A .rst. No directive runs: what `include` or `raw` name is neither read nor fetched."""
    return _with_headings(data, rst_headings)


def _with_headings(data: bytes, find: Callable[[str], list[Heading]]) -> Parsed:
    text, notes = decode(data)
    headings = find(text)
    first = headings and blank(text[: headings[0].start])
    return Parsed(text, tile(text, headings), headings[0].name if first else "", notes)


def markdown(data: bytes) -> Parsed:
    """A .md."""
    text, notes = decode(data)
    headings = markdown_headings(text)
    title = next((heading.name for heading in headings if heading.level == 1), "")
    return Parsed(text, tile(text, headings), title, notes)
