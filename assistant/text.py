"""The only analysis of text: what is visible, terms, sentences, language, numbers, and dates.

Terms serve the lexical index, the question and the reader alike. Words are lower-cased and
stemmed (Snowball: English for Latin script, Russian for Cyrillic); scripts without spaces become
overlapping pairs of characters, as in Lucene's CJKAnalyzer, to find Chinese words of two.
"""

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache, lru_cache
from itertools import pairwise
from operator import attrgetter
from threading import local
from typing import NamedTuple

from assistant.types import Span

VERSION = 1
"""Part of the index's recipe: raise it when the same text would give other terms."""

INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
"""What is in a text and cannot be seen: bidi controls, zero-width characters, tags."""

# Words that ask or join and carry no topic. In a small folder BM25 would take them for rare.
_STOP_WORDS = frozenset(
    re.findall(r"\w+", """
a about after all also am an and any are as at be because been before being between but by can could
did do does doing done for from get had has have having he her here him his how i if in into is it
its itself just let many me more most much my no nor not of on once only or other our out over own
please said same say says she should so some such tell than that the their them then there these
they this those through to too under until up us very was we were what when where which while who
whom whose why will with would you your
а без бы был была были было быть в вам вас весь во вот все
всего вы где да для до его ее если есть еще же за здесь и из или им их к как какая какие какой какую
ко когда кто ли мне мы на над не него нет ни них но о об он она они оно от по под почему при про с
сколько со так также такой там те то того только том ты у уже чего чей что чтобы эта эти это этот я
的 了 是 在 和 与 吗 呢
""")
)  # fmt: skip


def visible(text: str) -> str:
    """The text without invisible characters; what is embedded and searched."""
    return INVISIBLE.sub("", text)


def blank(text: str) -> bool:
    """Whether there is nothing to see."""
    return not visible(text).strip()


def is_sentence(quote: str) -> bool:
    """Whether it says anything by itself: the number of a list item or of a page does not."""
    return len(re.findall(r"[^\W\d_]{2,}", quote)) > 1


def terms(text: str) -> list[str]:
    """The terms of a text, in order, with repeats."""
    return [term for token in _tokens(text) for term in _stems(token)]


def topic(question: str) -> list[str]:
    """The terms a question is about, each once: those of its words that carry a topic."""
    words = [token for token in _tokens(question) if token not in _STOP_WORDS]
    return list(dict.fromkeys(term for token in words for term in _stems(token)))


def bigrams(question: str) -> list[str]:
    """Two terms of a question that stand side by side, each once, where one carries a topic."""
    carrying = frozenset(topic(question))
    side_by_side = [pair for pair in pairwise(terms(question)) if not carrying.isdisjoint(pair)]
    return [" ".join(pair) for pair in dict.fromkeys(side_by_side)]


def digits(text: str) -> frozenset[str]:
    """The numbers written in digits, without separators of thousands."""
    return frozenset(
        re.sub(r"[.,](?=\d{3}\b)", "", token) for token in _tokens(text) if token[0].isdigit()
    )


def _tokens(text: str) -> list[str]:
    plain = re.sub(r"['’]s\b", "", visible(text).casefold())
    # Latin letters lose their accents; й stays й.
    plain = re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", plain))
    return re.findall(r"\d+(?:[.,]\d+)*|[^\W\d_]+", unicodedata.normalize("NFC", plain))


@lru_cache(maxsize=1 << 16)
def _stems(token: str) -> tuple[str, ...]:
    if token[0].isdigit():
        return (token,)
    if re.match("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]", token):
        return tuple(token[i : i + 2] for i in range(max(1, len(token) - 1)))
    language = "russian" if re.match("[\u0400-\u04ff]", token) else "english"
    stemmers = vars(_stemmers)
    if language not in stemmers:
        import snowballstemmer

        stemmers[language] = snowballstemmer.stemmer(language)
    return (stemmers[language].stemWord(token),)


_stemmers = local()  # a stemmer keeps the word it works on, so each thread has its own


