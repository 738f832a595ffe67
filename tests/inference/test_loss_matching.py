"""Matched rates and gaps against figures worked out by hand, and against shops with a known truth.

pytest tests/inference/test_loss_matching.py
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from xundan.inference.loss.evidence import strength_of
from xundan.inference.loss.matching import (
    PRIOR_SESSIONS,
    Gap,
    Members,
    Totals,
    close_matches,
    matched_gap,
    matched_rates,
)
from xundan.inference.loss.population import Flags, Floats, Inquiries, Integers


def people(
    won: Sequence[bool] | Flags, narrow: Sequence[int] | Integers, wide: Integers | None = None
) -> Inquiries:
    """Inquiries whose first four rungs are ``narrow`` and whose last two are ``wide`` (default: one shop)."""
    n = len(won)
    top = np.zeros(n, dtype=np.int64) if wide is None else wide
    fine = np.asarray(narrow, dtype=np.int64)
    return Inquiries(
        session_ids=tuple(f"s{number}" for number in range(n)),
        reason=np.full(n, ""),
        won=np.asarray(won, dtype=bool),
        worth=np.full(n, 100.0),
        price_source=np.full(n, "item"),
        returning=np.zeros(n, dtype=bool),
        person=np.arange(n),
        shop=np.full(n, "甲"),
        band=np.full(n, "morning"),
        strata=np.column_stack([fine, fine, fine, fine, top, top]),
        usable=np.ones((n, 6), dtype=bool),
        behaviour=np.zeros((n, 3), dtype=bool),
        covariates=np.column_stack([np.full(n, 4.0), np.full(n, 10.0), np.ones(n), np.arange(n) % 7.0]),
    )


def rates_of(asked: Inquiries, rows: Sequence[int], weights: Floats | None = None) -> Floats:
    weights = np.ones(asked.n) if weights is None else weights
    members = Members.of(asked.strata, np.asarray(rows))
    totals = Totals.of(asked.strata, asked.won, weights)
    return matched_rates(asked.strata, asked.usable, totals, members, weights)


def test_members_are_left_out_and_thin_strata_lean_on_wider_ones() -> None:
    # Stratum 0: lost member, won, lost. Stratum 1: two won. The shop without the member: 3 of 4.
    asked = people([False, True, False, True, True], [0, 0, 0, 1, 1])
    (rate,) = rates_of(asked, [0])
    expected = 3 / 4
    for _ in range(4):
        expected = (1 + PRIOR_SESSIONS * expected) / (2 + PRIOR_SESSIONS)
    # The kind-of-buyer rung lies between shop and the four narrow ones, and has the shop's own figures.
    between = (3 + PRIOR_SESSIONS * 3 / 4) / (4 + PRIOR_SESSIONS)
    assert between == pytest.approx(3 / 4)
    assert rate == pytest.approx(expected)


def test_a_rung_that_says_nothing_is_passed_over() -> None:
    asked = people([False, True, False, True, True], [0, 0, 0, 1, 1])
    asked.usable[:, :4] = False
    assert rates_of(asked, [0]) == pytest.approx([3 / 4])


def test_weights_count_sessions_more_than_once() -> None:
    asked = people([False, True, False], [0, 0, 0])
    weights = np.array([1.0, 3.0, 1.0])
    assert rates_of(asked, [0], weights) == pytest.approx([3 / 4])


def test_a_shop_without_other_sessions_has_no_rate() -> None:
    asked = people([False, True], [0, 1], np.array([0, 1]))
    assert np.isnan(rates_of(asked, [0])).all()


def test_close_matches_are_ten_others_of_the_same_item() -> None:
    asked = people([False] * 2 + [True] * 10, [0] * 12)
    assert close_matches(asked, Members.of(asked.strata, np.array([0, 1]))) == 2
    assert close_matches(asked, Members.of(asked.strata, np.array([0, 1, 2]))) == 0


def test_the_gap_by_hand() -> None:
    # Stratum 0: with sign 1 of 2 won, without 3 of 4; stratum 1: with 0 of 2, without 1 of 2.
    won = [True, False, True, True, True, False, False, False, True, False]
    sign = np.array([1, 1, 0, 0, 0, 0, 1, 1, 0, 0], dtype=bool)
    gap = matched_gap(people(won, [0] * 6 + [1] * 4), sign)
    assert gap is not None
    weights = np.array([2 * 4 / 6, 2 * 2 / 4])
    assert gap.gap == pytest.approx((weights @ np.array([0.25, 0.5])) / weights.sum())
    assert (gap.n_with, gap.n_without, gap.method, gap.rung) == (4, 6, "matched", "item_week_hour")
    assert gap.low < gap.gap < gap.high


def test_matching_removes_what_strata_explain() -> None:
    # The sign is common where buyers seldom buy anyway; within a stratum it changes nothing.
    random = np.random.default_rng(4)
    stratum = random.integers(0, 5, 4000)
    sign = random.random(4000) < stratum / 6
    won = random.random(4000) < 0.8 - 0.15 * stratum
    naive = won[~sign].mean() - won[sign].mean()
    gap = matched_gap(people(won, stratum), sign)
    assert naive > 0.15
    assert gap is not None
    assert gap.low < 0 < gap.high
    assert gap.balance is not None
    assert gap.balance < 0.1


def test_intervals_of_the_gap_hold_the_truth_as_often_as_they_say() -> None:
    random, held = np.random.default_rng(7), 0
    for _ in range(200):
        stratum = random.integers(0, 120, 600)
        sign = random.random(600) < 0.4
        won = random.random(600) < 0.3 + 0.3 * (stratum % 2) - 0.15 * sign
        gap = matched_gap(people(won, stratum), sign)
        assert gap is not None
        held += gap.low < 0.15 < gap.high
    # 190 of 200 are expected; fewer than 180 or all of them would be a wrong variance.
    assert 180 <= held < 200


def test_without_counterparts_the_gap_is_adjusted_by_regression() -> None:
    random = np.random.default_rng(9)
    sign = random.random(1500) < 0.4
    asked = people(random.random(1500) < np.where(sign, 0.3, 0.5), np.arange(1500))
    gap = matched_gap(asked, sign)
    assert gap is not None
    assert (gap.method, gap.rung, gap.balance) == ("adjusted", "", None)
    assert gap.low < 0.2 < gap.high
    assert gap.high - gap.low < 0.15


def test_a_sign_under_which_nobody_bought_has_an_interval_of_its_own_size() -> None:
    sign = np.arange(400) < 20
    gap = matched_gap(people(~sign & (np.arange(400) % 2 == 0), np.arange(400)), sign)
    assert gap is not None
    # 0 of 20 is compatible with shares up to 0.16 (Wilson), so half less nothing is not known to the percent.
    assert 0.4 < gap.gap < 0.5
    assert gap.high - gap.low > 0.1


def test_nothing_to_compare_gives_no_gap() -> None:
    asked = people([True, False], [0, 0])
    assert matched_gap(asked, np.array([True, True])) is None
    assert matched_gap(asked, np.array([False, False])) is None


@pytest.mark.parametrize(
    ("n_with", "n_without", "low", "method", "balance", "strength"),
    [
        (100, 100, 0.01, "matched", 0.1, "strong"),
        (99, 100, 0.01, "matched", 0.1, "some"),
        (100, 100, 0.01, "matched", 0.11, "some"),
        (900, 900, 0.01, "adjusted", None, "some"),
        (30, 900, 0.01, "matched", 0.0, "some"),
        (29, 900, 0.01, "matched", 0.0, "weak"),
        (900, 900, 0.0, "matched", 0.0, "weak"),
        (900, 900, 0.01, "matched", 0.26, "weak"),
    ],
)
def test_strength_follows_its_rule(
    n_with: int, n_without: int, low: float, method: str, balance: float | None, strength: str
) -> None:
    gap = Gap(n_with, n_without, 0.1, low, 0.2, method, "item" if method == "matched" else "", balance)
    assert strength_of(gap) == strength
