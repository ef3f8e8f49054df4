from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from assistant.evaluate import Question
from assistant.read import SpanModel, Window
from assistant.split import TOKENS
from assistant.types import Document, Passage, Section, Span
from research.benchmarks.ablations import measure, plot, shares, small, table
from research.benchmarks.designs import DESIGNS, READ, Bench, Outcome, one_sided, reciprocal_rank
from tests.conftest import WordEmbeddings

FACTS = {"trade": "Trade with Minsk was worth 8.4 billion dollars.", "seat": "Its seat is Minsk."}
ASKED = [
    Question("What is its seat?", quote=("Minsk",), source="seat"),
    Question("Who sang the anthem?", answerable=False),
]


def document(source: str, text: str) -> Document:
    return Document(source, text, source, (Section(0, 0, len(text)),))


TEXTS = [document(source, text) for source, text in FACTS.items()]


@pytest.fixture
def bench(words: WordEmbeddings, tmp_path: Path) -> Bench:
    return Bench.over(words, tmp_path / "work")


def test_every_design_answers_every_question(bench: Bench) -> None:
    chosen = [each for each in DESIGNS if each.headings and each.tokens == TOKENS]
    results = measure(bench, TEXTS, ASKED, chosen)
    assert list(results) == [design.name for design in chosen]
    assert {len(outcomes) for outcomes in results.values()} == {2}
    product = results["the product"][0]
    assert (product.found, product.ranked, product.first) == (0, 0, True)
    assert len(list(table(results))) == 2 + len(chosen)
    assert plot({"a set": results}).count("<circle") == len(chosen)


def test_an_index_may_be_of_shorter_passages_and_without_headings(bench: Bench) -> None:
    text = "Trade\n\n" + "Trade with Minsk is large. " * 40
    titled = Document("a", text, "a", (Section(0, 7, len(text), "Trade"),), title="Trade")
    short = bench.index([titled], 32, headings=True)
    assert len(short) > len(bench.index([titled], TOKENS, headings=True))
    body = [short.passages()[0].text.split("\n\n")[1]]
    (vector,) = bench.embedder.embed_documents(body)
    ((_, cosine),) = bench.index([titled], 32, headings=False).nearest(vector, 1)
    assert cosine == pytest.approx(1)
    assert short.nearest(vector, 1)[0][1] < 0.999


def test_a_passage_is_read_once_for_all_designs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()
    read = SpanModel.read

    def counted(self: SpanModel, question: str, passages: Sequence[str]) -> list[Window]:
        counts.update(passages)
        return read(self, question, passages)

    monkeypatch.setattr(SpanModel, "read", counted)
    measure(bench, TEXTS, ASKED[:1], READ)
    assert set(counts.values()) == {1}


def test_what_one_search_does_not_rank_has_no_score_of_it() -> None:
    passages = [Passage(str(i), 0, 1, "x", (Span(0, 1),)) for i in range(51)]
    dense = [(each, 1 - i / 100) for i, each in enumerate(passages)]
    assert one_sided(dense, [])[-1].passage == passages[49]
    ranked = reciprocal_rank(dense[:2], [(passages[1], 3.0), (passages[2], 2.0)])
    assert [hit.passage for hit in ranked] == [passages[1], passages[0], passages[2]]


def test_a_small_folder_is_one_that_is_read_whole(bench: Bench) -> None:
    many = [document(f"{i:02}", f"Matter {i} is here.") for i in range(60)]
    assert len(small(bench, many)) == 40


def test_only_what_chance_does_not_explain_is_starred() -> None:
    good, bad = Outcome(True, 0, 0, True, 0.9), Outcome(True, 9, 9, False, 0.1)
    product = [good] * 50
    results = {
        "the product": product,
        "worse": [bad] * 25 + product[25:],
        "one": [bad, *product[1:]],
    }
    _, _, *lines = table(results)
    assert [line.count("*") for line in lines] == [0, 5, 0]
    assert shares(product).tolist() == [[1.0] * 5] * 50
