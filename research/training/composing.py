"""A sentence → a question made of it, such as one asks who has not read the text.

Is it so, is it mentioned, which ones, how many, who says what. Most are answered by the sentence;
two kinds only look so: when something was that no date is given for, and what somebody says whose
words are not reported.
"""

import random
import re

from research.training.wording import GRAMMAR, LEANING, named

_VERBS = r"is|are|was|were|has|have|had|can|could|will|would|did|may|might|must|should"
_AUXILIARY = re.compile(rf"^(.{{3,60}}?)\s+({_VERBS})\s+(?!not\b)(.+)$")
_PAST = re.compile(r"^((?:[A-Z]|the )[^,]{1,40}?)\s([a-z]{2,}ed)\s(?!by\b)(.+)$")
_HELPED = re.compile(rf"\b(?:{_VERBS}|be|been|to|do)\b")
_CLAUSE = re.compile(r"[,;:(]|\s(?:and|but|which|who|because|although|while|whereas|when|where)\s")
_ITEM = (
    r"(?!(?:such|especially|includ(?:e|es|ed|ing)|it|or|and)\b)[^\s.,;:()]+(?:\s[^\s.,;:()]+){0,4}?"
)
_LIST = re.compile(
    rf"\b([a-z]+(?:ies|[^s\W]s))(?:,?\s(?:including|such as|like|namely)\s|:\s)"
    rf"((?:{_ITEM},\s){{0,6}}{_ITEM},?\s(?:and|or)\s{_ITEM})(?=[.,;:()]|\s(?:is|are|was|were)\b)"
)
_OTHERS = re.compile(
    rf"\b((?:{_ITEM},\s){{0,5}}{_ITEM}),?\s(?:and|or)\s(?:many\s)?other\s([a-z]+s)\b"
)
_SAYING = (
    r"(?:said|stated|noted|argued|claimed|wrote|remarked|declared|explained|believed|suggested|"
    r"announced|described|criticized|praised|stressed|emphasized|warned)"
)
_SAID = re.compile(
    r"^(?:[^,]{3,40},\s)?(?:The\s)?([A-Z][\w’-]+(?:\s[A-Z][\w’-]+){0,2})\s"
    rf"(?:has\s|had\s|also\s|later\s)?{_SAYING}\b"
)
# Two or three words between such as stand around a noun.
_THING = re.compile(
    r"\b(?:a|an|the|for|and|its|of|in|by|with|,)\s"
    r"(?!(?:an?|the|its)\b)([\w’-]{3,}(?:\s[\w’-]{4,}){1,2})"
    r"(?=[.,;:]|\s(?:and|or|of|in|for|by|with|to|from|at|is|are|was|were|that|which)\b)"
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_MENTIONS = (
    "Is {} mentioned?",
    "Does it mention {}?",
    "Does the text say anything about {}?",
    "What does it say about {}?",
    "what about {}",
    "What is said about {}?",
    "Did they agree on {}?",
    "Did the two sides agree on {}?",
    "Have both decided on {}?",
    "Will they do {} together?",
    "Will there be {}?",
    "Is there any {}?",
    "Was there {}?",
    "Did they talk about {}?",
    "Are there plans for {}?",
    "Does this involve {}?",
)
_WHICH = (
    "Which {noun} are named?",
    "What {noun} are mentioned?",
    "Which {noun} are part of {topic}?",
    "What are some {noun} of {topic}?",
    "Which {noun} belong to {topic}?",
    "what are examples of {noun}",
    "Name the {noun}.",
    "Which {noun} are there in {topic}?",
)
_DATED = re.compile(
    r"\d|\b(?:January|February|March|April|June|July|August|September|October|November|December|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|century|decade|years?|months?|weeks?|days?|today|"
    r"spring|summer|autumn|winter|age|when|while|after|before|during|ago)\b"
)
_EVENT = re.compile(
    r"\b(?:[Tt]he|a|an|this|their|its)\s((?:[a-z-]+\s)?"
    r"(?:meeting|talks|summit|conference|ceremony|visit|war|battle|siege|invasion|attack|election|"
    r"vote|agreement|treaty|trial|race|game|match|tournament|concert|festival|exhibition|journey|"
    r"expedition|disaster|earthquake|flood|fire|storm|accident|explosion|revolution|revolt|strike|"
    r"protest|launch|opening|merger|study))\b"
)
_TOOK_PLACE = (
    "When did the {} take place?",
    "when was the {}",
    "On which date was the {}?",
    "In what year did the {} happen?",
    "When was the {} held?",
)
_WHEN = ("When", "when", "In what year", "On which date", "When exactly")
_COUNT = re.compile(
    r"\b((?<![\d.,])(?:\d{1,3}(?:,\d{3})*|[3-9]\d{3})|two|three|four|five|six|seven|eight|nine|"
    r"ten|eleven|twelve|dozens|hundreds|thousands|a dozen)"
    r"\s(?:(?!(?:of|and|or|the|to)\b)[a-z]+\s)?([a-z]{3,}(?:ies|[^s\W]s))\b"
)
_UNITS = frozenset(
    re.findall(
        r"\w+",
        """
        centuries decades years months weeks days hours minutes seconds times miles kilometres
        kilometers metres meters feet inches acres hectares tonnes tons pounds dollars euros degrees
        points
        """,
    )
)
_HOW_MANY = (
    "How many {noun} are there?",
    "How many {noun} are there in {topic}?",
    "How many {noun} does {topic} have?",
    "how many {noun} are in {topic}",
    "What is the number of {noun} in {topic}?",
    "How many {noun} does it mention?",
)
_REPORT = re.compile(rf"[\"“”]|\b(?:{_SAYING}|says?|according to|opinion|views?|thought|called)\b")
_SAYS = (
    "What did {} say?",
    "what does {} say",
    "What did {} think of it?",
    "What was {}'s view?",
    "How did {} put it?",
)
_SAYS_ABOUT = (
    "What did {} say about {}?",
    "What does {} think of {}?",
    "what was {}'s opinion on {}",
    "How did {} comment on {}?",
)


def asked(claim: str, chance: random.Random) -> str:
    """A statement as a question that is answered by yes or no."""
    claim = claim.rstrip(" .")
    match = _AUXILIARY.match(claim)
    if match and chance.random() < 0.8:
        subject, verb, rest = match.groups()
        return f"{verb.capitalize()} {_inside(subject)} {rest}?"
    return f"Is it true that {_inside(claim)}?"


def _inside(text: str) -> str:
    """The text as it stands inside a sentence."""
    first = text.split(" ", 1)[0].lower()
    return text[0].lower() + text[1:] if first in GRAMMAR else text


def _base(verb: str) -> str:
    """The base form of a regular past: a guess, which a reader in pieces of words can bear."""
    stem = verb[:-2]
    if verb.endswith("ied"):
        return verb[:-3] + "y"
    if len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "lsz":
        return stem[:-1]
    return stem + "e" if re.search(r"(?:[cgsvuz]|[^aeiou][aiou][tdklmnpr]|[bd]l)$", stem) else stem


def whether(sentence: str, chance: random.Random) -> str | None:
    """A question by yes or no that the sentence answers, of its first clause; None if too short."""
    ends = [m.start() for m in _CLAUSE.finditer(sentence) if m.start() > 25]
    words = (sentence[: ends[0]] if ends else sentence).rstrip(" .").split()
    opening = words[0].lower() if words else ""
    if not 4 <= len(words) <= 22 or not _WORD.fullmatch(opening) or opening in LEANING:
        return None
    claim = " ".join(words)
    if _AUXILIARY.match(claim):
        return asked(claim, chance)
    match = _PAST.match(claim)
    return f"Did {_inside(match[1])} {_base(match[2])} {match[3]}?" if match else None


def undated(sentence: str, text: str, chance: random.Random) -> str | None:
    """A question when something was that the sentence tells of; None where the text has a date."""
    if _DATED.search(text):
        return None
    event = _EVENT.search(sentence)
    if event:
        return chance.choice(_TOOK_PLACE).format(event[1])
    match = _PAST.match(sentence.rstrip(" ."))
    first = sentence.split(" ", 1)[0].lower()
    if not match or first in LEANING or _HELPED.search(match[1]):
        return None
    rest = _CLAUSE.split(match[3])[0]
    return f"{chance.choice(_WHEN)} did {_inside(match[1])} {_base(match[2])} {rest}?"


def counted(sentence: str, topics: list[str], chance: random.Random) -> tuple[str, int, int] | None:
    """A question how many there are of something, and where the sentence says; None if nowhere."""
    found = [match for match in _COUNT.finditer(sentence) if match[2] not in _UNITS]
    if not found:
        return None
    match = chance.choice(found)
    question = chance.choice(_HOW_MANY).format(noun=match[2], topic=chance.choice(topics) or "it")
    return question, *match.span(1)


def mention(sentence: str, chance: random.Random) -> str | None:
    """A question whether something that the sentence names is spoken of; None if it names none."""
    things = _things(sentence)
    return chance.choice(_MENTIONS).format(chance.choice(things)) if things else None


def _things(text: str) -> list[str]:
    found = [match[1] for match in _THING.finditer(text)]
    return [thing for thing in found if not set(thing.lower().split()) & GRAMMAR]


def said(sentence: str, chance: random.Random) -> str | None:
    """A question for what one whom the sentence reports says; None if it reports none."""
    match = _SAID.search(sentence)
    if not match or match[1].split(" ")[0].lower() in GRAMMAR:
        return None
    things = _things(sentence[match.end() :])
    if things and chance.random() < 0.6:
        return chance.choice(_SAYS_ABOUT).format(match[1], chance.choice(things))
    return chance.choice(_SAYS).format(match[1])


def unsaid(text: str, chance: random.Random) -> str | None:
    """A question for what one says whom the text names and does not report; None if there is none.

    It asks about something that the text is about: all the words are there.
    """
    names = [name for kind, name in named(text) if kind == "name" and name.isascii()]
    things = _things(text)
    if not names or not things or _REPORT.search(text):
        return None
    return chance.choice(_SAYS_ABOUT).format(chance.choice(names), chance.choice(things))


def listed(sentence: str, topics: list[str], chance: random.Random) -> tuple[str, int, int] | None:
    """A question for several things, and where the sentence lists them; None if it does not.

    `topics` are what the text is about, one of which the question names.
    """
    match = _LIST.search(sentence)
    if match:
        noun, span = match[1], match.span(2)
    elif match := _OTHERS.search(sentence):
        noun, span = match[2], match.span(1)
    else:
        return None
    topics = [topic for topic in topics if topic not in sentence[slice(*span)]] or ["it"]
    return chance.choice(_WHICH).format(noun=noun, topic=chance.choice(topics)), *span
