"""Precision, recall and F1 of a model per leaf against people, with intervals resampled by session.

figures = measure(truth, said, sessions); f"{figures.leaves[0].f1:.2f}"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xundan.labeling.agreement.figures import Figure, Numbers, f1_of, figure, ratio, resample

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rates:
    """``n``: choices of people, ``said``: of the model, ``hits``: both. The n of precision is ``said``, that
    of recall ``n``, that of F1 the choices of either; a share of nothing is NaN between 0 and 1."""

    n: int
    said: int
    hits: int
    precision: Figure
    recall: Figure
    f1: Figure


@dataclass(frozen=True)
class Figures:
    """``leaves`` in column order; ``micro`` over all choices; ``macro``: mean F1 of the leaves that people
    chose at least once; ``same``: share of rows with the very same leaves. ``micro_draws`` and
    ``macro_draws`` [draws] are F1 under the resamples, which are the same for the same sessions, so that
    two may be subtracted."""

    leaves: tuple[Rates, ...]
    micro: Rates
    macro: Figure
    same: Figure
    micro_draws: Numbers
    macro_draws: Numbers


def measure(truth: Flags, said: Flags, sessions: Sequence[str]) -> Figures:
    """Compare choices [rows, leaves]; ``sessions`` [rows] are resampled as wholes."""
    names, place = np.unique(np.asarray(sessions, dtype=np.str_), return_inverse=True)
    draws = resample(len(names))
    hits, n, guesses = (_by_session(chosen, place, len(names)) for chosen in (truth & said, truth, said))
    same = _by_session((truth == said).all(axis=1)[:, None], place, len(names))[:, 0]
    rows = np.bincount(place, minlength=len(names)).astype(np.float64)
    judged = n.sum(axis=0) > 0
    of_judged = hits[:, judged], n[:, judged] + guesses[:, judged]
    macro = float(_f1(*(part.sum(axis=0) for part in of_judged)).mean())
    macro_draws = _f1(*(draws @ part for part in of_judged)).mean(axis=1)
    in_all = hits.sum(axis=1), n.sum(axis=1), guesses.sum(axis=1)
    micro = _rates(*in_all, draws)
    # Where all resamples agree they say nothing; then macro-F1 is known no better than micro-F1.
    plain = (macro, macro) if np.ptp(macro_draws) > 0 else (micro.f1.low, micro.f1.high)
    return Figures(
        leaves=tuple(
            _rates(hits[:, leaf], n[:, leaf], guesses[:, leaf], draws) for leaf in range(truth.shape[1])
        ),
        micro=micro,
        macro=figure(macro, macro_draws, plain, len(truth), len(names)),
        same=ratio(same, rows, draws, len(truth)),
        micro_draws=_f1(draws @ in_all[0], draws @ (in_all[1] + in_all[2])),
        macro_draws=macro_draws,
    )


def difference(first: Figure, first_draws: Numbers, second: Figure, second_draws: Numbers) -> Figure:
    """``first`` minus ``second`` under the same resamples [draws]. Where all of these agree, the bounds come
    from those of the two (Newcombe 1998, Statistics in Medicine 17, 873-890, method 10)."""
    value, draws = first.value - second.value, first_draws - second_draws
    plain = value, value
    if np.ptp(draws) == 0:
        low = np.hypot(first.value - first.low, second.high - second.value)
        high = np.hypot(first.high - first.value, second.value - second.low)
        plain = max(-1.0, value - float(low)), min(1.0, value + float(high))
    return figure(value, draws, plain, first.n, first.sessions)


def _by_session(chosen: Flags, place: npt.NDArray[np.intp], sessions: int) -> Numbers:
    counts = np.zeros((sessions, chosen.shape[1]))
    np.add.at(counts, place, chosen)
    return counts


def _rates(hits: Numbers, n: Numbers, said: Numbers, draws: Numbers) -> Rates:
    """Of counts per session, each [sessions]."""
    both, people, model = (int(counts.sum()) for counts in (hits, n, said))
    either = n + said - hits
    return Rates(
        people,
        model,
        both,
        precision=ratio(hits, said, draws, model),
        recall=ratio(hits, n, draws, people),
        f1=f1_of(ratio(hits, either, draws, people + model - both)),
    )


def _f1(hits: Numbers, chosen: Numbers) -> Numbers:
    """F1 where ``chosen`` is n + said; 0 where nobody chose."""
    f1: Numbers = np.divide(2 * hits, chosen, out=np.zeros_like(chosen), where=chosen > 0)
    return f1
