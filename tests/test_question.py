import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.question import (
    Kind,
    another_thing,
    file_fact,
    files_named,
    folder_fact,
    is_known,
    kind_asked,
    kind_of,
    lacks,
    name_terms,
    names_in,
    numbered_in,
    overview_target,
    strip_politeness,
    subject_of,
    talk_of,
)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is this document about?", Kind.OVERVIEW),
        ("whats this about", Kind.OVERVIEW),
        ("Summarise the agreement.", Kind.OVERVIEW),
        ("Give me an overview", Kind.OVERVIEW),
        ("What are the key points?", Kind.OVERVIEW),
        ("in short", Kind.OVERVIEW),
        ("总结一下", Kind.OVERVIEW),
        ("What is the agreement about trade worth?", Kind.FACT),
        ("What did he say about this law?", Kind.FACT),
        ("How much fits in short-term memory?", Kind.FACT),
        ("Which cities are part of the Greater Bay Area?", Kind.LIST),
        ("What are the main areas of cooperation?", Kind.LIST),
        ("List all the partners.", Kind.LIST),
        ("How large was trade?", Kind.FACT),
        ("What is the limit?", Kind.FACT),
        ("What does Belarus want?", Kind.FACT),
        ("can I have a dog", Kind.YES_NO),
        ("Is smoking allowed?", Kind.YES_NO),
        ("Rent?", Kind.TOPIC),
        ("find the clause on pets", Kind.TOPIC),
        ("what does it say about energy", Kind.TOPIC),
        ("which files do you have?", Kind.FOLDER),
        ("how many documents are there", Kind.FOLDER),
        ("Thanks!", Kind.TALK),
        ("in German please", Kind.TALK),
    ],
)
def test_the_kind_of_answer_a_question_asks_for(question: str, kind: Kind) -> None:
    assert kind_of(question) is kind


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What does the lease say about rent?", "rent"),
        ("Where is insurance mentioned?", "insurance"),
        ("Is there anything about bicycles?", "bicycles"),
        ("Tell me more about the garden.", "the garden"),
        ("deposit", "deposit"),
    ],
)
def test_the_subject_that_is_looked_up(question: str, subject: str) -> None:
    assert subject_of(question) == subject


@pytest.mark.parametrize(
    ("question", "target"),
    [
        ("give me the gist pls no time to read it all", []),
        ("What is this article about?", []),
        ("summary of the rental agreement", ["rental", "agreement"]),
        ("what is the handbook about", ["handbook"]),
        ("tldr", []),
    ],
)
def test_what_an_overview_is_wanted_of(question: str, target: list[str]) -> None:
    assert overview_target(question) == target


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("Hi, could you please tell me how high the rent is? Thanks!", "how high the rent is"),
        ("I was wondering whether I may keep a dog.", "I may keep a dog."),
        ("Please", "Please"),
        ("Thanks!", "Thanks!"),
        ("How high is the rent?", "How high is the rent?"),
    ],
)
def test_politeness_around_a_question_goes(question: str, plain: str) -> None:
    assert strip_politeness(question) == plain


@given(st.text(max_size=60))
def test_a_question_never_becomes_empty_by_taking_politeness_away(question: str) -> None:
    assert strip_politeness(question).strip() or not question.strip()
    assert isinstance(kind_of(question), Kind)


@pytest.mark.parametrize(
    ("said", "about"),
    [
        ("Hello!", "greeting"),
        ("ok thanks a lot", "thanks"),
        ("who are you?", "who"),
        ("Are you sure?", "sure"),
        ("explain that in simple words", "reword"),
        ("yes, please", "yes"),
        ("What is the rent?", ""),
        ("Help with the rent", ""),
    ],
)
def test_what_asks_nothing_of_a_document(said: str, about: str) -> None:
    assert talk_of(said) == about


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Which files do you have?", "list"),
        ("how many documents are there", "count"),
        ("what is the newest file?", "newest"),
        ("when did you last sync?", "synced"),
        ("How many people live there?", ""),
        ("Which documents does the tenant need?", ""),
    ],
)
def test_what_is_asked_of_the_folder(question: str, fact: str) -> None:
    assert folder_fact(question) == fact


