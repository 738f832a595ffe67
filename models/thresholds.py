"""From scores to leaves: every leaf above its own threshold, and at least one leaf a message.

thresholds = tune(scores, truth)
chosen = decide(scores, thresholds)            # [messages, leaves] bool
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]
Chosen = npt.NDArray[np.bool_]

SHRINK = 12.0
"""Positives' worth of trust in the common threshold before a leaf's own is believed."""


def decide(scores: Scores, thresholds: Scores) -> Chosen:
    """Leaves at or above their thresholds; where none is, the one nearest to its own."""
    chosen = scores >= thresholds
    best = np.argmax(scores / thresholds, axis=1)
    chosen[np.arange(len(scores)), best] |= ~chosen.any(axis=1)
    return chosen


def tune(scores: Scores, truth: Scores, lowest: float = 0.05, highest: float = 0.9) -> Scores:
    """Thresholds per leaf for F1 on held-out rows, shrunk to the best common one where positives are few.

    Scores and truth [rows, leaves]; returns [leaves]. A rare leaf's own best threshold is mostly noise
    (Lipton et al. 2014, https://arxiv.org/abs/1402.1892), hence the shrinkage.
    """
    grid = np.linspace(lowest, highest, 35, dtype=np.float32)
    common = max(grid, key=lambda t: _f1(decide(scores, np.full(scores.shape[1], t, np.float32)), truth))
    tuned = np.full(scores.shape[1], common, dtype=np.float32)
    for leaf in range(scores.shape[1]):
        positives = truth[:, leaf].sum()
        own = max(grid, key=lambda t: _f1(scores[:, leaf] >= t, truth[:, leaf]))
        weight = positives / (positives + SHRINK)
        tuned[leaf] = weight * own + (1 - weight) * common
    return tuned


def _f1(chosen: Chosen, truth: Scores) -> float:
    hits = float((chosen * truth).sum())
    return 2 * hits / max(1.0, float(chosen.sum() + truth.sum()))
