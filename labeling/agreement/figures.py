"""A figure with its 95 % interval and n, resampled by session.

draws = resample(sessions=240)                         # how often each of 1,000 samples holds each session
found = ratio(hits, totals, draws, n=tasks)            # hits and totals are per session
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from statsmodels.stats.proportion import proportion_confint

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.bool_]
DRAWS, SEED = 1000, 0
BOUNDS = (0.025, 0.975)


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval; ``n`` says how much was compared (what, its maker says), in how many
    ``sessions``. Where nothing can be said, the value is NaN and the interval as wide as can be."""

    value: float
    low: float
    high: float
    n: int
    sessions: int

    def __format__(self, spec: str) -> str:
        """All three numbers in one format: a value is never shown without its interval."""
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def per_session(session: Whole, counts: Counts, sessions: int) -> Numbers:
    """The sums [sessions] of counts [rows] whose sessions are ``session`` [rows]."""
    sums: Numbers = np.bincount(session, counts.astype(np.float64), sessions).astype(np.float64)
    return sums


def resample(sessions: int, seed: int = SEED, draws: int = DRAWS) -> Numbers:
    """How often each bootstrap sample of whole sessions holds each session, [draws, sessions]."""
    if not sessions:
        return np.zeros((draws, 0))
    even = np.full(sessions, 1 / sessions)
    counts: Numbers = np.random.default_rng(seed).multinomial(sessions, even, draws).astype(np.float64)
    return counts


def wilson(hits: float, n: float) -> tuple[float, float]:
    """The Wilson interval of a share (1927, JASA 22, 209-212); of nothing it is 0 to 1."""
    if n <= 0:
        return 0.0, 1.0
    low, high = proportion_confint(hits, n, method="wilson")
    return float(low), float(high)


def figure(value: float, draws: Numbers, plain: tuple[float, float], n: int, sessions: int) -> Figure:
    """A value with the interval that holds both its bootstrap quantiles (draws [draws], NaN where a sample
    says nothing) and ``plain``, the interval that takes every row for itself.

    Resampling knows that messages of a session are alike, but says "always" of three agreements out of
    three; the plain interval knows how little three are. In 150 simulated sets of 60 tasks (two answers each,
    six leaves of 1 to 50 %) resampling alone held the true alpha and F1 of a leaf in 83 to 96 %, both
    together in 90 to 98 %; of 300 tasks in 90 to 98 % and 94 to 99 %.
    """
    known = draws[~np.isnan(draws)]
    low, high = np.quantile(known, BOUNDS) if len(known) else plain
    return Figure(
        float(value),
        float(min(low, plain[0], value)),
        float(max(high, plain[1], value)),
        n,
        sessions,
    )


def ratio(hits: Numbers, totals: Numbers, draws: Numbers, n: int) -> Figure:
    """The share ``hits / totals`` (both [sessions]) under draws [draws, sessions]."""
    hit, total = float(hits.sum()), float(totals.sum())
    sessions = int((totals > 0).sum())
    if not total:
        return Figure(float("nan"), 0.0, 1.0, n, 0)
    under = draws @ totals
    shares = np.divide(draws @ hits, under, out=np.full(len(draws), np.nan), where=under > 0)
    return figure(hit / total, shares, wilson(hit, total), n, sessions)


def f1_of(jaccard: Figure) -> Figure:
    """F1 = 2J / (1 + J), where J is the share of both-chosen among all chosen by either."""
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Figure(value, low, high, jaccard.n, jaccard.sessions)
