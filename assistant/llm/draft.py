"""Readings → statements in a chat model's words: evidence → draft → cite → check, one by one.

The model is trusted no further than its citations: a sentence is given only once it is found to
say no more than the exact quotes it names. Notices say what goes wrong, and the answer is then
quoted instead.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from assistant.cite import citation_of, is_exact
from assistant.embed import Embedder
from assistant.errors import AssistantError, ModelFailed
from assistant.llm.check import check
from assistant.llm.check.hedging import is_plain_text
from assistant.llm.client import ChatModel, Deadline, redact
from assistant.llm.prompt import (
    KEYS,
    NOTHING,
    EndlessError,
    answer_prompt,
    build_evidence,
    parse_rewrite,
    rewrite_prompt,
    sentences,
)
from assistant.text import sentences as sentence_spans
from assistant.types import Reading, Statement, Turn, Verdict

# Words at the start of a sentence that point to the one before it.
_LEANS = re.compile(
    r"\W*(?:its?|they|their|he|his|she|her|this|that|these|those|such|both|there|also|however|"
    r"moreover|furthermore|therefore|thus|instead|otherwise|so|but|and)\b",
    re.IGNORECASE,
)
# Characters of nobody's, one for each group of keys while a draft is cut into sentences.
_FIRST, _LAST = "\ue000", "\uf8ff"
_MARK = f"[{_FIRST}-{_LAST}]"
_log = logging.getLogger(__name__)


class DraftWriter:
    """Words one answer with a chat model, by a deadline; what went wrong stands in `notices`.

    The time begins with the first call of the model: what is read before it does not count.
    """

    def __init__(self, model: ChatModel, embedder: Embedder, seconds: float, most: int) -> None:
        self._model, self._embedder, self._most = model, embedder, most
        self._seconds = seconds
        self._kept = self._dropped = self._unknown = 0
        self._fault = ""
        self._quoted = False

    @cached_property
    def _deadline(self) -> Deadline:
        return Deadline(self._seconds)

    def rewrite(self, question: str, history: Sequence[Turn]) -> str:
        """The follow-up made to stand alone; empty where it cannot be."""
        before = [(turn.question, turn.answer.text if turn.answer else "") for turn in history]
        deadline = Deadline(min(self._deadline.left, self._seconds / 3))
        try:
            pieces = self._model.stream(rewrite_prompt(question, before), deadline)
            return parse_rewrite(pieces, question, before)
        except AssistantError as error:
            _log.info("A question was not rewritten: %s", error)
            return ""

    def write(
        self, question: str, readings: Sequence[Reading], hashes: Mapping[str, str]
    ) -> Iterator[Statement]:
        """Each sentence once it has passed; none where the model does not do its part.

        `hashes` gives the sha256 of each source's bytes.
        """
        kept = self._kept
        evidence = build_evidence(readings)
        if evidence.keys and not self._fault:
            messages = answer_prompt(question, evidence, self._most)
            pieces = self._model.stream(messages, self._deadline)
            try:
                yield from self._passing(sentences(pieces), evidence.keys, hashes)
            except EndlessError:
                self._fault = str(ModelFailed(self._model.name, "went on without an end"))
            except AssistantError as error:
                self._fault = str(error)
        self._quoted |= self._kept == kept
        _log.info("A draft: %d kept, %d dropped, %d keys not offered",
                  self._kept, self._dropped, self._unknown)  # fmt: skip

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader should know of how the answer was worded."""
        name, dropped, notices = self._model.name, self._dropped, []
        if self._kept:
            checked = "each sentence was checked against the quotes it cites"
            notices.append(f"Worded by {name}; {checked}.")
        if dropped == 1:
            notices.append("1 sentence was dropped: your documents do not support it.")
        elif dropped:
            notices.append(f"{dropped} sentences were dropped: your documents do not support them.")
        if self._fault:
            what = "The rest was cut short" if self._kept and not self._quoted else "Quoted instead"
            notices.append(f"{what}: {self._fault}")
        elif self._quoted:
            why = "what it wrote is not supported" if dropped else "it found no answer there"
            notices.append(f"Quoted, not worded by {name}: {why}.")
        return tuple(notices)

    def _passing(
        self,
        drafts: Iterator[str],
        keys: Mapping[str, Sequence[Reading]],
        hashes: Mapping[str, str],
    ) -> Iterator[Statement]:
        """The statements of a draft that pass, at most `most`; the others are counted."""
        kept, after_drop = set[str](), False
        for draft in drafts:
            for statement, unknown in cite_draft(draft, keys, hashes):
                self._unknown += unknown
                if statement is not None and statement.text in kept:
                    continue
                after_drop = statement is None or not self._passes(statement, after_drop)
                if statement is None or after_drop:
                    self._dropped += 1
                    continue
                kept.add(statement.text)
                self._kept += 1
                yield statement
                if len(kept) == self._most:
                    return

    def _passes(self, statement: Statement, after_drop: bool) -> bool:
        """Whether the quotes say it all; a sentence that leans on one that fell, falls."""
        text, citations = statement.text, statement.citations
        leans = after_drop and _LEANS.match(text)
        if leans or redact(text) != " ".join(text.split()) or not all(map(is_exact, citations)):
            return False
        quotes = [citation.quote for citation in citations]
        if not is_plain_text(text, quotes):
            return False
        return check(text, quotes, self._embedder.embed_documents).verdict is Verdict.SUPPORTED


