"""Figures against values worked out by hand and by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import f1_score

from xundan.models.thresholds import decide, tune
from xundan.taxonomy.trees import load
from xundan.training.baselines import tfidf_svm
from xundan.training.evaluation.figures import compare, evaluate, resample
from xundan.training.labels import LabelledMessage, target_matrix

TAXONOMY = load("attention")
LEAVES = [leaf.id for leaf in TAXONOMY.leaves]


def rows(labels: Sequence[tuple[str, ...]]) -> list[LabelledMessage]:
    return [LabelledMessage(f"s{i}#0", "好", (), label) for i, label in enumerate(labels)]


def test_figures_equal_scikit_learns() -> None:
    random = np.random.default_rng(1)
    truth = [tuple({LEAVES[i] for i in random.integers(0, 6, 2)}) for _ in range(200)]
    labelled = rows(truth)
    matrix = target_matrix(labelled, LEAVES)
    chosen = (matrix.astype(bool)) ^ (random.random(matrix.shape) < 0.02)
    figures = evaluate(chosen, labelled, TAXONOMY)
    assert figures.micro.value == pytest.approx(f1_score(matrix, chosen, average="micro"), abs=1e-5)
    frequent = matrix.sum(axis=0) >= 5
    assert figures.macro.value == pytest.approx(
        f1_score(matrix[:, frequent], chosen[:, frequent], average="macro"), abs=1e-5
    )
    assert figures.micro.low < figures.micro.value < figures.micro.high


def test_a_right_group_with_a_wrong_leaf_counts_for_the_group_only() -> None:
    labelled = rows([("price_bargain",)] * 10)
    chosen = np.zeros((10, len(LEAVES)), dtype=bool)
    chosen[:, LEAVES.index("price_inquiry")] = True
    figures = evaluate(chosen, labelled, TAXONOMY)
    assert (figures.micro.value, figures.group.value) == (0.0, 1.0)


def test_the_difference_of_equal_answers_is_zero_with_no_width() -> None:
    labelled = rows([("price_bargain",), ("dialog_ack",)] * 10)
    chosen = target_matrix(labelled, LEAVES).astype(bool)
    difference = compare(chosen, chosen, labelled, TAXONOMY)["micro"]
    assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_a_leaf_has_its_counts_and_an_interval_that_three_right_answers_cannot_close() -> None:
    labelled = rows([("price_bargain",)] * 3 + [("dialog_ack",)] * 4)
    chosen = target_matrix(labelled, LEAVES).astype(bool)
    chosen[3] = chosen[0]  # one dialog_ack is taken for price_bargain
    figures = evaluate(chosen, labelled, TAXONOMY)
    bargain = figures.leaves[LEAVES.index("price_bargain")]
    assert (bargain.precision.hits, bargain.precision.n) == (3, 4)
    assert (bargain.recall.hits, bargain.recall.n, bargain.support) == (3, 3, 3)
    assert bargain.f1.value == pytest.approx(6 / 7)
    assert bargain.f1.low < 0.6
    ack = figures.leaves[LEAVES.index("dialog_ack")]
    assert (ack.precision.value, ack.recall.value) == (1.0, 0.75)


def test_groups_have_figures_of_their_own() -> None:
    labelled = rows([("price_bargain",)] * 4 + [("dialog_ack",)])
    chosen = target_matrix(labelled, LEAVES).astype(bool)
    chosen[0] = False
    chosen[0, LEAVES.index("price_inquiry")] = True  # another leaf of the same group
    price = next(group for group in evaluate(chosen, labelled, TAXONOMY).groups if group.leaf == "price")
    assert (price.support, price.recall.hits, price.f1.value) == (4, 4, 1.0)


def test_messages_of_one_session_are_resampled_together() -> None:
    apart = [LabelledMessage(f"s{i}#0", "好", (), ("dialog_ack",)) for i in range(40)]
    together = [LabelledMessage(f"s{i // 10}#{i}", "好", (), ("dialog_ack",)) for i in range(40)]
    weights = resample(together)
    assert (weights[:, :10] == weights[:, :1]).all()
    chosen = target_matrix(apart, LEAVES).astype(bool)
    chosen[:10] = False
    chosen[:10, 0] = True
    widths = [evaluate(chosen, r, TAXONOMY).micro for r in (apart, together)]
    assert widths[1].high - widths[1].low > 2 * (widths[0].high - widths[0].low)


def test_thresholds_follow_the_scores_of_frequent_leaves() -> None:
    truth = np.zeros((400, 2), dtype=np.float32)
    truth[:200, 0] = 1
    scores = np.zeros((400, 2), dtype=np.float32)
    scores[:, 0] = np.where(truth[:, 0] == 1, 0.25, 0.15)
    scores[:, 1] = 0.02
    thresholds = tune(scores, truth)
    assert 0.15 < thresholds[0] <= 0.25
    assert decide(scores, thresholds)[:200, 0].all()


def test_the_baseline_learns_and_always_answers() -> None:
    train = [
        LabelledMessage(f"s{i}#0", text, (), (leaf,))
        for i, (text, leaf) in enumerate(
            [
                ("包邮吗", "logistics_freight"),
                ("邮费多少", "logistics_freight"),
                ("便宜点", "price_bargain"),
                ("再便宜些", "price_bargain"),
            ]
            * 3
        )
    ]
    test = [
        LabelledMessage("t#0", "能包邮么", (), ("logistics_freight",)),
        LabelledMessage("t#1", "zzz", (), ("dialog_other",)),
    ]
    chosen = tfidf_svm(train, test, LEAVES)
    assert chosen[0, LEAVES.index("logistics_freight")]
    assert chosen.any(axis=1).all()
