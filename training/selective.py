"""Below which confidence a message is uncertain, so that of the others few are wrong, and surely so.

sure = confidence(scores, chosen, thresholds)                  # held-out rows
cutoff = choose_cutoff(sure, wrong_first(scores, chosen, truth), risk=0.10, delta=0.05)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom

from xundan.errors import BadInput
from xundan.models.confidence import first_leaf
from xundan.models.thresholds import Chosen, Scores

NOTHING = 1.01
"""The cutoff where nothing can be guaranteed: no confidence reaches it, so every message is uncertain."""
GRID = np.round(np.arange(1.0, -0.001, -0.005), 3).astype(np.float32)
"""The cutoffs that are tried, strictest first; fixed beforehand, since the guarantee rests on it."""


@dataclass(frozen=True)
class Cutoff:
    """Messages at or above ``value`` are kept: the share ``coverage`` of the ``n`` rows it was chosen on.

    ``risk`` is what was asked and is promised; ``risk_bound`` the upper bound found for the share of wrong
    ones among those kept (1 where none are), which choosing the cutoff has flattered.
    """

    value: float
    coverage: float
    risk: float
    risk_bound: float
    n: int

    @property
    def guaranteed(self) -> bool:
        """Whether any cutoff keeps the promise; if not, every message is uncertain."""
        return self.value < NOTHING

    def __str__(self) -> str:
        if not self.guaranteed:
            return f"no cutoff keeps the promise on {self.n:,} rows: every message is uncertain"
        return (
            f"certain from {self.value:.3f} on: {self.coverage:.1%} of {self.n:,} rows, "
            f"at most {self.risk:.1%} of them wrong"
        )


def wrong_first(scores: Scores, chosen: Chosen, truth: Scores) -> Chosen:
    """Whether each message's highest chosen leaf is none that a person gave; all [rows, leaves] -> [rows]."""
    return np.asarray(truth[np.arange(len(scores)), first_leaf(scores, chosen)] == 0, dtype=np.bool_)


def choose_cutoff(confidence: Scores, wrong: Chosen, risk: float = 0.10, delta: float = 0.05) -> Cutoff:
    """The cutoff that keeps most messages while, with probability 1 - ``delta``, at most the share ``risk``
    of the kept ones is wrong. ``confidence`` and ``wrong`` are [rows], held-out.

    Cutoffs are tested from the strictest on with the exact binomial test, and the last one before the first
    that fails is taken, which needs no correction for the number tried (fixed-sequence testing: Angelopoulos
    et al. 2021, https://arxiv.org/abs/2110.01052; selective risk: Geifman and El-Yaniv 2017,
    https://arxiv.org/abs/1705.08500). Cutoffs that keep too few rows to prove anything are passed over,
    which costs nothing as long as the risk falls with rising confidence. The promise is for messages drawn
    as these rows were, each for itself. `BadInput` for no rows, unequal lengths, or shares outside (0, 1).
    """
    _check(confidence, wrong, risk, delta)
    least = _first_size(len(confidence), risk, delta)
    value, coverage, bound = NOTHING, 0.0, 1.0
    for cutoff in GRID:
        kept = confidence >= cutoff
        n, errors = int(kept.sum()), int(wrong[kept].sum())
        if n < least:
            continue
        if binom.cdf(errors, n, risk) > delta:
            break
        value, coverage = round(float(cutoff), 3), n / len(confidence)
        bound = float(beta.ppf(1 - delta, errors + 1, n - errors))  # Clopper and Pearson 1934
    return Cutoff(value, coverage, risk, bound, len(confidence))


def _first_size(rows: int, risk: float, delta: float) -> int:
    """How many kept rows the first test needs: with fewer, one chance error would end the search.

    Enough to expect twenty errors at the risk, or a third of a small set; never so few that not even a
    faultless set could pass, (1 - risk)^n <= delta.
    """
    possible = math.ceil(math.log(delta) / math.log1p(-risk))
    return max(possible, min(math.ceil(20 / risk), rows // 3))


def _check(confidence: Scores, wrong: Chosen, risk: float, delta: float) -> None:
    if confidence.ndim != 1 or confidence.shape != wrong.shape or not confidence.size:
        raise BadInput(
            "confidence and wrong do not fit together",
            got=f"{confidence.shape} and {wrong.shape}",
            expected="one length of at least one row",
        )
    for name, share in (("risk", risk), ("delta", delta)):
        if not 0 < share < 1:
            raise BadInput(f"{name} out of range", got=share, expected="between 0 and 1, such as 0.05")
