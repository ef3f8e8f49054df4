"""How a thing is said: denied, as sure or as open, and by whom."""

import re
from collections.abc import Iterator, Sequence

from assistant.check.words import STOP_WORDS, Sentence, listed, stem

DENIED, POSSIBLE, EXPECTED, TO_COME, SO = range(5)
"""How sure a sentence is of a thing, the surer the higher."""

_NEGATIONS = listed("not no never none neither nor without hardly barely cannot n't")
_REFUSALS = frozenset(
    stem(word) for word in listed("deny refuse fail reject lack decline unable false incorrect")
)
_POSSIBLE = listed("could may might can possibly perhaps maybe potentially possible")
_EXPECTED = listed("likely unlikely probably reportedly allegedly apparently supposedly should "
                      "intention intentions ambition ambitions")  # fmt: skip
# Verbs of wanting and foreseeing, and those that are such before "to" only.
_FORESEEN = frozenset(
    stem(word) for word in listed("expect intend hope want propose forecast predict anticipate")
)
_NEEDS_TO = frozenset(
    stem(word)
    for word in listed(
        "plan aim seek set agree offer look try wish decide prepare promise pledge vow attempt "
        "project poise seem appear"
    )
)
_TO_COME = frozenset(("will", "shall", "'ll", "would", "upcoming"))
_CLAUSE = listed(". ; : ? ! ( ) which who but because while although though whereas since when")
_SCOPE = 14  # words a hedge reaches
_DENIED_SCOPE = 4  # words of content a negation reaches, at most
_SAYING = frozenset(
    stem(word)
    for word in listed(
        "say tell state note claim argue announce report believe think suggest warn add "
        "insist allege estimate underline stress emphasise emphasize highlight deny "
        "confirm assert explain declare acknowledge remark point describe express "
        "maintain contend admit reveal mention comment write conclude recommend urge call "
        "quote deem view consider accuse predict expect hope propose observe"
    )
)
_REPORTED = re.compile(
    r"\b(?:said|says|told|tells|stated|noted|notes|claimed|claims|argued|argues|announced|reported|"
    r"reports|believes?|believed|thinks?|thought|suggest(?:s|ed)|warn(?:s|ed)|add(?:s|ed)|"
    r"insist(?:s|ed)|alleg(?:es|ed)|estimat(?:es|ed)|underlin(?:es|ed)|stress(?:es|ed)|"
    r"emphasi[sz](?:es|ed)|highlight(?:s|ed)|confirm(?:s|ed)|assert(?:s|ed)|explain(?:s|ed)|"
    r"declar(?:es|ed)|acknowledg(?:es|ed)|remark(?:s|ed)|maintain(?:s|ed)|contend(?:s|ed)|"
    r"admit(?:s|ted)|predict(?:s|ed)|conclud(?:es|ed)|observ(?:es|ed))"
    r" (?:that|how|:|,|“|\"|‘|there|it|he|she|they|we)(?!\w)"
    r"|\baccording to\b|\b(?:said|says|told)\b"
)
_OPPOSITES = [
    (stem(one), stem(other))
    for one, other in (
        pair.split("/")
        for pair in sorted(
            listed(
                "rise/fall rise/drop rise/decline rise/decrease increase/decrease "
                "increase/fall increase/drop increase/decline increase/reduce grow/shrink "
                "grow/fall grow/decline gain/lose gain/loss win/lose more/less more/fewer "
                "most/least above/below up/down higher/lower high/low largest/smallest "
                "biggest/smallest larger/smaller best/worst better/worse before/after "
                "import/export buy/sell accept/reject approve/reject support/oppose "
                "include/exclude open/close begin/end start/end start/stop enter/leave "
                "strengthen/weaken expand/contract expand/reduce improve/worsen "
                "improve/deteriorate arrive/leave allow/forbid allow/ban allow/prohibit "
                "permit/prohibit legal/illegal always/never all/none first/last "
                "oldest/youngest older/younger north/south east/west northern/southern "
                "eastern/western male/female profit/loss positive/negative "
                "success/failure succeed/fail agree/disagree like/dislike deepen/weaken "
                "deepen/reduce cheap/expensive cheaper/dearer easy/difficult "
                "easier/harder fast/slow faster/slower early/late earlier/later "
                "true/false majority/minority maximum/minimum raise/lower raise/cut "
                "exceed/trail outperform/underperform over/under with/without "
                "safe/dangerous alive/dead guilty/innocent strong/weak stronger/weaker "
                "old/new increasing/decreasing remember/forget love/hate happy/sad"
            )
        )
    )
]


