"""Figures against values worked out by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from xundan.models.thresholds import decide, tune
from xundan.taxonomy.trees import load
from xundan.training.baselines import tfidf_svm
from xundan.training.evaluate import compare, evaluate
from xundan.training.labels import LabelledMessage, target_matrix

TAXONOMY = load("attention")
LEAVES = [leaf.id for leaf in TAXONOMY.leaves]


def rows(labels: list[tuple[str, ...]]) -> list[LabelledMessage]:
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
