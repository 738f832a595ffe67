"""Values with intervals: how they are written, and that they stay honest with few rows."""

from __future__ import annotations

import numpy as np
import pytest

from xundan.training.evaluation.intervals import Interval, share, spread


def test_a_value_is_written_with_its_interval_in_any_format() -> None:
    interval = Interval(0.5, 0.25, 0.75)
    assert str(interval) == "0.500 [0.250, 0.750]"
    assert f"{interval:+.1f}" == "+0.5 [+0.2, +0.8]"
    assert f"{interval:.0%}" == "50% [25%, 75%]"


def test_a_share_has_the_wilson_interval_and_its_counts() -> None:
    found = share(8, 10)
    # Wilson by hand: centre (0.8 + 1.9207 / 10) / 1.38414, half width 0.2266
    assert (found.value, found.hits, found.n) == (0.8, 8, 10)
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_all_of_three_is_not_taken_for_certain_and_none_of_none_says_nothing() -> None:
    assert share(3, 3).low < 0.5
    nothing = share(0, 0)
    assert (nothing.value, nothing.low, nothing.high, nothing.n) == (0, 0, 1, 0)


def test_bootstrap_bounds_are_the_quantiles_of_the_draws_around_the_value() -> None:
    draws = np.arange(-500, 501) / 1000
    for value in (0.0, 0.02):  # draws that lie lower than the value are moved up to it
        found = spread(value, draws)
        assert (found.low, found.high) == pytest.approx((value - 0.475, value + 0.475), abs=1e-3)


def test_no_bound_lies_beyond_all_draws() -> None:
    assert spread(0.99, np.linspace(0.95, 1.0, 101)).high == 1.0


def test_draws_that_are_all_alike_have_no_width() -> None:
    assert spread(0.0, np.zeros(100)) == Interval(0, 0, 0)


def test_the_value_is_never_outside_its_interval() -> None:
    found = spread(0.5, np.array([0.5] * 99 + [0.0]))
    assert found.low <= found.value <= found.high
