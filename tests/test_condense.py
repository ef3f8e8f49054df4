from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.condense import MOST_CHARACTERS, clean, meanings, questions_in, respell
from assistant.errors import QuestionRefused
from assistant.text import terms
from assistant.types import Answer, Passage, Span, Statement, Turn


def turn(question: str, said: str) -> Turn:
    return Turn(question, Answer(question, (Statement(said, ()),)))


@pytest.mark.parametrize(
    ("question", "earlier", "first"),
    [
        ("Who is Li?", [], "Who is Li?"),
        ("Who is Li Qiang?", ["Where is Minsk?"], "Who is Li Qiang?"),
        ("How many cities does it cover?", ["What is the Area?"],
         "What is the Area? How many cities does it cover?"),
        ("Where did China and Belarus sign?", ["Who is Li?"], "Where did China and Belarus sign?"),
        ("Did China and Belarus sign their treaty?", ["Who is Li?"],
         "Did China and Belarus sign their treaty?"),
        ("And in Asia?", ["Who trades most?"], "Who trades most? And in Asia?"),
        ("Why?", ["Who trades?", "And in Asia?"], "And in Asia? Why?"),
        ("How are supply chains strengthened?", ["Who is Li?"],
         "How are supply chains strengthened?"),
        ("Почему они согласились?", ["Кто встретился?"], "Кто встретился? Почему они согласились?"),
    ],
)  # fmt: skip
def test_what_a_question_means_first(question: str, earlier: list[str], first: str) -> None:
    assert meanings(question, [Turn(each) for each in earlier])[0].question == first


@pytest.mark.parametrize(
    ("question", "ways"),
    [
        ("How many cities does it cover?", 2),
        ("How are supply chains strengthened?", 2),
        ("How large was the trade between China and Belarus in 2023?", 1),
    ],
)
def test_where_words_cannot_tell_both_ways_are_tried(question: str, ways: int) -> None:
    meant = meanings(question, [Turn("What is the Area?")])
    assert len(meant) == ways
    assert question in [each.question for each in meant]


def test_a_follow_up_is_searched_for_by_all_that_led_to_it() -> None:
    history = [
        turn(
            "What group disbanded?", "In late 1969, Frank Zappa broke up the Mothers of Invention."
        ),
        turn("What did they play?", "They played jazz-rock."),
    ]
    asked, alone = meanings("Why did they break up?", history)
    assert asked.question == "What did they play? Why did they break up?"
    assert asked.search == (
        "What group disbanded? What did they play? Frank Zappa Mothers Invention "
        "Why did they break up?"
    )
    assert alone.search == alone.question == "Why did they break up?"


@given(st.text(max_size=80), st.lists(st.text(max_size=400), max_size=30))
def test_however_long_a_conversation_what_is_read_stays_short(
    question: str, earlier: list[str]
) -> None:
    for asked in meanings(question, [turn(each, each) for each in earlier]):
        assert asked.question.endswith(question)
        assert len(asked.question) <= len(question) + 301


@pytest.mark.parametrize("question", ["", "  ", "\n", "?", "\u200b", "\x00", "...!?"])
def test_q1_nothing_to_ask(question: str) -> None:
    with pytest.raises(QuestionRefused, match="Ask something"):
        clean(question)


def test_q2_too_long_names_the_limit() -> None:
    assert clean("x" * MOST_CHARACTERS)
    with pytest.raises(QuestionRefused, match="4,001 characters; at most 4,000"):
        clean("x" * (MOST_CHARACTERS + 1))
    with pytest.raises(QuestionRefused):
        clean("x" * 1_000_000)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("a\x00b\x07c", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\u202eb\u2066c", "abc"),
        ("  one \n two\t", "one two"),
        ("a\ud800b", "a?b"),
    ],
)
def test_q3_control_characters_go(question: str, expected: str) -> None:
    assert clean(question) == expected


@pytest.mark.parametrize("question", ["😀", "€", "中", "7"])
def test_q4_a_single_sign_is_a_question(question: str) -> None:
    assert clean(question + ("x" if question == "€" else ""))


@pytest.mark.parametrize("question", [None, 123, b"x", ["x"]])
def test_q16_only_text_is_a_question(question: object) -> None:
    with pytest.raises(TypeError, match="A question is text, not"):
        clean(question)  # type: ignore[arg-type]


@given(st.text(max_size=200))
def test_a_clean_question_is_one_line_and_stays_clean(question: str) -> None:
    try:
        cleaned = clean(question)
    except QuestionRefused:
        return
    assert cleaned.isprintable() or "\n" not in cleaned
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who met in Minsk?", ["Who met in Minsk?"]),
        ("Who met, and how large was trade?", ["Who met", "how large was trade?"]),
        ("Who met? How large was trade?", ["Who met?", "How large was trade?"]),
        ("When and where did they meet?", ["When and where did they meet?"]),
        ("What do China and Belarus trade?", ["What do China and Belarus trade?"]),
        ("Really? ?", ["Really? ?"]),
    ],
)
def test_the_questions_in_one(question: str, expected: list[str]) -> None:
    assert questions_in(question) == expected


class Words:
    """A vocabulary of the words of one passage."""

    def __init__(self, text: str) -> None:
        self.passage = Passage("a.txt", 0, len(text), text, (Span(0, len(text)),))
        self.terms = terms(text)

    def frequencies(self, asked: Sequence[str]) -> Mapping[str, int]:
        return {term: self.terms.count(term) for term in asked}

    def terms_like(self, prefix: str) -> list[str]:
        return [term for term in self.terms if term.startswith(prefix)]

    def matching(self, asked: Sequence[str], count: int) -> list[tuple[Passage, float]]:
        return [(self.passage, 1.0)][:count]


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("what is teh depsoit", "what is teh deposit"),
        ("the monthly lunch", "the monthly lunch"),  # a word, and of another meaning
        ("who is Depsoit", "who is Depsoit"),  # a name is nobody else's
        ("deposit", "deposit"),
        ("zzzzqq", "zzzzqq"),
    ],
)
def test_a_word_nobody_knows_is_read_as_the_nearest_of_the_documents(
    question: str, read: str
) -> None:
    words = Words("The deposit is due before the launch.")
    found, notices = respell(question, words, lambda word: word in ("lunch", "monthly", "what"))
    assert found == read
    assert bool(notices) is (found != question)
