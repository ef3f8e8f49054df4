"""Text → sentences of words, as the checks compare them; and opposites and negations among them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, takewhile

from assistant.text import terms, visible


def listed(text: str) -> frozenset[str]:
    """The words of a text, as a table of them."""
    return frozenset(text.split())


# Each branch is one run of characters, so that a megabyte of anything takes linear time.
_WORD = re.compile(r"(?:(?<!\w)[A-Z]\.){2,}|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\S")
_END = re.compile(r"[.!?。！？…][\"'”’)\]]*(?=\s)|[。！？]|\n")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_MOST_LETTERS = 60  # of a word; no language has longer ones
# A full stop after these ends no sentence.
_ABBREVIATIONS = listed(
    "mr mrs ms dr prof st jr sr gen sen rep gov lt col sgt capt no vs etc inc ltd co corp al fig "
    "jan feb mar apr jun jul aug sep sept oct nov dec approx est"
)
_FORMS = (
    "say said says saying, be is are was were been being am, have has had having, "
    "meet met meeting, grow grew grown, rise rose risen, fall fell fallen, win won, lose lost, "
    "make made, take took taken, give gave given, get got gotten, go went gone, come came, "
    "become became, begin began begun, write wrote written, build built, buy bought, sell sold, "
    "pay paid, hold held, lead led, leave left, send sent, spend spent, tell told, "
    "think thought, know knew known, see saw seen, find found, keep kept, bring brought, "
    "choose chose chosen, speak spoke spoken, break broke broken, draw drew drawn, "
    "drive drove driven, shrink shrank shrunk, sink sank sunk, sing sang sung, bear bore born, "
    "seek sought, teach taught, catch caught, fight fought, do did does done, not n't cannot, "
    "man men, woman women, child children, person people persons"
)
_LEMMAS = {form: each.split()[0] for each in _FORMS.split(", ") for form in each.split()[1:]}
_LEMMAS["percent"] = "per cent"
STOP_WORDS = listed(
    "a an the and or but of to in on at by for with from as into over under about than that this "
    "these those which who whom whose what when where why how it its it's he him his she her they "
    "them their we us our you your i my me is are was were be been being am has have had having do "
    "does did doing will would shall should can could may might must not no so such also too very "
    "just there here then if while because since until during between among within without both "
    "each any all some other more most only own same up down out off again once s t"
)


def singular(word: str) -> str:
    """The word, without the s of letters that stand for a name: CNNs."""
    letters = word.removesuffix("s")
    return letters if len(letters) > 1 and letters.isupper() else word


@dataclass(frozen=True, slots=True)
class Word:
    """One word, number or sign of a text, in its sentence."""

    text: str
    start: int
    stem: str
    """What it is compared by: lower-cased, irregular forms made regular, without its ending."""

    @property
    def end(self) -> int:
        """Where it ends in the text."""
        return self.start + len(self.text)

    @property
    def lower(self) -> str:
        """Without capitals and possessive; several CNNs are a CNN."""
        return singular(self.text).casefold().replace("’", "'").removesuffix("'s")

    @property
    def is_word(self) -> bool:
        """Whether it is made of letters."""
        return self.text[0].isalpha()

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits that have a value."""
        return self.text[0].isdecimal()

    @property
    def is_content(self) -> bool:
        """Whether it carries meaning of its own."""
        return (self.is_word or self.is_number) and self.lower not in STOP_WORDS


Sentence = tuple[Word, ...]


