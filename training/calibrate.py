"""Make scores mean what they say: of all leaves scored 0.8, eight in ten are right.

calibration = fit_calibration(scores, truth)                   # held-out rows
calibrated = apply(calibration, scores)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit
from statsmodels.stats.proportion import proportion_confint

from xundan.errors import BadInput
from xundan.models.thresholds import Scores

SMALLEST = 1e-6
"""Scores nearer to 0 or 1 than this are taken as this: a logit must be finite."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """logit' = slope * logit + offsets[leaf]; slope below 1: the scores were too sure of themselves."""

    slope: float
    offsets: tuple[float, ...]


@dataclass(frozen=True)
class Bin:
    """The scores between ``low`` and ``high``: their mean, and the share that is right with its 95 % bounds
    (Wilson 1927)."""

    low: float
    high: float
    mean_score: float
    share: float
    share_low: float
    share_high: float
    n: int


def fit_calibration(scores: Scores, truth: Scores) -> Calibration:
    """The most likely slope and offsets for held-out scores and truth, both [rows, leaves].

    Platt scaling (Platt 1999) with one slope for all leaves; each offset is drawn to 0 as by one unit of
    variance, so a leaf with few rows stays near where it was. `BadInput` for no rows or unequal shapes.
    """
    _check(scores, truth)
    logits, right = _logits(scores), truth.astype(np.float64)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        slope, offsets = parameters[0], parameters[1:]
        moved = slope * logits + offsets
        off = expit(moved) - right
        value = (np.logaddexp(0, moved) - right * moved).sum() + (offsets**2).sum() / 2
        return float(value), np.concatenate([[(off * logits).sum()], off.sum(axis=0) + offsets])

    start = np.concatenate([[1.0], np.zeros(scores.shape[1])])
    # A slope below zero would turn the ranking round.
    bounds = [(0.01, None), *([(None, None)] * scores.shape[1])]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(found[0]), tuple(float(offset) for offset in found[1:]))


def apply(calibration: Calibration, scores: Scores) -> Scores:
    """Calibrated probabilities [rows, leaves]."""
    moved = calibration.slope * _logits(scores) + np.array(calibration.offsets)
    return np.asarray(expit(moved), dtype=np.float32)


def expected_calibration_error(scores: Scores, truth: Scores, bins: int = 15) -> float:
    """Mean distance between score and share of right ones over equal-width bins, weighted by their size
    (Guo et al. 2017, https://arxiv.org/abs/1706.04599). Any shape; 0 is perfect."""
    parts = reliability(scores, truth, bins)
    return sum(part.n * abs(part.mean_score - part.share) for part in parts) / scores.size


def reliability(scores: Scores, truth: Scores, bins: int = 15) -> list[Bin]:
    """Equal-width bins of scores beside the share of them that is right; a bin without scores is left out.

    Scores and truth of any one shape; `BadInput` for no rows or unequal shapes.
    """
    _check(scores, truth)
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(scores.ravel(), edges) - 1, 0, bins - 1)
    sizes, hits, sums = (
        np.bincount(place, weights, minlength=bins)
        for weights in (None, truth.ravel().astype(np.float64), scores.ravel().astype(np.float64))
    )
    some = np.flatnonzero(sizes)
    low, high = proportion_confint(hits[some], sizes[some], alpha=0.05, method="wilson")
    return [
        Bin(
            float(edges[at]),
            float(edges[at + 1]),
            float(sums[at] / sizes[at]),
            float(hits[at] / sizes[at]),
            float(share_low),
            float(share_high),
            int(sizes[at]),
        )
        for at, share_low, share_high in zip(some, low, high, strict=True)
    ]


def _logits(scores: Scores) -> Floats:
    return np.asarray(logit(np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)), dtype=np.float64)


def _check(scores: Scores, truth: Scores) -> None:
    if scores.shape != truth.shape or not scores.size:
        raise BadInput(
            "scores and truth do not fit together",
            got=f"{scores.shape} and {truth.shape}",
            expected="one shape with at least one row",
        )
