"""Confusions, slices, certainty, calibration, worst errors, leaks: against counts made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xundan.models.thresholds import Chosen, Scores
from xundan.taxonomy.trees import Leaf, Taxonomy, from_leaves
from xundan.training.evaluation.calibration import calibration_of
from xundan.training.evaluation.certainty import Sureness, certainty_of
from xundan.training.evaluation.confusions import NOTHING, confusions
from xundan.training.evaluation.figures import evaluate
from xundan.training.evaluation.lean import lean
from xundan.training.evaluation.slices import slices
from xundan.training.evaluation.wanted import wanted_leaves
from xundan.training.evaluation.worst import worst_errors
from xundan.training.labels import LabelledMessage, target_matrix
from xundan.training.lineage import leaked, trained_on

LEAVES = ("fee", "time", "thanks")
TREE: Taxonomy = from_leaves("small", [Leaf(leaf, leaf, "", "all") for leaf in LEAVES])


def row(number: int, labels: str, text: str = "运费多少", **more: object) -> LabelledMessage:
    return LabelledMessage(f"s{number}#0", text, labels=tuple(labels.split()), **{"context": (), **more})  # type: ignore[arg-type]


def matrix(*rows: str) -> Chosen:
    """One text a row, such as "fee time"."""
    return np.array([[leaf in row.split() for leaf in LEAVES] for row in rows])


def floats(chosen: Chosen) -> Scores:
    return chosen.astype(np.float32)


def test_a_confusion_is_a_missed_leaf_with_what_was_chosen_instead() -> None:
    truth = floats(matrix("fee", "fee", "fee", "fee time", "thanks"))
    chosen = matrix("time", "time", "fee", "fee", "fee time")
    found = confusions(truth, chosen, LEAVES)
    said = [(c.missed, c.instead, c.share.hits, c.share.n, c.rows) for c in found]
    assert said == [
        ("fee", "time", 2, 4, (0, 1)),
        ("thanks", "fee", 1, 1, (4,)),
        ("thanks", "time", 1, 1, (4,)),
        ("time", NOTHING, 1, 1, (3,)),
    ]


def test_slices_part_the_rows_by_each_dimension() -> None:
    rows = [
        row(0, "fee", "運費多少", source="shop"),
        row(1, "fee", "邮费5元吗😀", context=("客:在的",), source="shop"),
        row(2, "thanks", "好的"),
    ]
    found = {(s.dimension, s.value): s for s in slices(matrix("fee", "time", "thanks"), rows, TREE)}
    assert {key: s.n for key, s in found.items()} == {
        ("source", ""): 1,
        ("source", "shop"): 2,
        ("part", ""): 3,
        ("length", "01-04"): 2,
        ("length", "05-09"): 1,
        ("context", "no"): 2,
        ("context", "yes"): 1,
        ("emoji", "no"): 2,
        ("emoji", "yes"): 1,
        ("traditional", "no"): 2,
        ("traditional", "yes"): 1,
        ("numbers", "no"): 2,
        ("numbers", "yes"): 1,
    }
    assert found["source", "shop"].micro.value == pytest.approx(0.5)
    assert found["traditional", "yes"].micro.value == 1
    assert found["traditional", "yes"].micro.low < 0.5  # one right row proves little


def test_a_slice_of_one_long_session_has_an_interval_of_some_width() -> None:
    rows = [LabelledMessage(f"s0#{i}", "运费多少", (), ("fee",)) for i in range(40)]
    found = slices(matrix(*["fee"] * 40), rows, TREE)[0]
    assert (found.n, found.micro.value) == (40, 1)
    assert found.micro.low < 0.99  # resampling the one session again and again would say: always right


def test_a_model_leans_when_its_scores_lie_above_what_is_right() -> None:
    rows = [row(i, "fee" if i % 2 else "time") for i in range(60)]
    truth, chosen = target_matrix(rows, LEAVES), matrix(*["fee"] * 60)
    sure, fair = (np.tile(np.array([s, 0.05, 0.05], dtype=np.float32), (60, 1)) for s in (0.9, 0.5))
    found = lean(sure, chosen, truth, rows)
    assert found.value == pytest.approx(0.4)
    assert found.low > 0
    level = lean(fair, chosen, truth, rows)
    assert level.low < 0 < level.high


def test_an_unsure_message_is_flagged_and_the_rest_is_counted() -> None:
    truth = floats(matrix("fee", "fee", "time", "thanks"))
    chosen = matrix("fee", "time", "time", "fee thanks")
    scores = np.array([[0.9, 0, 0], [0, 0.3, 0], [0, 0.8, 0], [0.7, 0, 0.6]], dtype=np.float32)
    sureness = Sureness(np.array([0.9, 0.3, 0.8, 0.7], dtype=np.float32), cutoff=0.5, promised=0.1)
    found = certainty_of(sureness, scores, chosen, truth)
    assert (found.flagged.hits, found.flagged.n) == (1, 4)
    assert (found.wrong.hits, found.wrong.n) == (1, 3)  # of the last row the first leaf is fee
    assert (found.wrong_of_all.hits, found.wrong_of_all.n) == (2, 4)
    assert [(kept.coverage, kept.wrong.hits) for kept in found.curve][-1] == (1.0, 2)
    assert found.curve[0].wrong.hits == 0


def test_without_a_cutoff_nothing_is_flagged_and_above_one_everything_is() -> None:
    truth, sure = floats(matrix("fee", "time")), np.array([0.9, 1.0], dtype=np.float32)
    scores = truth * 0.9
    never, always = (certainty_of(Sureness(sure, cutoff), scores, truth > 0, truth) for cutoff in (0.0, 1.01))
    assert (never.flagged.hits, never.wrong.n) == (0, 2)
    assert (always.flagged.hits, always.wrong.n) == (2, 0)


def test_calibration_of_the_first_leaf_is_the_gap_between_score_and_right_ones() -> None:
    rows = [row(i, "fee" if i < 30 else "time") for i in range(60)]
    truth, chosen = target_matrix(rows, LEAVES), matrix(*["fee"] * 60)
    scores = np.tile(np.array([0.9, 0.05, 0.05], dtype=np.float32), (60, 1))
    found = calibration_of(scores, chosen, truth, rows).first_leaf
    assert found.n == 60
    assert found.error.value == pytest.approx(0.4)  # said 0.9, right in one of two
    assert found.error.low < 0.4 < found.error.high
    assert [(part.n, part.share) for part in found.bins] == [(60, 0.5)]


def test_the_worst_error_is_the_surest_one_and_right_rows_are_none() -> None:
    truth, chosen = floats(matrix("fee", "fee", "time")), matrix("time", "time", "time")
    scores = np.array([[0.1, 0.6, 0.01], [0.01, 0.99, 0.01], [0.01, 0.5, 0.01]], dtype=np.float32)
    found = worst_errors(scores, chosen, truth)
    assert [error.row for error in found] == [1, 0]
    assert found[1].loss == pytest.approx(-math.log(0.1) - math.log(0.4) - math.log(0.99), abs=1e-5)
    assert len(worst_errors(scores, chosen, truth, most=1)) == 1


def test_rows_of_a_train_session_or_with_its_text_are_seen_and_a_short_greeting_is_not() -> None:
    train = [row(1, "fee", "寄到新疆要加多少运费呢"), row(2, "thanks", "好的")]
    rows = [row(1, "time", "明天发吗"), row(7, "fee", "寄到新疆要加多少运费呢"), row(8, "thanks", "好的")]
    leak = leaked(rows, trained_on(train))
    assert (leak.seen + leak.same_session, leak.rows) == (2, 3)


def test_leaves_with_few_train_rows_and_a_low_score_are_wanted() -> None:
    rows = [row(i, leaf) for i, leaf in enumerate(["fee"] * 10 + ["time"] * 10 + ["thanks"] * 10)]
    chosen = target_matrix(rows, LEAVES) > 0
    chosen[10:18] = matrix(*["fee"] * 8)
    train = [row(i, leaf) for i, leaf in enumerate(["fee"] * 40 + ["time"] * 3 + ["thanks"] * 20)]
    found = wanted_leaves(train, evaluate(chosen, rows, TREE))
    assert [(leaf.leaf, leaf.train_rows, leaf.support) for leaf in found] == [("time", 3, 10)]
