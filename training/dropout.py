"""Dropout whose masks are cut from a pool drawn once: on a CPU, drawing them anew is a third of training.

encoder.dropout = PooledDropout(0.1)
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor, nn

POOL = 1 << 22
"""Values in the pool; an input of more draws its own mask."""


class PooledDropout(nn.Module):
    """Dropout (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html): in training each
    value is set to 0 with probability ``share`` and else divided by 1 - ``share``.

    Each call cuts its mask from the pool at a random place, which follows `torch.manual_seed`; the masks of
    two calls may share values.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        """A tensor of any shape -> one of the same shape."""
        if not self.training or not self.share:
            return values
        if values.numel() > POOL:
            return nn.functional.dropout(values, self.share)
        start = int(torch.randint(POOL - values.numel() + 1, ()))
        pool = _pool(self.share, values.dtype, values.device)
        return values * pool[start : start + values.numel()].view(values.shape)


@cache
def _pool(share: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The same in every process, so that a resumed run cuts the same masks."""
    kept = torch.rand(POOL, generator=torch.Generator().manual_seed(0)) >= share
    return (kept / (1 - share)).to(dtype=dtype, device=device)
