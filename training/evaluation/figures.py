"""Figures one can decide from: micro- and macro-F1, each group, each leaf, all with 95 % intervals.

figures = evaluate(chosen, rows, taxonomy)
print(figures.micro.value, figures.micro.low, figures.micro.high)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.intervals import Interval as Interval
from xundan.training.evaluation.intervals import Share, share, spread
from xundan.training.labels import LabelledMessage, target_matrix

MIN_SUPPORT = 5
"""Leaves with fewer examples are left out of macro-F1: one row would move it by points."""
RESAMPLES = 1000
FEW_SESSIONS = 20
"""Fewer sessions cannot be resampled: the interval is far too narrow, of one session it has no width."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LeafFigures:
    """Precision, recall and F1 of one leaf (or group), and how many rows have it."""

    leaf: str
    precision: Share
    recall: Share
    f1: Interval
    support: int


@dataclass(frozen=True)
class Figures:
    """Micro-F1, macro-F1 (leaves with at least `MIN_SUPPORT` rows), micro-F1 of the groups, then one by one
    each leaf and each group."""

    rows: int
    micro: Interval
    macro: Interval
    group: Interval
    leaves: tuple[LeafFigures, ...]
    groups: tuple[LeafFigures, ...]


class Tally:
    """Chosen leaves beside true ones, ready to be measured under any weighting of the rows."""

    def __init__(self, chosen: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy) -> None:
        self.truth = target_matrix(rows, [leaf.id for leaf in taxonomy.leaves])
        self.guess = chosen.astype(np.float32)
        self.frequent = self.truth.sum(axis=0) >= MIN_SUPPORT
        membership = group_membership(taxonomy)
        self.group_truth, self.group_guess = (
            ((matrix @ membership) > 0).astype(np.float32) for matrix in (self.truth, self.guess)
        )

    def micro(self, weights: Matrix) -> Matrix:
        """weights [draws, rows] -> micro-F1 [draws]."""
        return _micro(weights, self.guess, self.truth)

    def group(self, weights: Matrix) -> Matrix:
        """weights [draws, rows] -> micro-F1 of the groups [draws]."""
        return _micro(weights, self.group_guess, self.group_truth)

    def macro(self, weights: Matrix) -> Matrix:
        """weights [draws, rows] -> mean F1 of the frequent leaves [draws].

        A draw in which a leaf happens not to occur says nothing of it: there the mean is over the others.
        """
        told = ((weights @ (self.guess + self.truth)) > 0) & self.frequent
        mean: Matrix = (self.leaves(weights) * told).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
        return mean.astype(np.float32)

    def leaves(self, weights: Matrix) -> Matrix:
        """weights [draws, rows] -> F1 [draws, leaves], 0 where a leaf neither occurs nor is chosen."""
        hits = weights @ (self.guess * self.truth)
        both = weights @ self.guess + weights @ self.truth
        return np.where(both > 0, 2 * hits / np.maximum(both, 1e-9), 0).astype(np.float32)


def evaluate(chosen: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int = 0) -> Figures:
    """Compare chosen leaves [rows, leaves] with the rows' labels; whole sessions are resampled, since
    messages of one session are alike, and a single leaf has the Wilson interval of its counts."""
    tally = Tally(chosen, rows, taxonomy)
    once, weights = plain(len(rows)), resample(rows, seed)
    micro, macro, group = (
        spread(float(measure(once)[0]), measure(weights))
        for measure in (tally.micro, tally.macro, tally.group)
    )
    leaves = each_leaf([leaf.id for leaf in taxonomy.leaves], tally.guess, tally.truth)
    groups = each_leaf([group.id for group in taxonomy.groups], tally.group_guess, tally.group_truth)
    return Figures(len(rows), micro, macro, group, leaves, groups)


def compare(
    old: Chosen, new: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int = 0
) -> dict[str, Interval]:
    """How far ``new`` is ahead of ``old`` on the same rows: micro, macro, group, each with the interval of
    the paired difference (both answers of a resampled session are kept together)."""
    before, after = Tally(old, rows, taxonomy), Tally(new, rows, taxonomy)
    once, weights = plain(len(rows)), resample(rows, seed)
    measures = {
        "micro": (before.micro, after.micro),
        "macro": (before.macro, after.macro),
        "group": (before.group, after.group),
    }
    return {
        name: spread(float((right(once) - left(once))[0]), right(weights) - left(weights))
        for name, (left, right) in measures.items()
    }


def group_membership(taxonomy: Taxonomy) -> Matrix:
    """Leaf × group, 1 where the leaf belongs to the group."""
    groups = {group.id: index for index, group in enumerate(taxonomy.groups)}
    matrix = np.zeros((len(taxonomy.leaves), len(groups)), dtype=np.float32)
    for i, leaf in enumerate(taxonomy.leaves):
        matrix[i, groups[leaf.group]] = 1
    return matrix


def plain(rows: int) -> Matrix:
    """The weights [1, rows] that count each row once."""
    return np.ones((1, rows), np.float32)


def resample(rows: Sequence[LabelledMessage], seed: int = 0, draws: int = RESAMPLES) -> Matrix:
    """How often each bootstrap sample of whole sessions holds each row, [draws, rows]."""
    sessions, member = np.unique([row.session for row in rows], return_inverse=True)
    even = np.full(len(sessions), 1 / len(sessions))
    counts = np.random.default_rng(seed).multinomial(len(sessions), even, draws)
    weights: Matrix = counts.astype(np.float32)[:, member]
    return weights


def f1_of_counts(hits: int, guessed: int, support: int) -> Interval:
    """F1 = 2J / (1 + J), where J is the share of hits among all that is guessed or due: its interval is that
    of a share, which resampling cannot give for the three right answers of a rare leaf."""
    jaccard = share(hits, guessed + support - hits)
    return Interval(*(2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high)))


def _micro(weights: Matrix, guess: Matrix, truth: Matrix) -> Matrix:
    hits = weights @ (guess * truth).sum(axis=1)
    both = weights @ guess.sum(axis=1) + weights @ truth.sum(axis=1)
    ratio: Matrix = 2 * hits / np.maximum(both, 1e-9)
    return ratio


def each_leaf(names: Sequence[str], guess: Matrix, truth: Matrix) -> tuple[LeafFigures, ...]:
    """Figures of each leaf (or group) by itself; both [rows, names], 1 where it is chosen or true."""
    hits, guessed, support = (m.sum(axis=0).astype(int) for m in (guess * truth, guess, truth))
    return tuple(
        LeafFigures(
            name,
            share(int(hits[i]), int(guessed[i])),
            share(int(hits[i]), int(support[i])),
            f1_of_counts(int(hits[i]), int(guessed[i]), int(support[i])),
            int(support[i]),
        )
        for i, name in enumerate(names)
    )
