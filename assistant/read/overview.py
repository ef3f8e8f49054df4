"""What all of it is about: the sentences nearest to the middle, over all sections."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from assistant.types import Passage, Reading, Span

Embed = Callable[[list[str]], list[list[float]]]

_OVERVIEW = re.compile(
    r"\b(?:summar(?:y|ies|ise|ize)|overview|main (?:points?|ideas?|topics?)|"
    r"key (?:points?|takeaways?)|tl;?dr|in short|gist)\b"
    r"|\bwhat (?:is|are|was|does)\b.{0,30}\b(?:documents?|texts?|articles?|files?|papers?|sources?|"
    r"this|it|these|they)\b(?: \w+)? (?:about|say|cover|discuss)\W*$"
    r"|\bо чём\b.{0,30}\b(?:документ|текст|статья)|总结|概括|概述|主要内容",
    re.IGNORECASE,
)


def is_overview(question: str) -> bool:
    """Whether the question asks for all of it: what it is about, or a summary."""
    return bool(_OVERVIEW.search(question))


def central(passages: Sequence[Passage], embed: Embed, count: int) -> list[Reading]:
    """The sentences nearest to the middle of all, at most one of each section, in order."""
    pairs = [(passage, span) for passage in passages for span in passage.sentences]
    if not pairs:
        return []
    vectors = np.asarray(embed([passage.quote(span) for passage, span in pairs]))
    nearness = vectors @ vectors.mean(axis=0)
    best: dict[tuple[str, str], tuple[float, Passage, Span]] = {}
    for near, (passage, span) in zip(nearness.tolist(), pairs, strict=True):
        section = (passage.source, passage.heading)
        if section not in best or near > best[section][0]:
            best[section] = (near, passage, span)
    chosen = sorted(best.values(), key=lambda item: -item[0])[:count]
    in_order = sorted(chosen, key=lambda item: (item[1].source, item[2]))
    return [Reading(passage, span, odds=1.0) for _, passage, span in in_order]
