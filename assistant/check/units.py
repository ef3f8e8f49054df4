"""Units: what is counted, and how large one of it is in the unit it is compared by."""

from assistant.check.words import Sentence, Word, listed, stem

# Unit → what one of it is in the unit it is compared by.
_UNITS: dict[str, tuple[str, float]] = {
    **{name: ("month", size) for name, size in
       {"month": 1, "year": 12, "yr": 12, "decade": 120, "century": 1200,
        "centuries": 1200}.items()},
    **{name: ("second", size) for name, size in
       {"sec": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600, "day": 86400,
        "week": 604800}.items()},
    **{name: ("metre", size) for name, size in
       {"m": 1, "metre": 1, "meter": 1, "km": 1e3, "kilometre": 1e3, "kilometer": 1e3, "cm": 0.01,
        "centimetre": 0.01, "centimeter": 0.01, "mm": 0.001}.items()},
    **{name: ("gram", size) for name, size in
       {"g": 1, "gram": 1, "kg": 1e3, "kilogram": 1e3, "kilo": 1e3, "tonne": 1e6}.items()},
    **{name: ("watt", size) for name, size in {"kw": 1e3, "mw": 1e6, "gw": 1e9}.items()},
    **{name: (unit, 1) for unit, names in
       {"mile": "mile mi", "foot": "foot feet ft", "inch": "inch inches", "ton": "ton",
        "pound of weight": "lb lbs", "degree": "degree °"}.items() for name in names.split()},
    "%": ("%", 1), "percent": ("%", 1), "pct": ("%", 1), "pp": ("point", 1),
    **{name: (currency, 1) for currency, names in
       {"dollar": "$ dollar usd buck", "euro": "€ euro eur", "pound": "£ pound gbp quid",
        "yen": "¥ yen jpy", "yuan": "yuan rmb renminbi cny", "rouble": "₽ rouble ruble rub",
        "rupee": "₹ rupee inr", "franc": "franc chf", "won": "₩ krw", "cent": "cent",
        }.items() for name in names.split()},
}  # fmt: skip
_UNITS |= {stem(name): unit for name, unit in list(_UNITS.items()) if name.isalpha()}
_CURRENCIES = listed("dollar euro pound yen yuan rouble rupee franc won")
_SIGNS = frozenset("$€£¥₽₹₩")
_CODES = frozenset({"usd", "eur", "gbp", "jpy", "rmb", "cny", "inr", "chf"})


def unit_of(sentence: Sentence, first: int, after: int) -> tuple[str, float, int]:
    """The known unit beside a number, its size, and the word after it."""
    if first and is_currency(sentence[first - 1]):
        unit, size = _UNITS[sentence[first - 1].lower]
        return unit, size, after
    place = after
    while place < len(sentence) and sentence[place].lower in ("-", "us", "u", ".", "s", "american"):
        place += 1
    if place >= len(sentence):
        return "", 1.0, after
    word = sentence[place]
    follows = sentence[place + 1].lower if place + 1 < len(sentence) else ""
    if word.lower in ("percentage", "basis") and follows.startswith("point"):
        return "point", 0.01 if word.lower == "basis" else 1.0, place + 2
    if word.lower == "fold":
        return "times", 1.0, place + 1
    if word.lower == "per" and follows == "cent":
        return "%", 1.0, place + 2
    name = word.lower if word.lower in _UNITS else word.stem
    if name in _UNITS and (place == after or sentence[after].lower != "."):
        return *_UNITS[name], place + 1
    if word.lower in ("second", "seconds"):
        return "second", 1.0, place + 1
    return "", 1.0, after


def is_currency(word: Word) -> bool:
    """Whether the word or sign is a currency that stands before its number."""
    return word.text in _SIGNS or word.lower in _CODES


def counts_money(sentence: Sentence, place: int) -> bool:
    """Whether a currency stands before the number before this word, or after it."""
    if place > 1 and is_currency(sentence[place - 2]):
        return True
    behind = [word.lower for word in sentence[place + 1 : place + 3]]
    return any(_UNITS.get(stem(word), ("", 0))[0] in _CURRENCIES for word in behind)