def test_what_is_asked_of_one_file() -> None:
    assert file_fact("How many pages does report.pdf have?") == "pages"
    assert file_fact("When was it uploaded?") == "added"
    assert file_fact("Who wrote it?") == ""


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("what does contract.txt say?", [("files/contract.txt", "contract.txt")]),
        ("in TRAVEL POLICY, what is the limit", [("travel-policy.md", "TRAVEL POLICY")]),
        ("summarise travel_policy.md", [("travel-policy.md", "travel_policy.md")]),
        ("what is in the contract", []),
        ("Was steht in Übersicht Süd?", [("Übersicht Süd.pdf", "Übersicht Süd")]),
    ],
)
def test_the_files_a_question_names(question: str, named: list[tuple[str, str]]) -> None:
    sources = ["files/contract.txt", "travel-policy.md", "U\u0308bersicht Su\u0308d.pdf"]
    found = [(source.replace("U\u0308", "Ü").replace("u\u0308", "ü"), words) for source, words in
             files_named(question, sources)]  # fmt: skip
    assert found == named


def test_the_terms_by_which_a_document_is_called() -> None:
    assert name_terms("a/BigLease_2024.pdf", "Lease of Flat 3") >= {"big", "leas", "2024", "flat"}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What is the salary of John Merton?", ["John", "Merton"]),
        ("warranty of the X300", ["X300"]),
        ("revenue in 2019", ["2019"]),
        ("Lisbon", []),
        ("WHAT IS THE RENT OF FLAT B2", ["B2"]),
        ("invoice 2024-0999", ["2024-0999"]),
    ],
)
def test_the_names_in_a_question(question: str, names: list[str]) -> None:
    assert [name for name in names_in(question) if name in names] == names
    assert len(names_in(question)) <= len(names) + 1


def test_things_told_apart_by_a_number() -> None:
    assert numbered_in("capacity of hall 9?") == [("hall", "9")]
    assert numbered_in("in 2019 and at 5%") == []


def test_a_name_is_known_where_one_is_written_nearly_so() -> None:
    assert is_known("Belarusian", {"belarusian": 0}, ["belarus"])
    assert not is_known("Lisbon", {"lisbon": 0}, ["list", "lisp"])
    assert not is_known("X300", {"x300": 0}, ["x100"])
    assert is_known("Merton", {"merton": 1})


@pytest.mark.parametrize(
    ("question", "thing"),
    [
        ("and the garage?", ["garag"]),
        ("what about in 2019?", ["2019"]),
        ("and how large is it?", []),
        ("and?", []),
        ("the garage?", []),
    ],
)
def test_what_a_follow_up_asks_the_same_of(question: str, thing: list[str]) -> None:
    assert another_thing(question) == thing


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When was it launched?", "date"),
        ("In which year did they meet?", "date"),
        ("Когда они встретились?", "date"),
        ("How many cities are there?", "number"),
        ("Сколько городов?", "number"),
        ("有多少城市？", "number"),
        ("Who met in Minsk?", "name"),
        ("Where did they meet?", "name"),
        ("What does it improve?", ""),
        ("How are chains strengthened?", ""),
    ],
)
def test_the_kind_of_thing_asked_for(question: str, expected: str) -> None:
    assert kind_asked(question) == expected


@pytest.mark.parametrize(
    ("wanted", "text", "missing"),
    [
        ("date", "They met on 5 May 2024.", False),
        ("date", "They met in Minsk.", True),
        ("number", "It covers nine cities.", False),
        ("number", "It covers cities.", True),
        ("name", "The meeting was led by Roman Golovchenko.", False),
        ("name", "The meeting was short.", True),
        ("name", "会议很短。", False),
        ("", "Anything.", False),
    ],
)
def test_a_text_without_the_kind_asked_for(wanted: str, text: str, missing: bool) -> None:
    assert lacks(wanted, text, frozenset()) is missing
