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

from xundan.models.ngrams import NgramHash


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

    def __init__(self, config: WideConfig, vocabulary: int, leaves: int) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.rows, leaves)
        self.frequency = nn.Parameter(torch.ones(config.rows))
        self.bias = nn.Parameter(torch.zeros(leaves))
        nn.init.zeros_(self.table.weight)
        self.requires_grad_(False)
        self.hash = NgramHash(config.bigrams, config.trigrams, vocabulary)

    def rows_of(self, ids: Tensor) -> Tensor:
        """ids [messages, tokens] -> rows of the table [messages, tokens, 3]: the character, the pair with
        the one before it, the triple with the two before it."""
        padded = nn.functional.pad(ids, (2, 0))
        first, second, third = padded[:, :-2], padded[:, 1:-1], padded[:, 2:]
        sizes = self.config
        pairs = self.hash.pair(second, third)
        triples = self.hash.triple(first, second, third)
        return torch.stack(
            [third % sizes.unigrams, pairs + sizes.unigrams, triples + sizes.unigrams + sizes.bigrams], dim=-1
        )

    def forward(self, ids: Tensor, own: Tensor) -> Tensor:
        """ids [messages, tokens] int64, own [messages, tokens, 1] true for the message itself, which comes
        first -> logits [messages, leaves]."""
        rows = self.rows_of(ids)
        counted = own & _first_time(rows)
        said = (self.table(rows) * counted.unsqueeze(-1)).sum((1, 2))
        weights = (self.frequency[rows].square() * counted).sum((1, 2)).unsqueeze(-1)
        logits: Tensor = said / weights.clamp(min=1e-6).sqrt() + self.bias
        return logits


def _first_time(rows: Tensor) -> Tensor:
    """Where [messages, tokens, 3] an n-gram stands for the first time in its message: said twice is not meant
    twice as much."""
    place = torch.arange(rows.shape[1], device=rows.device)
    earlier = (place.unsqueeze(1) > place.unsqueeze(0)).unsqueeze(-1)
    return ~((rows.unsqueeze(2) == rows.unsqueeze(1)) & earlier).any(2)
