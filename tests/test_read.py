import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.errors import ModelUnavailable
from assistant.read import BUNDLED, UNKNOWN, Reader, SpanModel, central, probability
from assistant.read.similarity import (
    FEATURES,
    PROBABILITY,
    RANK,
    Evidence,
    SimilarityReader,
)
from assistant.settings import Settings
from assistant.text import terms
from assistant.types import Hit, Passage, Reading, Span
from tests.conftest import WordEmbeddings


def passage(*sentences: str, heading: str = "", source: str = "a.txt", start: int = 0) -> Passage:
    spans, at = [], start
    for sentence in sentences:
        spans.append(Span(at, at + len(sentence)))
        at += len(sentence) + 1
    text = " ".join(sentences)
    return Passage(source, start, start + len(text), text, tuple(spans), heading=heading)


def none(asked: Sequence[str]) -> Mapping[str, int]:
    return dict.fromkeys(asked, 0)


def read(reader: Reader, question: str, *passages: Passage) -> list[Reading]:
    hits = [Hit(found, 0.7, dense=0.5, lexical=0.5) for found in passages]
    return reader.read(question, hits, none, len(passages))[0]


TRADE = passage(
    "China is the second-largest trading partner of Belarus, and the largest in Asia.",
    "Last year, bilateral trade between the two countries surpassed $8.4 billion.",
    start=1000,
)
AREA = passage(
    "Belarus intends to deepen its ties with the Greater Bay Area.",
    "It covers nine cities, including Guangzhou, Shenzhen, and Zhuhai.",
    heading="Greater Bay Area",
)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader("", WordEmbeddings().embed_documents)


@pytest.mark.parametrize(
    ("question", "sentence", "words"),
    [
        ("How much was traded last year?", TRADE.sentences[1], "8.4 billion"),
        ("How many cities does the Greater Bay Area cover?", AREA.sentences[1], "nine"),
    ],
)
def test_the_right_sentence_comes_first_with_the_words_that_answer(
    reader: Reader, question: str, sentence: Span, words: str
) -> None:
    first = read(reader, question, AREA, TRADE)[0]
    assert first.span == sentence
    assert first.words
    assert words in first.passage.quote(first.words)
    assert first.probability > Settings.threshold


def test_the_best_sentences_are_read_once_more_with_the_one_before(reader: Reader) -> None:
    facts = [f"Council {i} was founded by a king. It has its seat in Minsk." for i in range(4)]
    sentences = [f"{part.strip('.')}." for fact in facts for part in fact.split(". ")]
    question = "Where has council 3 its seat?"
    found = passage(*sentences, heading="Councils")
    evidence = Evidence(question, none, 1)
    ranked = reader.ranked(question, [Hit(found, 0.5)], evidence)
    again = [each for each in ranked if each.close]
    assert again == ranked[: len(again)]
    assert 0 < len(again) < len(ranked)
    for each in again:
        place = found.sentences.index(each.sentence)
        near = passage(*sentences[max(0, place - 1) : place + 1], heading="Councils")
        alike = {
            near.quote(read.sentence): read
            for read in reader.ranked(question, [Hit(near, 0.5)], evidence)
        }[found.quote(each.sentence)]
        assert each.evidence["span close"] == pytest.approx(alike.span, abs=0.5)
        assert each.evidence["span"] == pytest.approx(each.span)


def test_what_is_not_said_has_a_low_probability(reader: Reader) -> None:
    likely = read(reader, "How many cities does the Greater Bay Area cover?", AREA, TRADE)[0]
    unlikely = read(reader, "Who won the football cup in 2022?", AREA, TRADE)[0]
    assert unlikely.probability < Settings.threshold / 2 < Settings.threshold < likely.probability


def test_the_same_question_gets_the_same_readings(reader: Reader) -> None:
    question = "Which cities does it cover?"
    assert read(reader, question, AREA, TRADE) == read(reader, question, AREA, TRADE)


