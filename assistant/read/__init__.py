"""Question and passages → the sentences that answer, the words that do, and how probable it is.

A small extractive question-answering network reads the question together with each passage, and
the best sentences once more, each with the one before it. Its best span in each sentence, its
verdicts and the retrieval score, calibrated, give one probability that the sources answer.
Similarity alone decides nothing: the most similar sentence may be about the right thing and not
say it.

The network that comes along (`assistant/reader/`), and any other in the same form, `model.onnx`
beside `tokenizer.json`, runs on ONNX Runtime, which loads in a tenth of a second; torch stays out.
Any extractive question-answering model of transformers can stand in, by folder or by its name on
the hub. Where the network does not know the language, `similarity` reads instead.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from json import loads
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from assistant.errors import ModelUnavailable
from assistant.models import file_sha256, find_model
from assistant.read.similarity import Embed, Evidence, Frequencies, SimilarityReader
from assistant.text import language
from assistant.types import Hit, Passage, Reading, Span

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Loaded = TypeVar("Loaded")
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]
Run = Callable[[Mapping[str, Integers]], Sequence[Floats]]
"""Token ids, mask and types, shape (batch, tokens) → start and end logits of the same shape, and,
from a reader that has it, the logit that the passage answers, shape (batch,)."""

UNKNOWN = (
    "The reader knows English only. What is shown was found by similarity, which is far less "
    "sure: check it."
)
"""The notice that goes with an answer in a language the reader does not know."""
BUNDLED = Path(__file__).parents[1] / "reader"
VARIABLE = "ASSISTANT_READER"
_REMEDY = f"Install agreement-assistant again, or set {VARIABLE} to another reader."
_QUESTION = 128  # tokens of a question that are read, its last ones: they ask
_BAND = np.triu(np.tril(np.ones((512, 512), dtype=bool), 39))  # an answer has up to 40 tokens
_AGAIN = 4  # sentences read once more; more of them gained nothing


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence, and its best words."""

    hit: Hit
    sentence: Span
    words: Span
    span: float
    """Logit of the words against "no answer here"."""
    answers: float
    """Logit that the passage answers."""
    close: "Candidate | None" = None
    """The same, of the sentence read with little around it, where that was done."""
    wording: Mapping[str, float] = field(default_factory=dict)
    """What the words of question and sentence say, beside the network: `Evidence.of`."""

    @property
    def evidence(self) -> dict[str, float]:
        """What speaks for it, by the names that a calibration weighs."""
        close = self.close or self
        logits = {
            "span": self.span,
            "answers": self.answers,
            "span close": close.span,
            "answers close": close.answers,
        }
        # Logits further out than 12 say no more.
        cut = {name: max(-12.0, min(12.0, logit)) for name, logit in logits.items()}
        return {**cut, **self.wording, "retrieval": self.hit.score, "constant": 1.0}


