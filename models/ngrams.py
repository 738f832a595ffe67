"""Rows of hashed tables for the pairs and triples of characters: one hash for all that looks n-grams up.

hash = NgramHash(bigrams=65521, trigrams=32749, vocabulary=7000)
rows = hash.pair(ids[:, :-1], ids[:, 1:])      # [messages, tokens - 1], each below 65521

The hashing trick of Weinberger et al. 2009, https://arxiv.org/abs/0902.2206.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NgramHash(nn.Module):
    """A bigram (a, b) has row ``(7919 a + b) mod bigrams``, a trigram (a, b, c) has row
    ``(17533 a + 7919 b + c) mod trigrams``."""

    pair_first: Tensor
    triple_first: Tensor
    triple_second: Tensor

    def __init__(self, bigrams: int, trigrams: int, vocabulary: int) -> None:
        super().__init__()
        self.bigrams = bigrams
        self.trigrams = trigrams
        # The products are looked up already reduced: OpenVINO takes the modulus in single precision, which is
        # exact only for small numbers.
        ids = torch.arange(vocabulary)
        for name, values in (
            ("pair_first", ids * 7919 % bigrams),
            ("triple_first", ids * 17533 % trigrams),
            ("triple_second", ids * 7919 % trigrams),
        ):
            self.register_buffer(name, values, persistent=False)

    def pair(self, first: Tensor, second: Tensor) -> Tensor:
        """Ids of one shape, int64 -> rows of that shape."""
        return (self.pair_first[first] + second) % self.bigrams

    def triple(self, first: Tensor, second: Tensor, third: Tensor) -> Tensor:
        """Ids of one shape, int64 -> rows of that shape."""
        return (self.triple_first[first] + self.triple_second[second] + third) % self.trigrams