# A blank line, or a line break before a list item or a table row, ends a sentence.
_BREAK = re.compile(r"\n[^\S\n]*(?=\n|[-*+•–|] ?\S|\d{1,3}[.)] |[a-z][.)] )")
_PARAGRAPH = 8_000  # characters: splitters may be quadratic, and nobody writes longer ones


def sentences(text: str) -> list[Span]:
    """Where the sentences of a text stand, by sentencex's rules for the language of the text."""
    from sentencex import get_sentence_boundaries

    code, found = language(text), list[Span]()
    breaks = [0, *(match.end() for match in _BREAK.finditer(text)), len(text)]
    for long in stretches(text, breaks):
        for start, end in stretches(text, [*range(*long, _PARAGRAPH), long.end]):
            boundaries = get_sentence_boundaries(code, text[start:end])
            starts = {start + int(each["start_index"]) for each in boundaries}
            found += stretches(text, sorted(starts | {start, end}))
    return found


def stretches(text: str, cuts: Iterable[int]) -> Iterator[Span]:
    """What stands between the cuts, without the white space around it; blank ones go."""
    for start, end in pairwise(cuts):
        stretch = text[start:end]
        if stretch.strip():
            before = len(stretch) - len(stretch.lstrip())
            yield Span(start + before, start + len(stretch.rstrip()))


def language(text: str) -> str:
    """The ISO 639 code of a text's language, by CLD2; "und" if it is not known, but not English.

    "en" also where the text is too short, or too much of names and numbers, to tell.
    """
    text = text[:1_000]  # enough to tell
    words = re.findall(r"[^\W\d_]+", text)
    foreign = re.findall(r"[^\W\d_A-Za-zÀ-ɏ\u1e00-\u1eff]", text)
    is_other = len(foreign) > 0.2 * sum(map(len, words))
    plain = sum(map(str.islower, words))
    if not is_other and plain < 2:
        return "en"
    import pycld2

    data = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).encode(errors="ignore")  # else refused
    # In a few words English passes for other languages, unless it is expected.
    hint = "en" if len(data) < 25 and not is_other else None
    _, code, percent, _ = pycld2.detect(data, hintLanguage=hint)[2][0]
    if code == "un" and plain > 3:
        _, code, percent, _ = pycld2.detect(data, hintLanguage=hint, bestEffort=True)[2][0]
    is_told = code not in ("un", "en") and not code.startswith("xx-") and percent >= 50
    return str(code) if is_told else "und" if is_other else "en"


class Number(NamedTuple):
    """A quantity that a text gives, in digits or in words; equal ones compare equal by value."""

    value: Fraction
    unit: str
    """"€", "%", "bar", "year"; "th": an ordinal; ":": a time of day, in hours; "": things."""
    bound: str
    """"<", "≤", ">", "≥" or "≈", by sign or by words such as "at most"; "" of the very number."""
    start: int
    end: int


class Date(NamedTuple):
    """A day, a month or a year that a text gives; None is what it leaves open."""

    year: int | None
    month: int | None
    day: int | None
    start: int
    end: int


_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_MONTH = (r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|"
          rf"december|(?:{_MONTHS}|sept)\b\.?)")  # fmt: skip
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_DATES = (
    r"(?P<year>\d{4})(?P<by>[-/.])(?P<month>0?[1-9]|1[0-2])(?P=by)(?P<day>0?[1-9]|[12]\d|3[01])",
    r"(?P<day>\d\d?)(?P<by>[-/.])(?P<month>\d\d?)(?P=by)(?P<year>\d{4})",
    rf"{_DAY}(?:\s+of)?\s+{_MONTH}(?: ?,?\s+(?P<year>[12]\d{{3}}))?",
    rf"{_MONTH}\s+{_DAY}(?: ?,?\s+(?P<year>[12]\d{{3}}))?(?![:%]|[.,]\d)",
    rf"{_MONTH}(?: ?,?\s+(?:of\s+)?(?P<year>[12]\d{{3}}))?",
    r"(?P<year>1\d{3}|2[01]\d\d)(?![%°])",
)
_BEFORE_MONTH = re.compile(
    r"(?i)\b(?:in|on|by|since|until|till|from|to|through|during|before|after|of|last|next|this|"
    r"early|late|mid|every|each|between|and|or|-|–)[\s-]*$"
)