def test_nothing_read_is_nothing_found(reader: Reader) -> None:
    assert read(reader, "How large was trade?") == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.text(min_size=1, max_size=60).filter(str.strip), min_size=1, max_size=4),
    st.text(min_size=1, max_size=40),
)
def test_the_words_are_inside_their_sentence(sentences: list[str], question: str) -> None:
    found = passage(*(text.strip() for text in sentences), start=7)
    for reading in read(_READER, question, found):
        assert reading.span in found.sentences
        if reading.words:
            assert reading.span.start <= reading.words.start < reading.words.end
            assert reading.words.end <= reading.span.end


_READER = Reader("", WordEmbeddings().embed_documents)


def test_a_long_passage_is_read_in_windows_to_its_end() -> None:
    text = "The council met again and nothing was decided. " * 80 + "The fee is 35 euros."
    windows = SpanModel().read("How high is the fee?", [text, "The fee is 20 euros."])
    assert [window.passage for window in windows][-1] == 1
    assert len(windows) > 3
    best = max(windows[:-1], key=lambda window: float(window.start.max()))
    at = int(best.offsets[int(best.start.argmax()), 0])
    assert text[at:].startswith("35")


def test_a_long_question_is_read_by_its_end() -> None:
    text = "The council has its seat in Minsk. The fee is 35 euros."
    before = "Nothing was decided there. " * 300
    window, *_ = SpanModel().read(before + "How high is the fee?", [text])
    assert text[int(window.offsets[int(window.start.argmax()), 0]) :] == "35 euros."
    assert window.start.max() > 0
    window, *_ = SpanModel().read("How high is the fee? " + before, [text])
    assert window.start.max() < 0


def test_reading_loads_no_torch() -> None:
    code = (
        "import sys; from assistant.read import SpanModel; "
        "SpanModel().read('Who?', ['Ana did.']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Its own weights, and those of others.


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(BUNDLED, tmp_path / "reader"))


def test_a_reader_in_a_folder_reads_like_the_one_that_comes_along(
    copied: Path, reader: Reader
) -> None:
    other = Reader(str(copied), WordEmbeddings().embed_documents)
    question = "How many cities are covered?"
    assert read(other, question, AREA) == read(reader, question, AREA)


@pytest.mark.parametrize("spoil", ["other weights", "damaged", "no tokenizer"])
def test_s3_a_reader_that_is_not_what_it_should_be_is_refused(copied: Path, spoil: str) -> None:
    if spoil == "no tokenizer":
        (copied / "tokenizer.json").unlink()
    else:
        (copied / "model.onnx").write_bytes(b"not these")
    if spoil == "damaged":
        (copied / "calibration.json").unlink()
    with pytest.raises(ModelUnavailable, match="ASSISTANT_READER") as raised:
        SpanModel(str(copied)).read("Who?", ["Ana did."])
    assert spoil != "other weights" or "not the expected ones" in str(raised.value)


def test_a_reader_on_the_hub_that_cannot_be_had_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match="no/such-model.*ASSISTANT_READER to a folder"):
        SpanModel("no/such-model").read("Who?", ["Ana did."])


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_an_extractive_model_of_transformers_stands_in(tmp_path: Path, family: str) -> None:
    from transformers import AutoConfig, AutoModelForQuestionAnswering

    size = json.loads((BUNDLED / "config.json").read_text())["vocab_size"]
    config = AutoConfig.for_model(
        family, vocab_size=size, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=512, type_vocab_size=2 - (family != "bert"),
    )  # fmt: skip
    model = AutoModelForQuestionAnswering.from_config(config)  # type: ignore[no-untyped-call]
    model.save_pretrained(tmp_path)
    shutil.copy(BUNDLED / "tokenizer.json", tmp_path)
    found = read(Reader(str(tmp_path), WordEmbeddings().embed_documents), "Who?", AREA, TRADE)
    assert {each.span for each in found} == {*AREA.sentences, *TRADE.sentences}
    assert all(0 <= each.probability <= 1 for each in found)


# Languages.


def test_another_language_goes_to_the_reader_by_similarity_with_a_notice(reader: Reader) -> None:
    russian = passage("Товарооборот превысил 8,4 миллиарда долларов.", "Стороны встретились.")
    question = "Какой был товарооборот?"
    hits = [Hit(russian, 0.5, dense=0.5)]
    found, notices = reader.read(question, hits, none, 1)
    assert notices == (UNKNOWN,)
    assert found[0].span == russian.sentences[0]
    assert found[0].words is None


