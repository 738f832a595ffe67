"""The random part: groups drawn with a chance in proportion to their size, each with the weight it has.

places, weights = proportional(frame.sizes, 100, np.random.default_rng(0))
weights.sum() == frame.rows

A group of near-duplicates is drawn once, whatever its size; so that shares stay unbiased, a group of 40
messages has 40 times the chance of a single message, and the task that is drawn stands for
size / chance messages (Horvitz and Thompson 1952, https://doi.org/10.1080/01621459.1952.10483446).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


def proportional(sizes: Whole, n: int, random: np.random.Generator) -> tuple[Whole, Numbers]:
    """Draw ``n`` places (all, where there are fewer), each with a chance in proportion to its size.

    Returns the places drawn, sorted, and their weights: how many of ``sizes.sum()`` each stands for; the
    weights sum up to it exactly. Systematic sampling in random order (W. Madow 1949,
    https://doi.org/10.1214/aoms/1177729988); groups so large that their chance would pass 1 are certain.
    """
    n = min(n, len(sizes))
    if n == 0:
        return np.empty(0, np.int64), np.empty(0)
    certain = _certain(sizes, n)
    rest = random.permutation(np.flatnonzero(~certain))
    left = n - int(certain.sum())
    weights = sizes.astype(np.float64)
    if left:
        step = sizes[rest].sum() / left
        weights[rest] = step  # size / (size / step)
        marks = (random.random() + np.arange(left)) * step
        drawn = np.searchsorted(np.cumsum(sizes[rest]), marks, side="right")
        rest = rest[np.minimum(drawn, len(rest) - 1)]  # the last mark may be rounded up to the sum
    places = np.sort(np.concatenate([np.flatnonzero(certain), rest[:left]]))
    return places, weights[places]


def _certain(sizes: Whole, n: int) -> npt.NDArray[np.bool_]:
    """Which groups are drawn whatever happens: those whose share of what is left reaches one place of it."""
    certain = np.zeros(len(sizes), dtype=np.bool_)
    while True:
        left, total = n - certain.sum(), sizes[~certain].sum()
        more = ~certain & (sizes * left >= total) if left else np.zeros_like(certain)
        if not more.any():
            return certain
        certain |= more