def dates(text: str) -> list[Date]:
    """The dates of a text, in order; 5/9/2023 is taken day first."""
    found: list[Date] = []
    for pattern in _DATES:
        around = rf"(?<![\w$€£¥])(?<!\d[.,:])(?:{pattern})(?!\w|[.,]\d)"
        for match in re.finditer(around, text, re.IGNORECASE):
            if not _overlaps(found, *match.span()) and (date := _date(text, match)):
                insort(found, date, key=attrgetter("start"))
    return found


def _overlaps(found: list[Date], start: int, end: int) -> bool:
    """Whether one of these dates, in order, shares characters with a span."""
    before = bisect_left(found, end, key=attrgetter("start")) - 1
    return before >= 0 and found[before].end > start


def _date(text: str, match: re.Match[str]) -> Date | None:
    """The date of a match; None where it is a word, or a number of things."""
    read, before = match.groupdict(), text[max(0, match.start() - 10) : match.start()]
    name = (read.get("month") or "").lower()
    year, day = (int(read[part]) if read.get(part) else None for part in ("year", "day"))
    if name.isdecimal():
        month, day = (int(name), day or 0) if int(name) <= 12 else (day or 0, int(name))
        is_date = 0 < month < 13 and 0 < day < 32 and 1000 <= (year or 0) < 2200
        return Date(year, month, day, *match.span()) if is_date else None
    if not name:
        return None if _is_count(text, match, before) else Date(year, None, None, *match.span())
    # A verb is a month only with a number beside it, or after such a word as "in".
    is_verb = name in ("may", "march", "mar")
    is_clear = year or day or not is_verb or _BEFORE_MONTH.search(before)
    is_small = match[0].islower() and not (year and day) and (is_verb or not (year or day))
    if is_small or not is_clear:
        return None
    return Date(year, _MONTHS.index(name[:3]) // 4 + 1, day, *match.span())


def _is_count(text: str, match: re.Match[str], before: str) -> bool:
    """Whether four digits count something: 2000 euros, 1200 employees; 2023 is a year."""
    number = _number_pattern().match(text, match.start())
    value = int(match["year"])
    signs = r"(?:[$€£¥₽₹<>≤≥≈~]|\b(?:USD|EUR|GBP|CHF|CNY|RUB))\s*$|(?:^|[\s(])[-−]$"
    if (number and (number["scale"] or number["unit"])) or re.search(signs, before):
        return True
    if (1900 <= value < 2100 and value % 100) or _BEFORE_MONTH.search(before):
        return False
    things = re.compile(r"\s+(?!(?:is|was|has|does|as|its|this|us)\b)[a-z]+s\b")
    return bool(things.match(text, match.end()))


ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
        "nineteen"]  # fmt: skip
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
BELOW_HUNDRED = {word: number for number, word in enumerate(ONES)}
BELOW_HUNDRED |= {word: 10 * tens for tens, word in enumerate(TENS, 2)}
SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "dozen": 12, "lakh": 10**5, "crore": 10**7, "k": 10**3, "m": 10**6, "mn": 10**6, "mln": 10**6,
    "mio": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12, "trn": 10**12,
}  # fmt: skip
_UNITS = {
    "€": "€|euro|eur", "$": r"us\$|\$|dollar|usd|buck", "£": "£|pound|gbp|quid", "¥": "¥|yen|jpy",
    "CNY": "yuan|rmb|renminbi|cny", "₽": "₽|rouble|ruble|rub", "₹": "₹|rupee|inr",
    "CHF": "swiss franc|franc|chf", "pp": "percentage point|pp", "%": "%|percent|per cent|pct",
    "bp": "basis point", "year": "year|yr", "month": "month", "week": "week", "day": "day",
    "h": "hour|hr|h", "min": "minute|min", "s": "second|sec", "km/h": "km/h|kph", "mph": "mph",
    "km": "km|kilometre|kilometer", "cm": "cm|centimetre|centimeter", "mile": "mile|mi",
    "mm": "mm|millimetre|millimeter", "m²": "m²|m2|sqm|square metre|square meter",
    "m³": "m³|m3|cubic metre|cubic meter", "m": "m|metre|meter", "ft": "ft|feet|foot",
    "in": "inch|inche", "ha": "ha|hectare", "kg": "kg|kilogram|kilo", "mg": "mg|milligram",
    "g": "g|gram", "t": "t|ton|tonne", "lb": "lb", "ml": "ml|millilitre|milliliter",
    "l": "l|L|litre|liter", "kWh": "kwh", "MWh": "mwh", "kW": "kw|kilowatt", "MW": "mw|megawatt",
    "GW": "gw|gigawatt", "W": "W|watt", "V": "V|volt", "A": "A|amp|ampere", "Hz": "hz", "Pa": "pa",
    "bar": "bar", "°C": "°c|°|degree|degree celsius", "°F": "°f|degree fahrenheit", "KB": "kb",
    "MB": "mb|megabyte", "GB": "gb|gigabyte", "TB": "tb|terabyte", "times": "times|fold|x|×",
}  # fmt: skip
_BOUNDS = {
    "≤": r"≤|<=|up to|at most|(?:no|not) (?:more|higher) than|maximum of|or (?:less|fewer|below)",
    "≥": r"≥|>=|at least|(?:no|not) (?:less|fewer|lower) than|minimum of|or (?:more|above|over)",
    "<": "<|(?:less|fewer|lower|smaller) than|under|below",
    ">": r">|(?:more|greater|higher|larger) than|over|above|exceed(?:s|ed|ing)?",
    "≈": r"≈|~|about|around|approximately|approx\.?|roughly|nearly|almost|circa|ca\.?|some",
}


