"""The floors: they learn, always answer, and say so where a library is missing."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from xundan.errors import MissingExtra
from xundan.training.baselines import fit_fasttext, fit_majority, fit_tfidf_logistic, fit_tfidf_svm
from xundan.training.labels import LabelledMessage

LEAVES = ["freight", "bargain", "yes_coupon", "yes_size", "never"]
SAID = [
    ("包邮吗", (), ("freight",)),
    ("邮费多少", (), ("freight",)),
    ("便宜点", (), ("bargain",)),
    ("再便宜些", (), ("bargain",)),
    ("好", ("客:给您发优惠券行吗",), ("yes_coupon",)),
    ("好", ("客:那给您拍大一码行吗",), ("yes_size",)),
]


def rows(repeats: int, extra: tuple[str, ...] = ()) -> list[LabelledMessage]:
    return [
        LabelledMessage(f"s{k}-{i}#0", text, context, (*labels, *extra))
        for k in range(repeats)
        for i, (text, context, labels) in enumerate(SAID)
    ]


def test_the_majority_is_the_commonest_leaf_for_all() -> None:
    fitted = fit_majority([*rows(2), LabelledMessage("x", "便宜点", (), ("bargain",))], LEAVES)
    assert fitted.choose(rows(1)).argmax(axis=1).tolist() == [1] * len(SAID)


def test_the_svm_gives_one_leaf_where_every_row_has_one() -> None:
    fitted = fit_tfidf_svm(rows(4), LEAVES)
    chosen = fitted.choose([LabelledMessage("t", "包邮又便宜点", (), ()), *rows(1)])
    assert (chosen.sum(axis=1) == 1).all()
    several = fit_tfidf_svm(rows(4, extra=("never",)), LEAVES).choose(rows(1))
    assert several.sum(axis=1).max() > 1
    assert fitted.megabytes > 0


def test_the_logistic_machine_reads_the_turns_before() -> None:
    chosen = fit_tfidf_logistic(rows(10), LEAVES).choose(rows(1)[4:])
    assert chosen[0, LEAVES.index("yes_coupon")]
    assert chosen[1, LEAVES.index("yes_size")]
    assert not chosen[:, LEAVES.index("never")].any()


def test_fasttext_learns_or_says_how_to_get_it() -> None:
    if importlib.util.find_spec("fasttext") is None:
        with pytest.raises(MissingExtra, match="pip install fasttext-wheel"):
            fit_fasttext(rows(2), LEAVES)
        return
    chosen = fit_fasttext(rows(30), LEAVES).choose(rows(1))
    assert np.array_equal(chosen[:4].argmax(axis=1), [0, 0, 1, 1])
