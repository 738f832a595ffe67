"""The network that scores the leaves of a message: an encoder, five pools, one linear layer, and words.

net = Classifier(TextEncoder.from_folder(folder), leaves=71)
logits = net(ids, segments, mask)              # [messages, leaves]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from xundan.models.encoder import TextEncoder
from xundan.models.wide import Wide


class Classifier(nn.Module):
    """Multi-label scores from the message's own tokens, read in the light of the previous turns.

    Pools over the message segment only: the context has already spoken through attention, and pooling it too
    costs accuracy. The mean and maximum of the embeddings below the transformer keep the plain words
    beside their reading in context. ``wide`` is learnt on its own and silent while the rest
    learns: two models that err apart, not one that leans on the other.
    """

    def __init__(
        self, encoder: TextEncoder, leaves: int, dropout: float = 0.3, wide: Wide | None = None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.wide = wide
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(5 * encoder.width, leaves)

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor) -> Tensor:
        """ids, segments, mask [rows, tokens] int64 -> logits [rows, leaves]."""
        embedded = self.encoder.embed(ids)
        hidden = self.encoder.read(embedded, segments, mask)
        own = ((segments == 0) & (mask == 1)).unsqueeze(-1)
        pools = [hidden[:, 0], *mean_max(hidden, own), *mean_max(embedded, own)]
        logits: Tensor = self.head(self.dropout(torch.cat([pool.float() for pool in pools], dim=-1)))
        return logits if self.wide is None or self.training else logits + self.wide(ids, own)


def mean_max(values: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and maximum [rows, width] of the values [rows, tokens, width] where keep [rows, tokens, 1]."""
    mean = (values * keep).sum(1) / keep.sum(1).clamp(min=1)
    return mean, values.masked_fill(~keep, -1e4).max(1).values
