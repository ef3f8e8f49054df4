"""The recipe runs: a small set made here, two steps of training, a reader that reads."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from assistant.embed import SentenceTransformerEmbeddings
from assistant.read import BUNDLED, SpanModel
from assistant.types import Span
from research.training.composing import (
    asked,
    counted,
    listed,
    mention,
    said,
    undated,
    unsaid,
    whether,
)
from research.training.examples import STAGES, Example, of_pairs, of_set
from research.training.train import batches, encode
from research.training.wording import lengthened, loosened, narrowed, opposed, reworded, swapped

TEXT = (
    "The Treaty of Minsk was signed by Ana Kovac in 1998. It was amended by Boris Lind in 2003. "
    "The council has its seat in Minsk. Its members pay a fee of 35 euros."
)
OTHER = "The first council met in Brest in 1991. It was led by Ana Kovac, who resigned in 1995."


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    folder = tmp_path / "squad2_dev"
    folder.mkdir()
    texts = [
        {"id": "t1", "title": "Council", "text": TEXT},
        {"id": "t2", "title": "Council", "text": OTHER},
    ]
    answered = [
        ("Who signed the Treaty of Minsk in 1998?", ["Ana Kovac"], "t1"),
        ("Who amended the Treaty of Minsk in 2003?", ["Boris Lind"], "t1"),
        ("Where did the first council meet?", ["Brest", "in Brest"], "t2"),
        ("How high is the fee?", ["35 euros"], "t1"),
    ]
    lines = [
        {"question": question, "answers": answers, "answerable": True, "gold_doc_ids": [gold]}
        for question, answers, gold in answered
    ] + [
        {"question": "Who left the council?", "answers": [], "answerable": False,
         "gold_doc_ids": ["t1"]},
        {"question": "where is the seat of the council ?", "answers": [], "answerable": True,
         "gold_doc_ids": ["t1"], "answer_sentence": "the council has its seat in minsk ."},
    ]  # fmt: skip
    for name, rows in (("corpus", texts), ("queries", lines)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_spans_hold_the_answers_and_near_misses_hold_none(
    sets: Path, minilm: SentenceTransformerEmbeddings
) -> None:
    for stage in STAGES.values():
        made = of_set(sets / "squad2_dev", minilm, stage, seed=0)
        assert {bool(example.spans) for example in made} == {True, False}
        held = {example.context[s:e] for example in made for s, e in example.spans}
        assert {"Ana Kovac", "Boris Lind", "35 euros"} <= held
        assert "The council has its seat in Minsk." in held
        assert any(example.loose for example in made)
        assert made == of_set(sets / "squad2_dev", minilm, stage, seed=0)


def test_a_removed_sentence_leaves_no_answer(
    sets: Path, minilm: SentenceTransformerEmbeddings
) -> None:
    always = replace(STAGES[2], removed=1.0, swapped=0.0, elsewhere=0.0, reworded=0.0, composed=0.0)
    made = of_set(sets / "squad2_dev", minilm, always, seed=1)
    without = [each for each in made if "fee" in each.question and not each.spans]
    assert without
    assert all("35 euros" not in each.context and "Minsk" in each.context for each in without)


def test_a_swap_puts_another_name_of_the_article() -> None:
    chance = random.Random(0)
    held = {"name": ["Ana Kovac", "Boris Lind"], "year": ["1998", "2003"], "number": ["35"]}
    seen = {swapped("What did Ana Kovac sign in 1998?", TEXT, held, chance) for _ in range(20)}
    assert seen == {"What did Boris Lind sign in 1998?", "What did Ana Kovac sign in 2003?"}
    assert swapped("What did they sign?", TEXT, held, chance) is None
    low = swapped("what did ana kovac sign?", TEXT, held, chance, uncased=True)
    assert low == "what did Boris Lind sign?"


def test_an_opposite_changes_one_word() -> None:
    chance = random.Random(0)
    assert opposed("Who was the first president?", chance) == "Who was the last president?"
    assert opposed("Which army?", chance) is None


def test_other_words_ask_the_same() -> None:
    chance = random.Random(0)
    said = {reworded("Who signed the treaty?", chance) for _ in range(20)}
    assert said == {"Who signed the accord?", "Who signed the pact?"}
    assert reworded("Who sang?", chance) == "Who sang?"


def test_who_says_less_asks_a_part_of_it() -> None:
    chance = random.Random(0)
    said = {loosened("What was the largest annual fee in 1998?", chance) for _ in range(40)}
    plain = {each.rstrip("?") for each in said}
    assert {"What was the largest annual fee", "What was the annual fee in 1998"} & plain
    assert all("fee" in each for each in said)


def test_questions_are_made_of_sentences() -> None:
    chance = random.Random(0)
    said = {whether("The council was moved to Minsk, where it stayed.", chance) for _ in range(9)}
    assert said == {
        "Was the council moved to Minsk?",
        "Is it true that the council was moved to Minsk?",
    }
    assert whether("The council amended the treaty.", chance) == (
        "Did the council amend the treaty?"
    )
    assert whether("It was moved to Minsk again.", chance) is None
    asked_of = mention("They agreed on the joint exercises.", chance)
    assert asked_of
    assert "joint exercises" in asked_of
    assert mention("They agreed.", chance) is None
    text = "It has nine cities, including Brest, Minsk, and Gomel."
    made = listed(text, ["the area"], chance)
    assert made
    question, start, end = made
    assert "cities" in question
    assert text[start:end] == "Brest, Minsk, and Gomel"
    text = "Brest, Minsk, and other cities."
    made = listed(text, [], chance)
    assert made
    assert text[slice(*made[1:])] == "Brest, Minsk"
    assert listed("It has nine cities.", ["the area"], chance) is None


def test_who_says_is_told_from_who_is_named() -> None:
    chance = random.Random(0)
    reported = said("Ana Kovac said that the annual fee of Minsk was high.", chance)
    assert reported
    assert "Ana Kovac" in reported
    assert said("Ana Kovac met the council.", chance) is None
    silent = unsaid("The council of Minsk met for the joint exercises.", chance)
    assert silent
    assert "Minsk" in silent
    assert "joint exercises" in silent
    assert unsaid("In Minsk she said so of the joint exercises.", chance) is None


def test_how_many_there_are_is_asked_where_a_sentence_says() -> None:
    chance = random.Random(0)
    text = "The area has nine large cities and 1,200 villages."
    made = {counted(text, ["the area"], chance) for _ in range(30)}
    spans = {text[start:end] for _, start, end in filter(None, made)}
    assert spans == {"nine", "1,200"}
    assert ("how many villages are in the area", 35, 40) in {
        (question, start, end) for question, start, end in filter(None, made)
    }
    assert counted("It took nine years until 2013, and counts.", ["it"], chance) is None


def test_when_is_asked_where_no_date_is() -> None:
    chance = random.Random(0)
    sentence = "Ana Kovac signed the paper in Minsk."
    asked = undated(sentence, sentence, chance)
    assert asked
    assert asked.endswith("did Ana Kovac sign the paper in Minsk?")
    assert undated(sentence, f"{sentence} That was in 1998.", chance) is None
    assert undated("The council was moved.", "The council was moved.", chance) is None
    meeting = "They agreed at the short meeting in Minsk."
    assert "the short meeting" in str(undated(meeting, meeting, chance))


def test_a_longer_name_is_put_where_the_answer_is_not() -> None:
    chance = random.Random(0)
    text = "The Free Zone grew. It has two cities, Brest and Minsk."
    spans = [Span(39, 54)]
    held = {"name": ["Gomel", "Pinsk", "Orsha", "Free Zone"], "year": [], "number": []}
    question = "Which cities are part of the Free Zone?"
    longer, moved = lengthened(question, text, spans, held, chance) or ("", [])
    assert longer.endswith(" Free Zone grew. It has two cities, Brest and Minsk.")
    assert longer != text
    assert [longer[start:end] for start, end in moved] == ["Brest and Minsk"]
    assert lengthened("Which cities are there?", text, spans, held, chance) is None
    whole = [Span(0, len(text))]
    assert lengthened(question, text, whole, held, chance) is None


def test_a_question_is_narrowed_to_what_belongs_to_another() -> None:
    chance = random.Random(0)
    held = {"name": ["Ana Kovac", "Minsk"]}
    made = narrowed("Which cities are named?", TEXT, held, chance) or ""
    assert made.startswith("Which cities ")
    assert made.endswith((" Ana Kovac are named?", " Minsk are named?"))
    assert narrowed("Who is named?", TEXT, held, chance) is None


def test_what_is_made_of_passages_has_near_misses(
    sets: Path, minilm: SentenceTransformerEmbeddings
) -> None:
    only = replace(STAGES[2], passes={"squad2_dev": 0.0}, composed=1.0)
    made = [e for seed in range(8) for e in of_set(sets / "squad2_dev", minilm, only, seed)]
    assert {bool(example.spans) for example in made} == {True, False}
    assert all(example.loose for example in made if example.spans)


def test_a_claim_becomes_a_question(tmp_path: Path) -> None:
    chance = random.Random(1)
    assert asked("Lost is a television series.", chance) in {
        "Is Lost a television series?", "Is it true that Lost is a television series?"
    }  # fmt: skip
    path = tmp_path / "pairs.jsonl"
    lines = [
        {"claim": "A is B .", "evidence": "A is B, they say.", "label": "supported"},
        {"claim": "A is B .", "evidence": "C is D.", "label": "not_enough_info"},
        {"claim": "A is B .", "evidence": None, "label": "supported"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [bool(example.spans) for example in of_pairs(path, chance)] == [True, False]


def test_targets_are_the_tokens_of_the_answer() -> None:
    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    start = TEXT.index("Ana Kovac")
    exact = Example("Who?", TEXT, (Span(start, start + 9),))
    loose = Example("Who?", TEXT, (Span(0, 52),), loose=True)
    none = Example("Who?", TEXT)
    one, several, nothing = encode([exact, loose, none], tokenizer)
    words = [tokenizer.id_to_token(token) or "" for token in one.tokens]
    assert words[one.starts[0]] == "ana"
    assert "".join(words[one.starts[0] : one.ends[0] + 1]).replace("##", "") == "anakovac"
    assert len(several.starts) > 5
    assert (nothing.starts, nothing.ends) == ([0], [0])
    assert sum(map(len, batches([one] * 50, random.Random(0)))) == 50


@pytest.mark.filterwarnings("ignore")  # PyTorch calls its own exporter legacy: see export.py
def test_the_recipe_runs_to_a_reader_that_reads(
    sets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from research.training import export, train

    monkeypatch.setattr(train, "BATCH", 4)
    for name in set(STAGES[1].passes) - {"squad2_dev"}:
        (sets / name).symlink_to(sets / "squad2_dev")
    (sets / "fever_symmetric").mkdir()
    (sets / "fever_symmetric" / "pairs.jsonl").write_text("")
    run, reader = tmp_path / "run", tmp_path / "reader"
    command = ["train", str(sets), str(run), "--most", "8"]
    monkeypatch.setattr("sys.argv", command)
    train.main()
    assert json.loads((run / "log.jsonl").read_text().splitlines()[-1])["of"] == 2
    monkeypatch.setattr("sys.argv", ["export", str(run), str(reader)])
    export.main()
    assert (reader / "model.onnx").stat().st_size < 25 * 2**20
    (window,) = SpanModel(str(reader)).read("Who signed?", [TEXT])
    assert len(window.start) == len(window.end) == len(window.offsets)
