"""Decide which changes of a share are real: many tests at once, one rate of false findings, a minimum effect.

verdicts = judge_changes(counts, ChangeRule())
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from statsmodels.stats.multitest import multipletests

from xundan.errors import BadInput
from xundan.inference.trends.intervals import Floats, exact_p, needs_exact, newcombe, score_p

UP, DOWN, NO_CHANGE = "up", "down", "no_change"
TOO_FEW, GAP, BREAK, NO_BASELINE = "too_few", "gap", "break", "no_baseline"


@dataclass(frozen=True)
class ChangeRule:
    """What counts as a change: false discovery rate, minimum effect, length of the baseline, smallest n."""

    q: float = 0.05
    minimum_effect: float = 0.03
    baseline_weeks: int = 4
    baseline_days: int = 7
    min_n: int = 30

    def __post_init__(self) -> None:
        if not 0 < self.q < 1:
            raise BadInput("q is not a false discovery rate", got=self.q, expected="above 0 and below 1")
        if not 0 <= self.minimum_effect < 1:
            raise BadInput(
                "minimum_effect is not a difference of shares", got=self.minimum_effect, expected="0 to 1"
            )
        if min(self.baseline_weeks, self.baseline_days, self.min_n) < 1:
            raise BadInput(
                "a baseline length or min_n is below 1",
                got=f"{self.baseline_weeks} weeks, {self.baseline_days} days, min_n {self.min_n}",
                expected="whole numbers from 1",
            )


@dataclass(frozen=True)
class Counts:
    """Hits and sessions now and in the baseline, each of shape (rows,); a missing baseline has 0 sessions."""

    hits: Floats
    sessions: Floats
    hits_before: Floats
    sessions_before: Floats
    is_break: NDArray[np.bool_]
    family: NDArray[np.str_]


@dataclass(frozen=True)
class Changes:
    """The difference to the baseline with its interval (NaN where not tested), and one verdict a row."""

    change: Floats
    low: Floats
    high: Floats
    verdict: NDArray[np.object_]


def judge_changes(counts: Counts, rule: ChangeRule) -> Changes:
    """Test every row that has a baseline, each family of rows by itself.

    Selection: Benjamini and Hochberg, JRSS B 57 (1995), 289-300, at rate q. A selected row's interval has the
    level 1 - q*R/m (R selected of m tested), so that the false coverage rate is q: Benjamini and Yekutieli,
    JASA 100 (2005), 71-81. A row goes up or down only if it was selected, its interval excludes zero and the
    change is at least the minimum effect. The other rows keep an ordinary 95 % interval.
    """
    rows = counts.hits.shape[0]
    change, low, high = (np.full(rows, np.nan) for _ in range(3))
    verdict = np.full(rows, NO_CHANGE, dtype=object)
    enough = counts.sessions >= rule.min_n
    tested = enough & ~counts.is_break & (counts.sessions_before > 0)
    for family in np.unique(counts.family[tested]):
        members = np.flatnonzero(tested & (counts.family == family))
        selected, level = _select(counts, members, rule)
        now, n_now, before, n_before = (part[members] for part in _sides(counts))
        low[members], high[members] = newcombe(now, n_now, before, n_before, level)
        change[members] = now / n_now - before / n_before
        real = selected & (np.abs(change[members]) >= rule.minimum_effect)
        verdict[members[real & (low[members] > 0)]] = UP
        verdict[members[real & (high[members] < 0)]] = DOWN
    verdict[counts.sessions_before <= 0] = NO_BASELINE
    verdict[~enough] = TOO_FEW
    verdict[counts.is_break] = BREAK
    verdict[counts.sessions <= 0] = GAP
    return Changes(change, low, high, verdict)


def _select(counts: Counts, members: NDArray[np.intp], rule: ChangeRule) -> tuple[NDArray[np.bool_], Floats]:
    """Return which of the rows are selected, and the level of each row's interval.

    The score test selects first. Where counts are small, Fisher's exact test then decides about the selected;
    as it hardly ever gives a smaller p-value, no row outside the first selection could have come in.
    """
    sides = tuple(part[members] for part in _sides(counts))
    p_value = score_p(*sides)
    for row in np.flatnonzero(_discoveries(p_value, rule) & needs_exact(*sides)):
        p_value[row] = exact_p(*(int(part[row]) for part in sides))
    selected = _discoveries(p_value, rule)
    adjusted = 1 - rule.q * selected.sum() / selected.size
    return selected, np.where(selected, adjusted, 0.95)


def _discoveries(p_value: Floats, rule: ChangeRule) -> NDArray[np.bool_]:
    return np.asarray(multipletests(p_value, alpha=rule.q, method="fdr_bh")[0], dtype=np.bool_)


def _sides(counts: Counts) -> tuple[Floats, Floats, Floats, Floats]:
    return counts.hits, counts.sessions, counts.hits_before, counts.sessions_before
