"""One question or statement → another question: spoilt, put in other words, or made of a text.

Who asks has not read the text. So questions are put in other words, and are made of sentences
by what a newcomer would say: is it so, is it mentioned, which ones. And so that what looks right
is not taken for right, questions are spoilt: another name, another number, the opposite.
"""

import random
import re
from collections.abc import Iterator

_NAME = re.compile(r"(?<!^)\b[A-Z][\w’'-]+(?:\s+(?:of\s+|the\s+)?[A-Z][\w’'-]+)*")
_YEAR = re.compile(r"\b1\d{3}s?\b|\b20[0-4]\ds?\b")
_NUMBER = re.compile(r"\b\d+(?:[.,]\d+)*\b")
_OPPOSITES = re.findall(
    r"(\w+)/(\w+)",
    """
    first/last largest/smallest highest/lowest before/after more/less most/least oldest/youngest
    increase/decrease increased/decreased north/south northern/southern east/west eastern/western
    longest/shortest always/never won/lost win/lose major/minor earliest/latest began/ended
    start/end started/ended begin/end allowed/forbidden accept/reject accepted/rejected
    support/oppose supported/opposed positive/negative male/female men/women above/below
    higher/lower larger/smaller older/younger public/private same/different maximum/minimum
    majority/minority top/bottom rise/fall with/without inside/outside early/late import/export
    """,
)
_OPPOSITE = dict([*_OPPOSITES, *(pair[::-1] for pair in _OPPOSITES)])
_SYNONYMS = [
    group.strip().split("/")
    for group in """
    begin/start, began/started, beginning/start, end/finish, ended/finished, large/big,
    largest/biggest, small/little, main/chief/primary/principal, important/significant/key,
    build/construct, built/constructed/erected, make/create/produce, made/created/produced,
    help/assist/support, helped/assisted, buy/purchase/acquire, bought/purchased/acquired,
    get/obtain/receive, got/obtained/received, show/demonstrate, shown/demonstrated,
    called/named/known as, name/term, cause/reason/lead to, caused/led to/brought about,
    kill/slay, killed/put to death, die/pass away, died/passed away, live/reside/dwell,
    lived/resided, located/situated/found, area/region/zone, country/nation/state,
    countries/nations/states, city/town/municipality, people/inhabitants/persons,
    population/number of inhabitants, number/amount/count, size/extent, kind/type/sort/form,
    kinds/types/sorts/forms, way/manner/method, ways/methods/means, part/portion/section,
    use/employ/utilize, used/employed/utilized, used to/served to, happen/occur/take place,
    happened/occurred/took place, change/alter/modify, changed/altered/modified,
    increase/rise/grow, increased/rose/grew, decrease/fall/drop, decreased/fell/dropped,
    say/state/claim, said/stated/claimed, think/believe/hold, thought/believed,
    want/wish/desire, wanted/wished, try/attempt/seek, tried/attempted/sought,
    allow/permit/let, allowed/permitted/let, prevent/stop/hinder, prevented/stopped,
    need/require, needed/required, contain/include/hold, contained/included/held, group/set,
    company/firm/business/corporation, job/work/occupation/post, leader/head/chief,
    lead/head/direct, led/headed/directed, found/establish/set up, founded/established/set
    up/created, discover/find, discovered/found, invent/devise/come up with,
    invented/devised/came up with, write/author, wrote/authored/penned, author/writer,
    publish/release/issue, published/released/issued, money/funds, cost/price/expense,
    pay/spend, war/conflict, battle/fight/clash, fight/combat, win/gain/take, won/gained/took,
    defeat/beat, defeated/beaten/beat, attack/assault, join/enter, joined/entered,
    leave/depart/quit, left/departed from/quit, meet/come together, met/came together,
    meeting/talks/encounter, agree/consent/decide, agreement/accord/deal/pact,
    treaty/accord/pact, law/statute/rule, laws/statutes/rules,
    government/administration/state, king/monarch/ruler, effect/result/impact,
    effects/results/consequences, result/outcome, goal/aim/purpose, goals/aims/objectives,
    aim/intend/plan, plan/scheme, problem/difficulty/issue, problems/difficulties/issues,
    benefit/gain/advantage, benefits/gains/advantages, develop/evolve/grow, developed/evolved,
    improve/enhance/better, improved/enhanced/bettered, strengthen/reinforce/deepen,
    relationship/relation/tie, relations/ties/relationship, trade/commerce/business,
    cooperate/work together/collaborate, cooperation/collaboration/partnership, partner/ally,
    responsible for/in charge of/behind, famous/well known/renowned, old/ancient, new/recent,
    fast/quick/rapid, hard/difficult, easy/simple, rich/wealthy, poor/needy, whole/entire,
    usually/normally/typically, sometimes/at times, currently/now/at present/today,
    previously/formerly/earlier, about/around/roughly, approximately/roughly/about, in order
    to/so as to, because of/due to/owing to, child/kid, children/kids, school/college,
    student/pupil, teacher/instructor, doctor/physician, illness/disease/sickness,
    disease/illness, medicine/drug, food/nourishment, speak/talk, language/tongue,
    religion/faith, church/congregation, film/movie, music/songs, house/home,
    building/structure, river/stream, sea/ocean, land/territory/soil,
    border/frontier/boundary, separate/divide/split, separated/divided/split,
    connect/link/join, connected/linked/joined, replace/supersede/take the place of,
    replaced/superseded, rank/place/position, member/participant, percentage/share/proportion,
    portion/share, year/date, ability/power/capacity, protect/guard/defend, protected/guarded,
    control/run/govern, controlled/ran/governed, choose/pick/select, chose/picked/selected,
    chosen/picked/selected, describe/depict/portray, described/depicted/portrayed,
    considered/regarded as/seen as/thought to be, similar/alike/comparable,
    different/distinct/other, opinion/view/belief, event/incident, origin/source/beginning,
    come from/stem from/originate from, consist of/comprise/be made of
    """.replace("\n   ", "").split(",")
]
_SYNONYM = {word: [w for w in group if w != word] for group in _SYNONYMS for word in group}
_SYNONYM_WORDS = re.compile(rf"\b(?:{'|'.join(sorted(_SYNONYM, key=len, reverse=True))})\b")
_TAIL = re.compile(r"\s(?:in|of|at|by|from|between|during|for|with|on|to|after|before)\s[^?]+$")
_FRAMES = ("Do you know {}", "Can you tell me {}", "tell me {}", "I want to know {}", "{} exactly")

