"""What is denied, and what is turned into its opposite."""

from collections.abc import Iterator, Sequence

from assistant.check.words import Sentence, listed, stem

_NEGATIONS = listed("not no never none neither nor without hardly barely cannot n't")
_REFUSALS = frozenset(map(stem, listed("deny refuse reject lack unable false incorrect")))
_REFUSALS_TO = frozenset(map(stem, listed("fail failure decline")))  # before "to" only
# What these say of something is as good as a denial of it.
_AGAINST = frozenset(
    map(stem, listed("oppose avoid refrain prevent prohibit forbid ban exclude stop cease halt"))
)
_NO_DENIAL = listed("only just less fewer more later")
_CLAUSE = listed(". ; : ? ! ( ) which who but because while although though whereas since when ,")
_DENIED_SCOPE = 4  # words of content a negation reaches, at most
# Words on each side of one of two opposites, which tell whether they are of one thing.
_NEXT, _NEAR = 2, 7
_PAIRS = listed("""
    rise/fall rise/drop rise/decline rise/decrease increase/decrease increase/fall
    increase/drop increase/decline increase/reduce grow/shrink grow/fall grow/decline gain/lose
    gain/loss win/lose more/less more/fewer most/least above/below up/down higher/lower high/low
    largest/smallest biggest/smallest larger/smaller best/worst better/worse before/after
    import/export buy/sell accept/reject approve/reject support/oppose include/exclude
    open/close begin/end start/end start/stop enter/leave strengthen/weaken expand/contract
    expand/reduce improve/worsen improve/deteriorate arrive/leave allow/forbid allow/ban
    allow/prohibit permit/prohibit legal/illegal always/never all/none first/last
    oldest/youngest older/younger north/south east/west northern/southern eastern/western
    male/female profit/loss positive/negative success/failure succeed/fail agree/disagree
    like/dislike deepen/weaken deepen/reduce cheap/expensive cheaper/dearer easy/difficult
    easier/harder fast/slow faster/slower early/late earlier/later true/false majority/minority
    maximum/minimum raise/lower raise/cut exceed/trail outperform/underperform with/without
    safe/dangerous alive/dead guilty/innocent strong/weak stronger/weaker old/new
    increasing/decreasing remember/forget love/hate happy/sad
""")
_OPPOSITES: dict[str, set[str]] = {}
for _pair in sorted(_PAIRS):
    _one, _other = map(stem, _pair.split("/"))
    _OPPOSITES.setdefault(_one, set()).add(_other)
    _OPPOSITES.setdefault(_other, set()).add(_one)


def unlike(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim says the opposite of a quote, by a negation or a word; else ""."""
    return _turned(claim, quotes) or _denied(claim, quotes)


def _turned(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where a word stands for its opposite beside the same words; else ""."""
    if any(_is_negation(claim, place) for place in range(len(claim))):
        return ""
    said = {word.stem for word in claim}
    quoted = {word.stem for sentence in quotes for word in sentence}
    for place, word in enumerate(claim):
        others = _OPPOSITES.get(word.stem, set())
        if word.stem in quoted or not others & quoted - said:
            continue
        alike = {one for one, opposites in _OPPOSITES.items() if opposites & others}
        heard = _beside(claim, place, others & quoted - said, quotes)
        if heard and not _beside(claim, place, alike & quoted, quotes):
            return f"says “{word.text}” where the source says “{heard}”"
    return ""


def _beside(claim: Sentence, place: int, others: set[str], quotes: Sequence[Sentence]) -> str:
    """One of the others as a quote has it, near the words that are near a place of the claim."""
    next_to, around = _next_to(claim, place), _around(claim, place, _NEAR)
    for sentence in quotes:
        for at, word in enumerate(sentence):
            if word.stem not in others or _is_compound(sentence, at):
                continue
            shared = around & _around(sentence, at, 2 * _NEAR)
            if next_to & _next_to(sentence, at) or len(shared) >= max(2, len(around) / 2):
                return word.text
    return ""


def _is_compound(sentence: Sentence, place: int) -> bool:
    """Whether a word is a part of one with a hyphen, such as "drop-through"."""
    return any(word.text == "-" for word in sentence[max(0, place - 1) : place + 2])


def _next_to(sentence: Sentence, place: int) -> set[tuple[bool, str]]:
    """The words of content right before and right after a place, and on which side they are."""
    before, after = sentence[max(0, place - _NEXT) : place], sentence[place + 1 : place + 1 + _NEXT]
    sides = [*((True, word) for word in before), *((False, word) for word in after)]
    return {(is_before, word.stem) for is_before, word in sides if word.is_content}


def _around(sentence: Sentence, place: int, reach: int) -> set[str]:
    """The words of content on each side of a place."""
    near = [*sentence[max(0, place - reach) : place], *sentence[place + 1 : place + 1 + reach]]
    return {word.stem for word in near if word.is_content}


def _denied(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    said = {word.stem for word in claim if word.is_content}
    denied = {claim[place].stem for place in _under_negation(claim)}
    asserted: set[str] = set()
    refused: set[str] = set()
    heads: set[str] = set()
    denies = False
    for sentence in quotes:
        under = set(_under_negation(sentence))
        refused |= {
            sentence[place].stem for place in (*under, *_under_negation(sentence, _AGAINST))
        }
        denies |= bool(under) and any(word.stem in said for word in sentence)
        own = {word.stem for place, word in enumerate(sentence) if place not in under}
        heard = {word.stem for word in sentence} & said
        if 2 * len(own & denied) >= len(denied) or 3 * len(heard) >= len(said):
            asserted |= own
        if 2 * len(heard) >= len(said):
            heads |= {sentence[place].stem for place in _under_negation(sentence, most=1)}
    if denied and not denied & refused:
        if denied & asserted:
            return "denies what the source says"
        return "" if denies else "denies something the source does not"
    turned = not denied and said & heads - asserted
    return "says what the source denies" if turned else ""


def _is_negation(sentence: Sentence, place: int) -> bool:
    word = sentence[place]
    after = [each.lower for each in sentence[place + 1 : place + 3]]
    if word.lower == "no" and after[:1] in (["."], ["-"]):
        return False
    if word.lower in ("not", "no") and after and after[0] in _NO_DENIAL:
        return after[0] in ("more", "less", "fewer") and after[1:] != ["than"]
    if word.stem in _REFUSALS_TO:
        return after[:1] == ["to"]
    return word.lower in _NEGATIONS or word.stem in _REFUSALS


def _under_negation(
    sentence: Sentence, verbs: frozenset[str] = frozenset(), most: int = _DENIED_SCOPE
) -> Iterator[int]:
    """The words that stand under a negation, the first few of content after it in its clause.

    Or under one of the verbs, where some are given.
    """
    for place, denial in enumerate(sentence):
        if not (denial.stem in verbs if verbs else _is_negation(sentence, place)):
            continue
        reached = 0
        for at, word in enumerate(sentence[place + 1 : place + 10], start=place + 1):
            if word.lower in _CLAUSE or reached >= most:
                break
            if word.is_content:
                reached += 1
                yield at
