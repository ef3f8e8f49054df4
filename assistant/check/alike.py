"""Names that are one: a place and its people, a person and several, a whole and its part."""

from functools import lru_cache

# Names of one place or its people that no ending tells.
_SAME = {
    form: name
    for name, forms in {
        "usa": "us american america americans usa",
        "uk": "uk british britain britons",
        "france": "french france frenchman", "netherlands": "dutch netherlands holland",
        "spain": "spanish spain spaniard spaniards", "switzerland": "swiss switzerland",
        "germany": "german germany germans", "greece": "greek greece greeks",
        "denmark": "danish denmark dane danes", "poland": "polish poland pole poles",
        "turkey": "turkish turkey türkiye turk turks", "sweden": "swedish sweden swede swedes",
        "finland": "finnish finland finn finns", "ireland": "irish ireland",
        "scotland": "scottish scotland scot scots", "wales": "welsh wales",
        "england": "english england englishman", "thailand": "thai thailand thais",
        "philippines": "filipino philippines philippine filipinos", "norway": "norwegian norway",
        "peru": "peruvian peru", "cyprus": "cypriot cyprus", "iceland": "icelandic iceland",
        "europe": "european europe europeans", "belgium": "belgian belgium belgians",
        "portugal": "portuguese portugal", "china": "chinese china",
        "ukraine": "ukrainian ukraine", "argentina": "argentine argentinian argentina",
        "kazakhstan": "kazakh kazakhstan", "afghanistan": "afghan afghanistan",
        "pakistan": "pakistani pakistan", "iraq": "iraqi iraq", "israel": "israeli israel",
        "niger": "nigerien niger", "czechia": "czech czechia", "lebanon": "lebanese lebanon",
        "new york": "nyc",
    }.items()
    for form in forms.split()
}  # fmt: skip
_PEOPLE = ("ians", "ian", "eans", "ean", "ans", "an", "ns", "n", "ese", "ish", "ic", "is", "i")
_PERSON = ("an", "er", "ist", "crat", "im")
_PLACES = ("", "a", "ia", "e", "es", "o", "y", "us", "land")


def root(word: str) -> str:
    """The same for a country and its people, where a table tells."""
    return _SAME.get(word, word)


@lru_cache(maxsize=1 << 14)
def alike(one: str, other: str) -> bool:
    """Whether two words are one name: the same, or a place and its people."""
    one, other = root(one), root(other)
    return one == other or _of(one, other) or _of(other, one) or _is_plural(one, other)


def _is_plural(one: str, other: str) -> bool:
    """Whether one is somebody and the other are several: a Belarusian, Belarusians."""
    short, long = sorted((one, other), key=len)
    return short.endswith(_PERSON) and long == f"{short}s"


def _of(people: str, place: str) -> bool:
    for ending in _PEOPLE:
        stem = people.removesuffix(ending)
        is_stem = stem != people and len(stem) > 2 and place.startswith(stem)
        if is_stem and place[len(stem) :] in _PLACES:
            return True
    return False


def same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether one is the other, or a part of it: "Li" is "Li Qiang"."""
    small, large = sorted((one, other), key=len)
    return all(any(alike(word, each) for each in large) for word in small)
