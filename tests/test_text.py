from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.text import dates, digits, numbers, pairs, singular, terms, topic, visible


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
    assert digits("1,200 of 1200 and 8.4 in 2024") == {"1200", "8.4", "2024"}


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


def quantities(text: str) -> list[tuple[str, str, str]]:
    return [(each.bound, str(each.value), each.unit) for each in numbers(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.50", "1.5"),
        ("five employees", "5 employees"),
        ("8.4 billion euros", "€8,400,000,000"),
        ("8.4bn", "8400000000"),
        ("two million people", "2,000,000 people"),
        ("half a million", "500 thousand"),
        ("two hundred and fifty", "250"),
        ("one and a half years", "1.5 years"),
        ("US$ 5m", "5 million dollars"),
        ("10 per cent", "10%"),
        ("10 000 €", "10,000 euros"),
        ("1.200,50 €", "EUR 1,200.50"),
        ("less than 5 bar", "< 5 bar"),
        ("no more than 5 bar", "≤ 5 bar"),
        ("5 bar or more", "at least 5 bar"),
        ("minus 5 °C", "-5 degrees"),
        ("5 to 7 million euros", "€5 million - €7 million"),
        ("5 pm", "17:00"),
        ("a 5-year contract", "five years"),
    ],
)
def test_the_same_number_is_the_same_however_it_is_written(one: str, other: str) -> None:
    assert quantities(one) == quantities(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("< 5 bar", "> 5 bar"),
        ("5 million", "-5 million"),
        ("$5", "€5"),
        ("5 km", "5 kg"),
        ("5%", "5"),
        ("5%", "5 percentage points"),
        ("five", "six"),
        ("€5m", "5 m"),
        ("5th", "5"),
    ],
)
def test_another_sign_or_unit_makes_another_number(one: str, other: str) -> None:
    assert quantities(one) != quantities(other)
    assert quantities(one) and quantities(other)


def test_a_number_says_where_it_stands() -> None:
    text = "It must be at most 5 bar, or -3.5 °C."
    assert [text[each.start : each.end] for each in numbers(text)] == ["at most 5 bar", "-3.5 °C"]


@pytest.mark.parametrize(
    "text",
    ["No one of them", "clause 4.2.1", "room B2", "in 2023", "on 12 March 2023", "one can, some"],
)
def test_what_counts_nothing_is_no_number(text: str) -> None:
    assert numbers(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In March, and on 12 March 2023", [(None, 3, None), (2023, 3, 12)]),
        ("2023-03-12, 12/03/2023, 9/15/2023", [(2023, 3, 12), (2023, 3, 12), (2023, 9, 15)]),
        ("March 2024; Sept. 15, 2023", [(2024, 3, None), (2023, 9, 15)]),
        ("the 15th of September", [(None, 9, 15)]),
        (
            "the 2023 price, 2019-2023",
            [(2023, None, None), (2019, None, None), (2023, None, None)],
        ),
        ("They may march on; 2000 euros, 1200 employees, the 1990s, $2023", []),
    ],
)
def test_dates_are_read(text: str, expected: list[tuple[int | None, ...]]) -> None:
    assert [each[:3] for each in dates(text)] == expected


@given(st.text())
def test_numbers_and_dates_lie_in_the_text_and_apart(text: str) -> None:
    spans = [(each.start, each.end) for each in numbers(text)]
    spans += [(each.start, each.end) for each in dates(text)]
    assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize("piece", ["9,", "one ", "twenty ", "1 000 ", "up to ", "May ", "half a "])
def test_a_long_text_takes_linear_time(piece: str) -> None:
    started = perf_counter()
    numbers(piece * 20_000)
    assert perf_counter() - started < 5
