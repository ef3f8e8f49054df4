"""What the files of an embedding model say: whether it is one we compute, and its weights.

A BERT that embeds texts, read from its own files: torch and transformers stay out.

To import these takes seconds, to embed a question milliseconds. So the weights are mapped from
their safetensors file, the tokenizers library cuts the words, and NumPy does the rest. Many texts
at once are worth torch (`many.py`). Read so is only a model of which sentence-transformers would
give the same vectors (`is_plain`).
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assistant.models import one_thread

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.embed.bulk import Many

Floats = npt.NDArray[np.float32]
_MODULES = ["Transformer", "Pooling", "Normalize"]  # of sentence-transformers; the last may lack
_KINDS = {"F32": "<f4", "I64": "<i8"}


def is_plain(folder: Path) -> bool:
    """Whether sentence-transformers would give the same vectors for the model in this folder.

    BERT's own network in float32 and BERT's own words, of which the mean or the first is taken.
    """
    config, saved = (
        read_json(folder / "config.json"),
        read_json(folder / "sentence_bert_config.json"),
    )
    modules = [str(each["type"]).split(".")[-1] for each in read_json(folder / "modules.json")]
    pooling = read_json(folder / "1_Pooling/config.json")
    kinds = {name: kind for name, (kind, *_) in _header(folder / "model.safetensors")[0].items()}
    return (
        modules in (_MODULES, _MODULES[:2])
        and (config.get("model_type"), config.get("hidden_act")) == ("bert", "gelu")
        and config.get("position_embedding_type", "absolute") == "absolute"
        and "embeddings.word_embeddings.weight" in kinds
        and set(kinds.values()) <= _KINDS.keys()
        and pooled(pooling) in (["mean"], ["cls"])
        and pooling.get("include_prompt") in (None, True)
        and saved.keys() <= {"max_seq_length", "do_lower_case"}
        and isinstance(saved.get("max_seq_length"), int)
        and not saved.get("do_lower_case")
        and _has_words_of_bert(folder)
    )


def _has_words_of_bert(folder: Path) -> bool:
    """Whether words are cut as transformers does, which believes the one file, not the other."""
    config = read_json(folder / "tokenizer_config.json")
    cut = read_json(folder / "tokenizer.json")
    return config.get("tokenizer_class") in ("BertTokenizer", "BertTokenizerFast") and {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
        "strip_accents": config.get("strip_accents"),
        "lowercase": config.get("do_lower_case", True),
    } == cut.get("normalizer")


def pooled(config: Mapping[str, Any]) -> list[str]:
    """How the vectors of tokens become one; older files have a switch for each way."""
    if "pooling_mode" in config:
        ways = config["pooling_mode"]
        return [ways] if isinstance(ways, str) else list(ways)
    switches = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
    return [name.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
            for name in switches]  # fmt: skip


def tensors(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file, mapped: what is not used is not read."""
    header, start = _header(path)
    data = np.memmap(path, np.uint8, "r", offset=start)
    return {
        name: data[first:last].view(_KINDS[kind]).reshape(shape)
        for name, (kind, shape, first, last) in header.items()
    }


def _header(path: Path) -> tuple[dict[str, tuple[str, list[int], int, int]], int]:
    """What tensors a safetensors file says it has, and where they begin; none if it is damaged."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            listed = json.loads(file.read(size)) if size <= path.stat().st_size else {}
        listed.pop("__metadata__", None)
        return {
            name: (each["dtype"], each["shape"], *each["data_offsets"])
            for name, each in listed.items()
        }, 8 + size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, 0


def read_json(path: Path) -> Any:  # noqa: ANN401 (whatever it holds)
    """What a file of the model says; nothing where it says nothing."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}


_FEW = 4_000  # tokens that take less time here than torch takes to be imported


