"""Which texts the reader knows: it was trained on English."""

import re
from collections import Counter

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