def numbers(text: str) -> list[Number]:
    """The quantities of a text, in order, without its dates; codes such as B2 are none."""
    taken, found = dates(text), list[Number]()
    before: re.Match[str] | None = None
    for match in _number_pattern().finditer(text):
        if _overlaps(taken, *match.span("number")) or not (number := _number(match)):
            continue
        between = text[before.end() : match.start()] if before else ""
        if before and re.fullmatch(r"\s*(?:[-–—]|to|or)\s*", between) and not found[-1].unit:
            # "5 to 7 million euros": what stands at the end of a range counts for its beginning.
            scale = _scale(match) if not before["scale"] and between.strip() in "-–—to" else 1
            found[-1] = found[-1]._replace(value=found[-1].value * scale, unit=number.unit)
        found.append(number)
        before = match
    return found


def _number(match: re.Match[str]) -> Number | None:
    value = _spelled(match["words"]) if match["words"] else value_of(match["digits"])
    if value is None:
        return None
    written = match["currency"] or match["unit"] or ""
    unit = _named(_UNITS, written) or _named(_UNITS, written.removesuffix("s"))
    bound = _named(_BOUNDS, match["bound"] or match["behind"] or "")
    value = (value + Fraction(bool(match["half"]), 2)) * _scale(match)
    if match["minutes"]:
        value, unit = value + Fraction(int(match["minutes"]), 60), ":"
    elif match["ordinal"]:
        unit = "th"
    if match["noon"]:
        value, unit = value % 12 + 12 * (match["noon"][0].lower() == "p"), ":"
    return Number(-value if match["sign"] else value, unit, bound, *match.span())


def _scale(match: re.Match[str]) -> int:
    return SCALES[match["scale"].lower().removesuffix("s")] if match["scale"] else 1


def _named(table: Mapping[str, str], written: str) -> str:
    """The key of the table whose pattern is all that is written; "" where there is none."""
    found = (key for key, names in table.items() if re.fullmatch(names, written, re.I))
    return next(found, "") if written else ""


