"""The learning curve: nested sessions, an exact power law, and what it says about the next hour."""

from __future__ import annotations

import numpy as np
import pytest

from xundan.errors import BadInput
from xundan.taxonomy.trees import Leaf, from_leaves
from xundan.training.evaluation.learning import fit_curve, learning_curve, nested
from xundan.training.labels import LabelledMessage

SAID = {
    "fee": ("邮费多少", "包邮吗", "运费谁出", "要付邮费吗"),
    "time": ("几天能到", "今天发货吗", "什么时候寄出", "多久到广州"),
}
TREE = from_leaves("small", [Leaf(leaf, leaf, "", "all") for leaf in SAID])


def rows(sessions: int, name: str = "s") -> list[LabelledMessage]:
    """Two messages a session."""
    return [
        LabelledMessage(f"{name}{i}#{turn}", f"{SAID[leaf][(i + turn) % 4]}呢{i % 5}", (), (leaf,))
        for i in range(sessions)
        for turn, leaf in enumerate(SAID)
    ]


def test_a_smaller_part_lies_within_a_larger_and_keeps_sessions_whole() -> None:
    every = rows(80)
    eighth, half = ({row.id for row in nested(every, part, seed=1)} for part in (1 / 8, 1 / 2))
    assert eighth < half
    assert (len(eighth), len(half)) == (20, 80)
    sessions = {row.id.partition("#")[0] for row in every if row.id in eighth}
    assert len(sessions) == 10
    assert nested(every, 1.0, seed=1) == every


def test_an_exact_power_law_is_found_and_carried_on() -> None:
    sizes = np.array([1000.0, 2000, 4000, 8000])
    errors = (3 * sizes**-0.25)[None]
    found = fit_curve(sizes, errors, np.repeat(errors, 50, axis=0), n=300)
    assert found.exponent.value == pytest.approx(0.25)
    assert found.doubling.value == pytest.approx(3 * (8000**-0.25 - 16000**-0.25))
    assert found.doubling.low == pytest.approx(found.doubling.high)
    assert found.an_hour.value == pytest.approx(3 * (8000**-0.25 - 8200**-0.25))
    assert found.last.value == pytest.approx(3 * (4000**-0.25 - 8000**-0.25))
    assert [point.rows for point in found.points] == [1000, 2000, 4000, 8000]


@pytest.mark.parametrize(
    ("first", "slope", "spread", "verdict"),
    [(200, -0.4, 0.0, "label"), (20_000, -0.1, 0.0, "model"), (1000, -0.06, 0.05, "open")],
)
def test_the_next_hour_goes_where_the_interval_says(
    first: int, slope: float, spread: float, verdict: str
) -> None:
    sizes = first * np.array([1.0, 2, 4, 8])
    slopes = slope + spread * np.linspace(-1, 1, 201)
    draws = (sizes[None] / first) ** slopes[:, None]
    assert fit_curve(sizes, draws[100:101], draws, n=300).next_hour == verdict


def test_the_probe_learns_more_from_more() -> None:
    found = learning_curve(rows(80), rows(20, "t"), TREE)
    assert [point.rows for point in found.points] == [20, 40, 80, 160]
    assert found.points[-1].micro.value > 0.9
    assert found.n == 40


def test_too_few_sessions_are_said() -> None:
    with pytest.raises(
        BadInput, match=r"too few train sessions for a learning curve; got 5; expected 40 or more"
    ):
        learning_curve(rows(5), rows(5, "t"), TREE)
