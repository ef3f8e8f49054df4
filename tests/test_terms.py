import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text import numbers, pairs, singular, terms, topic, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Trading partners traded.", ["trade", "partner", "trade"]),
        ("China’s café", ["china", "cafe"]),
        ("$8.4 billion", ["8.4", "billion"]),
        ("Страны, страна, стран", ["стран", "стран", "стран"]),
        ("中国贸易额", ["中国", "国贸", "贸易", "易额"]),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_question_is_about_its_words_that_carry_a_topic() -> None:
    assert topic("What is the GDP of Belarus, and what was the GDP?") == ["gdp", "belarus"]
    assert topic("What is this?") == []


def test_neighbours_of_which_one_carries_a_topic_are_pairs() -> None:
    assert pairs("Where did they move from?") == ["they move", "move from"]
    assert pairs("Trade, trade and trade") == ["trade trade", "trade and", "and trade"]
    assert pairs("What is this?") == pairs("Trade?") == []


def test_numbers_ignore_separators_of_thousands() -> None:
    assert numbers("1,200 of 1200 and 8.4 in 2024") == {"1200", "8.4", "2024"}


def test_invisible_characters_do_not_hide_a_word() -> None:
    assert terms("Bel\u200barus \U000e0041\u202eMinsk") == terms("Belarus Minsk")
    assert visible("a\u202eb") == "ab"


@given(st.text())
def test_case_and_space_do_not_matter(text: str) -> None:
    assert terms(text) == terms(f"  {text}\n")
    ascii_only = text.encode("ascii", "ignore").decode()
    assert terms(ascii_only.upper()) == terms(ascii_only.lower())


@pytest.mark.parametrize(
    ("word", "one"),
    [("CNNs", "CNN"), ("CNN", "CNN"), ("As", "As"), ("US", "US"), ("Paris", "Paris")],
)
def test_letters_that_stand_for_a_name_have_a_plural(word: str, one: str) -> None:
    assert singular(word) == one
