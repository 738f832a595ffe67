"""Calibration: a known distortion is found and undone, rare leaves stay put, bins carry their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from xundan.errors import BadInput
from xundan.models.thresholds import Scores
from xundan.training.calibrate import (
    Calibration,
    apply,
    expected_calibration_error,
    fit_calibration,
    reliability,
)

OFFSETS = (0.8, -0.5, 0.0, 1.5)


def drawn(rows: int, seed: int = 0) -> tuple[Scores, Scores, Scores]:
    """Distorted scores, true probabilities and truth: logit(true) = 0.5 * logit(score) + offset."""
    random = np.random.default_rng(seed)
    true = random.beta(0.6, 1.2, (rows, len(OFFSETS))).clip(1e-4, 1 - 1e-4)
    truth = (random.random(true.shape) < true).astype(np.float32)
    scores = expit((logit(true) - np.array(OFFSETS)) / 0.5)
    return scores.astype(np.float32), true.astype(np.float32), truth


def test_a_known_distortion_is_recovered_and_the_error_falls() -> None:
    scores, true, truth = drawn(8000)
    calibration = fit_calibration(scores, truth)
    assert calibration.slope == pytest.approx(0.5, abs=0.03)
    assert calibration.offsets == pytest.approx(OFFSETS, abs=0.12)
    unseen, _, outcome = drawn(8000, seed=1)
    before = expected_calibration_error(unseen, outcome)
    after = expected_calibration_error(apply(calibration, unseen), outcome)
    assert before > 0.1
    assert after < 0.02
    assert np.abs(apply(calibration, scores) - true).mean() < 0.02


def test_good_scores_stay_as_they_are() -> None:
    _, true, truth = drawn(8000)
    calibration = fit_calibration(true, truth)
    assert calibration.slope == pytest.approx(1, abs=0.05)
    assert calibration.offsets == pytest.approx((0, 0, 0, 0), abs=0.1)


def test_the_order_within_a_leaf_never_changes() -> None:
    scores, _, truth = drawn(500)
    calibrated = apply(fit_calibration(scores, 1 - truth), scores)
    for leaf in range(scores.shape[1]):
        assert (np.diff(calibrated[np.argsort(scores[:, leaf]), leaf]) >= 0).all()


def test_a_leaf_nobody_had_is_moved_little() -> None:
    scores, _, truth = drawn(30)
    scores[:, 2], truth[:, 2] = 0.05, 0
    assert abs(fit_calibration(scores, truth).offsets[2]) < 1.5


def test_scores_of_zero_and_one_stay_finite() -> None:
    scores = np.array([[0, 1], [1, 0]], dtype=np.float32)
    assert np.isfinite(apply(Calibration(1.2, (0.1, -0.1)), scores)).all()
    assert np.isfinite(fit_calibration(scores, scores).slope)


def test_bins_hold_share_mean_interval_and_every_score() -> None:
    scores = np.array([0.02, 0.04, 0.5, 0.5, 1.0], dtype=np.float32)
    truth = np.array([0, 0, 1, 0, 1], dtype=np.float32)
    low, middle, high = reliability(scores, truth, bins=10)
    assert (low.n, middle.n, high.n) == (2, 2, 1)
    assert low.mean_score == pytest.approx(0.03)
    assert (middle.low, middle.high, middle.share) == pytest.approx((0.5, 0.6, 0.5))
    # Wilson's 95 % interval of 1 in 2.
    assert (middle.share_low, middle.share_high) == pytest.approx((0.0945, 0.9055), abs=1e-4)
    assert expected_calibration_error(scores, truth, bins=10) == pytest.approx((2 * 0.03) / 5)


def test_shapes_that_do_not_fit_are_one_clear_error() -> None:
    with pytest.raises(BadInput, match=r"do not fit together; got \(2, 3\) and \(2, 2\); expected one shape"):
        fit_calibration(np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32))
    with pytest.raises(BadInput, match="with at least one row"):
        reliability(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32))
