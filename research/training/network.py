"""The network: MiniLM with a fresh head for the span's start and end, and one for "no answer"."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModel

from assistant.embed import SentenceTransformerEmbeddings


class SpanReader(nn.Module):
    """Question and passage in one sequence → logits of start, end and "the passage answers".

    The first token, [CLS], is both the null span of Devlin et al. (2019, section 4.3) and what
    the answerability head reads, as in the verifier of Zhang et al. (2021, Retro-Reader).
    """

    def __init__(self, encoder: Path) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(
            encoder,
            add_pooling_layer=False,
            # Dropout costs a third of the time on a CPU; each example is seen three times at most.
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            # Faster than the fused kernels in bfloat16, and the form that the export knows.
            attn_implementation="eager",
        )
        # Half of the weights, already good: they stay, and cost no gradient.
        self.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
        self.spans = nn.Linear(self.encoder.config.hidden_size, 2)
        self.answers = nn.Linear(self.encoder.config.hidden_size, 1)
        for head in (self.spans, self.answers):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs of shape (batch, tokens) → start and end (batch, tokens), answers (batch,).

        Start and end are only for [CLS] and the passage's tokens; the others are masked.
        """
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        start, end = self.spans(hidden).unbind(-1)
        return start, end, self.answers(hidden[:, 0]).squeeze(-1)


def average(runs: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the runs' weights (model soup, Wortsman et al. 2022)."""
    weights = [torch.load(run / "reader.pt", weights_only=True) for run in runs]
    return {name: sum(each[name] for each in weights) / len(weights) for name in weights[0]}


def pretrained() -> Path:
    """The folder of the embedding model's weights, which training starts from."""
    model = SentenceTransformerEmbeddings()
    model.fingerprint  # noqa: B018 (refuses other weights)
    return model._folder
