"""What the files of an embedding model say: whether it is one we compute, and its weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
_MODULES = ["Transformer", "Pooling", "Normalize"]  # of sentence-transformers; the last may lack
_KINDS = {"F32": "<f4", "I64": "<i8"}


def is_plain(folder: Path) -> bool:
    """Whether sentence-transformers would give the same vectors for the model in this folder.

    BERT's own network in float32 and BERT's own words, of which the mean or the first is taken.
    """
    config, saved = (
        read_json(folder / "config.json"),
        read_json(folder / "sentence_bert_config.json"),
    )
    modules = [str(each["type"]).split(".")[-1] for each in read_json(folder / "modules.json")]
    pooling = read_json(folder / "1_Pooling/config.json")
    kinds = {name: kind for name, (kind, *_) in _header(folder / "model.safetensors")[0].items()}
    return (
        modules in (_MODULES, _MODULES[:2])
        and (config.get("model_type"), config.get("hidden_act")) == ("bert", "gelu")
        and config.get("position_embedding_type", "absolute") == "absolute"
        and "embeddings.word_embeddings.weight" in kinds
        and set(kinds.values()) <= _KINDS.keys()
        and pooled(pooling) in (["mean"], ["cls"])
        and pooling.get("include_prompt") in (None, True)
        and saved.keys() <= {"max_seq_length", "do_lower_case"}
        and isinstance(saved.get("max_seq_length"), int)
        and not saved.get("do_lower_case")
        and _has_words_of_bert(folder)
    )


def _has_words_of_bert(folder: Path) -> bool:
    """Whether words are cut as transformers does, which believes the one file, not the other."""
    config = read_json(folder / "tokenizer_config.json")
    cut = read_json(folder / "tokenizer.json")
    return config.get("tokenizer_class") in ("BertTokenizer", "BertTokenizerFast") and {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": config.get("tokenize_chinese_chars", True),
        "strip_accents": config.get("strip_accents"),
        "lowercase": config.get("do_lower_case", True),
    } == cut.get("normalizer")


def pooled(config: Mapping[str, Any]) -> list[str]:
    """How the vectors of tokens become one; older files have a switch for each way."""
    if "pooling_mode" in config:
        ways = config["pooling_mode"]
        return [ways] if isinstance(ways, str) else list(ways)
    switches = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
    return [name.removeprefix("pooling_mode_").removesuffix("_tokens").removesuffix("_token")
            for name in switches]  # fmt: skip


def tensors(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file, mapped: what is not used is not read."""
    header, start = _header(path)
    data = np.memmap(path, np.uint8, "r", offset=start)
    return {
        name: data[first:last].view(_KINDS[kind]).reshape(shape)
        for name, (kind, shape, first, last) in header.items()
    }


def _header(path: Path) -> tuple[dict[str, tuple[str, list[int], int, int]], int]:
    """What tensors a safetensors file says it has, and where they begin; none if it is damaged."""
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            listed = json.loads(file.read(size)) if size <= path.stat().st_size else {}
        listed.pop("__metadata__", None)
        return {
            name: (each["dtype"], each["shape"], *each["data_offsets"])
            for name, each in listed.items()
        }, 8 + size
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}, 0


def read_json(path: Path) -> Any:  # noqa: ANN401 (whatever it holds)
    """What a file of the model says; nothing where it says nothing."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