def unlike(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim says the opposite of a quote, by a negation or a word; else ""."""
    return _turned(claim, quotes) or _denied(claim, quotes)


def _turned(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    said = {word.stem: word.text for word in claim}
    quoted = {word.stem: word.text for sentence in quotes for word in sentence}
    negated = any(_is_negation(claim, place) for place in range(len(claim)))
    for pair in _OPPOSITES:
        for one, other in (pair, pair[::-1]):
            is_turned = one in said and one not in quoted and other in quoted and other not in said
            if is_turned and not negated:
                return f"says “{said[one]}” where the source says “{quoted[other]}”"
    return ""


def _denied(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    said = {word.stem for word in claim if word.is_content}
    denied = {claim[place].stem for place in _under_negation(claim)}
    asserted: set[str] = set()
    refused: set[str] = set()
    heads: set[str] = set()
    for sentence in quotes:
        under = set(_under_negation(sentence))
        refused |= {sentence[place].stem for place in under}
        own = {word.stem for place, word in enumerate(sentence) if place not in under}
        asserted |= own
        if 2 * len({word.stem for word in sentence} & said) >= len(said):
            heads |= {sentence[place].stem for place in _under_negation(sentence, most=1)}
    if denied and not denied & refused:
        both = bool(denied & asserted)
        return "denies what the source says" if both else "denies something the source does not"
    turned = not denied and said & heads - asserted
    return "says what the source denies" if turned else ""


def _is_negation(sentence: Sentence, place: int) -> bool:
    word = sentence[place]
    if word.lower == "no" and place + 1 < len(sentence) and sentence[place + 1].text == ".":
        return False
    after = sentence[place + 1].lower if place + 1 < len(sentence) else ""
    if word.lower in ("not", "no") and after in ("only", "just", "less", "fewer", "more", "later"):
        return False
    return word.lower in _NEGATIONS or word.stem in _REFUSALS


def _under_negation(sentence: Sentence, most: int = _DENIED_SCOPE) -> Iterator[int]:
    """The words that stand under a negation, the first few of content after it in its clause."""
    for place in range(len(sentence)):
        if not _is_negation(sentence, place):
            continue
        reached = 0
        for at, word in enumerate(sentence[place + 1 : place + 10], start=place + 1):
            if word.lower in _CLAUSE or word.text == "," or reached >= most:
                break
            if word.is_content:
                reached += 1
                yield at


def surer(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim is surer of a thing than every quote; else ""."""
    held: dict[str, int] = {}
    hedges: dict[str, str] = {}
    for sentence in quotes:
        for name, level, hedge in _levels(sentence):
            if level > held.get(name, -1):
                held[name], hedges[name] = level, hedge
    said = dict[str, int]()
    for name, level, _ in _levels(claim):
        said[name] = max(level, said.get(name, -1))
    shared = [name for name in said if name in held]
    bolder = [name for name in shared if said[name] > held[name]]
    if not bolder or len(bolder) < _most(shared):
        return ""
    hedge = hedges[bolder[0]]
    return f"is surer than the source, which says “{hedge}”"


def _most(shared: Sequence[str]) -> float:
    return max(2, len(shared) / 2)


def _levels(sentence: Sentence) -> Iterator[tuple[str, int, str]]:
    """Each word of content, how sure the sentence is of it, and the word that says so."""
    level, hedge, until = SO, "", -1
    for place, word in enumerate(sentence):
        if word.lower in _CLAUSE or place > until:
            level, hedge = SO, ""
        found = _hedge(sentence, place)
        if found is not None and found < level:
            level, hedge, until = found, word.text, place + _SCOPE
        elif word.is_content:
            yield word.stem, level, hedge


def _hedge(sentence: Sentence, place: int) -> int | None:
    """How sure a hedge leaves one of what follows; None where the word is none."""
    word = sentence[place]
    if word.text[0].isupper() and word.lower in ("may", "will") and place:
        return None
    if word.lower in _POSSIBLE:
        return POSSIBLE
    if word.lower in _TO_COME:
        return TO_COME
    if word.lower in _EXPECTED or word.stem in _FORESEEN:
        return EXPECTED
    follows = [each.lower for each in sentence[place + 1 : place + 3]]
    return EXPECTED if word.stem in _NEEDS_TO and "to" in follows else None


def unattributed(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where all the claim has is what somebody said, and it does not say who; else ""."""
    if any(word.stem in _SAYING or word.lower == "according" for word in claim):
        return ""
    said = {word.stem for word in claim if word.is_content and word.lower not in STOP_WORDS}
    plain: set[str] = set()
    reported: set[str] = set()
    for sentence in quotes:
        stems = {word.stem for word in sentence if word.is_content}
        is_reported = bool(_REPORTED.search(" ".join(word.lower for word in sentence)))
        (reported if is_reported else plain).update(stems)
    if len(said & reported - plain) >= max(2, len(said & plain) / 2, len(said) / 2):
        return "leaves out who said it"
    return ""
