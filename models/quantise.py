"""Keep large embedding tables as one byte a number: a row of int8 and its scale.

rows, scales = to_int8(table)          # [rows, width] int8, [rows, 1] float
small = Int8Embedding(table)           # looks rows up like the nn.Embedding it came from
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def to_int8(table: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric, row by row: [rows, width] -> int8 rows and scales [rows, 1] with table ≈ rows × scales."""
    scales = table.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
    return torch.round(table / scales).to(torch.int8), scales


def from_int8(rows: Tensor, scales: Tensor) -> Tensor:
    """The table back in single precision."""
    return rows.float() * scales.float()


class Int8Embedding(nn.Module):
    """A frozen embedding of a quarter of the size, for a graph that only runs."""

    rows: Tensor
    scales: Tensor

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        rows, scales = to_int8(table.detach())
        self.register_buffer("rows", rows)
        self.register_buffer("scales", scales)

    def forward(self, ids: Tensor) -> Tensor:
        """ids [...] -> [..., width]."""
        return from_int8(self.rows[ids], self.scales[ids])
