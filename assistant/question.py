"""What a question asks for: its kind, the topic it looks up, the document and the things it names.

All of it is read from the question's words, before anything is searched for. Patterns are English,
with the commonest Russian and Chinese ones; what no pattern knows is a fact that is asked for, and
is read as it stands.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from unicodedata import normalize

from assistant.text import dates, digits, numbers, terms, topic


class Kind(StrEnum):
    """What kind of answer a question asks for."""

    FACT = "fact"
    YES_NO = "yes or no"
    LIST = "list"
    """Several things, said in several places."""
    TOPIC = "topic"
    """Whatever the documents say about something: a keyword, a heading, a clause."""
    OVERVIEW = "overview"
    """What a document, or all of them, is about."""
    FOLDER = "folder"
    """The documents as files: which there are, how many, how large, how new."""
    TALK = "talk"
    """Nothing that a document could say: a greeting, thanks, a wish about the last answer."""


_OVERVIEW = re.compile(
    r"\b(?:summar(?:y|ies|ise|ize|ising|izing)|overview|tl;?dr|main (?:points?|ideas?|topics?)|"
    r"key (?:points?|takeaways?)|(?:the|a) gist)\b|^\W*in short\W*$"
    r"|\bwhat(?:'?s| is| are| was| does)\b.{0,60}?\b(?:about|(?:say|cover|discuss|deal with))\W*$"
    r"|\bо чём\b.{0,30}\b(?:документ|текст|статья)|总结|概括|概述|主要内容",
    re.IGNORECASE,
)
_TOPIC = re.compile(
    r"^\W*(?:(?:please|can you|could you|i (?:want|need|would like) to)\s+)*(?:"
    r"what (?:does|do|is) .{0,60}?(?:say|says|said|mention|mentioned) (?:about|on|regarding)|"
    r"where (?:is|are|does|do) (?P<before>.+?) (?:mentioned|discussed|described|covered)|"
    r"(?:find|show(?: me)?|quote|give me|read(?: me)?|open|look up)(?: me)? (?:the |a |any |all )?"
    r"(?:\w+ )?(?:clauses?|passages?|sections?|paragraphs?|parts?|sentences?|chapters?|bits?|"
    r"information|info|details?|text)(?: in .+?)? "
    r"(?:about|on|of|for|regarding|concerning|covering)|"
    r"(?:is|are) there (?:anything|something|any (?:information|mention|info)|a (?:clause|section|"
    r"mention|passage|paragraph))(?: in .+?)? (?:about|on|of|regarding)|"
    r"does (?:it|the|this|my|your)\b.{0,40}? (?:mention|say anything about|talk about|discuss)|"
    r"(?:tell|inform) me(?: more| something| everything)? (?:about|on)|"
    r"(?:i )?(?:need|want|looking for|look for|search for)(?: more| some)? "
    r"(?:information|info|details|something|anything) (?:on|about)|"
    r"(?:anything|everything|something|info|information|details) (?:about|on|regarding)|"
    r"(?:more )?(?:about|regarding|concerning)"
    r")\s*(?P<after>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_LIST = re.compile(
    r"^\W*(?:please )?(?:list|name|enumerate)\b|\b(?:list|name|give(?: me)?|show(?: me)?) all\b"
    r"|\b(?:which|what|list|name|give|mention)\b(?:\s+(?:all|the|of|other|some|main|different))*"
    r"\s+(?:are|were|(?!is\b|was\b|does\b|has\b)[a-z]+(?<!s)s)\b|\b(?:ways|reasons|examples)\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^\W*(?:(?:so|and|but|or|also|then|ok|hi|hello|please)\W+)*"
    r"(?:is|are|was|were|am|do|does|did|can|could|may|might|must|should|shall|will|would|has|have|"
    r"had|isn'?t|aren'?t|don'?t|doesn'?t|didn'?t|can'?t|won'?t|need)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:who|whom|whose|what|whats|which|when|where|why|how|кто|что|где|когда|сколько|почему|"
    r"как|какой|какая|какие)\b|[谁何几多什么哪怎]",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^\W*(?:(?:hi|hello|hey|dear \w+|good (?:morning|afternoon|evening))\b(?: there)?[\s,.!:-]+)?"
    r"(?:(?:could|can|would|will) you (?:please |kindly |maybe )?(?:tell|show|explain to) me\s+|"
    r"(?:please )?tell me (?=who|what|when|where|which|why|how|if|whether)|"
    r"(?:do you|does anyone) (?:know|remember)\s+|i(?:'d| would)? (?:like|want|need) to know\s+|"
    r"i(?: was|'m| am)? (?:wonder(?:ing)?|curious|asking|not sure)\s+|any idea\s+|please[\s,]+|"
    r"just (?:wondering|curious)[\s,]+|quick question[\s,:-]+)*",
    re.IGNORECASE,
)
_THANKS_BEHIND = re.compile(
    r"[\s,.!?-]+(?:please|thanks?(?: you)?(?: (?:so much|a lot|in advance))?|thx|cheers)\W*$",
    re.IGNORECASE,
)

_FILES = r"(?:files?|documents?|docs|sources?|pdfs?|papers?|texts?)"
_FOLDER = {
    "list": rf"^\W*(?:(?:which|what)(?: are the| kind of| types? of)? {_FILES} "
    r"(?:do (?:you|we|i) have|are (?:there|in|indexed|loaded|available|here)|have you|can you|"
    rf"did you|do you|have i)|(?:list|show)(?: me)?(?: all)?(?: of)?(?: the| my| your)? "
    rf"(?:{_FILES}|file names|filenames)\W*$|"
    r"what(?:'s| is) in (?:the|my|your|this) (?:folder|index|library|knowledge base))",
    "count": rf"\bhow many {_FILES} "
    r"(?:do (?:you|we|i) have|are (?:there|in|indexed|loaded|available)|have (?:you|i|we)|"
    rf"did (?:you|i|we))|\bnumber of {_FILES}\W*$",
    "newest": r"\b(?:newest|latest|most recent|last(?:ly)? (?:added|changed|modified|updated)) "
    rf"{_FILES}\b|\b(?:which|what) {_FILES} (?:is|was|are) "
    r"(?:the )?(?:newest|latest|most recent|added last)",
    "oldest": rf"\boldest {_FILES}\b|\b(?:which|what) {_FILES} (?:is|was) (?:the )?oldest",
    "largest": rf"\b(?:largest|biggest|longest) {_FILES}\b"
    rf"|\b(?:which|what) {_FILES} (?:is|are) (?:the )?(?:largest|biggest|longest)",
    "synced": r"\bwhen (?:did|was|were|have) .{0,30}\b(?:last )?(?:synced|indexed|sync|index)\b"
    r"|\blast (?:sync|synced|indexed)\b|\bhow (?:up to date|fresh|old) is (?:the|your) index",
}
_OF_FILE = {
    "pages": r"\bhow many (?:pages|slides|sheets)\b|\b(?:page|slide) count\b|\bnumber of pages\b",
    "size": r"\b(?:how (?:big|large)|what size|(?:file )?size of|"
    r"how many (?:bytes|kb|mb|megabytes))\b",
    "added": r"\bwhen (?:was|were|did)\b.{0,80}"
    r"\b(?:uploaded|added|modified|changed|updated|saved|synced)\b",
}
"""What may be asked of one document: only where the question names it."""

_ONLY_TALK: dict[str, str] = {
    "greeting": r"(?:hi|hello|hey|hiya|yo|greetings|good (?:morning|afternoon|evening|day)|привет|"
    r"здравствуйте|добрый день|你好|您好)(?: there| again| all| everyone| assistant)?",
    "thanks": r"(?:(?:ok(?:ay)?|great|perfect|nice|cool|good|super|wonderful)[\s,!.]*)?"
    r"(?:thanks?|thank you|thx|ty|cheers|many thanks|much appreciated|спасибо|谢谢)"
    r"(?: you| so much| very much| a lot| again| for .{1,40}| that'?s? .{1,30})*",
    "fine": r"(?:ok(?:ay)?|great|perfect|nice|cool|good|got it|i see|understood|alright|all right|"
    r"fine|wow|hmm+|lol|super|right|bye|goodbye|see you|good ?night)(?: then| bye| to know)?",
    "who": r"(?:who|what) (?:are|r) (?:you|u)|what can (?:you|u) do|how do (?:you|u) work|"
    r"what do you do|are you (?:an? )?(?:bot|ai|human|robot|machine|person|chatgpt|real)|"
    r"help(?: me)?|what(?:'s| is) your name|how are you(?: doing)?(?: today)?|introduce yourself",
    "sure": r"(?:are|r) (?:you|u) (?:really |quite |absolutely )?(?:sure|certain|serious|kidding)"
    r"(?: about (?:that|this|it))?|is (?:that|this|it) (?:really )?(?:right|true|correct)|really|"
    r"seriously|how sure are you|you(?:'re| are) (?:wrong|lying)|"
    r"that'?s? (?:is )?(?:wrong|not (?:right|true))",
    "reword": r"(?:please )?(?:can you |could you )?(?:explain|rephrase|reword|translate|simplify|"
    r"repeat|say|put|shorten|expand)(?: on)? (?:that|this|it)"
    r"(?: again| please| (?:in|into|to|more|like|as) .{1,40}| simpl\w+| shorter| differently)*|"
    r"(?:shorter|simpler|longer|again|more detail(?:s|ed)?)(?: please)?|"
    r"(?:in|auf|en) (?:english|german|french|spanish|russian|chinese|italian|polish|deutsch|"
    r"français|español|simple words|plain english|simpler terms|one sentence|your own words)"
    r"(?:,? please| bitte)?",
    "yes": r"(?:yes|no|yeah|yep|nope|sure|of course|please do|go on|go ahead|да|нет|是|不)"
    r"(?:,? (?:please|thanks?|thank you))?",
}


def strip_politeness(question: str) -> str:
    """The question without greeting, "could you please tell me" and thanks; never empty."""
    plain = _POLITE.sub("", _THANKS_BEHIND.sub("", question), count=1).strip()
    plain = re.sub(r"^(?:if|whether)\s+", "", plain, flags=re.IGNORECASE)
    return plain if topic(plain) else question


def talk_of(question: str) -> str:
    """What the words say where they ask nothing of a document, such as "thanks"; else ""."""
    plain = question.strip(" \t\n.,!?…;:)(-'\"。！？，")
    for about, pattern in _ONLY_TALK.items():
        if re.fullmatch(pattern, plain, re.IGNORECASE):
            return about
    return ""


def kind_of(question: str) -> Kind:
    """What kind of answer the question asks for; the documents it names are looked at apart."""
    if talk_of(question):
        return Kind.TALK
    if folder_fact(question):
        return Kind.FOLDER
    if _OVERVIEW.search(question):
        return Kind.OVERVIEW
    if _TOPIC.search(question):
        return Kind.TOPIC
    if _LIST.search(question):
        return Kind.LIST
    if _YES_NO.search(question):
        return Kind.YES_NO
    return Kind.FACT if _ASKS.search(question) else Kind.TOPIC


def looks_up(question: str) -> bool:
    """Whether a question says that it looks something up: "find the clause on pets", not "pets"."""
    return bool(_TOPIC.search(question))


def subject_of(question: str) -> str:
    """The words a question of kind TOPIC looks up: "rent" of "what does the lease say on rent?"."""
    found = _TOPIC.search(question)
    return (found["before"] or found["after"] or question).strip(" .?!") if found else question


def question_about(heading: str) -> str:
    """A question of kind TOPIC for what stands under a heading, by the last of its parts."""
    return f"What is said about “{heading.split(' › ')[-1]}”?"


_TARGET = re.compile(
    r"\b(?:summary|overview|gist|(?:main|key) (?:points?|ideas?|topics?|takeaways?))\s+"
    r"(?:of|about|on|for|from|in)\s+(?P<summary>.+)"
    r"|\b(?:summari[sz](?:e|ing)|sum up|tl;?dr)\W+(?P<summed>.+)"
    r"|\bwhat(?:'?s| is| are| was| does)\s+(?P<about>.+?)\s+"
    r"(?:about|say|cover|discuss|deal with)\b",
    re.IGNORECASE,
)
_ANY_DOCUMENT = frozenset(
    topic(
        "document documents docs text texts article articles file files paper papers pdf pdfs "
        "source sources report reports folder content contents everything whole entire thing "
        "things pls short briefly main point"
    )
)


def overview_target(question: str) -> list[str]:
    """The terms of what an overview is wanted of; none where it is of everything there is."""
    found = _TARGET.search(question)
    target = (found["summary"] or found["summed"] or found["about"]) if found else ""
    return [term for term in topic(target) if term not in _ANY_DOCUMENT]


def is_summary(question: str) -> bool:
    """Whether a summary is asked for by that word, not by "what is it about"."""
    found = _TARGET.search(question)
    return bool(found and not found["about"])


def folder_fact(question: str) -> str:
    """Which fact of all documents as files is asked for: a key of the replies; "" for none."""
    matching = (key for key, each in _FOLDER.items() if re.search(each, question, re.IGNORECASE))
    return next(matching, "")


def file_fact(question: str) -> str:
    """Which fact of one document as a file is asked for, where the question names it; or ""."""
    matching = (key for key, each in _OF_FILE.items() if re.search(each, question, re.IGNORECASE))
    return next(matching, "")


_PARTS = re.compile(r"[\W_]+")
_SUFFIX = re.compile(r"\.\w{1,5}$")


def name_terms(source: str, title: str = "") -> set[str]:
    """The terms by which people call a document: those of its file's name and its title."""
    stem = _SUFFIX.sub("", source.rsplit("/", 1)[-1])
    apart = re.sub(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])", " ", _PARTS.sub(" ", stem))
    return set(topic(apart)) | set(topic(title))


