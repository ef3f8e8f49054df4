"""Readings → statements with citations. Code makes every quote and every offset."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from assistant.text import terms
from assistant.types import Citation, Reading, Statement

_GROUP = re.compile(r"[\[［【]([^\[\]［］【】\n]{0,200})[\]］】]")
_BETWEEN = re.compile(r"[,;，；、&\s]+|\band\b")
_RANGE = re.compile(r"(\w+)\s*(?:-|–|—|\.\.\.?|…)\s*(\w+)")
_LONGEST = 5  # keys of a range
# Characters of nobody's, one for each group of keys while a draft is cut into sentences.
_FIRST, _LAST = "\ue000", "\uf8ff"
_UNCLOSED = re.compile(rf"[\[［【][^\[\]［］【】\n{_FIRST}-{_LAST}]{{0,200}}$")
_MARKS = re.compile(f"[{_FIRST}-{_LAST}]")
_AFTER = re.compile(rf"([.!?。！？]+[\"”’)]*)((?:\s*[{_FIRST}-{_LAST}])+)")
_LIST = re.compile(r"^\s*(?:[-*•+]|\d{1,2}[.)])\s+")
_LOOSE = re.compile(r"\s+(?=[.,;:!?。，；：！？)])")


class DraftSentence(NamedTuple):
    """A sentence of a draft, and how many keys it names that were not offered."""

    statement: Statement | None
    """What it says with what it cites; None where it names nothing that was offered."""
    unknown: int = 0


def cite(readings: Sequence[Reading], hashes: Mapping[str, str]) -> list[Statement]:
    """A statement for each sentence, in order; the same words found twice are one statement.

    `hashes` gives the sha256 of each source's bytes.
    """
    groups: dict[tuple[str, ...], list[Citation]] = {}
    probability: dict[tuple[str, ...], float] = {}
    for reading in readings:
        citation = _citation(reading, hashes)
        said = tuple(terms(citation.quote))
        groups.setdefault(said, []).append(citation)
        probability[said] = max(probability.get(said, 0.0), reading.probability)
    return [
        Statement(group[0].quote, tuple(group), probability=probability[said])
        for said, group in groups.items()
    ]


def cite_draft(
    draft: str, keys: Mapping[str, Sequence[Reading]], hashes: Mapping[str, str], nothing: str
) -> list[DraftSentence]:
    """The sentences of a draft without their keys, each with what its keys stand for.

    `keys` are those offered, in their order. A sentence that says `nothing`, and that alone, is
    left out: it claims nothing.
    """
    groups: list[str] = []

    def marked(found: re.Match[str]) -> str:
        groups.append(found[1])
        return chr(ord(_FIRST) + len(groups) - 1)

    sayable = _MARKS.sub("", draft.encode(errors="ignore").decode())
    text = _UNCLOSED.sub("", _GROUP.sub(marked, sayable))
    found = []
    for sentence in _sentences(_AFTER.sub(r"\2\1", text)):
        named = [groups[ord(mark) - ord(_FIRST)] for mark in _MARKS.findall(sentence)]
        if [name.strip().casefold() for name in named] != [nothing]:
            said = _LOOSE.sub("", " ".join(_MARKS.sub(" ", sentence).split()))
            found.append(_drafted(said, named, keys, hashes))
    return found


def _sentences(text: str) -> list[str]:
    """The sentences that say something, without what makes a list of them."""
    from sentencex import segment

    parts = segment("en", _LIST.sub("", text.replace("**", "")))
    return [part for part in parts if any(map(str.isalnum, part))]


def _drafted(
    said: str,
    named: Sequence[str],
    keys: Mapping[str, Sequence[Reading]],
    hashes: Mapping[str, str],
) -> DraftSentence:
    held, unknown = _resolve(named, list(keys))
    readings = [reading for key in held for reading in keys[key]]
    if not readings or not said:
        return DraftSentence(None, unknown)
    citations = dict.fromkeys(_citation(reading, hashes) for reading in readings)
    probability = max(reading.probability for reading in readings)
    return DraftSentence(Statement(said, tuple(citations), probability=probability), unknown)


def _resolve(named: Sequence[str], offered: Sequence[str]) -> tuple[list[str], int]:
    """The keys that were offered, each once, of those named; and how many were not."""
    held: dict[str, None] = {}
    unknown = 0
    for group in named:
        for name in filter(None, _BETWEEN.split(_RANGE.sub(_joined, group.casefold()))):
            first, _, last = name.partition(_TO)
            if first not in offered or (last and last not in offered):
                unknown += 1
                continue
            start, end = offered.index(first), offered.index(last or first)
            if not 0 <= end - start < _LONGEST:
                unknown += 1
                continue
            held |= dict.fromkeys(offered[start : end + 1])
    return list(held), unknown


_TO = "~"


def _joined(found: re.Match[str]) -> str:
    return f"{found[1]}{_TO}{found[2]}"


def _citation(reading: Reading, hashes: Mapping[str, str]) -> Citation:
    return Citation(
        source=reading.passage.source,
        sha256=hashes[reading.passage.source],
        start=reading.span.start,
        end=reading.span.end,
        quote=reading.quote,
        passage=reading.passage,
        words=reading.words,
    )
