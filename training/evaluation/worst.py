"""The rows a model is most surprised by: where to look for wrong labels and for what it has not learnt.

for error in worst_errors(scores, chosen, truth): print(rows[error.row].text, error.loss)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xundan.models.thresholds import Chosen, Scores

MOST = 50
_SMALLEST = 1e-6


@dataclass(frozen=True)
class WorstError:
    """A row (by its place) where label and model differ, and its loss in nats."""

    row: int
    loss: float


def worst_errors(scores: Scores, chosen: Chosen, truth: Scores, most: int = MOST) -> tuple[WorstError, ...]:
    """The rows whose chosen leaves are not the labelled ones, largest binary cross-entropy (summed over the
    leaves) first; scores, chosen and truth [rows, leaves]."""
    sure = np.clip(scores.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    losses = -(truth * np.log(sure) + (1 - truth) * np.log1p(-sure)).sum(axis=1)
    differ = np.flatnonzero((chosen != truth.astype(bool)).any(axis=1))
    order = differ[np.argsort(-losses[differ], kind="stable")][:most]
    return tuple(WorstError(int(row), float(losses[row])) for row in order)