def files_named(question: str, sources: Iterable[str]) -> list[tuple[str, str]]:
    """(source, the words that name it) of each document that the question names by its file name.

    With or without suffix and folder, in any Unicode form and case, with spaces for `-` and `_`.
    A name without its suffix must be of two words at least: "rent" names no `rent.txt`.
    """
    plain = normalize("NFKC", question)
    folded, found = plain.casefold(), []
    for source in sources:
        name = normalize("NFKC", source.rsplit("/", 1)[-1])
        stem = _SUFFIX.sub("", name)
        parts = [part for part in _PARTS.split(stem) if part]
        # To compile patterns for each of thousands of documents takes seconds.
        if not all(part.casefold() in folded for part in parts):
            continue
        words = list(map(re.escape, parts))
        loose = r"[\W_]*".join(words)
        forms = [re.escape(normalize("NFKC", source)), re.escape(name)]
        forms += [loose + re.escape(name[len(stem) :])] * bool(words)
        forms += [r"[\W_]+".join(words)] * (len(words) > 1)
        for form in forms:
            match = re.search(rf"(?<!\w){form}(?!\w)", plain, re.IGNORECASE)
            if match:
                found.append((source, match[0]))
                break
    return found


# A word that begins with a capital, not at the beginning of a sentence.
_NAME = re.compile(r"(?<!^)(?<![.!?:] )(?<![\"“«(])\b[^\W\d_a-zа-яё][^\W\d_]*(?:[-’'][^\W\d_]+)*")
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[^\W\d_])[\w]+(?:[-/.]\w+)*\b|\b\d+(?:[-/]\d+)+\b")
_NUMBERED = re.compile(
    r"\b([^\W\d_]{3,})\s+(?:no\.?\s*|number\s+|#\s*)?(\d+)\b(?!\s*[%€$£]|[.,:]\d)"
)