def test_passages_in_another_language_are_left_to_their_own_questions(reader: Reader) -> None:
    russian = passage("Район включает девять городов и три порта.", source="r.txt")
    found = read(reader, "How many cities does the Greater Bay Area cover?", russian, AREA)
    assert {reading.passage.source for reading in found} == {"a.txt"}


# By similarity.


def by_similarity(question: str, *passages: Passage) -> list[Reading]:
    words = WordEmbeddings()
    held = [frozenset(terms(f"{p.heading} {p.text}")) for p in passages]

    def frequencies(asked: Sequence[str]) -> Mapping[str, int]:
        return {term: sum(term in each for each in held) for term in asked}

    evidence = Evidence(question, frequencies, len(passages))
    hits = [Hit(p, 0.5, dense=0.5) for p in passages]
    return SimilarityReader(words.embed_documents).read(question, evidence, hits)


SEAT = passage("The seat is Minsk.", "The council meets in spring.")


def test_by_similarity_the_sentence_with_the_words_comes_first() -> None:
    assert by_similarity("How much trade surpassed?", TRADE, SEAT)[0].span == TRADE.sentences[1]
    assert by_similarity("Where is the seat?", TRADE, SEAT)[0].quote == "The seat is Minsk."


def test_by_similarity_an_unknown_matter_has_a_low_probability() -> None:
    asked = by_similarity("Where is the seat?", TRADE, SEAT)
    unknown = by_similarity("Who won the football cup?", TRADE, SEAT)
    assert max(each.probability for each in unknown) < max(each.probability for each in asked)


def test_sentences_are_embedded_once() -> None:
    words = WordEmbeddings()
    similarity = SimilarityReader(words.embed_documents)
    for _ in range(2):
        similarity.read("Trade?", Evidence("Trade?", none, 1), [Hit(TRADE, 0.5)])
    assert len(words.embedded) == 3  # the question, and two


def test_each_feature_has_its_weights() -> None:
    assert len(RANK) == len(PROBABILITY) == len(FEATURES) + 1


# Overviews.


def test_an_overview_takes_one_sentence_of_a_section_in_order() -> None:
    sections = [passage(f"Trade grew in part {i}.", f"Noise{i}.", heading=f"{i}", source=f"{i}.txt")
                for i in range(5)]  # fmt: skip
    found = central(sections, WordEmbeddings().embed_documents, 3)
    assert len(found) == 3
    assert [each.passage.source for each in found] == sorted(e.passage.source for e in found)
    assert all(each.quote.startswith("Trade") for each in found)
    assert central([], WordEmbeddings().embed_documents, 3) == []


# Evidence.


def test_numbers_of_the_question_that_a_text_lacks() -> None:
    evidence = Evidence("What did Li Qiang say in 2024?", none, 1)
    assert evidence.lacks_number("In 2023.")
    assert not evidence.lacks_number("In 2024.")


def test_the_logistic_function_does_not_overflow() -> None:
    assert probability(0) == 0.5
    assert 0 < probability(-1e9) < 1e-9 < 1 - 1e-9 < probability(1e9) <= 1


def test_the_reader_by_similarity_is_safe_between_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its vectors are forgotten when they are many, while another thread is about to use them."""
    monkeypatch.setattr("assistant.read.similarity._CACHE", 6)

    def slowly(texts: list[str]) -> list[list[float]]:
        sleep(0.001 * len(texts))
        return [[1.0, 0.0] for _ in texts]

    reader = SimilarityReader(slowly)
    hits = [Hit(SEAT, 0.5, dense=0.5), Hit(TRADE, 0.5, dense=0.5)]

    def ask(number: int) -> list[Reading]:
        question = f"Where is seat {number}?"
        return reader.read(question, Evidence(question, none, 1), hits)

    with ThreadPoolExecutor(4) as pool:
        assert all(len(found) == 4 for found in pool.map(ask, range(100)))
