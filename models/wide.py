"""Linear scores of the words themselves, beside what the encoder makes of them.

wide = Wide(WideConfig(), vocabulary=7000, leaves=71)
logits = wide(ids, own)                        # [messages, leaves]

A linear model of character n-grams is weaker than the encoder but errs elsewhere: their sum beats both
(wide and deep, Cheng et al. 2016, https://arxiv.org/abs/1606.07792). N-grams are hashed (Weinberger et al.
2009, https://arxiv.org/abs/0902.2206) and weighted by inverse document frequency.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class WideConfig:
    """Rows of the hashed table for one, two and three characters (prime sizes spread the hash)."""

    unigrams: int = 8191
    bigrams: int = 32749
    trigrams: int = 32749

    @property
    def rows(self) -> int:
        return self.unigrams + self.bigrams + self.trigrams


class Wide(nn.Module):
    """``table`` [rows, leaves]: what each n-gram says for each leaf, times its frequency weight;
    ``frequency`` [rows]: that weight; ``bias`` [leaves]. A message's sum is divided by the length of its
    vector of weights, so that long messages do not shout."""

    pair_first: Tensor
    triple_first: Tensor
    triple_second: Tensor

    def __init__(self, config: WideConfig, vocabulary: int, leaves: int) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.rows, leaves)
        self.frequency = nn.Parameter(torch.ones(config.rows))
        self.bias = nn.Parameter(torch.zeros(leaves))
        nn.init.zeros_(self.table.weight)
        self.requires_grad_(False)
        ids = torch.arange(vocabulary)
        # Products come reduced, as in the n-gram embeddings: OpenVINO's modulus is exact for small ones only.
        for name, values in (
            ("pair_first", ids * 7919 % config.bigrams),
            ("triple_first", ids * 17533 % config.trigrams),
            ("triple_second", ids * 7919 % config.trigrams),
        ):
            self.register_buffer(name, values, persistent=False)

    def rows_of(self, ids: Tensor) -> Tensor:
        """ids [messages, tokens] -> rows of the table [messages, tokens, 3]: the character, the pair with
        the one before it, the triple with the two before it."""
        padded = nn.functional.pad(ids, (2, 0))
        first, second, third = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
        sizes = self.config
        pairs = (self.pair_first[second] + third) % sizes.bigrams
        triples = (self.triple_first[first] + self.triple_second[second] + third) % sizes.trigrams
        return torch.stack(
            [third % sizes.unigrams, pairs + sizes.unigrams, triples + sizes.unigrams + sizes.bigrams], dim=-1
        )

    def forward(self, ids: Tensor, own: Tensor) -> Tensor:
        """ids [messages, tokens] int64, own [messages, tokens, 1] true for the message itself -> logits
        [messages, leaves]."""
        rows = self.rows_of(ids)
        said = self.table(rows).sum(2) * own
        weights = self.frequency[rows].square().sum(2, keepdim=True) * own
        logits: Tensor = said.sum(1) / weights.sum(1).clamp(min=1e-6).sqrt() + self.bias
        return logits
