"""Whether a model is too sure: how far the score of each message's first leaf lies above what is right.

found = lean(scores, chosen, truth, rows)
print(found.low > 0)                                   # too sure, and not by chance
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xundan.models.confidence import first_leaf
from xundan.models.thresholds import Chosen, Scores
from xundan.training.evaluation.figures import resample
from xundan.training.evaluation.intervals import Interval, spread
from xundan.training.labels import LabelledMessage


def lean(
    scores: Scores, chosen: Chosen, truth: Scores, rows: Sequence[LabelledMessage], seed: int = 0
) -> Interval:
    """The mean of score less right (1 or 0) over the first leaves, above 0 for a model that is too sure;
    scores, chosen and truth [rows, leaves], interval by resampling sessions."""
    at = np.arange(len(rows)), first_leaf(scores, chosen)
    gap = scores[at] - truth[at]
    weights = resample(rows, seed)
    return spread(float(gap.mean()), weights @ gap / weights.sum(axis=1))
