"""What turns scores into answers: calibration, thresholds and the cutoff of doubt, from out-of-fold scores.

rules = make_rules(folds.scores, truth, folds.folds)
fitted = cross_fitted(folds.scores, truth, folds.folds)        # each fold judged by the other folds' rules
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from xundan.models.classifier import Classifier
from xundan.models.confidence import confidence
from xundan.models.thresholds import Chosen, Scores, decide
from xundan.training.calibrate import Calibration, apply, fit_calibration
from xundan.training.own_labels import choose_thresholds
from xundan.training.selective import Cutoff, choose_cutoff, wrong_first


@dataclass(frozen=True)
class Rules:
    """``thresholds`` [leaves] and ``cutoff`` hold for calibrated scores."""

    calibration: Calibration
    thresholds: Scores
    cutoff: Cutoff


def make_rules(
    scores: Scores,
    truth: Scores,
    folds: npt.NDArray[np.int64],
    precision: float | None = None,
    risk: float = 0.1,
) -> Rules:
    """Rules from held-out scores and truth [rows, leaves]; ``precision`` as in `tune`, ``risk`` as in
    `choose_cutoff`. The cutoff is chosen on cross-fitted answers, which no rule of their own flatters."""
    calibration, thresholds = _fit(scores, truth, precision)
    fitted = cross_fitted(scores, truth, folds, precision)
    cutoff = choose_cutoff(fitted.confidence, wrong_first(fitted.scores, fitted.chosen, truth), risk)
    return Rules(calibration, thresholds, cutoff)


@dataclass(frozen=True)
class CrossFitted:
    """Calibrated scores and chosen leaves [rows, leaves]; confidence in the first leaf [rows]."""

    scores: Scores
    chosen: Chosen
    confidence: Scores

    def margin(self, truth: Scores, folds: npt.NDArray[np.int64], risk: float) -> Scores:
        """Confidence minus the cutoff that the other folds choose, [rows]: below 0 a row is uncertain."""
        wrong = wrong_first(self.scores, self.chosen, truth)
        margin = np.empty(len(truth), dtype=np.float32)
        for fold in np.unique(folds):
            held = folds == fold
            margin[held] = (
                self.confidence[held] - choose_cutoff(self.confidence[~held], wrong[~held], risk).value
            )
        return margin


def cross_fitted(
    scores: Scores, truth: Scores, folds: npt.NDArray[np.int64], precision: float | None = None
) -> CrossFitted:
    """Answer each fold by calibration and thresholds of the others: what is measured must not be flattered by
    having chosen them. Scores and truth [rows, leaves], folds [rows]."""
    fitted = CrossFitted(
        np.empty_like(scores), np.zeros(scores.shape, dtype=np.bool_), np.empty(len(scores), dtype=np.float32)
    )
    for fold in np.unique(folds):
        held = folds == fold
        calibration, thresholds = _fit(scores[~held], truth[~held], precision)
        calibrated = apply(calibration, scores[held])
        chosen = decide(calibrated, thresholds)
        fitted.scores[held], fitted.chosen[held] = calibrated, chosen
        fitted.confidence[held] = confidence(calibrated, chosen, thresholds)
    return fitted


def _fit(scores: Scores, truth: Scores, precision: float | None) -> tuple[Calibration, Scores]:
    calibration = fit_calibration(scores, truth)
    return calibration, choose_thresholds(apply(calibration, scores), truth, precision)


@torch.no_grad()
def fold_in(net: Classifier, calibration: Calibration) -> None:
    """Put the calibration into the linear head, so that the network's scores are calibrated ones."""
    net.head.weight.mul_(calibration.slope)
    net.head.bias.mul_(calibration.slope).add_(torch.tensor(calibration.offsets))
    if net.wide is not None:
        net.wide.table.weight.mul_(calibration.slope)
        net.wide.bias.mul_(calibration.slope)