class Bert:
    """The model in a folder that `is_plain`. The vectors are as it gives them, of any length."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        config, pooling = (
            read_json(folder / "config.json"),
            read_json(folder / "1_Pooling/config.json"),
        )
        self._prompts = read_json(folder / "config_sentence_transformers.json").get("prompts") or {}
        self.max_tokens = int(read_json(folder / "sentence_bert_config.json")["max_seq_length"])
        self.weights = tensors(folder / "model.safetensors")
        self.layers = int(config["num_hidden_layers"])
        self.heads = int(config["num_attention_heads"])
        self.epsilon = float(config.get("layer_norm_eps", 1e-12))
        self.is_mean = pooled(pooling) == ["mean"]

    def query(self, text: str) -> Floats:
        """The vector of a question."""
        with one_thread():
            return self._embed(self._ids("query", [text])[0])

    def documents(self, texts: Sequence[str]) -> Sequence[Floats]:
        """The vector of each text."""
        ids = self._ids("document", texts)
        if sum(map(len, ids)) > _FEW:
            return self._many.embed(ids)
        with one_thread():
            return [self._embed(each) for each in ids]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, without the special ones, however many there are."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in found]

    def _ids(self, kind: str, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, as many as the model reads, the special ones around them."""
        prompt = self._prompts.get(kind) or ""
        found = self._tokenizer.encode_batch_fast([prompt + text for text in texts])
        most = self.max_tokens
        return [
            each.ids if len(each) <= most else [*each.ids[: most - 1], each.ids[-1]]
            for each in found
        ]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_truncation()  # what is saved cuts at 128 tokens, and fills up to them
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _many(self) -> "Many":
        from assistant.embed.bulk import Many

        return Many(self)

    def _embed(self, ids: Sequence[int]) -> Floats:
        """Devlin et al. 2019: the vectors of the tokens, of which one is made."""
        table = "embeddings.{}_embeddings.weight".format
        words = self.weights[table("word")][ids] + self.weights[table("position")][: len(ids)]
        tokens = self._normed("embeddings.", words + self.weights[table("token_type")][0])
        for number in range(self.layers):
            layer = f"encoder.layer.{number}."
            mixed = self._dense(f"{layer}attention.output.", self._attended(layer, tokens))
            tokens = self._normed(f"{layer}attention.output.", tokens + mixed)
            wide = _gelu(self._dense(f"{layer}intermediate.", tokens))
            tokens = self._normed(f"{layer}output.", tokens + self._dense(f"{layer}output.", wide))
        vector: Floats = tokens.mean(axis=0) if self.is_mean else tokens[0]
        return vector

    def _attended(self, layer: str, tokens: Floats) -> Floats:
        """What each token takes from the others, shape (tokens, size)."""
        query, key, value = (
            self._dense(f"{layer}attention.self.", tokens, name)
            .reshape(len(tokens), self.heads, -1)
            .swapaxes(0, 1)
            for name in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / np.sqrt(np.float32(query.shape[-1]))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed: Floats = (shares @ value).swapaxes(0, 1).reshape(tokens.shape)
        return mixed

    def _dense(self, place: str, tokens: Floats, name: str = "dense") -> Floats:
        weights = self.weights
        return tokens @ weights[f"{place}{name}.weight"].T + weights[f"{place}{name}.bias"]

    def _normed(self, place: str, tokens: Floats) -> Floats:
        """Each token with mean 0 and variance 1, then scaled and moved."""
        centred = tokens - tokens.mean(axis=-1, keepdims=True)
        centred /= np.sqrt((centred**2).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        scaled: Floats = centred * self.weights[f"{place}LayerNorm.weight"]
        return scaled + self.weights[f"{place}LayerNorm.bias"]


def _gelu(values: Floats) -> Floats:
    """0.5 x (1 + erf(x / √2)). NumPy has no erf: Abramowitz and Stegun 7.1.26, to 2e-7."""
    far = np.abs(values) * np.float32(0.5**0.5)
    part = 1 / (1 + np.float32(0.3275911) * far)
    series = np.full_like(part, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * part + np.float32(factor)
    erf = 1 - series * part * np.exp(-far * far)
    grown: Floats = values * np.float32(0.5) * (1 + np.copysign(erf, values))
    return grown
