"""Intervals and tests for shares of sessions: one share, and the difference between two shares.

low, high = wilson(hits=[12], sessions=[80])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import fisher_exact, norm
from statsmodels.stats.proportion import proportion_confint

Floats = NDArray[np.float64]

# Cochran's five expected hits are enough near p = 0.05; many tests at once are read far in the tail, where
# the score test of 18/400 against 21/1600 (expected 8) says 0.00004 and Fisher's exact test 0.00018.
FEW_EXPECTED = 30.0


def wilson(hits: ArrayLike, sessions: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the lower and upper bound of each share ``hits / sessions`` (both of shape (rows,)).

    Formula: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22 (1927), 209-212. Rows with no session give NaN.
    """
    count, total = _floats(hits), _floats(sessions)
    low, high = np.full(count.shape, np.nan), np.full(count.shape, np.nan)
    some = total > 0
    if some.any():
        low[some], high[some] = proportion_confint(count[some], total[some], 1 - level, method="wilson")
    return low, high


def newcombe(
    hits: ArrayLike, sessions: ArrayLike, hits_before: ArrayLike, sessions_before: ArrayLike, level: ArrayLike
) -> tuple[Floats, Floats]:
    """Return the bounds of ``share - share_before`` for each row; ``level`` is one value or one for each row.

    Formula: R. G. Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17 (1998), 873-890, method 10 (hybrid score, no continuity correction).
    """
    after, low_after, high_after = _score_bounds(hits, sessions, level)
    before, low_before, high_before = _score_bounds(hits_before, sessions_before, level)
    change = after - before
    low = change - np.sqrt((after - low_after) ** 2 + (high_before - before) ** 2)
    high = change + np.sqrt((high_after - after) ** 2 + (before - low_before) ** 2)
    return low, high


def score_z(
    hits: ArrayLike, sessions: ArrayLike, hits_before: ArrayLike, sessions_before: ArrayLike
) -> Floats:
    """Return the signed pooled two-proportion score statistic of each row (0 where nothing differs)."""
    one, n_one, two, n_two = (_floats(part) for part in (hits, sessions, hits_before, sessions_before))
    pooled = (one + two) / (n_one + n_two)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n_one + 1 / n_two))
    difference = one / n_one - two / n_two
    score: Floats = np.divide(difference, spread, out=np.zeros_like(difference), where=spread > 0)
    return score


def score_p(
    hits: ArrayLike, sessions: ArrayLike, hits_before: ArrayLike, sessions_before: ArrayLike
) -> Floats:
    """Return the two-sided p-value of the two-proportion score test of each row."""
    z = score_z(hits, sessions, hits_before, sessions_before)
    return np.asarray(2 * norm.sf(np.abs(z)), dtype=np.float64)


def needs_exact(
    hits: ArrayLike, sessions: ArrayLike, hits_before: ArrayLike, sessions_before: ArrayLike
) -> NDArray[np.bool_]:
    """Return for which rows too few hits or misses are expected to rely on the score test."""
    one, n_one, two, n_two = (_floats(part) for part in (hits, sessions, hits_before, sessions_before))
    pooled = (one + two) / (n_one + n_two)
    expected = np.minimum(pooled, 1 - pooled) * np.minimum(n_one, n_two)
    return np.asarray(expected < FEW_EXPECTED, dtype=np.bool_)


def exact_p(hits: int, sessions: int, hits_before: int, sessions_before: int) -> float:
    """Return the two-sided p-value of Fisher's exact test for one pair of shares."""
    table = [[hits, sessions - hits], [hits_before, sessions_before - hits_before]]
    return float(fisher_exact(table).pvalue)


def _score_bounds(hits: ArrayLike, sessions: ArrayLike, level: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return share and Wilson bounds; written out here because statsmodels takes one level for all rows."""
    count, total = _floats(hits), _floats(sessions)
    quantile = norm.ppf(0.5 + _floats(level) / 2)
    share = count / total
    centre = (share + quantile**2 / (2 * total)) / (1 + quantile**2 / total)
    half = quantile * np.sqrt(share * (1 - share) / total + quantile**2 / (4 * total**2))
    half = half / (1 + quantile**2 / total)
    return share, np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
