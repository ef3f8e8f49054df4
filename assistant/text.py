"""Text → index terms: one analysis for the lexical index, the question and the reader.

Words are lower-cased and stemmed (Snowball: English for Latin script, Russian for Cyrillic);
scripts written without spaces become overlapping pairs of characters, as in Lucene's
CJKAnalyzer, so that two-character Chinese words can be found.

Which texts the reader knows: it was trained on English.
"""

import re
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from itertools import pairwise
from typing import Protocol

VERSION = 1
"""Part of the index's recipe: raise it when the same text would give other terms."""

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_POSSESSIVE = re.compile(r"['’]s\b")
_ACCENTED_LATIN = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
"""What is in a text and cannot be seen: bidi controls, zero-width characters, tags."""

# Words that ask or join and carry no topic. In a small folder BM25 would take them for rare.
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a about after all also am an and any are as at be because been before being between but
        by can could did do does doing done for from get had has have having he her here him his
        how i if in into is it its itself just let many me more most much my no nor not of on once
        only or other our out over own please said same say says she should so some such tell than
        that the their them then there these they this those through to too under until up us very
        was we were what when where which while who whom whose why will with would you your
        а без бы был была были было быть в вам вас весь во вот все всего вы где да для до его ее
        если есть еще же за здесь и из или им их к как какая какие какой какую ко когда кто ли мне
        мы на над не него нет ни них но о об он она они оно от по под почему при про с сколько со
        так также такой там те то того только том ты у уже чего чей что чтобы эта эти это этот я
        的 了 是 在 和 与 吗 呢
        """,
    )
)


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 (the library's name)


def visible(text: str) -> str:
    """The text without invisible characters; what is embedded and searched."""
    return INVISIBLE.sub("", text)


def blank(text: str) -> bool:
    """Whether there is nothing to see."""
    return not visible(text).strip()


def terms(text: str) -> list[str]:
    """The terms of a text, in order, with repeats."""
    return [term for token in _tokens(text) for term in _stems(token)]


def topic(question: str) -> list[str]:
    """The terms a question is about, each once: those of its words that carry a topic."""
    words = [token for token in _tokens(question) if token not in _STOP_WORDS]
    return list(dict.fromkeys(term for token in words for term in _stems(token)))


def pairs(question: str) -> list[str]:
    """Two terms of a question that stand side by side, each once, where one carries a topic."""
    carrying = frozenset(topic(question))
    side_by_side = [pair for pair in pairwise(terms(question)) if not carrying.isdisjoint(pair)]
    return [" ".join(pair) for pair in dict.fromkeys(side_by_side)]


def numbers(text: str) -> frozenset[str]:
    """The numbers written in digits, without separators of thousands."""
    return frozenset(
        re.sub(r"[.,](?=\d{3}\b)", "", token) for token in _tokens(text) if token[0].isdigit()
    )


def _tokens(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", _POSSESSIVE.sub("", visible(text).casefold()))
    plain = unicodedata.normalize("NFC", _ACCENTED_LATIN.sub("", plain))
    return _TOKEN.findall(plain)


@lru_cache(maxsize=1 << 16)
def _stems(token: str) -> tuple[str, ...]:
    if token[0].isdigit():
        return (token,)
    if _UNSPACED.match(token):
        return tuple(token[i : i + 2] for i in range(max(1, len(token) - 1)))
    return (_stemmer("russian" if _CYRILLIC.match(token) else "english").stemWord(token),)


@cache
def _stemmer(language: str) -> _Stemmer:
    import snowballstemmer

    stemmer: _Stemmer = snowballstemmer.stemmer(language)
    return stemmer


def singular(word: str) -> str:
    """The word, without the s of letters that stand for a name: CNNs."""
    letters = word.removesuffix("s")
    return letters if len(letters) > 1 and letters.isupper() else word


_LATIN = 0.8  # share of the letters
_LETTER = re.compile(r"[^\W\d_]")
_LATIN_LETTER = re.compile(r"[A-Za-zÀ-ɏ]")
# The commonest words of each language that are not words of the others.
_COMMON = {
    "en": "the of and to is are was were what who when where how which did does for with by from "
    "that this it at be has have had not their they an will on can about do many much long",
    "de": "der die das und ist nicht ein eine wer wie wann wo warum wurde den dem mit von zu auf "
    "im für sich auch werden",
    "fr": "le la les des est une que qui dans pour du et quel quelle quand où combien sont au sur "
    "il elle pas par",
    "es": "el los las una por como cómo cuál cuándo dónde quién qué del y es en cuántos fue su",
    "it": "il gli che di della sono è chi quando dove quanto quale nel una alla dei",
    "pt": "os uma não é do da em quem quando onde quanto qual são foi ao pelo",
    "nl": "het een van wie wat wanneer waar hoeveel zijn niet op dat werd",
    "pl": "jest nie się na kto kiedy gdzie jak ile czy oraz do",
}
_WORDS = {
    word: language
    for language, words in _COMMON.items()
    for word in words.split()
    if sum(word in other.split() for other in _COMMON.values()) == 1
}


def is_known(text: str) -> bool:
    """Whether the text is English, or too short or too much of names and numbers to tell."""
    letters = _LETTER.findall(text)
    if len(_LATIN_LETTER.findall(text)) < _LATIN * len(letters):
        return False
    found = Counter(_WORDS.get(word) for word in re.findall(r"\w+", text.casefold()))
    foreign = max((found[language] for language in _COMMON if language != "en"), default=0)
    return foreign <= found["en"] or foreign < 2