class Reader:
    """Reads passages; the same question and passages give the same readings.

    `model` names the network (empty: the one that comes along); `embed` gives vectors of length
    1 for texts, and serves where the network does not know the language.
    """

    def __init__(self, model: str, embed: Embed) -> None:
        self._spans = SpanModel(model)
        self._similarity = SimilarityReader(embed)

    def read(
        self,
        question: str,
        hits: Sequence[Hit],
        frequencies: Frequencies,
        size: int,
    ) -> tuple[list[Reading], tuple[str, ...]]:
        """Readings with their probabilities, the likeliest to answer first; and notices.

        That of the first is the probability that it answers; another one's is as much less as it
        is less likely to be the one, if one is, by the weights of the rank.

        `frequencies` gives in how many of all `size` passages each term stands. Raises
        `ModelUnavailable`.
        """
        is_known = language(question) == "en"
        known = [hit for hit in hits if is_known and language(hit.passage.text) == "en"]
        evidence = Evidence(question, frequencies, size)
        if hits and not known:
            return self._similarity.read(question, evidence, hits), (UNKNOWN,)
        rank, weights = (self._spans.calibration[name] for name in ("rank", "probability"))
        ranked = self.ranked(question, known, evidence)
        if not ranked:
            return [], ()
        best = weigh(ranked[0].evidence, rank)
        probable = probability(weigh(ranked[0].evidence, weights))
        readings = []
        for each in ranked:
            odds = math.exp(min(0.0, weigh(each.evidence, rank) - best))
            readings.append(Reading(each.hit.passage, each.sentence, probable * odds, each.words))
        return readings, ()

    def knows(self, word: str) -> bool:
        """Whether the network has a word, in small letters, as one token: it is no misspelling."""
        return self._spans.has_token(word)

    def ranked(self, question: str, hits: Sequence[Hit], evidence: Evidence) -> list[Candidate]:
        """Every sentence of the hits with its best words, the likeliest to answer first."""
        rank = self._spans.calibration["rank"]

        def ordered(candidates: Sequence[Candidate]) -> list[Candidate]:
            return sorted(candidates, key=lambda each: -weigh(each.evidence, rank))

        found = self._candidates(question, hits)
        first = ordered(
            [replace(each, wording=evidence.of(each.hit.passage, each.sentence)) for each in found]
        )
        return [*ordered(self._again(question, first[:_AGAIN])), *first[_AGAIN:]]

    def _again(self, question: str, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The candidates, each also read close: what is said elsewhere lends it nothing."""
        hits = [_close(each) for each in candidates]
        read = {
            (near.hit.passage, near.sentence): near for near in self._candidates(question, hits)
        }
        return [
            replace(each, close=read.get((hit.passage, each.sentence)))
            for each, hit in zip(candidates, hits, strict=True)
        ]

    def _candidates(self, question: str, hits: Sequence[Hit]) -> list[Candidate]:
        """Every sentence of the hits with its best words, in the order of the hits."""
        texts = [hit.passage.embedded for hit in hits]
        best: dict[tuple[int, Span], Candidate] = {}
        for window in self._spans.read(question, texts):
            hit = hits[window.passage]
            moved = window.offsets + hit.passage.end - len(texts[window.passage])
            for candidate in _best_words(hit, window, moved):
                place = (window.passage, candidate.sentence)
                if place not in best or candidate.span > best[place].span:
                    best[place] = candidate
        return list(best.values())


def _close(candidate: Candidate) -> Hit:
    """The sentence and the one before it, which tells whom "they" means, as a passage."""
    passage = candidate.hit.passage
    place = passage.sentences.index(candidate.sentence)
    sentences = passage.sentences[max(0, place - 1) : place + 1]
    start, end = sentences[0].start, sentences[-1].end
    text = passage.text[start - passage.start : end - passage.start]
    return replace(
        candidate.hit,
        passage=replace(passage, start=start, end=end, text=text, sentences=sentences),
    )


def _best_words(hit: Hit, window: "Window", offsets: Integers) -> Iterator[Candidate]:
    """The best words in each sentence that the window covers; offsets count in the document."""
    for sentence in hit.passage.sentences:
        first = int(np.searchsorted(offsets[:, 0], sentence.start))
        last = int(np.searchsorted(offsets[:, 1], sentence.end, side="right"))
        if first >= last:
            continue
        sums = window.start[first:last, None] + window.end[None, first:last]
        sums = np.where(_BAND[: last - first, : last - first], sums, -np.inf)
        start, end = np.unravel_index(int(sums.argmax()), sums.shape)
        words = Span(int(offsets[first + start, 0]), int(offsets[first + end, 1]))
        yield Candidate(hit, sentence, words, float(sums[start, end]), window.answers)


def weigh(evidence: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The logit of the evidence, by these weights."""
    return sum(weight * evidence[name] for name, weight in weights.items())


def probability(logit: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@dataclass(frozen=True, slots=True)
class Window:
    """What the network makes of a passage, or of a stretch of a long one.

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
    """Logit that the passage answers; 0 from a network without such an output."""


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
        """What `calibration.json` says; without it, the span decides, as it is."""
        path = self._folder / "calibration.json"
        plain = {"span": 1.0}
        return loads(path.read_bytes()) if path.is_file() else {"rank": plain, "probability": plain}

    def read(self, question: str, passages: Sequence[str]) -> list[Window]:
        """The windows of all passages, in the order of the passages."""
        if len(question.encode()) > _QUESTION:  # else no more tokens than are read
            asked = self._words.encode(question, add_special_tokens=False).offsets[-_QUESTION:]
            question = question[asked[0][0] :] if asked else question
        wholes = [self._pairs.encode(question, passage) for passage in passages]
        return [
            window
            for number, whole in enumerate(wholes)
            for encoding in (whole, *whole.overflowing)
            if (window := self._window(number, encoding))
        ]

    def has_token(self, word: str) -> bool:
        """Whether a word is one token. Raises `ModelUnavailable`."""
        return self._words.token_to_id(word) is not None

    def _window(self, number: int, encoding: "Encoding") -> Window | None:
        """One window by itself: int8 rounds by all that is read at once, padding included."""
        ids, types = np.array([encoding.ids]), np.array([encoding.type_ids])
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        starts, ends, *verdicts = self._run(inputs)
        passage = [place for place, part in enumerate(encoding.sequence_ids) if part == 1]
        if not passage:
            return None
        return Window(
            passage=number,
            offsets=np.array(encoding.offsets, dtype=np.int64)[passage],
            start=starts[0, passage] - starts[0, 0],
            end=ends[0, passage] - ends[0, 0],
            answers=float(verdicts[0][0]) if verdicts else 0.0,
        )

    @cached_property
    def _folder(self) -> Path:
        if not self._named:
            return BUNDLED
        return find_model(self._named, ["*.json", "*.safetensors", "model.onnx"], VARIABLE)

    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        path = str(self._folder / "tokenizer.json")
        tokenizer = self._loaded(lambda: Tokenizer.from_file(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _words(self) -> "Tokenizer":
        """Cuts a question into tokens, however long."""
        return self._tokenizer()

    @cached_property
    def _pairs(self) -> "Tokenizer":
        """Cuts question and passage into windows."""
        tokenizer = self._tokenizer()
        # Of question and passage together; windows of a longer passage share 96.
        tokenizer.enable_truncation(384, stride=96, strategy="only_second")
        return tokenizer

    @cached_property
    def _run(self) -> Run:
        onnx = self._folder / "model.onnx"
        if not onnx.is_file():
            return self._loaded(lambda: _on_torch(self._folder))
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


def _on_onnxruntime(weights: Path) -> Run:
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3
    # Threads that wait for work by counting take it from whoever else needs the processor.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    wanted = {each.name for each in session.get_inputs()}

    return lambda inputs: session.run(None, {name: inputs[name] for name in wanted & inputs.keys()})


def _on_torch(folder: Path) -> Run:
    import torch
    from transformers import AutoModelForQuestionAnswering

    model = AutoModelForQuestionAnswering.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
    )
    # RoBERTa and its kin tell question and passage apart without types.
    has_types = getattr(model.config, "type_vocab_size", 1) > 1
    leave = set() if has_types else {"token_type_ids"}

    def run(inputs: Mapping[str, Integers]) -> Sequence[Floats]:
        with torch.inference_mode():
            given = {name: torch.from_numpy(inputs[name]) for name in inputs.keys() - leave}
            found = model(**given)
        return [found.start_logits.numpy(), found.end_logits.numpy()]

    return run


def central(passages: Sequence[Passage], embed: Embed, count: int) -> list[Reading]:
    """The sentences nearest to the middle of all, at most one of each section, in order.

    Rows, labels and other short ones tell little: they count only where there is nothing else.
    """
    every = [(passage, span) for passage in passages for span in passage.sentences]
    pairs = [pair for pair in every if _is_prose(pair[0].quote(pair[1]))] or every
    if not pairs:
        return []
    vectors = np.asarray(embed([passage.quote(span) for passage, span in pairs]))
    best: dict[tuple[str, str], tuple[Passage, Span]] = {}
    for place in (-(vectors @ vectors.mean(axis=0))).argsort(kind="stable").tolist():
        passage, _ = pairs[place]
        best.setdefault((passage.source, passage.heading), pairs[place])
    chosen = sorted(list(best.values())[:count], key=lambda pair: (pair[0].source, pair[1]))
    return [Reading(passage, span, probability=1.0) for passage, span in chosen]


def _is_prose(quote: str) -> bool:
    """Whether a sentence has at least six words, and is no row of a table and no item of a list."""
    return quote[0] not in "|-*•#<" and len(quote.split()) > 5 and "; " not in quote