def names_in(question: str) -> list[str]:
    """What a question speaks of by name: words with a capital, codes such as X300, and years.

    Of a question that is all in capitals, codes and years alone.
    """
    words = question.split()
    capitals = sum(word[:1].isupper() for word in words)
    names = [] if capitals > 0.6 * len(words) + 1 else _NAME.findall(question)
    years = [str(date.year) for date in dates(question) if date.year]
    amounts = [each[-2:] for each in (*numbers(question), *dates(question))]
    codes = [  # 8.4bn and 5 kg are amounts
        found[0]
        for found in _CODE.finditer(question)
        if not any(start <= found.start() and found.end() <= end for start, end in amounts)
    ]
    return list(dict.fromkeys([*names, *codes, *years]))


def numbered_in(question: str) -> list[tuple[str, str]]:
    """(word, number) of what is told apart by a number: ("hall", "9")."""
    return [(word, number) for word, number in _NUMBERED.findall(question) if topic(word)]


def has_digit(term: str) -> bool:
    """Whether a term is a number, or holds one."""
    return any(map(str.isdigit, term))


def is_known(name: str, frequency: Mapping[str, int], neighbours: Iterable[str] = ()) -> bool:
    """Whether the documents speak of a name, or of one that is nearly written so.

    `frequency` counts the passages that hold each term, `neighbours` are terms of the documents
    that begin alike: Belarusian is known where Belarus is. A code must be the same.
    """
    stems = terms(name)
    if all(frequency.get(stem) for stem in stems):
        return True
    if has_digit(name):
        return False
    return any(
        len(near) >= 4 and stem[:4] == near[:4] and abs(len(stem) - len(near)) < 4
        for stem in stems
        for near in neighbours
    )


