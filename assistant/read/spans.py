"""A question and passages → for every token of a passage, how well it starts or ends the answer.

The reader of our own (`assistant/reader/`), and any other in the same form, `model.onnx` beside
`tokenizer.json`, runs on ONNX Runtime, which loads in a tenth of a second; torch stays out. Any
extractive question-answering model of transformers can stand in, by folder or by name on the hub.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from json import loads
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from assistant.errors import ModelUnavailable
from assistant.models import file_sha256, find_model

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Loaded = TypeVar("Loaded")
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Run = Callable[[Mapping[str, Integers]], Sequence[Floats]]
"""Token ids, mask and types, shape (batch, tokens) → start and end logits of the same shape, and,
from a reader that has it, the logit that the passage answers, shape (batch,)."""

BUNDLED = Path(__file__).parents[1] / "reader"
_TOKENS = 384  # of question and passage together; a longer passage is read in windows
_STRIDE = 96  # tokens two windows share
_QUESTION = 128  # tokens of a question that are read, its last ones: they ask
VARIABLE = "ASSISTANT_READER"
_REMEDY = f"Install agreement-assistant again, or set {VARIABLE} to another reader."
_FILES = ["*.json", "*.safetensors", "model.onnx"]


@dataclass(frozen=True, slots=True)
class Window:
    """What the reader makes of a passage, or of a stretch of a long one.

    Logits are differences to those of "no answer here": above 0 is more likely than none.
    """

    passage: int
    """Which of the passages read."""
    offsets: Integers
    """Characters of the passage that each token covers, shape (tokens, 2)."""
    start: Floats
    """Shape (tokens,)."""
    end: Floats
    """Shape (tokens,)."""
    answers: float
    """Logit that the passage answers; 0 from a reader without such an output."""


class SpanModel:
    """An extractive question-answering model, loaded at first use.

    `model` is a folder, a name on the hub, or empty for the one that comes along. Only ONNX and
    safetensors weights are read, and no code of the model's. Raises `ModelUnavailable` at first
    use. Safe to use from several threads.
    """

    def __init__(self, model: str = "") -> None:
        self.name = model or "that comes along"
        self._named = model
        self._lock = RLock()

    @cached_property
    def calibration(self) -> Mapping[str, Any]:
        """What `calibration.json` says of this reader; empty where there is none."""
        path = self._folder / "calibration.json"
        return dict(loads(path.read_bytes())) if path.is_file() else {}

    def read(self, question: str, passages: Sequence[str]) -> list[Window]:
        """The windows of all passages, in the order of the passages."""
        if len(question.encode()) > _QUESTION:  # else no more tokens than are read
            asked = self._words.encode(question, add_special_tokens=False).offsets[-_QUESTION:]
            question = question[asked[0][0] :] if asked else question
        return [
            window
            for number, passage in enumerate(passages)
            for whole in [self._pairs.encode(question, passage)]
            for encoding in (whole, *whole.overflowing)
            for window in self._read(number, encoding)
        ]

    def _read(self, number: int, encoding: "Encoding") -> Iterator[Window]:
        """One window by itself: int8 rounds by all that is read at once, padding included."""
        ids, types = np.array([encoding.ids]), np.array([encoding.type_ids])
        mask = np.ones_like(ids)
        starts, ends, *verdicts = self._run(
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        )
        passage = [i for i, part in enumerate(encoding.sequence_ids) if part == 1]
        if passage:
            yield Window(
                passage=number,
                offsets=np.array(encoding.offsets, dtype=np.int64)[passage],
                start=starts[0, passage] - starts[0, 0],
                end=ends[0, passage] - ends[0, 0],
                answers=float(verdicts[0][0]) if verdicts else 0.0,
            )

    @cached_property
    def _folder(self) -> Path:
        return find_model(self._named, _FILES, VARIABLE) if self._named else BUNDLED

    @cached_property
    def _config(self) -> Mapping[str, Any]:
        path = self._folder / "config.json"
        return dict(loads(path.read_bytes())) if path.is_file() else {}

    @cached_property
    def _words(self) -> "Tokenizer":
        """Cuts a question into tokens, however long."""
        return self._loaded(lambda: _tokenizer(self._folder))

    @cached_property
    def _pairs(self) -> "Tokenizer":
        """Cuts question and passage into windows."""
        tokenizer = self._loaded(lambda: _tokenizer(self._folder))
        tokenizer.enable_truncation(_TOKENS, stride=_STRIDE, strategy="only_second")
        return tokenizer

    @cached_property
    def _run(self) -> Run:
        onnx = self._folder / "model.onnx"
        if not onnx.is_file():
            return self._loaded(lambda: _on_torch(self._folder, dict(self._config)))
        expected = self.calibration.get("sha256")
        if expected and expected != file_sha256(onnx):
            raise ModelUnavailable(self.name, "its weights are not the expected ones", _REMEDY)
        return self._loaded(lambda: _on_onnxruntime(onnx))

    def _loaded(self, load: Callable[[], Loaded]) -> Loaded:
        with self._lock:
            try:
                return load()
            except Exception as error:  # whatever a damaged model makes the libraries raise
                problem = f"it does not load ({error})"
                raise ModelUnavailable(self.name, problem, _REMEDY) from error


def _tokenizer(folder: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _on_onnxruntime(weights: Path) -> Run:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3
    # Threads that wait for work by counting take it from whoever else needs the processor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}

    def run(inputs: Mapping[str, Integers]) -> Sequence[Floats]:
        given = {name: values for name, values in inputs.items() if name in wanted}
        return list(session.run(None, given))

    return run


def _on_torch(folder: Path, config: Mapping[str, Any]) -> Run:
    import torch
    from transformers import AutoModelForQuestionAnswering

    model = AutoModelForQuestionAnswering.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    # RoBERTa and its kin tell question and passage apart without types.
    leave = set() if config.get("type_vocab_size", 1) > 1 else {"token_type_ids"}

    def run(inputs: Mapping[str, Integers]) -> Sequence[Floats]:
        with torch.inference_mode():
            given = {name: torch.from_numpy(inputs[name]) for name in inputs.keys() - leave}
            found = model(**given)
        return [found.start_logits.numpy(), found.end_logits.numpy()]

    return run