def value_of(written: str) -> Fraction | None:
    """8,400 and 8.4 and 8,4, 1.200,50 as on the continent; None of 4.2.1, which counts nothing."""
    written = re.sub(r"[\s'’]", "", written)
    if re.fullmatch(r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?", written):
        written = written.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})", written):
        written = written.replace(".", "").replace(",", ".")
    written = written.replace(",", ".")
    return Fraction(written) if written.count(".") < 2 and len(written) < 1_000 else None


def _spelled(written: str) -> Fraction:
    """Two hundred and fifty thousand; half a million; a dozen."""
    total, part = Fraction(0), Fraction(0)
    for word in re.split(r"[\s-]+", written.lower()):
        scale = SCALES.get(word.removesuffix("s"))
        below = Fraction(1, 2) if word == "half" else BELOW_HUNDRED.get(word, 0)  # 0: a, an, and
        part = (part or Fraction(1)) * scale if scale else part + below
        if part >= 1000:
            total, part = total + part, Fraction(0)
    return total + part


@cache
def _number_pattern() -> re.Pattern[str]:
    """A bound, a sign, a currency, the number in digits or words, its scale, its unit."""
    longest = sorted("|".join(_UNITS.values()).split("|"), key=len, reverse=True)
    # Those of one letter are told by its case: 5 g is a weight, 5G is a network.
    units = "|".join(f"{name}s?" if len(name) > 1 else f"(?-i:{name})" for name in longest)
    currencies = "|".join(_UNITS[each] for each in ("€", "$", "£", "¥", "CNY", "₽", "₹", "CHF"))
    scales = "|".join(name for name in SCALES if len(name) > 3)
    ones = "|".join(reversed(ONES))  # fourteen before four
    # "One" is no number in "no one", "the one", "one of", "one can".
    one = (
        r"(?<!\bno )(?<!\bany )(?<!every )(?<!\bthe )(?<!\bthis )(?<!\bthat )(?<!which )"
        r"(?!one(?: (?:of|another|can|could|may|must|should|would|has|is|was)\b|(?![ -]\w)))"
    )
    small = rf"(?:(?:{'|'.join(TENS)})(?:[\s-](?:{'|'.join(ONES[1:10])}))?|{one}(?:{ones}))\b"
    below = rf"(?:(?:{small}|an?)\s+hundred(?:\s+(?:and\s+)?{small})?|{small})\b"
    words = rf"{below}(?:[\s-]+(?:{scales})s?\b(?:\s+(?:and\s+)?{below})?)*"
    return re.compile(
        rf"(?:(?<!\w)(?P<bound>{'|'.join(_BOUNDS.values())})\s*)?"
        rf"(?<![\w.,])(?:(?P<sign>(?<!\d)[-−]|\bminus\s+)(?=[\d$€£¥₽₹]))?"
        rf"(?:(?P<currency>{currencies})\s?)?(?<![A-Za-z_])(?<!\d[.,:])"
        rf"(?P<number>(?P<digits>\d{{1,3}}(?:[\s'’]\d{{3}})+(?![\d])(?:[.,]\d+)?|\d+(?:[.,]\d+)*)"
        rf"|\b(?P<words>{words}|(?:half\s+an?|an?)\s+(?:{scales})\b))"
        rf"(?::(?P<minutes>[0-5]\d)\b)?(?P<ordinal>(?<=\d)(?:st|nd|rd|th)\b)?"
        rf"(?P<half>\s+and\s+a\s+half\b)?"
        rf"(?:(?:[\s-]?(?P<scale>(?:{scales}|bn|mn|mln|mio|trn|tn)s?|(?<=\d)[kb]|"
        rf"(?-i:(?<=\d)M)|(?(currency)m|(?!))))(?!\w))?"
        rf"(?:\s*(?P<noon>[ap]\.?m\b\.?))?"
        rf"(?(currency)|(?:[\s-]*(?:us\s|american\s)?(?P<unit>{units})(?!\w))?)"
        rf"(?:\s+(?P<behind>or (?:less|fewer|below|more|above|over))\b)?(?![^\W\d_]|(?<=\d)\d)",
        re.IGNORECASE,
    )
