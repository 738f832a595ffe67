"""What turns scores into answers: calibration, thresholds and the cutoff of doubt, from out-of-fold scores.

rules = make_rules(folds.scores, truth)
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


def make_rules(scores: Scores, truth: Scores, precision: float | None = None, risk: float = 0.1) -> Rules:
    """Rules from held-out scores and truth [rows, leaves]; ``precision`` as in `tune`, ``risk`` as in
    `choose_cutoff`."""
    calibration = fit_calibration(scores, truth)
    calibrated = apply(calibration, scores)
    thresholds = choose_thresholds(calibrated, truth, precision)
    chosen = decide(calibrated, thresholds)
    sure = confidence(calibrated, chosen, thresholds)
    return Rules(calibration, thresholds, choose_cutoff(sure, wrong_first(calibrated, chosen, truth), risk))


@dataclass(frozen=True)
class CrossFitted:
    """Calibrated scores and chosen leaves [rows, leaves]; ``margin`` [rows]: confidence minus its cutoff."""

    scores: Scores
    chosen: Chosen
    margin: Scores


def cross_fitted(
    scores: Scores,
    truth: Scores,
    folds: npt.NDArray[np.int64],
    precision: float | None = None,
    risk: float = 0.1,
) -> CrossFitted:
    """Answer each fold by rules of the others: what is measured must not be flattered by having chosen them.

    Scores and truth [rows, leaves], folds [rows].
    """
    fitted = CrossFitted(
        np.empty_like(scores), np.zeros(scores.shape, dtype=np.bool_), np.empty(len(scores), dtype=np.float32)
    )
    for fold in np.unique(folds):
        held = folds == fold
        rules = make_rules(scores[~held], truth[~held], precision, risk)
        calibrated = apply(rules.calibration, scores[held])
        chosen = decide(calibrated, rules.thresholds)
        fitted.scores[held], fitted.chosen[held] = calibrated, chosen
        fitted.margin[held] = confidence(calibrated, chosen, rules.thresholds) - rules.cutoff.value
    return fitted


@torch.no_grad()
def fold_in(net: Classifier, calibration: Calibration) -> None:
    """Put the calibration into the linear head, so that the network's scores are calibrated ones."""
    net.head.weight.mul_(calibration.slope)
    net.head.bias.mul_(calibration.slope).add_(torch.tensor(calibration.offsets))
