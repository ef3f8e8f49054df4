"""How a thing is said: as sure or as open, and by whom."""

import re
from collections.abc import Iterator, Sequence

from assistant.check.words import STOP_WORDS, Sentence, listed, stem

DENIED, POSSIBLE, EXPECTED, TO_COME, SO = range(5)
"""How sure a sentence is of a thing, the surer the higher."""

_POSSIBLE = listed("could may might can possibly perhaps maybe potentially possible")
_EXPECTED = listed("likely unlikely probably reportedly allegedly apparently supposedly should "
                      "intention intentions ambition ambitions")  # fmt: skip
# Verbs of wanting and foreseeing, and those that are such before "to" only.
_FORESEEN = frozenset(
    stem(word)
    for word in listed("expect intend hope want propose forecast predict anticipate foresee")
)
_NEEDS_TO = frozenset(
    stem(word)
    for word in listed(
        "plan aim seek set agree offer look try wish decide prepare promise pledge vow attempt "
        "project poise seem appear"
    )
)
# Verbs that are such before an object too; elsewhere they may be nouns.
_ARRANGES = frozenset(map(stem, listed("plan schedule arrange project guide")))
# What "can be" these, is so.
_SORTED = frozenset(map(stem, listed("classify categorise categorize divide define describe")))
_TO_COME = frozenset(("will", "shall", "'ll", "would"))
_BEFORE_NOUN = listed("a an the this that its their his her our of in on for")
_RELATIVE = frozenset(("which", "who", "whose"))
_CLAUSE = listed(
    ". ; : ? ! ( ) which who whose but because while although though whereas since when"
)
_ASIDE = re.compile(r"\([^()]*\)")
_JOINTS = _RELATIVE | {"and", "but", "while", "although", "though", "where"}
_TRAILER = 6  # words that tell who said what stands before: ", and he said so"
_SCOPE = 14  # words a hedge reaches
_SAYING = frozenset(
    stem(word)
    for word in listed(
        "say tell state note claim argue announce report believe think suggest warn add "
        "insist allege estimate underline stress emphasise emphasize highlight deny "
        "confirm assert explain declare acknowledge remark point describe express "
        "maintain contend admit reveal mention comment write conclude recommend urge call "
        "quote deem view consider accuse predict expect hope propose observe affirm disclose "
        "indicate reply respond inform notify"
    )
)
_REPORTED = re.compile(
    r"\b(?:said|says?|told|tells?|stated|noted|notes|claimed|claims|argued|argues|announced|reported|"
    r"reports|believes?|believed|thinks?|thought|suggest(?:s|ed)?|warn(?:s|ed)|add(?:s|ed)|"
    r"insist(?:s|ed)|alleg(?:es|ed)|estimat(?:es?|ed)|underlin(?:es|ed)|stress(?:es|ed)|"
    r"emphasi[sz](?:es|ed)|highlight(?:s|ed)|confirm(?:s|ed)|assert(?:s|ed)|explain(?:s|ed)|"
    r"declar(?:es|ed)|acknowledg(?:es|ed)|remark(?:s|ed)|maintain(?:s|ed)|contend(?:s|ed)|"
    r"admit(?:s|ted)|predict(?:s|ed)|conclud(?:es|ed)|observ(?:es|ed))"
    r" (?:that|how|:|,|“|\"|‘|there|it|he|she|they|we)(?!\w)"
    r"|\baccording to\b|\b(?:said|says|told)\b"
    # An order to say a thing does not say it.
    r"|\b(?:reply|respond|write|answer|claim|mention|repeat) (?:only|that)\b"
    r"|(?:^|[^\w ] )tell (?:the|your|every|everyone|all|people|users?|them|him|her|us|me)\b"
)


