"""From scores to leaves: every leaf above its own threshold, and at least one leaf a message.

thresholds = tune(scores, truth)                # or tune(scores, truth, precision=0.9)
chosen = decide(scores, thresholds)            # [messages, leaves] bool
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from xundan.errors import BadInput

Scores = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]

SHRINK = 12.0
"""Positives' worth of trust in the common threshold before a leaf's own is believed."""
_HIGHEST = 0.99


def decide(scores: Scores, thresholds: Scores) -> Chosen:
    """Leaves at or above their thresholds; where none is, the one nearest to its own."""
    chosen = scores >= thresholds
    best = np.argmax(scores / thresholds, axis=1)
    chosen[np.arange(len(scores)), best] |= ~chosen.any(axis=1)
    return chosen


def tune(scores: Scores, truth: Scores, precision: float | None = None) -> Scores:
    """Thresholds [leaves] from held-out scores and truth [rows, leaves], steadied where positives are few.

    Without ``precision``: best F1, shrunk to the best common threshold, since a rare leaf's own best is
    mostly noise (Lipton et al. 2014, https://arxiv.org/abs/1402.1892). With it: the lowest threshold above
    which that share of a leaf's rows is right, by the lower 90 % bound of a Beta whose prior is the pooled
    precision of all leaves worth `SHRINK` rows; the highest threshold where none suffices. A message that
    reaches no threshold still gets its nearest leaf. `BadInput` unless ``precision`` is between 0 and 1.
    """
    return _for_f1(scores, truth) if precision is None else _for_precision(scores, truth, precision)


def _for_f1(scores: Scores, truth: Scores) -> Scores:
    grid = np.linspace(0.05, 0.9, 35, dtype=np.float32)
    common = max(grid, key=lambda t: micro_f1(decide(scores, np.full(scores.shape[1], t, np.float32)), truth))
    tuned = np.full(scores.shape[1], common, dtype=np.float32)
    for leaf in range(scores.shape[1]):
        positives = truth[:, leaf].sum()
        own = max(grid, key=lambda t: micro_f1(scores[:, leaf] >= t, truth[:, leaf]))
        weight = positives / (positives + SHRINK)
        tuned[leaf] = weight * own + (1 - weight) * common
    return tuned


def _for_precision(scores: Scores, truth: Scores, precision: float) -> Scores:
    if not 0 < precision < 1:
        raise BadInput("precision out of range", got=precision, expected="between 0 and 1, such as 0.9")
    tuned = np.full(scores.shape[1], _HIGHEST, dtype=np.float32)
    passed, done = np.zeros((2, scores.shape[1]), dtype=np.bool_)
    for threshold in np.round(np.arange(_HIGHEST, 0.04, -0.01), 2).astype(np.float32):
        above = scores >= threshold
        taken, hits = above.sum(axis=0), (above * truth).sum(axis=0)
        # One row counted half keeps the prior inside (0, 1) where all rows or none are right.
        pooled = (hits.sum() + 0.5) / (taken.sum() + 1)
        low = betaincinv(hits + SHRINK * pooled, taken - hits + SHRINK * (1 - pooled), 0.1)
        enough = (low >= precision) & (taken > 0)
        # Once it has passed, a leaf stops at its first failure: further down only luck would pass again.
        passed, done = passed | enough, done | (passed & ~enough)
        tuned[enough & ~done] = threshold
    return tuned


def micro_f1(chosen: Chosen, truth: Scores) -> float:
    """2 × hits / (chosen + true) over all rows and leaves; 0 where nothing is chosen or true."""
    hits = float((chosen * truth).sum())
    return 2 * hits / max(1.0, float(chosen.sum() + truth.sum()))
