"""Many texts at once: the same network on torch, in bfloat16 where the processor has it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from assistant.embed.bert import Bert
    from assistant.embed.files import Floats

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