_ANOTHER = re.compile(
    r"^\W*(?:and|but|or|so|also|what about|how about|а|и)\s+(?:(?:for|in|on|at|of|with|to|by|about|"
    r"if|в|на)\s+)?(?:(?:the|a|an|my|your|his|her|its|our|their|this|that)\s+)?(?P<thing>.+?)\W*$",
    re.IGNORECASE,
)


def another_thing(question: str) -> list[str]:
    """The terms of what a follow-up asks the same of: "garage" of "and the garage?"; else none."""
    found = _ANOTHER.search(question)
    if not found or _ASKS.search(found["thing"]) or _YES_NO.search(found["thing"]):
        return []
    found_terms = topic(found["thing"])
    return found_terms if len(found_terms) < 3 else []


_HOW_MUCH = re.compile(
    r"\b(?:how (?:many|much|large|big|old|long|far|high|often|fast)|what (?:number|percentage|"
    r"percent|share|rate|amount|price|proportion|age)|how\b.*\bper)\b|\bсколько\b|多少|几[个年次]",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:when|(?:what|which) (?:year|date|day|month|century|decade)|since when|how recently)\b"
    r"|\bкогда\b|\bкаком году\b|何时|什么时候|哪[一]?年",
    re.IGNORECASE,
)
_WHO = re.compile(r"^\W*(?:who|whom|whose|where|кто|кого|где|谁|哪里)\b", re.IGNORECASE)
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|"
    r"thousands?|millions?|billions?|half|third|quarter|once|twice|single|both|several)\b"
    r"|[一二三四五六七八九十百千万亿]",
    re.IGNORECASE,
)
_DATE_WORD = re.compile(
    r"\b(?:[12]\d{3}s?|January|February|March|April|May|June|July|August|September|October|"
    r"November|December|century|centuries|decade|yesterday|today|tomorrow|(?:last|next|this) "
    r"(?:year|month|week)|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b|\d{4}\s?(?:год|г\.|年)",
)
_CAPITAL_INSIDE = re.compile(r"(?<![.!?] )(?<!^)\b[^\W\d_a-zа-яё][^\W\d_]+")


def kind_asked(question: str) -> str:
    """What is asked for: "number", "date", "name", or "" where it does not show."""
    if _WHEN.search(question):
        return "date"
    if _HOW_MUCH.search(question):
        return "number"
    return "name" if _WHO.search(question) else ""


def lacks(wanted: str, text: str, asked: frozenset[str]) -> bool:
    """Whether the text holds nothing of the kind wanted, but what the question said itself.

    False where the kind or the script does not let one tell.
    """
    if wanted == "date":
        return not _DATE_WORD.search(text)
    if wanted == "number":
        return not (digits(text) - asked or _NUMBER_WORD.search(text))
    if wanted == "name" and re.search(r"[A-Za-zА-Яа-я]", text):
        names = {term for match in _CAPITAL_INSIDE.findall(text) for term in terms(match)}
        return not names - asked
    return False
