"""What became of matched inquiries: rates by stratum, and the gap between sessions with and without a sign.

rates = matched_rates(strata, usable, Totals.of(strata, won, weights), members, weights)
gap = matched_gap(people, has_sign)
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import statsmodels.api as sm
from scipy.stats import norm

from xundan.inference.loss.population import RUNGS, Flags, Floats, Inquiries, Integers

# A stratum is worth as many sessions as it has; this many more speak with the rate of the next wider one.
PRIOR_SESSIONS = 10.0
# The rungs that are a match: same item or price band, and the same kind of buyer.
MATCHED_RUNGS = 4
# A rung is used when this share of the sessions with a sign has a session without it in its stratum.
ENOUGH_MATCHED = 0.8
LEVEL = 0.95
# Below this a covariate does not vary: what is left is rounding.
_SAME = 1e-9


@dataclass(frozen=True)
class Totals:
    """Weighted sessions and won sessions of every stratum, one array for each rung."""

    sessions: tuple[Floats, ...]
    won: tuple[Floats, ...]

    @classmethod
    def of(cls, strata: Integers, won: Flags, weights: Floats) -> Totals:
        """Count ``strata`` (n, rungs) with ``weights`` (n,)."""
        columns = strata.T
        return cls(
            tuple(np.asarray(np.bincount(column, weights), dtype=np.float64) for column in columns),
            tuple(np.asarray(np.bincount(column, weights * won), dtype=np.float64) for column in columns),
        )


@dataclass(frozen=True)
class Members:
    """The lost sessions of one reason: their rows (m,), and at each rung which of them share a stratum."""

    rows: Integers
    shared: tuple[Integers, ...]

    @classmethod
    def of(cls, strata: Integers, rows: Integers) -> Members:
        """Group ``rows`` of ``strata`` (n, rungs)."""
        return cls(rows, tuple(np.unique(column[rows], return_inverse=True)[1] for column in strata.T))


def matched_rates(
    strata: Integers, usable: Flags, totals: Totals, members: Members, weights: Floats
) -> Floats:
    """Return for each member (m,) the conversion rate of its matched sessions without the members themselves.

    From the widest rung to the narrowest, ``rate = (won + k x wider rate) / (sessions + k)``, k =
    `PRIOR_SESSIONS`: a stratum with many sessions speaks for itself, a thin one leans on the next wider one.
    Members are lost, so leaving them out takes nothing from ``won``. NaN where a shop has no other session.
    Source: partial pooling of rates with a fixed prior weight, B. Efron and C. Morris, Data analysis using
    Stein's estimator and its generalizations, JASA 70 (1975), 311-319.
    """
    rows, own = members.rows, weights[members.rows]
    rates = np.full(rows.shape, np.nan)
    for rung in reversed(range(strata.shape[1])):
        at = strata[rows, rung]
        sessions = totals.sessions[rung][at] - np.bincount(members.shared[rung], own)[members.shared[rung]]
        won = totals.won[rung][at]
        if rung == strata.shape[1] - 1:
            rates = np.divide(won, sessions, out=rates, where=sessions > 0)
        else:
            pooled = (won + PRIOR_SESSIONS * rates) / (sessions + PRIOR_SESSIONS)
            rates = np.where(usable[rows, rung], pooled, rates)
    return np.asarray(np.minimum(rates, 1.0), dtype=np.float64)


def close_matches(people: Inquiries, members: Members) -> int:
    """Return how many members have at least `PRIOR_SESSIONS` others of the same item and kind of buyer."""
    rung = RUNGS.index("item")
    others = np.bincount(people.strata[:, rung])[people.strata[members.rows, rung]].astype(np.float64)
    others -= np.bincount(members.shared[rung])[members.shared[rung]]
    return int(np.sum((others >= PRIOR_SESSIONS) & people.usable[members.rows, rung]))


@dataclass(frozen=True)
class Gap:
    """How much less often sessions with a sign were won than matched sessions without it (share of sessions).

    ``n_with`` and ``n_without``: the matched sessions; ``low`` and ``high``: 95 %; ``method``: "matched" with
    the name of its ``rung``, or "adjusted" (logistic regression, no rung). ``balance``: the largest absolute
    standardised mean difference of price, hour, weekday and day after matching; None where adjusted.
    """

    n_with: int
    n_without: int
    gap: float
    low: float
    high: float
    method: str
    rung: str
    balance: float | None


def matched_gap(people: Inquiries, has_sign: Flags) -> Gap | None:
    """Compare won shares with and without a sign (n,), on the narrowest rung with enough counterparts.

    Mantel-Haenszel risk difference (S. Greenland and J. Robins, Biometrics 41 (1985), 55-68) with the
    variance of T. Sato (Biometrics 45 (1989), 1323-1324), which hold for few sessions a stratum as for many.
    Strata are those of exact matching on coarsened values (S. Iacus, G. King, G. Porro, Political Analysis
    20 (2012), 1-24; P. Rosenbaum, Observational Studies, 2002). Where no rung matches enough: logistic
    regression. None where sessions with or without the sign are missing, or no regression can be fitted.
    """
    if not has_sign.any() or has_sign.all():
        return None
    for rung in range(MATCHED_RUNGS):
        stratum = people.strata[:, rung]
        with_sign, without = (np.bincount(stratum, flags) for flags in (has_sign, ~has_sign))
        both = (with_sign > 0) & (without > 0)
        kept = both[stratum] & people.usable[:, rung]
        if kept[has_sign].mean() >= ENOUGH_MATCHED:
            return _mantel_haenszel(people, has_sign, stratum, kept, RUNGS[rung])
    return _adjusted(people, has_sign)


def _mantel_haenszel(people: Inquiries, has_sign: Flags, stratum: Integers, kept: Flags, rung: str) -> Gap:
    here, sign, won = np.unique(stratum[kept], return_inverse=True)[1], has_sign[kept], people.won[kept]
    n1, n0 = np.bincount(here, sign), np.bincount(here, ~sign)
    won1, won0 = np.bincount(here, sign & won), np.bincount(here, ~sign & won)
    total = n1 + n0
    weight = n1 * n0 / total
    difference = float(np.sum((won1 * n0 - won0 * n1) / total) / weight.sum())
    slope = (n1**2 * won0 - n0**2 * won1 + n1 * n0 * (n0 - n1) / 2) / total**2
    spread = (won1 * (n0 - won0) + won0 * (n1 - won1)) / (2 * total)
    variance = float((difference * slope.sum() + spread.sum()) / weight.sum() ** 2)
    half = float(norm.ppf(0.5 + LEVEL / 2)) * max(variance, 0.0) ** 0.5
    weights = np.where(sign, (weight / n1)[here], (weight / n0)[here])
    return Gap(
        n_with=int(sign.sum()),
        n_without=int((~sign).sum()),
        gap=-difference,
        low=-difference - half,
        high=-difference + half,
        method="matched",
        rung=rung,
        balance=_imbalance(people.covariates[kept], sign, weights),
    )


def _imbalance(covariates: Floats, sign: Flags, weights: Floats) -> float:
    """Return the largest |standardised mean difference| (P. Austin, Stat. Med. 28 (2009), 3083-3107)."""
    found = [0.0]
    for column in covariates.T:
        known = ~np.isnan(column)
        one, two = known & sign, known & ~sign
        if not one.any() or not two.any():
            continue
        spread = float(np.sqrt((column[one].var() + column[two].var()) / 2))
        if spread > _SAME:
            means = [np.average(column[side], weights=weights[side]) for side in (one, two)]
            found.append(abs(float(means[0] - means[1])) / spread)
    return max(found)


def _adjusted(people: Inquiries, has_sign: Flags) -> Gap | None:
    """Return the mean gap of the sessions with the sign by logistic regression, delta-method interval.

    Main effects of sign, log price, unknown price, kind of buyer, hour band, day and shop; the gap is the
    mean over the sessions with the sign of the predicted share without it minus with it (standardisation).
    Half a won and half a lost session of mean values join either side, so that a sign under which nobody
    bought keeps a finite effect and an honest interval (J. Anscombe, Biometrika 43 (1956), 461-464).
    """
    design = np.column_stack([np.ones(people.n), has_sign, _main_effects(people)]).astype(np.float64)
    halves = [design[side].mean(axis=0) for side in (has_sign, ~has_sign) for _ in range(2)]
    rows, won = np.vstack([design, *halves]), np.append(people.won.astype(np.float64), [1.0, 0.0, 1.0, 0.0])
    counted = np.append(np.ones(people.n), [0.5] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a warning would say is seen below: not converged, not finite
        fit = sm.GLM(won, rows, family=sm.families.Binomial(), freq_weights=counted).fit()
    with_sign = design[has_sign]
    without = with_sign.copy()
    without[:, 1] = 0.0
    one, two = fit.predict(with_sign), fit.predict(without)
    slope = np.mean(without * (two * (1 - two))[:, None] - with_sign * (one * (1 - one))[:, None], axis=0)
    variance = float(slope @ fit.cov_params() @ slope)
    if not fit.converged or not np.isfinite(variance) or variance <= 0:
        return None
    gap, half = float(np.mean(two - one)), float(norm.ppf(0.5 + LEVEL / 2)) * variance**0.5
    counts = int(has_sign.sum()), int((~has_sign).sum())
    return Gap(*counts, gap, gap - half, gap + half, "adjusted", "", None)


def _main_effects(people: Inquiries) -> Floats:
    price, day = people.covariates[:, 0], people.covariates[:, 3]
    unknown = np.isnan(price)
    known_mean = float(price[~unknown].mean()) if not unknown.all() else 0.0
    columns = [np.where(unknown, 0.0, price - known_mean), unknown, people.returning, (day - day.mean()) / 7]
    columns += [*_dummies(people.band), *_dummies(people.shop)]
    return np.column_stack(columns).astype(np.float64)


def _dummies(values: np.ndarray[tuple[int, ...], np.dtype[np.str_]]) -> Sequence[Flags]:
    return [values == level for level in np.unique(values)[1:]]
