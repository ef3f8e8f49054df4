"""Any other model, as sentence-transformers computes it."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from transformers.utils.logging import disable_progress_bar

from assistant.embed.files import Floats
from assistant.embed.many import has_bfloat16

_UNLIMITED = 512  # what a passage may have for a model that reads any length, as static ones do
_BATCH = 8  # larger batches were slower on every processor tried


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
            self._model.encode_document(list(texts), batch_size=_BATCH, show_progress_bar=False)
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
