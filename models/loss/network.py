"""The judge's network: an encoder over the whole session, fused with signals that words cannot show.

net = LossNet(TextEncoder.from_folder(base), signals=553, leaves=41, stages=8)
said = net(ids, segments, mask, signals)       # leaf logits, stage logits, evidence logits of tokens

A leaf's logit is a sum: what the text says, plus a weight for each signal; so each signal's part in a
judgement can be shown.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from xundan.models.classifier import mean_max
from xundan.models.encoder import TextEncoder


class Said(NamedTuple):
    """Logits: ``leaves`` [sessions, leaves], ``stages`` [sessions, stages], ``evidence`` [sessions, tokens]:
    how much a token belongs to what proves the reason."""

    leaves: Tensor
    stages: Tensor
    evidence: Tensor


class LossNet(nn.Module):
    """Pools the end of the talk (segment 0) and the whole of it, hidden and embedded; ``centre`` and
    ``spread`` [signals] standardise the signals."""

    centre: Tensor
    spread: Tensor

    def __init__(
        self, encoder: TextEncoder, signals: int, leaves: int, stages: int, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        width = 9 * encoder.width
        self.text = nn.Linear(width, leaves)
        self.facts = nn.Linear(signals, leaves, bias=False)
        self.stage = nn.Linear(width, stages)
        self.evidence = nn.Linear(encoder.width, 1)
        nn.init.zeros_(self.facts.weight)
        self.register_buffer("centre", torch.zeros(signals))
        self.register_buffer("spread", torch.ones(signals))

    def forward(self, ids: Tensor, segments: Tensor, mask: Tensor, signals: Tensor) -> Said:
        """ids, segments, mask [sessions, tokens] int64, signals [sessions, signals] -> logits."""
        embedded = self.encoder.embed(ids)
        hidden = self.encoder.read(embedded, segments, mask)
        whole = (mask == 1).unsqueeze(-1)
        end = ((segments == 0) & (mask == 1)).unsqueeze(-1)
        pools = [hidden[:, 0]]
        for values in (hidden, embedded):
            pools += [*mean_max(values, end), *mean_max(values, whole)]
        text = self.dropout(torch.cat([pool.float() for pool in pools], dim=-1))
        known = self.dropout((signals - self.centre) / self.spread)
        return Said(
            self.text(text) + self.facts(known), self.stage(text), self.evidence(hidden.float()).squeeze(-1)
        )
