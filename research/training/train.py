"""Train the reader on question sets.

    python -m research.training.train SETS_FOLDER RUN_FOLDER [--stage 1] [--start RUN …] [--seed 0]

A stage's examples are seen once. One core with bfloat16, which is used where the processor has it,
reads 30 a second, without it a third of that: run two at once (`OMP_NUM_THREADS=1`). Writes
`reader.pt` (also every 400 steps, to look at) and `log.jsonl` into RUN_FOLDER. `--start` goes on
from the weights of an earlier run, or the mean of several.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from assistant.embed import SentenceTransformerEmbeddings
from assistant.embed.bulk import has_bfloat16
from research.training.examples import STAGES, Example, Stage, of_pairs, of_set
from research.training.network import SpanReader, average, pretrained

BATCH = 24
HEADS = 5  # the fresh heads learn so much faster than the encoder
WARM_UP = 0.06
ANSWERS_LOSS = 0.5  # weight of the answerability head's loss
_MOST_TOKENS = 256
_POOL = 50  # batches sorted by length together: little padding, still random
_SAVE = 400


@dataclass(frozen=True, slots=True)
class Encoded:
    """An example as tokens. `starts` and `ends` are all right places; [CLS] where none is."""

    tokens: list[int]
    types: list[int]
    starts: list[int]
    ends: list[int]


def encode(examples: Sequence[Example], tokenizer: Tokenizer) -> list[Encoded]:
    """Tokenise; what does not fit, or lost its answer, is left out."""
    pairs = [(example.question, example.context) for example in examples]
    made = []
    for example, encoding in zip(examples, tokenizer.encode_batch(pairs), strict=True):
        starts, ends = _targets(example, encoding)
        if starts and len(encoding.ids) <= _MOST_TOKENS:
            made.append(Encoded(encoding.ids, encoding.type_ids, starts, ends))
    return made


def _targets(example: Example, encoding: Encoding) -> tuple[list[int], list[int]]:
    if not example.spans:
        return [0], [0]
    starts, ends = set(), set()
    for span in example.spans:
        inside = [
            place
            for place, ((start, end), sequence) in enumerate(
                zip(encoding.offsets, encoding.sequence_ids, strict=True)
            )
            if sequence == 1 and start >= span.start and end <= span.end
        ]
        if inside:
            starts |= set(inside if example.loose else inside[:1])
            ends |= set(inside if example.loose else inside[-1:])
    return sorted(starts), sorted(ends)


def batches(encoded: Sequence[Encoded], chance: random.Random) -> Iterator[list[Encoded]]:
    """All examples once, in random order, those of like length together."""
    order = list(encoded)
    chance.shuffle(order)
    for start in range(0, len(order), _POOL * BATCH):
        pool = sorted(order[start : start + _POOL * BATCH], key=lambda each: len(each.tokens))
        cut = [pool[place : place + BATCH] for place in range(0, len(pool), BATCH)]
        chance.shuffle(cut)
        yield from cut


def loss(network: SpanReader, batch: Sequence[Encoded]) -> Tensor:
    """Negative log of the probability of all right starts, all right ends, and the verdict.

    An answer known only by its sentence, or that stands several times, has several right places:
    their probabilities add up (marginal likelihood, Clark and Gardner 2018).
    """
    longest = max(len(each.tokens) for each in batch)
    shape = (len(batch), longest)
    tokens, types, mask = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    allowed, starts, ends = (torch.full(shape, -torch.inf) for _ in range(3))
    for row, each in enumerate(batch):
        size = len(each.tokens)
        tokens[row, :size] = torch.tensor(each.tokens)
        types[row, :size] = torch.tensor(each.types)
        mask[row, :size] = 1
        allowed[row, :size] = torch.where(torch.tensor(each.types) == 1, 0.0, -torch.inf)
        allowed[row, [0, size - 1]] = torch.tensor([0.0, -torch.inf])
        starts[row, each.starts] = 0
        ends[row, each.ends] = 0
    start, end, answers = network(tokens, mask, types)
    spans = sum(
        (logits + allowed).logsumexp(-1) - (logits + right).logsumexp(-1)
        for logits, right in ((start, starts), (end, ends))
    )
    known = torch.tensor([float(each.starts != [0]) for each in batch])
    verdict = binary_cross_entropy_with_logits(answers, known)
    return (torch.as_tensor(spans) / 2).mean() + ANSWERS_LOSS * verdict


def optimizer(network: SpanReader, rate: float) -> torch.optim.AdamW:
    """AdamW; the heads learn faster than the encoder."""
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    heads = [*network.spans.parameters(), *network.answers.parameters()]
    groups = [{"params": encoder, "lr": rate}, {"params": heads, "lr": HEADS * rate}]
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


def train(
    network: SpanReader, encoded: Sequence[Encoded], rate: float, run: Path, seed: int
) -> None:
    """One pass, the rate rising for the first steps, then falling to nothing."""
    torch.set_flush_denormal(True)
    adam = optimizer(network.train(), rate)
    total = sum(1 for _ in batches(encoded, random.Random(seed)))
    warm = max(1, round(total * WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda step: min((step + 1) / warm, (total - step) / max(1, total - warm))
    )
    started, smooth, fast = perf_counter(), 0.0, has_bfloat16()
    with (run / "log.jsonl").open("w", encoding="utf-8") as log:
        for step, batch in enumerate(batches(encoded, random.Random(seed)), 1):
            with torch.autocast("cpu", torch.bfloat16, enabled=fast):
                value = loss(network, batch)
            adam.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            adam.step()
            schedule.step()
            smooth += (value.item() - smooth) / min(step, 50)
            if step % 20 == 0 or step == total:
                line = {"step": step, "of": total, "loss": round(smooth, 4)}
                line |= {"examples_per_second": round(step * BATCH / (perf_counter() - started), 1)}
                print(json.dumps(line), file=log, flush=True)
            if step % _SAVE == 0 or step == total:
                torch.save(network.state_dict(), run / "reader.pt")


def read_examples(sets: Path, stage: Stage, seed: int) -> list[Example]:
    """The examples of all sets."""
    embedder = SentenceTransformerEmbeddings()
    chance = random.Random(seed)
    made = [
        example for name in stage.passes for example in of_set(sets / name, embedder, stage, seed)
    ]
    pairs = of_pairs(sets / "fever_symmetric" / "pairs.jsonl", chance)
    return made + chance.sample(pairs, round(stage.pairs * len(pairs)))


def main() -> None:
    """Train, and say how it goes in RUN_FOLDER/log.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--stage", type=int, default=1, choices=sorted(STAGES))
    parser.add_argument("--start", type=Path, nargs="+", help="the runs whose mean to go on from")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=0, help="examples, to try the recipe; 0: all")
    options = parser.parse_args()
    options.run.mkdir(parents=True, exist_ok=True)
    stage = STAGES[options.stage]
    tokenizer = Tokenizer.from_file(str(pretrained() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    encoded = encode(read_examples(options.sets, stage, options.seed), tokenizer)
    if options.most:
        encoded = random.Random(options.seed).sample(encoded, options.most)
    sizes = [len(each.tokens) for each in encoded]
    answered = sum(each.starts != [0] for each in encoded)
    print(f"{len(encoded)} examples, {answered} answerable, {sum(sizes) / len(sizes):.0f} tokens")
    torch.manual_seed(options.seed)
    network = SpanReader(pretrained())
    if options.start:
        network.load_state_dict(average(options.start))
    train(network, encoded, stage.rate, options.run, options.seed)


if __name__ == "__main__":
    main()
