"""The promise about uncertain messages, kept over hundreds of drawn calibration sets, and refused rightly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from xundan.errors import BadInput
from xundan.models.confidence import confidence, first_leaf, uncertain
from xundan.models.thresholds import Chosen, Scores, decide
from xundan.training.selective import GRID, NOTHING, choose_cutoff, wrong_first

Floats = npt.NDArray[np.float64]
RiskOf = Callable[[Floats], Floats]
SETS = 300
RISK, DELTA = 0.10, 0.05
# Three standard errors of a share of DELTA over SETS.
SLACK = 3 * (DELTA * (1 - DELTA) / SETS) ** 0.5


def fair(sure: Floats) -> Floats:
    """Wrong as often as the confidence says."""
    return 1 - sure


def too_sure(sure: Floats) -> Floats:
    """Wrong more often than the confidence says."""
    return np.minimum(1, 1.6 * (1 - sure) + 0.02)


def no_use(sure: Floats) -> Floats:
    """Just above the risk whatever the confidence: keeping anything breaks the promise."""
    return np.full(sure.shape, RISK + 0.001)


def uneven(sure: Floats) -> Floats:
    """Worst where it is surest."""
    return np.where(sure > 0.95, 0.15, np.where(sure > 0.6, 0.03, 0.4))


def draw(
    random: np.random.Generator, rows: int, risk_of: Callable[[Floats], Floats]
) -> tuple[Scores, Chosen]:
    sure = random.beta(5, 1, rows)
    return sure.astype(np.float32), random.random(rows) < risk_of(sure)


@pytest.mark.parametrize("risk_of", [fair, too_sure, no_use, uneven])
@pytest.mark.parametrize("rows", [120, 1200])
def test_the_risk_is_kept_in_all_but_delta_of_the_sets(rows: int, risk_of: RiskOf) -> None:
    random = np.random.default_rng(rows)
    grid = random.beta(5, 1, 100_000)
    risks = {round(float(at), 3): risk_of(grid[grid >= at]).mean() for at in GRID[1:]}
    cutoffs = [choose_cutoff(*draw(random, rows, risk_of), RISK, DELTA) for _ in range(SETS)]
    broken = sum(cutoff.guaranteed and risks[cutoff.value] > RISK for cutoff in cutoffs)
    assert broken / SETS <= DELTA + SLACK


def test_many_rows_find_nearly_all_the_coverage_there_is() -> None:
    random = np.random.default_rng(0)
    grid = random.beta(5, 1, 100_000)
    possible = max((grid >= at).mean() for at in GRID[1:] if fair(grid[grid >= at]).mean() <= RISK)
    cutoff = choose_cutoff(*draw(random, 8000, fair), RISK, DELTA)
    assert possible - 0.1 < cutoff.coverage <= possible + 0.02
    assert cutoff.risk_bound <= RISK
    assert str(cutoff).startswith("certain from 0.")


def test_where_nothing_can_be_promised_everything_is_uncertain() -> None:
    sure = np.linspace(0, 1, 500, dtype=np.float32)
    cutoff = choose_cutoff(sure, np.ones(500, dtype=bool))
    assert (cutoff.value, cutoff.coverage, cutoff.risk_bound, cutoff.n) == (NOTHING, 0.0, 1.0, 500)
    assert not cutoff.guaranteed
    assert (sure < cutoff.value).all()
    assert str(cutoff) == "no cutoff keeps the promise on 500 rows: every message is uncertain"


def test_too_few_rows_promise_nothing_even_without_an_error() -> None:
    """0.9 to the 28th is above 0.05, to the 29th below."""
    for rows, guaranteed in ((28, False), (29, True)):
        sure = np.full(rows, 0.9, dtype=np.float32)
        assert choose_cutoff(sure, np.zeros(rows, dtype=bool)).guaranteed is guaranteed


def test_without_errors_everything_is_kept() -> None:
    sure = np.linspace(0, 1, 300, dtype=np.float32)
    cutoff = choose_cutoff(sure, np.zeros(300, dtype=bool))
    assert (cutoff.value, cutoff.coverage) == (0.0, 1.0)
    assert cutoff.risk_bound == pytest.approx(1 - 0.05 ** (1 / 300))


def test_wrong_means_the_surest_chosen_leaf_was_not_given() -> None:
    scores = np.array([[0.9, 0.4, 0.1], [0.5, 0.6, 0.1], [0.05, 0.1, 0.02]], dtype=np.float32)
    thresholds = np.array([0.3, 0.7, 0.5], dtype=np.float32)
    chosen = decide(scores, thresholds)
    truth = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]], dtype=np.float32)
    assert first_leaf(scores, chosen).tolist() == [0, 0, 0]
    assert wrong_first(scores, chosen, truth).tolist() == [False, True, False]


def test_confidence_is_the_score_less_where_the_threshold_was_missed() -> None:
    scores = np.array([[0.9, 0.8], [0.2, 0.1], [0.0, 0.0]], dtype=np.float32)
    thresholds = np.array([0.5, 0.4], dtype=np.float32)
    chosen = decide(scores, thresholds)
    assert confidence(scores, chosen, thresholds) == pytest.approx([0.9, 0.2 * 0.4, 0.0])
    assert confidence(scores, chosen, thresholds).dtype == np.float32
    assert uncertain(scores, chosen, thresholds, 0.5).tolist() == [False, True, True]
    assert not uncertain(scores, chosen, thresholds, 0.0).any()
    assert uncertain(scores, chosen, thresholds, NOTHING).all()


def test_what_cannot_be_used_is_one_clear_error() -> None:
    sure, wrong = np.ones(40, dtype=np.float32), np.zeros(40, dtype=bool)
    with pytest.raises(BadInput, match=r"do not fit together; got \(40,\) and \(39,\)"):
        choose_cutoff(sure, wrong[1:])
    with pytest.raises(BadInput, match=r"risk out of range; got 0; expected between 0 and 1"):
        choose_cutoff(sure, wrong, risk=0)