_VERBS = r"is|are|was|were|has|have|had|can|could|will|would|did|may|might|must|should"
_AUXILIARY = re.compile(rf"^(.{{3,60}}?)\s+({_VERBS})\s+(?!not\b)(.+)$")
_PAST = re.compile(r"^((?:[A-Z]|the )[^,]{1,40}?)\s([a-z]{2,}ed)\s(?!by\b)(.+)$")
_DENIABLE = re.compile(r"\b(did|does|do|was|were|is|are|has|have|can|could|will|would)\b")
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
_GRAMMAR = frozenset(
    re.findall(
        r"\w+",
        """
        a about after against all also an and any are as at be been before being between both but by
        can could did do does during each for from had has have he her him his in into is it its
        many may might more most must no nor not of on only or other our over s she should so some
        such t than that the their them these they this those through to under was we were what
        when where which while who will with would you your
        """,
    )
)
# A sentence that begins so leans on what stands before it, or does not begin with its subject.
_LEANING = _GRAMMAR - {"a", "an", "the", "all", "many", "most", "both", "some"} | set(
    re.findall(
        r"\w+",
        """
        according additionally although among because despite following here however if later once
        since subsequently then there therefore thus until within
        """,
    )
)
_MENTIONS = (
    "Is {} mentioned?",
    "Does it mention {}?",
    "Does the text say anything about {}?",
    "What does it say about {}?",
    "what about {}",
    "What is said about {}?",
    "Did they agree on {}?",
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
_NOUN = re.compile(
    r"^(?:which|what|how many)\s[a-z]+(?=\s(?:is|are|was|were|did|does|do|has|have|had|can)\b)",
    re.IGNORECASE,
)


def named(text: str) -> Iterator[tuple[str, str]]:
    """Names, years and numbers of a text, with their kind."""
    yield from (("name", match[0]) for match in _NAME.finditer(text))
    years = {match[0] for match in _YEAR.finditer(text)}
    yield from (("year", year) for year in sorted(years))
    yield from (("number", m[0]) for m in _NUMBER.finditer(text) if m[0] not in years)


def swapped(
    question: str,
    passage: str,
    held: dict[str, list[str]],
    chance: random.Random,
    *,
    uncased: bool = False,
) -> str | None:
    """The question with one name or number replaced by another of its article; None if none fits.

    Half of the time by one that stands in the passage itself: the words are all there, and it
    still does not answer. `uncased` finds the article's names in lower case too.
    """
    choices = [(kind, name) for kind, name in named(question) if len(name) > 2 or kind != "name"]
    if uncased and question.islower():
        names = {name.lower() for name in held["name"] if len(name) > 3}
        choices += [("name", name) for name in sorted(names) if f" {name} " in f" {question} "]
    if not choices:
        return None
    kind, old = chance.choice(choices)
    low = question.lower()
    others = [name for name in held[kind] if name.lower() not in low and old not in name.lower()]
    near = [name for name in others if name in passage]
    pool = near if near and chance.random() < 0.5 else others
    return question.replace(old, chance.choice(pool), 1) if pool else None


def opposed(question: str, chance: random.Random) -> str | None:
    """The question with a word turned into its opposite, or denied; None if it has none."""
    words = [word for word in re.findall(r"[a-z]+", question) if word in _OPPOSITE]
    if words:
        word = chance.choice(words)
        return re.sub(rf"\b{word}\b", _OPPOSITE[word], question, count=1)
    if chance.random() < 0.3 and (match := _DENIABLE.search(question)):
        denied = re.search(r"\b(?:did|does|do|can|could|will|would)\s+(?:the\s+)?\w+\b", question)
        if denied:
            return question[: denied.end()] + " not" + question[denied.end() :]
        return question[: match.end()] + " not" + question[match.end() :]
    return None


def narrowed(
    question: str, passage: str, held: dict[str, list[str]], chance: random.Random
) -> str | None:
    """The question of those things only that belong to another name; None where none fits."""
    match = _NOUN.search(question)
    others = [name for name in held["name"] if name.lower() not in question.lower()]
    near = [name for name in others if name in passage]
    pool = near if near and chance.random() < 0.7 else others
    if not match or not pool:
        return None
    limit = f" {chance.choice(('in', 'of', 'from', 'in'))} {chance.choice(pool)}"
    return question[: match.end()] + limit + question[match.end() :]


def reworded(question: str, chance: random.Random) -> str:
    """The question with up to two words replaced by others of like meaning."""
    found = list(_SYNONYM_WORDS.finditer(question))
    for match in sorted(chance.sample(found, min(2, len(found))), key=lambda m: -m.start()):
        other = chance.choice(_SYNONYM[match[0]])
        question = question[: match.start()] + other + question[match.end() :]
    return question


def loosened(question: str, chance: random.Random) -> str:
    """The question as one asks who says less: without its last words, or one that qualifies.

    What answers the question answers it still; what does not may come to.
    """
    plain = question.rstrip(" ?")
    tail = _TAIL.search(plain, chance.randrange(len(plain) // 2, len(plain))) if plain else None
    words = plain.split()
    droppable = [
        place
        for place in range(3, len(words) - 1)
        if all(word.isalpha() and word.islower() for word in words[place : place + 2])
        and not {words[place], words[place + 1]} & _GRAMMAR
    ]
    if tail and len(plain[: tail.start()].split()) >= 4:
        plain = plain[: tail.start()]
    elif droppable:
        del words[chance.choice(droppable)]
        plain = " ".join(words)
    if chance.random() < 0.15:
        plain = chance.choice(_FRAMES).format(plain[0].lower() + plain[1:])
    return plain + ("?" if chance.random() < 0.7 else "")


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
    return text[0].lower() + text[1:] if first in _GRAMMAR else text


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
    if not 4 <= len(words) <= 22 or not _WORD.fullmatch(opening) or opening in _LEANING:
        return None
    claim = " ".join(words)
    if _AUXILIARY.match(claim):
        return asked(claim, chance)
    match = _PAST.match(claim)
    return f"Did {_inside(match[1])} {_base(match[2])} {match[3]}?" if match else None


def mention(sentence: str, chance: random.Random) -> str | None:
    """A question whether something that the sentence names is spoken of; None if it names none."""
    things = _things(sentence)
    return chance.choice(_MENTIONS).format(chance.choice(things)) if things else None


def _things(text: str) -> list[str]:
    found = [match[1] for match in _THING.finditer(text)]
    return [thing for thing in found if not set(thing.lower().split()) & _GRAMMAR]


def said(sentence: str, chance: random.Random) -> str | None:
    """A question for what one whom the sentence reports says; None if it reports none."""
    match = _SAID.search(sentence)
    if not match or match[1].split(" ")[0].lower() in _GRAMMAR:
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