def plain(text: str) -> str:
    """The text without invisible characters and needless space."""
    return " ".join(visible(text).split())


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order, without the space around them."""
    found, start = [], 0
    for match in _END.finditer(text):
        before = text[max(start, match.start() - 20) : match.start()].rsplit(None, 1)
        last = before[-1].casefold() if before else ""
        if match[0] == "." and (last in _ABBREVIATIONS or _INITIALS.fullmatch(last)):
            continue
        found.append(text[start : match.end()].strip())
        start = match.end()
    return list(filter(None, (*found, text[start:].strip())))


def words(sentence: str) -> Sentence:
    """The words, numbers and signs of a sentence; "isn't" is "is" and "n't"."""
    found = []
    for match in _WORD.finditer(visible(sentence)):
        text, start = match[0], match.start()
        if text[0].isupper() and text[1:2] == ".":
            text = text.replace(".", "")  # U.K. is UK
        if len(text) > 3 and text[-3:].casefold().replace("’", "'") == "n't":
            found.append(Word(text[:-3], start, stem(text[:-3])))
            text, start = text[-3:], match.end() - 3
        found.append(Word(text, start, stem(text)))
    return tuple(found)


@lru_cache(maxsize=1 << 14)
def stem(word: str) -> str:
    """What a word is compared by."""
    lower = word[:_MOST_LETTERS].casefold().replace("’", "'").removesuffix("'s")
    lower = _LEMMAS.get(lower, lower)
    found = terms(lower) if lower[:1].isalpha() else []
    return " ".join(found) if found else lower


def stems(text: str) -> frozenset[str]:
    """The stems of the words of a text, as a table of them."""
    return frozenset(map(stem, text.split()))


def written(sentence: Sentence, first: int, end: int) -> str:
    """The words `first` up to, not including, `end` as they stand in the text."""
    text = ""
    for word, before in zip(sentence[first:end], (None, *sentence[first:end]), strict=False):
        text += " " * bool(before and word.start > before.end) + word.text
    return text


def lower_at(sentence: Sentence, place: int) -> str:
    """The word at a place, lower-cased; "" outside the sentence."""
    return sentence[place].lower if 0 <= place < len(sentence) else ""


def content(sentence: Sentence) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [word.stem for word in sentence if word.is_content]


_NEGATIONS = listed("not no never none neither nor without hardly barely cannot n't")
_REFUSALS = stems("deny refuse reject lack unable false incorrect")
_REFUSALS_TO = stems("fail failure decline")  # before "to" only
# What these say of something is as good as a denial of it.
_AGAINST = stems("oppose avoid refrain prevent prohibit forbid ban exclude stop cease halt")
_NO_DENIAL = listed("only just less fewer more later")
CLAUSE = listed(". ; : ? ! ( ) which who but because while although though whereas since when")
"""What ends a clause, besides a comma."""
# Words on each side of one of two opposites, which tell whether they are of one thing.
_NEXT, _NEAR = 2, 7
# Each first word is the opposite of those after it.
_OPPOSED = """
    rise/fall/drop/decline/decrease increase/decrease/fall/drop/decline/reduce
    grow/shrink/fall/decline gain/lose/loss win/lose more/less/fewer most/least above/below up/down
    higher/lower high/low largest/smallest biggest/smallest larger/smaller best/worst better/worse
    before/after import/export buy/sell accept/reject approve/reject support/oppose include/exclude
    open/close begin/end start/end/stop enter/leave strengthen/weaken expand/contract/reduce
    improve/worsen/deteriorate arrive/leave allow/forbid/ban/prohibit permit/prohibit legal/illegal
    always/never all/none first/last oldest/youngest older/younger north/south east/west
    northern/southern eastern/western male/female profit/loss positive/negative success/failure
    succeed/fail agree/disagree like/dislike deepen/weaken/reduce cheap/expensive cheaper/dearer
    easy/difficult easier/harder fast/slow faster/slower early/late earlier/later true/false
    majority/minority maximum/minimum raise/lower/cut exceed/trail outperform/underperform
    with/without safe/dangerous alive/dead guilty/innocent strong/weak stronger/weaker old/new
    increasing/decreasing remember/forget love/hate happy/sad
"""
_OPPOSITES: dict[str, set[str]] = {}
for _one, *_others in (map(stem, each.split("/")) for each in _OPPOSED.split()):
    for _other in _others:
        _OPPOSITES.setdefault(_one, set()).add(_other)
        _OPPOSITES.setdefault(_other, set()).add(_one)


def opposite(claim: Sentence, quotes: Sequence[Sentence]) -> str:
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
            hyphened = any(each.text == "-" for each in sentence[max(0, at - 1) : at + 2])
            if word.stem not in others or hyphened:  # as in "drop-through"
                continue
            shared = around & _around(sentence, at, 2 * _NEAR)
            if next_to & _next_to(sentence, at) or len(shared) >= max(2, len(around) / 2):
                return word.text
    return ""


def _next_to(sentence: Sentence, place: int) -> set[tuple[bool, str]]:
    """The words of content right before and right after a place, and on which side they are."""
    before, after = sentence[max(0, place - _NEXT) : place], sentence[place + 1 : place + 1 + _NEXT]
    sides = [*((True, word) for word in before), *((False, word) for word in after)]
    return {(is_before, word.stem) for is_before, word in sides if word.is_content}


def _around(sentence: Sentence, place: int, reach: int) -> set[str]:
    """The words of content on each side of a place."""
    around = sentence[max(0, place - reach) : place] + sentence[place + 1 : place + 1 + reach]
    return set(content(around))


def _denied(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    said = set(content(claim))
    denied = {claim[place].stem for place in _under_negation(claim)}
    asserted, refused, heads, denies = set[str](), set[str](), set[str](), False
    for sentence in quotes:
        under = set(_under_negation(sentence))
        against = _under_negation(sentence, _AGAINST)
        refused |= {sentence[place].stem for place in (*under, *against)}
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
    sentence: Sentence, verbs: frozenset[str] = frozenset(), most: int = 4
) -> Iterator[int]:
    """The words that stand under a negation, the first few of content after it in its clause.

    Or under one of the verbs, where some are given.
    """
    for place, denial in enumerate(sentence):
        if not (denial.stem in verbs if verbs else _is_negation(sentence, place)):
            continue
        near = enumerate(sentence[place + 1 : place + 10], start=place + 1)
        clause = takewhile(lambda each: each[1].text != "," and each[1].lower not in CLAUSE, near)
        yield from islice((at for at, word in clause if word.is_content), most)
