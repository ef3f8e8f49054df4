"""Many texts at once: the same network on torch, in bfloat16 where the processor has it.

Any other model, as sentence-transformers computes it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn import functional
from transformers.utils.logging import disable_progress_bar

from assistant.embed.bert import Floats

if TYPE_CHECKING:
    from assistant.embed.bert import Bert, Floats

_lock = Lock()  # one at a time: the number of threads is the whole process's
_BATCH = 8  # larger batches were slower on every processor tried


class Many:
    """The weights of a `Bert`, as torch computes with them."""

    def __init__(self, bert: "Bert") -> None:
        self._bert = bert
        kind = torch.bfloat16 if has_bfloat16() else torch.float32
        self._weights = {
            name: torch.tensor(np.asarray(values), dtype=kind)
            for name, values in bert.weights.items()
        }

    def embed(self, texts: Sequence[list[int]]) -> "list[Floats]":
        """One vector for the tokens of each text; those of like length are computed together.

        Each thread computes batches of its own: that is a sixth faster than all of them on one.
        """
        order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        found: dict[int, Floats] = {}
        with _threads() as threads:
            vectors = threads.map(self._batch, ([texts[each] for each in one] for one in batches))
            for places, several in zip(batches, vectors, strict=True):
                found.update(zip(places, several, strict=True))
        return [found[place] for place in range(len(texts))]

    @torch.inference_mode()
    def _batch(self, texts: Sequence[list[int]]) -> "list[Floats]":
        longest = max(map(len, texts))
        ids = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts])
        there = torch.tensor([[place < len(text) for place in range(longest)] for text in texts])
        tokens = self._run(ids, there[:, None, None, :]).float()
        return [
            (vectors[: len(text)].mean(dim=0) if self._bert.is_mean else vectors[0]).numpy()
            for text, vectors in zip(texts, tokens, strict=True)
        ]

    def _run(self, ids: Tensor, there: Tensor) -> Tensor:
        """The vector of each token, shape (texts, tokens, size)."""
        table = "embeddings.{}_embeddings.weight".format
        words = self._weights[table("word")][ids] + self._weights[table("position")][: ids.shape[1]]
        tokens = self._normed("embeddings.", words + self._weights[table("token_type")][0])
        for number in range(self._bert.layers):
            layer = f"encoder.layer.{number}."
            mixed = self._dense(f"{layer}attention.output.", self._attended(layer, tokens, there))
            tokens = self._normed(f"{layer}attention.output.", tokens + mixed)
            wide = functional.gelu(self._dense(f"{layer}intermediate.", tokens))
            tokens = self._normed(f"{layer}output.", tokens + self._dense(f"{layer}output.", wide))
        return tokens

    def _attended(self, layer: str, tokens: Tensor, there: Tensor) -> Tensor:
        query, key, value = (
            self._dense(f"{layer}attention.self.", tokens, name)
            .reshape(*tokens.shape[:2], self._bert.heads, -1)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=there)
        return mixed.transpose(1, 2).flatten(2)

    def _dense(self, place: str, tokens: Tensor, name: str = "dense") -> Tensor:
        weights = self._weights
        return functional.linear(
            tokens, weights[f"{place}{name}.weight"], weights[f"{place}{name}.bias"]
        )

    def _normed(self, place: str, tokens: Tensor) -> Tensor:
        weight = self._weights[f"{place}LayerNorm.weight"]
        bias = self._weights[f"{place}LayerNorm.bias"]
        return functional.layer_norm(tokens, weight.shape, weight, bias, self._bert.epsilon)


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """As many threads as torch has, each of which computes alone."""
    with _lock:
        count = torch.get_num_threads()
        alone = partial(torch.set_num_threads, 1)
        try:
            with ThreadPoolExecutor(count, initializer=alone) as threads:
                yield threads
        finally:
            torch.set_num_threads(count)  # for threads yet to come


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; where it does not, bfloat16 is slow."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


_UNLIMITED = 512  # what a passage may have for a model that reads any length, as static ones do
_BATCH_DUP = 8  # larger batches were slower on every processor tried


class Library:
    """The model in a folder. The vectors are as it gives them, of any length."""

    def __init__(self, folder: Path) -> None:
        disable_progress_bar()  # type: ignore[no-untyped-call]  # it is loaded in a second
        self._model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={
                "use_safetensors": True,
                # Twice as fast where the processor has it, cosine 0.999 to float32.
                "dtype": torch.bfloat16 if has_bfloat16() else torch.float32,
            },
        )

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that the model reads, the special ones included."""
        limit = self._model.max_seq_length
        return int(limit) if limit and isfinite(limit) else _UNLIMITED

    def query(self, text: str) -> Floats:
        """The vector of a question."""
        threads = torch.get_num_threads()
        # One short text gains nothing from a second thread, and waits for a busy neighbour.
        torch.set_num_threads(1)
        try:
            return self._model.encode_query(text, show_progress_bar=False)
        finally:
            torch.set_num_threads(threads)

    def documents(self, texts: Sequence[str]) -> Sequence[Floats]:
        """The vector of each text."""
        return list(
            self._model.encode_document(list(texts), batch_size=_BATCH_DUP, show_progress_bar=False)
        )

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, without the special ones, however many there are."""
        tokenizer = self._model.tokenizer
        if not callable(tokenizer):  # a static model has a bare one, of the tokenizers library
            bare = tokenizer.encode_batch(list(texts), add_special_tokens=False)
            return [len(encoding.ids) for encoding in bare]
        encoded = tokenizer(
            list(texts), add_special_tokens=False, truncation=False, padding=False, verbose=False
        )
        return [len(ids) for ids in encoded["input_ids"]]
