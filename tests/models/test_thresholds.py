"""Thresholds for an asked precision: kept on new rows, low where scores are clean, careful where rare."""

from __future__ import annotations

import numpy as np
import pytest

from xundan.errors import BadInput
from xundan.models.thresholds import Scores, tune


def drawn(rows: int, seed: int = 0) -> tuple[Scores, Scores]:
    """Calibrated scores of five leaves, the last of them rare."""
    random = np.random.default_rng(seed)
    scores = random.beta(0.4, 1.6, (rows, 5)).astype(np.float32)
    scores[:, 4] *= random.random(rows) < 0.01
    return scores, (random.random(scores.shape) < scores).astype(np.float32)


@pytest.mark.parametrize("precision", [0.7, 0.9])
def test_the_asked_precision_is_reached_on_new_rows(precision: float) -> None:
    thresholds = tune(*drawn(4000), precision=precision)
    scores, truth = drawn(40_000, seed=1)
    above = scores >= thresholds
    reached = (above * truth)[:, :4].sum(axis=0) / above[:, :4].sum(axis=0)
    assert (reached >= precision - 0.03).all()
    assert thresholds.dtype == np.float32


def test_more_precision_means_higher_thresholds_and_no_more_than_needed() -> None:
    low, high = (tune(*drawn(4000), precision=asked) for asked in (0.7, 0.9))
    assert (low[:4] < high[:4]).all()
    # Of these calibrated scores from 0.55 on, seven in ten are right.
    assert (low[:4] < 0.65).all()


def test_a_leaf_with_few_rows_follows_the_others_not_its_luck() -> None:
    scores, truth = drawn(4000)
    scores[:, 4], truth[:, 4] = 0, 0
    scores[:2, 4], truth[:2, 4] = 0.3, 1
    thresholds = tune(scores, truth, precision=0.7)
    assert thresholds[4] > 0.3


def test_a_leaf_that_never_reaches_it_gets_the_highest_threshold() -> None:
    scores, truth = drawn(4000)
    scores[:, 1], truth[:, 1] = 0.95, 0
    assert tune(scores, truth, precision=0.9)[1] == pytest.approx(0.99)


def test_an_impossible_precision_is_named() -> None:
    with pytest.raises(BadInput, match=r"precision out of range; got 90; expected between 0 and 1"):
        tune(*drawn(50), precision=90)
