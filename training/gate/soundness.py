"""Is the candidate a working model of this taxonomy at all: leaves in order, scores that mean something?

reasons = unsound(candidate, rows, taxonomy, limits)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.judged import Judged
from xundan.training.gate.verdict import GateLimits, Reason
from xundan.training.labels import LabelledMessage, fold_of, target_matrix

SAME = 1e-4
"""Scores that differ by less say the same of every message."""
_SHOWN = 3

Floats = npt.NDArray[np.float64]


def unsound(
    candidate: Judged, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, limits: GateLimits
) -> list[Reason]:
    """The reasons for which no figure of the candidate would mean anything; of several, the first found."""
    for reason in (
        _other_taxonomy(candidate, taxonomy),
        _bad_scores(candidate),
        _constant(candidate, rows),
        _permuted(candidate, rows, taxonomy, limits),
    ):
        if reason:
            return [reason]
    return []


def _other_taxonomy(candidate: Judged, taxonomy: Taxonomy) -> Reason | None:
    wanted = tuple(leaf.id for leaf in taxonomy.leaves)
    retrain = f"train it again on labels of {taxonomy.tree} {taxonomy.version}"
    if candidate.taxonomy_version != taxonomy.version:
        return Reason(
            "taxonomy_version",
            f"the candidate was trained for {taxonomy.tree} {candidate.taxonomy_version}, "
            f"the taxonomy in use is {taxonomy.version}",
            f"move its labels to the new leaves and {retrain}",
        )
    if candidate.leaves == wanted:
        return None
    columns = enumerate(zip_longest(candidate.leaves, wanted, fillvalue="none"), 1)
    at, (has, should) = next((at, pair) for at, pair in columns if len({*pair}) > 1)
    return Reason(
        "leaves_differ",
        f"the candidate's {len(candidate.leaves)} leaves are not the taxonomy's {len(wanted)} in their "
        f"order: column {at} is {has} and should be {should}",
        retrain,
    )


def _bad_scores(candidate: Judged) -> Reason | None:
    scores = candidate.scores
    odd = ~np.isfinite(scores)
    if odd.any():
        return Reason(
            "scores_not_finite",
            f"{int(odd.sum()):,} of {scores.size:,} scores are no numbers "
            f"({int(odd.any(axis=1).sum()):,} of {len(scores):,} messages)",
            "train it again with a lower learning rate, and look at its loss",
        )
    if scores.min() < 0 or scores.max() > 1:
        return Reason(
            "scores_out_of_range",
            f"scores run from {scores.min():.3g} to {scores.max():.3g} and must lie between 0 and 1",
            "export it again: the sigmoid at its end is missing",
        )
    return None


def _constant(candidate: Judged, rows: Sequence[LabelledMessage]) -> Reason | None:
    if not candidate.chosen.any():
        said = f"the candidate chooses no leaf for any of {len(rows):,} messages"
    elif len({row.labels for row in rows}) < 2:
        return None  # a test set of one answer: a constant may be right
    elif float(np.ptp(candidate.scores, axis=0).max()) < SAME:
        said = f"the candidate gives each of {len(rows):,} messages the same scores"
    elif (candidate.chosen == candidate.chosen[0]).all():
        said = f"the candidate gives each of {len(rows):,} messages the same leaves"
    else:
        return None
    return Reason("scores_constant", said, "it has learnt nothing: look at its labels and its loss")


def _permuted(
    candidate: Judged, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, limits: GateLimits
) -> Reason | None:
    """Another order of columns is sought on one half of the sessions and tried on the other, both ways, so
    that what merely fits the confusions of one half gains nothing."""
    leaves = [leaf.id for leaf in taxonomy.leaves]
    truth, guess = target_matrix(rows, leaves).astype(np.float64), candidate.chosen.astype(np.float64)
    half = np.array([fold_of(row.session, 2, 0) == 0 for row in rows])
    hits = sum(
        float((guess[~side][:, _best_order(guess[side], truth[side])] * truth[~side]).sum())
        for side in (half, ~half)
    )
    both = max(1.0, float(guess.sum() + truth.sum()))
    as_is, reordered = 2 * float((guess * truth).sum()) / both, 2 * hits / both
    if reordered - as_is <= limits.permuted_gain:
        return None
    order, agree = _best_order(guess, truth), guess.T @ truth
    moved = sorted(
        (i for i in range(len(leaves)) if agree[order[i], i] > agree[i, i]),
        key=lambda i: -agree[order[i], i],
    )
    named = ", ".join(f"what it calls {leaves[order[i]]} is {leaves[i]}" for i in moved[:_SHOWN])
    return Reason(
        "leaves_permuted",
        f"with its columns in another order the candidate's micro-F1 is {reordered:.3f}, as it is "
        f"{as_is:.3f}: {named}",
        "its leaves were mixed up between labels and export: train it again with this taxonomy",
    )


def _best_order(guess: Floats, truth: Floats) -> npt.NDArray[np.intp]:
    """The column of ``guess`` for each column of ``truth``, [leaves], with the most hits together (the
    Hungarian method, Kuhn 1955); of equals, the one that moves least."""
    agree = guess.T @ truth + 1e-6 * np.eye(truth.shape[1])
    columns, places = linear_sum_assignment(agree, maximize=True)
    order = np.empty(len(places), dtype=np.intp)
    order[places] = columns
    return order
