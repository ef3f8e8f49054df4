"""Whether a multilingual embedding model makes the retrieval half work in another language.

    python -m research.benchmarks.languages SET_FOLDER [--most 300]

The set's language is one that neither the embedding model that comes along nor the reader knows.
The other model is made on the spot, small: subwords of the set's own texts, each with a random
vector weighed by its rarity, so that texts with words in common are near. A real multilingual
model does better; this one shows that the way is open.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np

from assistant.assistant import Assistant
from assistant.embed import SentenceTransformerEmbeddings
from assistant.evaluate import evaluate
from assistant.settings import Settings
from research.benchmarks.sets import read_lines, write_home

_SUBWORDS = 8_000
_DIMENSIONS = 256


def make_embedder(texts: Sequence[str], folder: Path) -> None:
    """Save a sentence-transformers model that knows the words of these texts."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=_SUBWORDS, special_tokens=["[UNK]"], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    counts = Counter(
        token for encoding in tokenizer.encode_batch(list(texts)) for token in set(encoding.ids)
    )
    size = tokenizer.get_vocab_size()
    vectors = np.zeros((size, _DIMENSIONS), np.float32)
    # A subword that stands in no text, only within longer ones, says nothing of any: it stays 0.
    for token, count in counts.items():
        # By the word, for trainers number the words of one vocabulary differently in each run.
        random = np.random.default_rng(crc32(str(tokenizer.id_to_token(token)).encode()))
        vectors[token] = random.normal(size=_DIMENSIONS) * log(1 + len(texts) / (1 + count))
    module = StaticEmbedding(tokenizer, embedding_weights=vectors)
    SentenceTransformer(modules=[module]).save(str(folder))


def main() -> None:
    """Print the product's own table with each embedding model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path)
    parser.add_argument("--most", type=int, default=300)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        made = Path(place) / "made"
        texts = [
            f"{text['title']} {text['text']}" for text in read_lines(options.set / "corpus.jsonl")
        ]
        make_embedder(texts, made)
        for name, model in (
            ("the model that comes along", ""),
            ("a model of its words", str(made)),
        ):
            home = Path(place) / f"home-{bool(model)}"
            questions = write_home(options.set, home, options.most)
            assistant = Assistant(
                settings=Settings(home=home, embedder=model, passages=5),
                embedder=SentenceTransformerEmbeddings(model),
            )
            assistant.sync()
            first = [
                max(hits, key=lambda hit: hit.dense).passage.source == question.source
                for question in questions
                for hits in [assistant.find(question.question, 5)]
            ]
            print(f"\n{name}: right passage first by cosine {np.mean(first):.3f} ({len(first)})")
            print(evaluate(assistant, questions))


if __name__ == "__main__":
    main()
