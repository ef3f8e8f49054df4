"""Many texts at once, and any model that is no plain BERT, by sentence-transformers itself."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import isfinite
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

Floats = npt.NDArray[np.float32]
_BATCH = 8  # larger batches were slower on every processor tried
_lock = Lock()  # one at a time: the number of threads is the whole process's


class SentenceTransformerModel:
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
        return int(limit) if limit and isfinite(limit) else 512  # static models read any length

    def query(self, text: str) -> Floats:
        """The vector of a question."""
        with _lock:
            threads = torch.get_num_threads()
            # One short text gains nothing from a second thread, and waits for a busy neighbour.
            torch.set_num_threads(1)
            try:
                return self._model.encode_query(text, show_progress_bar=False)
            finally:
                torch.set_num_threads(threads)

    def documents(self, texts: Sequence[str]) -> Sequence[Floats]:
        """The vector of each text; those of like length are computed together.

        Each thread computes batches of its own, which took a quarter less processor time than all
        threads on one batch.
        """
        order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
        batches = [order[start : start + _BATCH] for start in range(0, len(order), _BATCH)]
        found: dict[int, Floats] = {}

        def embed(places: Sequence[int]) -> None:
            vectors = self._model.encode_document(
                [texts[place] for place in places], batch_size=_BATCH, show_progress_bar=False
            )
            found.update(zip(places, vectors, strict=True))

        with _lock:
            threads = torch.get_num_threads()
            try:
                # The first batch alone: it sets the tokenizer, which refuses two threads then.
                embed(batches[0])
                with ThreadPoolExecutor(
                    threads, initializer=partial(torch.set_num_threads, 1)
                ) as pool:
                    list(pool.map(embed, batches[1:]))
            finally:
                torch.set_num_threads(threads)  # for threads yet to come
        return [found[place] for place in range(len(texts))]

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


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; where it does not, bfloat16 is slow."""
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))
