import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from research.benchmarks.peers import plot, scores
from research.benchmarks.peers.articles import read_questions, write_articles
from research.benchmarks.peers.installed import megabytes
from research.benchmarks.peers.scores import Gold
from research.benchmarks.peers.worker import Chunk, cheap, locate

TEXT = "# Oil\n\nIt began in October 1973.\nIt ended in  March\n1974."
WHOLE = Chunk("a.md", 7, len(TEXT))
GOLDS = [Gold(WHOLE, spans=tuple(scores.spans(TEXT[7:], ["october 1973", "March 1974"], 7)))]
OTHER = Chunk("b.md", 0, 100)


@pytest.mark.parametrize(
    ("chunk", "held"),
    [
        pytest.param(Chunk("a.md", 0, 32), True, id="all of it"),
        pytest.param(Chunk("a.md", 19, 31), True, id="the very words"),
        pytest.param(Chunk("a.md", 20, 31), False, id="one character short"),
        pytest.param(Chunk("a.md", 33, len(TEXT)), True, id="another place is enough"),
        pytest.param(Chunk("b.md", 0, 100), False, id="another source"),
    ],
)
def test_a_chunk_holds_the_answer_where_it_covers_a_place_of_it(chunk: Chunk, held: bool) -> None:
    assert scores.holds(chunk, GOLDS) is held


@pytest.mark.parametrize(
    ("chunk", "held"),
    [
        pytest.param(Chunk("a.md", 50, 51), True, id="a part of it"),
        pytest.param(Chunk("a.md", 0, 900), True, id="all of it and more"),
        pytest.param(Chunk("a.md", 0, 20), True, id="more of it than of others"),
        pytest.param(Chunk("a.md", 0, 10), False, id="more of others"),
    ],
)
def test_where_the_words_are_not_known_half_of_the_text_is_enough(chunk: Chunk, held: bool) -> None:
    assert scores.holds(chunk, [Gold(WHOLE)]) is held


@pytest.mark.parametrize(
    ("sources", "wanted"),
    [
        pytest.param("ab", 1.0, id="best first"),
        pytest.param("ba", (1 + 2 / 1.585) / (2 + 1 / 1.585), id="the other way round"),
        pytest.param("aab", (2 + 1 / 2) / (2 + 1 / 1.585), id="a text counts once"),
        pytest.param("cc", 0.0, id="neither"),
    ],
)
def test_ndcg_discounts_grades_by_place(sources: str, wanted: float) -> None:
    golds = [Gold(Chunk("b", 0, 9), 1), Gold(Chunk("a", 0, 9), 2)]
    found = scores.ndcg([Chunk(source, 0, 9) for source in sources], golds)
    assert found == pytest.approx(wanted, abs=1e-3)


@pytest.mark.parametrize(
    ("chunks", "read"),
    [
        pytest.param([Chunk("a.md", 0, 40), OTHER], 40, id="at once"),
        pytest.param([OTHER, Chunk("a.md", 0, 40)], 140, id="after another"),
        pytest.param([OTHER, OTHER], 200, id="all for nothing"),
    ],
)
def test_a_reader_reads_down_to_what_holds_the_answer(chunks: Sequence[Chunk], read: int) -> None:
    assert scores.read_until(chunks, GOLDS) == read


def test_the_interval_of_a_share_lies_around_it() -> None:
    share, low, high = scores.interval(scores.mean, [1.0] * 50 + [0.0] * 50)
    assert (share, round(low, 1), round(high, 1)) == (0.5, 0.4, 0.6)


def test_misses_are_compared_on_the_same_questions() -> None:
    share, low, high = scores.interval(scores.misses, [1, 1, 1, 0] * 25, [1, 1, 0, 0] * 25)
    assert low < share == 0.5 < high


