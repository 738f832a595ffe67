"""Figures of primary leaves, computed by hand on a handful of sessions."""

from __future__ import annotations

import pytest

from xundan.training.loss.compact import read_compact
from xundan.training.loss.figures import as_mapping, evidence_hits, measure
from xundan.training.loss.sessions import LabelledSession

DEAR, BARGAIN, CHANGE = "loss_price_too_high", "loss_price_bargain_failed", "loss_price_change"
SILENT, SLOW = "loss_silent_leave", "loss_service_slow"


def session(leaf: str, secondary: tuple[str, ...] = (), evidence: tuple[str, ...] = ()) -> LabelledSession:
    return LabelledSession("k", read_compact("k", ["买 在吗"]), leaf, secondary, evidence=evidence)


TRUTH = [session(DEAR), session(DEAR, (BARGAIN,)), session(BARGAIN), session(SILENT), session(SLOW)]
SAID = [DEAR, BARGAIN, BARGAIN, SILENT, CHANGE]


def test_leaf_group_macro_and_named() -> None:
    found = measure(SAID, TRUTH)
    assert found.n == 5
    assert found.leaf.value == pytest.approx(3 / 5)
    assert found.group.value == pytest.approx(4 / 5)  # 2: the group is right, 5: it is not
    assert found.named.value == pytest.approx(4 / 5)  # 2: the annotator named it second
    # F1 of the leaves that occur: dear 2·1/(1+2), bargain 2·1/(2+1), silent 1, slow 0
    assert found.macro.value == pytest.approx((2 / 3 + 2 / 3 + 1 + 0) / 4)


def test_each_leaf_that_occurs_or_is_said() -> None:
    found = {each.leaf: each for each in measure(SAID, TRUTH).leaves}
    assert found.keys() == {DEAR, BARGAIN, CHANGE, SILENT, SLOW}
    dear = found[DEAR]
    assert (dear.precision.hits, dear.precision.n) == (1, 1)
    assert (dear.recall.hits, dear.recall.n, dear.support) == (1, 2, 2)
    assert dear.f1.value == pytest.approx(2 / 3)
    assert 0 < dear.f1.low < 1 / 3, "of two sessions hardly anything is known"
    assert (found[CHANGE].precision.hits, found[CHANGE].precision.n, found[CHANGE].support) == (0, 1, 0)


def test_intervals_hold_the_value_and_are_the_same_each_time() -> None:
    found = measure(SAID * 8, TRUTH * 8)
    for interval in (found.leaf, found.group, found.macro, found.named):
        assert 0 <= interval.low < interval.value < interval.high <= 1
    assert found == measure(SAID * 8, TRUTH * 8)
    assert found.leaf.high - found.leaf.low < measure(SAID, TRUTH).leaf.high - measure(SAID, TRUTH).leaf.low


def test_all_right_has_no_width() -> None:
    found = measure([each.primary for each in TRUTH], TRUTH)
    assert (found.leaf.low, found.macro.low, found.group.value) == (1.0, 1.0, 1.0)


def test_evidence_counts_where_it_is_annotated() -> None:
    truth = [session(SLOW, evidence=("2", "3")), session(SLOW, evidence=("1",)), session(SLOW)]
    assert evidence_hits([("3", "9"), ("2",), ("1",)], truth) == (1, 2)
    assert evidence_hits([(), (), ()], truth) == (0, 2)


def test_a_record_has_value_and_bounds() -> None:
    record = as_mapping(measure(SAID, TRUTH))
    assert record["n"] == 5
    assert isinstance(record["leaf"], dict)
    assert set(record["leaf"]) == {"value", "low", "high"}
    leaves = record["leaves"]
    assert isinstance(leaves, dict)
    assert set(leaves[DEAR]) == {"precision", "recall", "f1"}
    assert set(leaves[DEAR]["f1"]) == {"value", "low", "high", "n"}
