"""The embedding model as we compute it, beside sentence-transformers: how alike, how fast.

    python -m research.benchmarks.encoders SET_FOLDER [--questions 300] [--passages 200]

Real questions and passages of a set, the passages cut as the product cuts them. Vectors are
compared with those of sentence-transformers in float32. Its defaults, batches of 32 in float32,
are what LangChain's `HuggingFaceEmbeddings` takes. Seconds are the best of three, in turn.
"""

import argparse
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from assistant.embed import Bert, SentenceTransformerEmbeddings, _bundled
from assistant.embed.bulk import has_bfloat16
from research.benchmarks.sets import passages_of, read_lines

_TRIES = 3
_LINE = "{:46}{:>10}{:>10}{:>12}{:>12}"


def unit(vectors: Sequence[Any]) -> Any:  # noqa: ANN401 (an array)
    """Vectors of length 1, one in each row."""
    found = np.asarray(vectors, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def compare(count: int, ways: Mapping[str, Callable[[], Sequence[Any]]]) -> None:
    """Print each way's texts a second, and how far its vectors are from the first way's."""
    vectors: dict[str, Any] = {}
    best = dict.fromkeys(ways, (np.inf, np.inf))
    for _ in range(_TRIES):
        for name, embed in ways.items():
            wall, cpu = perf_counter(), process_time()
            vectors[name] = unit(embed())
            spent = perf_counter() - wall, process_time() - cpu
            best[name] = min(best[name][0], spent[0]), min(best[name][1], spent[1])
    expected = vectors[next(iter(ways))]
    for name, found in vectors.items():
        far, cosine = np.abs(found - expected).max(), (found * expected).sum(axis=1).min()
        wall, cpu = (count / seconds for seconds in best[name])
        print(_LINE.format(name, f"{wall:.1f}", f"{cpu:.1f}", f"{far:.1e}", f"{cosine:.6f}"))


def main() -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", type=Path)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--passages", type=int, default=200)
    options = parser.parse_args()
    embedder = SentenceTransformerEmbeddings()
    texts = [
        passage.embedded
        for passage in passages_of(read_lines(options.set / "corpus.jsonl"), embedder)
    ][: options.passages]
    asked = [line["question"] for line in read_lines(options.set / "queries.jsonl")]
    asked = asked[: options.questions]
    ours = Bert(_bundled())
    exact, half = (
        SentenceTransformer(str(_bundled()), device="cpu", model_kwargs={"dtype": kind})
        for kind in (torch.float32, torch.bfloat16)
    )
    kind = "bfloat16" if has_bfloat16() else "no bfloat16"
    print(f"{platform.system()} {platform.machine()} with {kind}, {torch.get_num_threads()} "
          f"threads, load {os.getloadavg()[0]:.1f} before")  # fmt: skip
    for what, count, ways in (
        ("questions, one at a time", len(asked), {
            "sentence-transformers, float32": lambda: [exact.encode_query(q) for q in asked],
            "ours: NumPy": lambda: [ours.query(q) for q in asked],
        }),
        (f"passages of {np.mean(ours.counts(texts)):.0f} tokens", len(texts), {
            "sentence-transformers, float32, 32 at once": lambda: list(exact.encode(texts)),
            "sentence-transformers, bfloat16, 8 at once":
                lambda: list(half.encode(texts, batch_size=8)),
            "ours: torch, bfloat16 where there is": lambda: ours.documents(texts),
            "ours: NumPy": lambda: [ours.documents([text])[0] for text in texts],
        }),
    ):  # fmt: skip
        print(
            f"\n{_LINE.format(f'{count} {what}', 'a second', 'a cpu s', 'furthest', 'least cos')}"
        )
        compare(count, ways)


if __name__ == "__main__":
    main()
