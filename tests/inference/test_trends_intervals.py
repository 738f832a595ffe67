"""Intervals and tests against published tables and the libraries' own one-row functions.

pytest tests/inference/test_trends_intervals.py
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from xundan.inference.trends.changes import ChangeRule, Counts, judge_changes
from xundan.inference.trends.intervals import exact_p, needs_exact, newcombe, score_p, wilson


@pytest.mark.parametrize(
    ("hits", "sessions", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), 857-872, table I, method 3 (score).
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_bounds(hits: int, sessions: int, low: float, high: float) -> None:
    found = wilson([hits], [sessions])
    assert [float(found[0][0]), float(found[1][0])] == pytest.approx([low, high], abs=6e-5)


def test_wilson_of_no_sessions_is_missing_not_zero() -> None:
    low, high = wilson([0, 3], [0, 10])
    assert np.isnan([low[0], high[0]]).all()
    assert 0 < low[1] < 0.3 < high[1] < 1


@pytest.mark.parametrize(
    ("after", "before", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10.
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 10), -0.2775, 0.2775),
    ],
)
def test_newcombe_gives_the_published_bounds(
    after: tuple[int, int], before: tuple[int, int], low: float, high: float
) -> None:
    found = newcombe([after[0]], [after[1]], [before[0]], [before[1]], 0.95)
    assert [float(found[0][0]), float(found[1][0])] == pytest.approx([low, high], abs=6e-5)


def test_newcombe_takes_one_level_for_each_row() -> None:
    low, high = newcombe([30, 30], [100, 100], [60, 60], [400, 400], [0.95, 0.999])
    for row, level in enumerate((0.95, 0.999)):
        expected = confint_proportions_2indep(30, 100, 60, 400, method="newcomb", alpha=1 - level)
        assert [float(low[row]), float(high[row])] == pytest.approx(expected)
    assert low[1] < low[0] < high[0] < high[1]


def test_the_score_test_and_fishers_test_are_those_of_the_libraries() -> None:
    found = score_p([60], [200], [100], [800])
    assert found[0] == pytest.approx(proportions_ztest([60, 100], [200, 800])[1])
    assert exact_p(4, 40, 1, 160) == pytest.approx(fisher_exact([[4, 36], [1, 159]]).pvalue)


def test_few_expected_hits_or_misses_need_the_exact_test() -> None:
    found = needs_exact([60, 18, 390], [200, 400, 400], [100, 21, 1570], [800, 1600, 1600])
    assert found.tolist() == [False, True, True]


def test_equal_shares_have_no_evidence_against_them() -> None:
    assert score_p([0, 10], [50, 100], [0, 40], [200, 400]) == pytest.approx([1.0, 1.0])


def test_a_rare_category_is_judged_by_the_exact_test() -> None:
    # Alone among 100 tests, 17/400 against 21/1600 passes the score test and fails Fisher's.
    quiet = np.full(99, 40.0)
    counts = Counts(
        hits=np.append(quiet, 17.0),
        sessions=np.full(100, 400.0),
        hits_before=np.append(4 * quiet, 21.0),
        sessions_before=np.full(100, 1600.0),
        is_break=np.zeros(100, dtype=bool),
        family=np.full(100, "week"),
    )
    rule = ChangeRule(q=0.02, minimum_effect=0.01)
    assert score_p([17], [400], [21], [1600])[0] * 100 < rule.q
    assert set(judge_changes(counts, rule).verdict) == {"no_change"}
