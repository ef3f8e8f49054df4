"""Text → sentences of words, as the checks compare them."""

import re
from dataclasses import dataclass
from functools import lru_cache

from assistant.terms import singular, terms, visible


def listed(text: str) -> frozenset[str]:
    """The words of a text, as a table of them."""
    return frozenset(text.split())


# Each branch is one run of characters, so that a megabyte of anything takes linear time.
_WORD = re.compile(r"(?:(?<!\w)[A-Z]\.){2,}|\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\S")
_END = re.compile(r"[.!?。！？…][\"'”’)\]]*(?=\s)|[。！？]|\n")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")
_SPACE = re.compile(r"\s+")
_MOST_LETTERS = 60  # of a word; no language has longer ones
# A full stop after these ends no sentence.
_ABBREVIATIONS = listed(
    "mr mrs ms dr prof st jr sr gen sen rep gov lt col sgt capt no vs etc inc ltd co corp al fig "
    "jan feb mar apr jun jul aug sep sept oct nov dec approx est"
)
_FORMS = {
    "say": "said says saying",
    "be": "is are was were been being am",
    "have": "has had having",
    "meet": "met meeting",
    "grow": "grew grown",
    "rise": "rose risen",
    "fall": "fell fallen",
    "win": "won",
    "lose": "lost",
    "make": "made",
    "take": "took taken",
    "give": "gave given",
    "get": "got gotten",
    "go": "went gone",
    "come": "came",
    "become": "became",
    "begin": "began begun",
    "write": "wrote written",
    "build": "built",
    "buy": "bought",
    "sell": "sold",
    "pay": "paid",
    "hold": "held",
    "lead": "led",
    "leave": "left",
    "send": "sent",
    "spend": "spent",
    "tell": "told",
    "think": "thought",
    "know": "knew known",
    "see": "saw seen",
    "find": "found",
    "keep": "kept",
    "bring": "brought",
    "choose": "chose chosen",
    "speak": "spoke spoken",
    "break": "broke broken",
    "draw": "drew drawn",
    "drive": "drove driven",
    "shrink": "shrank shrunk",
    "sink": "sank sunk",
    "sing": "sang sung",
    "bear": "bore born",
    "seek": "sought",
    "teach": "taught",
    "catch": "caught",
    "fight": "fought",
    "do": "did does done",
    "not": "n't cannot",
    "man": "men",
    "woman": "women",
    "child": "children",
    "person": "people persons",
    "per cent": "percent",
}
_LEMMAS = {form: lemma for lemma, forms in _FORMS.items() for form in forms.split()}
STOP_WORDS = listed(
    "a an the and or but of to in on at by for with from as into over under about than that this "
    "these those which who whom whose what when where why how it its it's he him his she her they "
    "them their we us our you your i my me is are was were be been being am has have had having do "
    "does did doing will would shall should can could may might must not no so such also too very "
    "just there here then if while because since until during between among within without both "
    "each any all some other more most only own same up down out off again once s t"
)


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
    return _SPACE.sub(" ", visible(text)).strip()


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
    return [sentence for sentence in (*found, text[start:].strip()) if sentence]


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


def content(sentence: Sentence) -> list[str]:
    """The stems of the words that carry meaning, in order."""
    return [word.stem for word in sentence if word.is_content]
