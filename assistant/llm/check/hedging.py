"""How a thing is said: who speaks and who hears, how sure it is, who said it, and as plain text."""

import re
from collections.abc import Iterator, Sequence

from assistant.llm.check.names import root
from assistant.llm.check.words import CLAUSE, Sentence, content, listed, singular, stems

_SPEAKER = listed("i i'm i've i'd i'll my me myself we we're we've we'd we'll")
_SPEAKERS = _SPEAKER | listed("us our ours ourselves")
_HEARER = listed("you you're you've you'd you'll your yours yourself")
# "I'm not sure, but …" and "I know that …" say how their speaker comes to a thing, and no more.
_KNOWING = stems("know think believe guess hear read find see understand")
# What you can or must do, a source may say of anyone.
_ALLOWED = listed("can could may might must should shall will would need have cannot also")


def pronouns(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim asks, or tells of who words it or who reads it; else "".

    That is known from quotes only in which somebody speaks of himself, or to somebody.
    """
    if claim and claim[-1].text == "?":
        return "asks, and says nothing"
    speaker = _person([claim], _SPEAKER)
    if speaker and not _person(quotes, _SPEAKERS):
        return f"says “{speaker}”, as no one in the source does"
    opening = [word.lower for word in claim[:2]]
    tells = opening[:1] == ["you"] and _ALLOWED.isdisjoint(opening)
    if tells and not _person(quotes, _SPEAKERS | _HEARER):
        return "says “you”, as no one in the source does"
    return ""


def without_doubt(claim: Sentence) -> Sentence:
    """Without "I'm not sure, but" in its first nine words, which denies nothing."""
    opening = [word.lower for word in claim[:9]]
    doubt = opening[: opening.index("but")] if "but" in opening else []
    is_own = bool(doubt) and doubt[0] in ("i", "i'm", "we", "we're")
    is_doubt = is_own and not {"sure", "certain", "know"}.isdisjoint(doubt)
    return claim[len(doubt) + 1 :] if is_doubt else claim


def without_knowing(claim: Sentence) -> Sentence:
    """Without "I know that" in its first five words, which tells nothing of its speaker."""
    is_own = bool(claim) and claim[0].lower in _SPEAKER
    for place, word in enumerate(claim[1:5] if is_own else (), start=1):
        if word.stem in _KNOWING:
            return claim[place + 1 :]
    return claim


def _person(sentences: Sequence[Sentence], meant: frozenset[str]) -> str:
    """The first word of a table that means a person: not the I of World War I, or of "i.e."."""
    for sentence in sentences:
        for place, word in enumerate(sentence):
            if word.lower in meant and not _is_name(sentence, place):
                return word.text
    return ""


def _is_name(sentence: Sentence, place: int) -> bool:
    text, after = sentence[place].text, sentence[place + 1 : place + 2]
    if text.casefold() != "i":
        return len(text) > 1 and text.isupper()
    is_numeral = text == "I" and place > 0 and sentence[place - 1].is_content
    return is_numeral or not (after and after[0].is_word)


POSSIBLE, EXPECTED, TO_COME, SO = range(4)
"""How sure a sentence is of a thing, the surer the higher."""

_POSSIBLE = listed("could may might can possibly perhaps maybe potentially possible")
_EXPECTED = listed("likely unlikely probably reportedly allegedly apparently supposedly should "
                      "intention intentions ambition ambitions")  # fmt: skip
# Verbs of wanting and foreseeing, and those that are such before "to" only.
_FORESEEN = stems("expect intend hope want propose forecast predict anticipate foresee")
_NEEDS_TO = stems(
    "plan aim seek set agree offer look try wish decide prepare promise pledge vow attempt "
    "project poise seem appear"
)
# Verbs that are such before an object too; elsewhere they may be nouns.
_ARRANGES = stems("plan schedule arrange project guide")
# What "can be" these, is so.
_SORTED = stems("classify categorise categorize divide define describe")
_BEFORE_NOUN = listed("a an the this that its their his her our of in on for")
_RELATIVE = frozenset(("which", "who", "whose"))
_JOINTS = _RELATIVE | {"and", "but", "while", "although", "though", "where"}
_TRAILER = 6  # words that tell who said what stands before: ", and he said so"
_SAYING = stems(
    "say tell state note claim argue announce report believe think suggest warn add insist allege "
    "estimate underline stress emphasise emphasize highlight deny confirm assert explain declare "
    "acknowledge remark point describe express maintain contend admit reveal mention comment write "
    "conclude recommend urge call quote deem view consider accuse predict expect hope propose "
    "observe affirm disclose indicate reply respond inform notify"
)
_REPORTED = re.compile(
    r"\b(?:said|says?|told|tells?|stated|noted|notes|claimed|claims|argued|argues|announced|"
    r"reported|reports|believes?|believed|thinks?|thought|suggest(?:s|ed)?|estimat(?:es?|ed)|"
    r"(?:warn|add|insist|highlight|confirm|assert|explain|remark|maintain|contend|predict)(?:s|ed)|"
    r"(?:alleg|underlin|stress|emphasi[sz]|declar|acknowledg|conclud|observ)e[sd]|admit(?:s|ted))"
    r" (?:that|how|:|,|“|\"|‘|there|it|he|she|they|we)(?!\w)"
    r"|\baccording to\b|\b(?:said|says|told)\b"
    # An order to say a thing does not say it.
    r"|\b(?:reply|respond|write|answer|claim|mention|repeat) (?:only|that)\b"
    r"|(?:^|[^\w ] )tell (?:the|your|every|everyone|all|people|users?|them|him|her|us|me)\b"
)


def overstated(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where the claim is surer of a thing than every quote; else ""."""
    held: dict[str, tuple[int, str]] = {}
    said: dict[str, int] = {}
    for sentence in quotes:
        for name, level, hedge in _levels(sentence):
            if name not in held or level > held[name][0]:
                held[name] = level, hedge
    for name, level, _ in _levels(claim, is_claim=True):
        said[name] = max(level, said.get(name, level))
    shared = [name for name in said if name in held]
    bolder = [name for name in shared if said[name] > held[name][0]]
    is_surer = len(bolder) >= max(2, len(shared) / 2)
    return f"is surer than the source, which says “{held[bolder[0]][1]}”" if is_surer else ""


def _levels(sentence: Sentence, *, is_claim: bool = False) -> Iterator[tuple[str, int, str]]:
    """Each word of content, how sure the sentence is of it, and the word that says so."""
    level, hedge, until, is_aside = SO, "", -1, False
    for place, word in enumerate(sentence):
        ends_aside = is_aside and word.text == ","
        if word.lower in CLAUSE or word.lower == "whose" or place > until or ends_aside:
            level, hedge = SO, ""
        is_aside = word.lower in _RELATIVE or (is_aside and not ends_aside)
        found = _hedge(sentence, place, is_claim=is_claim)
        if found is not None and found < level:
            level, hedge, until = found, word.text, place + 14  # words it reaches
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
    if word.lower in ("will", "shall", "'ll", "would"):
        return TO_COME
    if word.lower in _EXPECTED or word.stem in _FORESEEN:
        return EXPECTED
    if is_claim and _arranges(sentence, place):
        return EXPECTED
    return EXPECTED if word.stem in _NEEDS_TO and {"to", "at"} & {*follows} else None


def _arranges(sentence: Sentence, place: int) -> bool:
    """Whether a word is a verb of planning with its object: "Friends plan a party"."""
    if sentence[place].stem not in _ARRANGES or not 0 < place < len(sentence) - 1:
        return False
    before, after = sentence[place - 1].lower, sentence[place + 1]
    has_object = after.is_content or after.lower in ("a", "an", "the", "for")
    return before not in _BEFORE_NOUN and has_object


def unattributed(claim: Sentence, quotes: Sequence[Sentence]) -> str:
    """A reason where all the claim has is what somebody said, and it does not say who; else ""."""
    if any(word.stem in _SAYING or word.lower == "according" for word in claim):
        return ""
    said = set(content(claim))
    parts = [_split(sentence) for sentence in quotes]
    plain = {stem for own, _ in parts for stem in content(own)}
    reported = {stem for _, told in parts for stem in content(told)}
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
    text = re.sub(r"\([^()]*\)", "", " ".join(word.lower for word in words))
    return bool(_REPORTED.search(text))


# What leads out of the page or acts on it: addresses, links, tags.
_FOREIGN = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+|\b(?:javascript|data|mailto|file|vbscript|tel):\S+|\S+@\S+"
    r"|\b[\w-]{2,}(?:\.[\w-]{2,})*\.[a-z]{2,}\b(?:[/?#]\S*)?|</?[a-z!][^>]*>?|\]\(|!\[",
    re.IGNORECASE,
)
_MARKUP = frozenset("<>[]{}［］【】|\\^~`*_#…")
# A word with a capital, but for the first letter of the sentence.
_CAPITAL = re.compile(r"(?!^)\b[^\W\d_]*[A-ZА-ЯЁ][^\W\d_]*|^[^\W\d_]+?[A-ZА-ЯЁ][^\W\d_]*")


def is_plain_text(text: str, quotes: Sequence[str]) -> bool:
    """Whether it is a sentence in which nothing stands out.

    No address or link, whoever wrote it first; no name or character of markup but a quote's. One
    CNN of several CNNs has its name from them, and the U.K. from the British.
    """
    quoted = " ".join(" ".join(quote.split()) for quote in quotes)
    quoted_text = _join_initials(re.sub(r"['’]s\b", "", quoted))  # an owner by his name
    words = {_name(word) for word in re.findall(r"[^\W\d_]+", quoted_text)}
    names = {_name(found[0]) for found in _CAPITAL.finditer(_join_initials(text))}
    return (
        text.isprintable()
        and {*text} & _MARKUP <= {*quoted}
        and len(text.split()) >= 3  # an order to say a word is a document's too
        and not _FOREIGN.search(text)
        and names <= words
    )


def _name(word: str) -> str:
    """What a word is compared by: the U.K. is the British."""
    return root(singular(word).casefold())


def _join_initials(text: str) -> str:
    """With U.K. as UK."""
    return re.sub(r"\b(?:[A-Z]\.){2,}", lambda found: found[0].replace(".", ""), text)