def surer(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim is surer of a thing than every quote; else ""."""
    held: dict[str, int] = {}
    hedges: dict[str, str] = {}
    for sentence in quotes:
        for name, level, hedge in _levels(sentence):
            if level > held.get(name, -1):
                held[name], hedges[name] = level, hedge
    said = dict[str, int]()
    for name, level, _ in _levels(claim, is_claim=True):
        said[name] = max(level, said.get(name, -1))
    shared = [name for name in said if name in held]
    bolder = [name for name in shared if said[name] > held[name]]
    if not bolder or len(bolder) < _most(shared):
        return ""
    hedge = hedges[bolder[0]]
    return f"is surer than the source, which says “{hedge}”"


def _most(shared: Sequence[str]) -> float:
    return max(2, len(shared) / 2)


def _levels(sentence: Sentence, *, is_claim: bool = False) -> Iterator[tuple[str, int, str]]:
    """Each word of content, how sure the sentence is of it, and the word that says so."""
    level, hedge, until, is_aside = SO, "", -1, False
    for place, word in enumerate(sentence):
        ends_aside = is_aside and word.text == ","
        if word.lower in _CLAUSE or place > until or ends_aside:
            level, hedge = SO, ""
        is_aside = word.lower in _RELATIVE or (is_aside and not ends_aside)
        found = _hedge(sentence, place, is_claim=is_claim)
        if found is not None and found < level:
            level, hedge, until = found, word.text, place + _SCOPE
        elif word.is_content:
            yield word.stem, level, hedge


def _hedge(sentence: Sentence, place: int, *, is_claim: bool) -> int | None:
    """How sure a hedge leaves one of what follows; None where the word is none."""
    word = sentence[place]
    if word.text[0].isupper() and word.lower in ("may", "will") and place:
        return None
    follows = [each.lower for each in sentence[place + 1 : place + 3]]
    if word.lower in _POSSIBLE:
        is_denied = word.lower == "could" and follows[:1] in (["not"], ["n't"])
        then = [each.stem for each in sentence[place + 2 : place + 3]]
        is_sorted = follows[:1] == ["be"] and not _SORTED.isdisjoint(then)
        return None if is_denied or is_sorted else POSSIBLE
    if word.lower in _TO_COME:
        return TO_COME
    if word.lower in _EXPECTED or word.stem in _FORESEEN:
        return EXPECTED
    if is_claim and _arranges(sentence, place):
        return EXPECTED
    return EXPECTED if word.stem in _NEEDS_TO and {"to", "at"} & {*follows} else None


def _arranges(sentence: Sentence, place: int) -> bool:
    """Whether a word is a verb of planning with its object: "Friends plan a party"."""
    before, after = sentence[max(0, place - 1) : place], sentence[place + 1 : place + 2]
    if sentence[place].stem not in _ARRANGES or not before or not after:
        return False
    is_noun = before[0].lower in _BEFORE_NOUN
    return not is_noun and (after[0].is_content or after[0].lower in ("a", "an", "the", "for"))


def unattributed(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where all the claim has is what somebody said, and it does not say who; else ""."""
    if any(word.stem in _SAYING or word.lower == "according" for word in claim):
        return ""
    said = {word.stem for word in claim if word.is_content and word.lower not in STOP_WORDS}
    plain: set[str] = set()
    reported: set[str] = set()
    for sentence in quotes:
        own, told = _split(sentence)
        plain |= {word.stem for word in own if word.is_content}
        reported |= {word.stem for word in told if word.is_content}
    if len(said & reported - plain) >= max(2, len(said & plain) / 2, len(said) / 2):
        return "leaves out who said it"
    return ""


def _split(sentence: Sentence) -> tuple[Sentence, Sentence]:
    """What a sentence says itself, and what it reports: all, but a clause of its own before it."""
    joints = [
        place
        for place, word in enumerate(sentence[:-1])
        if word.text == ";" or (word.text == "," and sentence[place + 1].lower in _JOINTS)
    ]
    for place in [*reversed(joints), 0]:
        own, told = sentence[:place], sentence[place:]
        if _is_reported(told) and (not place or (len(told) > _TRAILER and not _is_reported(own))):
            return own, told
    return sentence, ()


def _is_reported(words: Sentence) -> bool:
    return bool(_REPORTED.search(_ASIDE.sub("", " ".join(word.lower for word in words))))
