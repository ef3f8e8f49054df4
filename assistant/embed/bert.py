"""A BERT that embeds texts, read from its own files: torch and transformers stay out.

To import these takes seconds, to embed a question milliseconds. So the weights are mapped from
their safetensors file, the tokenizers library cuts the words, and NumPy does the rest. Many texts
at once are worth torch (`many.py`). Read so is only a model of which sentence-transformers would
give the same vectors (`is_plain`).
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from assistant.embed.files import Floats, pooled, read_json, tensors
from assistant.threads import one_thread

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.embed.many import Many

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
        from assistant.embed.many import Many

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
