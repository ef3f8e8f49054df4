from collections.abc import Mapping, Sequence

import pytest

from assistant.read import FEATURES, ODDS, RANK, EvidenceReader, is_overview, kind, lacks
from assistant.terms import terms
from assistant.types import Hit, Passage, Span
from tests.conftest import WordEmbeddings


def passage(*sentences: str, heading: str = "", source: str = "a.txt") -> Passage:
    spans, at = [], 0
    for sentence in sentences:
        spans.append(Span(at, at + len(sentence)))
        at += len(sentence) + 1
    return Passage(source, 0, at - 1, " ".join(sentences), tuple(spans), heading=heading)


def reading(question: str, *passages: Passage) -> list[tuple[str, float]]:
    words = WordEmbeddings()
    held = [frozenset(terms(f"{p.heading} {p.text}")) for p in passages]

    def frequencies(asked: Sequence[str]) -> Mapping[str, int]:
        return {term: sum(term in each for each in held) for term in asked}

    vector = words.embed_query(question)
    hits = [Hit(p, 0.5, dense=0.5) for p in passages]
    reader = EvidenceReader(words.embed_documents)
    found = reader.read(question, vector, hits, frequencies, len(passages))
    return [(each.quote, each.odds) for each in found]


TRADE = passage("Trade between them surpassed $8.4 billion.", "It has remained strong.")
SEAT = passage("The seat is Minsk.", "The council meets in spring.")


def test_the_sentence_with_the_words_comes_first() -> None:
    assert reading("How large was trade?", TRADE, SEAT)[0][0] == TRADE.quote(TRADE.sentences[0])
    assert reading("Where is the seat?", TRADE, SEAT)[0][0] == "The seat is Minsk."


def test_every_sentence_has_odds_and_an_unknown_matter_has_low_ones() -> None:
    asked = reading("How large was trade?", TRADE, SEAT)
    unknown = reading("Who won the football cup?", TRADE, SEAT)
    assert len(asked) == len(unknown) == 4
    assert all(0 <= odds <= 1 for _, odds in asked)
    assert max(odds for _, odds in unknown) < max(odds for _, odds in asked)


def test_nothing_read_is_nothing_found() -> None:
    assert reading("How large was trade?") == []


def test_sentences_are_embedded_once() -> None:
    words = WordEmbeddings()
    reader = EvidenceReader(words.embed_documents)
    for _ in range(2):
        reader.read("Trade?", [0.0] * 256, [Hit(TRADE, 0.5)], lambda t: dict.fromkeys(t, 1), 1)
    assert len(words.embedded) == 2


def test_an_overview_takes_one_sentence_of_a_section_in_order() -> None:
    words = WordEmbeddings()
    sections = [passage(f"Trade grew in part {i}.", f"Noise{i}.", heading=f"{i}", source=f"{i}.txt")
                for i in range(5)]  # fmt: skip
    central = EvidenceReader(words.embed_documents).central(sections, 3)
    assert len(central) == 3
    assert [each.passage.source for each in central] == sorted(e.passage.source for e in central)
    assert all(each.quote.startswith("Trade") for each in central)


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
    assert kind(question) == expected


@pytest.mark.parametrize(
    ("wanted", "sentence", "missing"),
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
def test_a_sentence_without_the_kind_asked_for(wanted: str, sentence: str, missing: bool) -> None:
    assert lacks(wanted, sentence, frozenset()) is missing


@pytest.mark.parametrize(
    ("question", "overview"),
    [
        ("What is this document about?", True),
        ("What is this about?", True),
        ("Summarise the agreement.", True),
        ("Give me an overview", True),
        ("What are the key points?", True),
        ("总结一下", True),
        ("What is the agreement about trade worth?", False),
        ("What did he say about this law?", False),
    ],
)
def test_overviews_are_told_apart(question: str, overview: bool) -> None:
    assert is_overview(question) is overview


def test_each_feature_has_its_weights() -> None:
    assert len(RANK) == len(ODDS) == len(FEATURES) + 1