class DraftSentence(NamedTuple):
    """A sentence of a draft, and how many keys it names that were not offered."""

    statement: Statement | None
    """What it says with what it cites; None where it names nothing that was offered."""
    unknown: int = 0


def cite_draft(
    draft: str, keys: Mapping[str, Sequence[Reading]], hashes: Mapping[str, str]
) -> list[DraftSentence]:
    """The sentences of a draft without their keys, each with what its keys stand for.

    `keys` are those offered, in their order. A sentence that says `NOTHING`, and that alone, is
    left out: it claims nothing.
    """
    groups: list[str] = []

    def mark(match: re.Match[str]) -> str:
        groups.append(match[0][1:-1])
        return chr(ord(_FIRST) + len(groups) - 1)

    draft = re.sub(_MARK, "", draft.encode(errors="ignore").decode())
    draft = re.sub(KEYS, mark, draft)
    draft = re.sub(rf"[\[［【][^\[\]［］【】\n{_FIRST}-{_LAST}]{{0,200}}$", "", draft)  # unclosed
    # Keys behind the end of a sentence belong to it.
    draft = re.sub(rf"([.!?。！？]+[\"”’)]*)((?:\s*{_MARK})+)", r"\2\1", draft)
    draft = re.sub(r"^\s*(?:[-*•+]|\d{1,2}[.)])\s+", "", draft.replace("**", ""))
    found = []
    for sentence in (draft[start:end] for start, end in sentence_spans(draft)):
        named = [groups[ord(each) - ord(_FIRST)] for each in re.findall(_MARK, sentence)]
        is_nothing = [name.strip().casefold() for name in named] == [NOTHING]
        if is_nothing or not any(map(str.isalnum, sentence)):
            continue
        text = " ".join(re.sub(_MARK, " ", sentence).split())
        text = re.sub(r"\s+(?=[.,;:!?。，；：！？)])", "", text)
        known, unknown = _resolve(named, list(keys))
        readings = [reading for key in known for reading in keys[key]]
        statement = None
        if readings and text:
            citations = tuple(dict.fromkeys(citation_of(each, hashes) for each in readings))
            probability = max(reading.probability for reading in readings)
            statement = Statement(text, citations, probability=probability)
        found.append(DraftSentence(statement, unknown))
    return found


def _resolve(groups: Sequence[str], offered: Sequence[str]) -> tuple[list[str], int]:
    """The keys that were offered, each once, of those named; and how many were not.

    A range stands for at most five keys.
    """
    known: dict[str, None] = {}
    unknown = 0
    for group in groups:
        ranges = re.sub(r"(\w+)\s*(?:-|–|—|\.\.\.?|…)\s*(\w+)", r"\1~\2", group.casefold())
        for name in filter(None, re.split(r"[,;，；、&\s]+|\band\b", ranges)):
            first, _, last = name.partition("~")
            ends = [offered.index(key) for key in (first, last or first) if key in offered]
            named = offered[ends[0] : ends[1] + 1] if len(ends) == 2 else ()
            if 1 <= len(named) <= 5:
                known |= dict.fromkeys(named)
            else:
                unknown += 1
    return list(known), unknown
