"""Two models on the same rows: wins, losses, churn and changes counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Leaf, from_leaves
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.paired import paired
from xundan.training.labels import LabelledMessage, target_matrix

LEAVES = ("fee", "time")
TREE = from_leaves("small", [Leaf(leaf, leaf, "", "all") for leaf in LEAVES])
ROWS = [LabelledMessage(f"s{i}#0", "几天到", (), ("fee",) if i < 20 else ("time",)) for i in range(40)]
RIGHT = target_matrix(ROWS, LEAVES) > 0


def judged(chosen: Chosen, **pairs: bool) -> Judged:
    return Judged("v", TREE.version, LEAVES, chosen.astype(np.float32), chosen, pairs)


def swapped(*places: int) -> Chosen:
    """Right everywhere but in these rows, which get the other leaf."""
    chosen = RIGHT.copy()
    chosen[list(places)] = ~chosen[list(places)]
    return chosen


def test_wins_losses_sign_test_and_churn() -> None:
    found = paired(judged(swapped(0, 1, 2, 3, 4, 5)), judged(swapped(5, 6)), ROWS, TREE)
    assert (found.wins, found.losses, found.rows) == (5, 1, 40)
    assert found.p == pytest.approx(2 * 7 / 64)  # of six coins at most one falls the other way
    assert (found.churn.hits, found.churn.n) == (6, 40)
    assert found.difference["micro"].value == pytest.approx(38 / 40 - 34 / 40)


def test_the_sign_test_counts_a_session_once() -> None:
    together = [LabelledMessage(f"s{i // 4}#{i}", "几天到", (), row.labels) for i, row in enumerate(ROWS)]
    # Session 0 has two wins and a loss, session 1 four wins, session 2 a win and a loss: a tie.
    found = paired(judged(swapped(0, 1, 4, 5, 6, 7, 8)), judged(swapped(2, 9)), together, TREE)
    assert (found.wins, found.losses) == (7, 2)
    assert (found.session_wins, found.session_losses) == (2, 0)
    assert found.p == pytest.approx(0.5)


def test_an_exact_win_needs_every_leaf() -> None:
    both = RIGHT.copy()
    both[0] = True  # the right leaf and one too many
    found = paired(judged(both), judged(RIGHT), ROWS, TREE)
    assert (found.wins, found.losses) == (1, 0)


def test_leaves_change_apart_from_one_another() -> None:
    found = paired(judged(swapped()), judged(swapped(*range(10))), ROWS, TREE)
    fee, time = found.leaves
    assert (fee.leaf, fee.before, fee.support) == ("fee", 1.0, 20)
    assert fee.after == pytest.approx(2 / 3)
    assert time.after == pytest.approx(0.8)
    assert fee.change.value == pytest.approx(-1 / 3)
    assert fee.change.high < 0


def test_pairs_gained_and_lost_are_named() -> None:
    old, new = judged(RIGHT, a=True, b=False, c=True), judged(RIGHT, a=False, b=True, c=True)
    found = paired(old, new, ROWS, TREE)
    assert (found.gained, found.lost) == (("b",), ("a",))


def test_equal_models_differ_in_nothing() -> None:
    found = paired(judged(RIGHT), judged(RIGHT), ROWS, TREE)
    assert (found.wins, found.losses, found.p, found.churn.hits) == (0, 0, 1.0, 0)
    assert found.difference["macro"].low == found.difference["macro"].high == 0
