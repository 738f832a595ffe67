"""Whether a score of 0.8 means right in eight of ten: over all leaves, and for each message's first leaf.

found = calibration_of(scores, chosen, truth, rows)
print(found.first_leaf.error, found.first_leaf.bins[-1])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xundan.models.confidence import first_leaf
from xundan.models.thresholds import Chosen, Scores
from xundan.training.calibrate import Bin, expected_calibration_error, reliability
from xundan.training.evaluation.figures import resample
from xundan.training.evaluation.intervals import Interval, spread
from xundan.training.labels import LabelledMessage

DRAWS = 200
FEWEST_BINS, MOST_BINS, ROWS_A_BIN = 2, 15, 20

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Reliability:
    """The expected calibration error of ``n`` scores, and the bins it was counted from."""

    error: Interval
    n: int
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class CalibrationFigures:
    """Of every score [rows, leaves], most of which are near 0, and of each message's highest chosen leaf."""

    all_leaves: Reliability
    first_leaf: Reliability


def calibration_of(
    scores: Scores, chosen: Chosen, truth: Scores, rows: Sequence[LabelledMessage], seed: int = 0
) -> CalibrationFigures:
    """Measure scores against truth, all [rows, leaves]; intervals by resampling sessions."""
    samples = session_samples(rows, seed)
    at = np.arange(len(rows)), first_leaf(scores, chosen)
    return CalibrationFigures(
        _reliability(scores, truth, samples), _reliability(scores[at], truth[at], samples)
    )


def bins_for(size: int) -> int:
    """How many bins ``size`` scores are put in: fewer scores, fewer bins, since with two scores in a bin the
    error would measure chance."""
    return int(np.clip(size // ROWS_A_BIN, FEWEST_BINS, MOST_BINS))


def session_samples(rows: Sequence[LabelledMessage], seed: int = 0) -> list[Rows]:
    """The rows of `DRAWS` bootstrap samples of whole sessions: of each, their indices, repeated as drawn."""
    return [np.repeat(np.arange(len(rows)), times.astype(np.intp)) for times in resample(rows, seed, DRAWS)]


def _reliability(scores: Scores, truth: Scores, samples: Sequence[Rows]) -> Reliability:
    bins = bins_for(scores.size)
    draws = np.array([expected_calibration_error(scores[i], truth[i], bins) for i in samples])
    error = spread(expected_calibration_error(scores, truth, bins), draws)
    return Reliability(error, scores.size, tuple(reliability(scores, truth, bins)))