@pytest.mark.parametrize(
    ("piece", "near", "found"),
    [
        pytest.param("It", 0, "It began", id="the first"),
        pytest.param("It", 20, "It ended", id="from there on"),
        pytest.param("in March 1974.", 0, "in  March\n1974.", id="with other white space"),
    ],
)
def test_a_piece_is_found_in_its_text(piece: str, near: int, found: str) -> None:
    source, start, _ = locate("a.md", TEXT, piece, near)
    assert (source, TEXT[start : start + len(found)]) == ("a.md", found)


def test_a_piece_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        locate("a.md", TEXT, "gas")


def test_cheap_vectors_lie_near_real_ones_and_are_the_same_again() -> None:
    pool = [[1.0, 0.0] * 192, [0.0, 1.0] * 192]
    real = [[value / 192**0.5 for value in vector] for vector in pool]
    once, again = cheap(["one", "two"], real), cheap(["one", "two"], real)
    near = [
        max(sum(a * b for a, b in zip(vector, other, strict=True)) for other in real)
        for vector in once
    ]
    assert once == again
    assert min(near) > 0.7


def test_a_set_is_articles_and_the_questions_that_stand_alone(tmp_path: Path) -> None:
    texts = [("x:1", "Oil", "It began in 1973."), ("y", "Gas", "Gas rose."), ("x:2", "Oil", "1973")]
    lines = [
        {"question": "When?", "answers": ["Oil", "1973"], "answerable": True},
        {"question": "And then?", "answers": ["1973"], "answerable": True, "history": ["When?"]},
        {"question": "Why?", "answers": [], "answerable": False},
        {"question": "What?", "answers": ["in words of its own"], "answerable": True},
    ]
    _write(
        tmp_path / "corpus.jsonl",
        [dict(zip(("id", "title", "text"), each, strict=True)) for each in texts],
    )
    _write(tmp_path / "queries.jsonl", [{"gold_doc_ids": ["x:1"], **line} for line in lines])
    places = write_articles(tmp_path, tmp_path)
    articles = [path.read_text() for path in sorted((tmp_path / "knowledge").iterdir())]
    assert articles == ["# Oil\n\nIt began in 1973.\n\n1973\n\n", "Gas rose.\n\n"]
    place = Chunk("0000.md", 7, 24)
    assert places == {"x:1": place, "x:2": Chunk("0000.md", 26, 30), "y": Chunk("0001.md", 0, 9)}
    assert {each.text: list(each.golds) for each in read_questions(tmp_path, places, 10)} == {
        "When?": [Gold(place, spans=((19, 23),))],  # not the title, not the other text
        "Why?": [],
        "What?": [Gold(place)],
    }


def test_texts_that_share_one_title_are_documents_without_one(tmp_path: Path) -> None:
    texts = [{"id": str(n), "title": "Filtered", "text": f"Post {n}."} for n in range(2)]
    _write(tmp_path / "corpus.jsonl", texts)
    assert [each.source for each in write_articles(tmp_path, tmp_path).values()] == [
        "0000.md",
        "0001.md",
    ]
    assert (tmp_path / "knowledge" / "0001.md").read_text() == "Post 1.\n\n"


def _write(path: Path, lines: Sequence[object]) -> None:
    path.write_text("\n".join(map(json.dumps, lines)))


def test_an_installation_is_all_that_is_required() -> None:
    assert megabytes(["pydantic"]) > megabytes(["pydantic-core"]) > 1
    assert megabytes(["pydantic", "pydantic-core"]) == pytest.approx(megabytes(["pydantic"]))


def test_the_pictures_show_every_product() -> None:
    quality = [
        {"figure": "quality", "set": "dev/a", "product": f"{name}, way", "measure": measure,
         "value": 0.5, "low": 0.4, "high": 0.6, "questions": 9}
        for name in ("langchain", "ours") for measure in ("found at 5", "first holds")
    ]  # fmt: skip
    drawn = plot.bars(quality)
    assert drawn.count("langchain, way") == drawn.count("ours, way") == 2
    grown = plot.growth([{"size": size, "product": "ours, answer", "p50": 30.0} for size in (1, 9)])
    assert "ours, answer" in grown
