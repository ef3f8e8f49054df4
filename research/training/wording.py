"""A question → the question put in other words, or spoilt.

Who asks has not read the text, so questions are put in other words. And so that what looks right
is not taken for right, they are spoilt: another name, another number, the opposite.
"""

import random
import re
from collections.abc import Iterator, Sequence

from assistant.types import Span

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
    previously/formerly/earlier, approximately/roughly, in order
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
_DENIABLE = re.compile(r"\b(did|does|do|was|were|is|are|has|have|can|could|will|would)\b")
GRAMMAR = frozenset(
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
LEANING = GRAMMAR - {"a", "an", "the", "all", "many", "most", "both", "some"} | set(
    re.findall(
        r"\w+",
        """
        according additionally although among because despite following here however if later once
        since subsequently then there therefore thus until within
        """,
    )
)
_NOUN = re.compile(
    r"^(?:which|what|how many)\s[a-z]+(?=\s(?:is|are|was|were|did|does|do|has|have|had|can)\b)",
    re.IGNORECASE,
)


def named(text: str) -> Iterator[tuple[str, str]]:
    """Names, years and numbers of a text, with their kind."""
    names = (match[0] for match in _NAME.finditer(text))
    yield from (("name", name) for name in names if name.lower() not in LEANING)
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


def lengthened(
    question: str,
    text: str,
    spans: Sequence[Span],
    held: dict[str, list[str]],
    chance: random.Random,
) -> tuple[str, list[Span]] | None:
    """The text with a name of the question's made longer by other names; None where none fits.

    Not one of the things asked for, though it names some: "the Minsk-Brest Free Trade Zone".
    `spans` are what answers: they keep out of it, and move with the text.
    """
    asked = {name for kind, name in named(question) if kind == "name" and len(name) > 3}
    places = [
        match.start()
        for name in sorted(asked)
        for match in re.finditer(rf"(?<![\w-]){re.escape(name)}(?!\w)", text)
        if all(match.end() <= span.start or match.start() >= span.end for span in spans)
    ]
    low = question.lower()
    others = [name for name in held["name"] if len(name) > 3 and name.lower() not in low]
    if not places or len(others) < 3:
        return None
    place = chance.choice(places)
    added = chance.choice(("{}-{} ", "{}-{}-{} ", "{}, {} and {} ", "{} {} ", "{} and {} "))
    added = added.format(*chance.sample(others, 3))
    moved = [Span(*(end + len(added) * (span.start >= place) for end in span)) for span in spans]
    return text[:place] + added + text[place:], moved


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
        and not {words[place], words[place + 1]} & GRAMMAR
    ]
    if tail and len(plain[: tail.start()].split()) >= 4:
        plain = plain[: tail.start()]
    elif droppable:
        del words[chance.choice(droppable)]
        plain = " ".join(words)
    if chance.random() < 0.15:
        plain = chance.choice(_FRAMES).format(plain[0].lower() + plain[1:])
    return plain + ("?" if chance.random() < 0.7 else "")
