"""Rules come from held-out scores; what is measured with them is not flattered; the head takes them in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from xundan.models.classifier import Classifier
from xundan.models.thresholds import Scores, micro_f1
from xundan.training.calibrate import Calibration, apply
from xundan.training.rules import cross_fitted, fold_in, make_rules


def noise(rows: int, leaves: int, seed: int) -> tuple[Scores, Scores]:
    """Scores that know nothing of the truth."""
    draw = np.random.default_rng(seed)
    scores = draw.random((rows, leaves)).astype(np.float32)
    return scores, (draw.random((rows, leaves)) < 0.1).astype(np.float32)


def test_thresholds_tuned_on_noise_do_not_look_better_than_they_are() -> None:
    gained = []
    for seed in range(20):
        scores, truth = noise(120, 8, seed)
        folds = np.arange(120) % 3
        rules = make_rules(scores, truth, folds)
        flattered = apply(rules.calibration, scores) >= rules.thresholds
        honest = cross_fitted(scores, truth, folds).chosen
        gained.append(micro_f1(flattered, truth) - micro_f1(honest, truth))
    assert np.mean(gained) > 0.01


def test_every_row_is_answered_and_sure_scores_leave_little_doubt() -> None:
    draw = np.random.default_rng(1)
    folds = np.arange(900) % 3
    truth = np.eye(4, dtype=np.float32)[draw.integers(0, 4, 900)]
    scores = np.clip(truth * 0.8 + draw.normal(0.1, 0.08, truth.shape), 0.01, 0.99).astype(np.float32)
    fitted = cross_fitted(scores, truth, folds)
    assert fitted.chosen.any(axis=1).all()
    assert (fitted.margin(truth, folds, 0.1) >= 0).mean() > 0.9
    scores, truth = noise(900, 4, 2)
    nothing = cross_fitted(scores, truth, folds).margin(truth, folds, 0.1)
    assert (nothing < 0).mean() > 0.9, "scores that know nothing promise nothing"


class _Encoder(nn.Module):
    width = 2


def test_the_calibration_moves_into_the_head() -> None:
    net = Classifier(_Encoder(), leaves=3, dropout=0.0)  # type: ignore[arg-type]
    pooled = torch.randn(5, 10)
    before = torch.sigmoid(net.head(pooled)).detach().numpy()
    calibration = Calibration(0.5, (0.1, -0.2, 0.3))
    fold_in(net, calibration)
    after = torch.sigmoid(net.head(pooled)).detach().numpy()
    assert after == pytest.approx(apply(calibration, before), abs=1e-5)
