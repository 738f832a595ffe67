"""The random part: chances in proportion to size, weights that sum up to the whole."""

from __future__ import annotations

import numpy as np
import pytest

from xundan.labeling.sampling.audit import proportional


@pytest.mark.parametrize("n", [1, 3, 7, 10])
@pytest.mark.parametrize("sizes", [[1] * 10, [50, 1, 1, 1, 1, 1, 1, 1, 1, 2], [9, 9, 9, 1, 1, 1, 5, 5, 5, 5]])
def test_weights_sum_up_to_all_rows(sizes: list[int], n: int) -> None:
    places, weights = proportional(np.array(sizes), n, np.random.default_rng(n))
    assert len(places) == len(set(places.tolist())) == n
    assert weights.sum() == pytest.approx(sum(sizes))


def test_the_chance_of_each_is_what_its_weight_says() -> None:
    sizes = np.array([40, 1, 1, 2, 3, 5, 8, 1, 1, 2])
    drawn, weight = np.zeros(10), np.zeros(10)
    for seed in range(4000):
        places, weights = proportional(sizes, 4, np.random.default_rng(seed))
        drawn[places] += 1
        weight[places] = weights
    assert drawn / 4000 == pytest.approx(sizes / weight, abs=0.03)
    assert drawn[0] == 4000  # it is most of the pool: certain, and stands for itself
    assert weight[0] == 40


def test_totals_are_unbiased() -> None:
    chance = np.random.default_rng(1)
    sizes, value = chance.integers(1, 30, 60), chance.random(60)
    totals = []
    for seed in range(3000):
        places, weights = proportional(sizes, 15, np.random.default_rng(seed))
        totals.append((weights * value[places]).sum())
    assert np.mean(totals) == pytest.approx((sizes * value).sum(), rel=0.01)


def test_all_are_drawn_where_there_are_fewer() -> None:
    places, weights = proportional(np.array([3, 1]), 9, np.random.default_rng(0))
    assert places.tolist() == [0, 1]
    assert weights.tolist() == [3, 1]


def test_nothing_of_nothing() -> None:
    places, weights = proportional(np.array([], dtype=np.int64), 5, np.random.default_rng(0))
    assert len(places) == len(weights) == 0
