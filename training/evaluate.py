"""Figures one can decide from: micro- and macro-F1, groups, each leaf, all with bootstrap intervals.

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
from xundan.training.labels import LabelledMessage, target_matrix

MIN_SUPPORT = 5
"""Leaves with fewer examples are left out of macro-F1: one row would move it by points."""
RESAMPLES = 1000

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class LeafFigures:
    """Precision, recall and F1 of one leaf, and how many rows have it."""

    leaf: str
    precision: float
    recall: float
    f1: Interval
    support: int


@dataclass(frozen=True)
class Figures:
    """Micro-F1, macro-F1 (leaves with at least `MIN_SUPPORT` rows), micro-F1 of the groups, each leaf."""

    rows: int
    micro: Interval
    macro: Interval
    group: Interval
    leaves: tuple[LeafFigures, ...]


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
        """weights [draws, rows] -> mean F1 of the frequent leaves [draws]."""
        if not self.frequent.any():
            return np.zeros(len(weights), np.float32)
        mean: Matrix = self.leaves(weights)[:, self.frequent].mean(axis=1)
        return mean

    def leaves(self, weights: Matrix) -> Matrix:
        """weights [draws, rows] -> F1 [draws, leaves], 0 where a leaf neither occurs nor is chosen."""
        hits = weights @ (self.guess * self.truth)
        both = weights @ self.guess + weights @ self.truth
        return np.where(both > 0, 2 * hits / np.maximum(both, 1e-9), 0).astype(np.float32)


def evaluate(chosen: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int = 0) -> Figures:
    """Compare chosen leaves [rows, leaves] with the rows' labels; intervals by resampling rows
    (percentile bootstrap, Efron 1979, https://doi.org/10.1214/aos/1176344552)."""
    tally = Tally(chosen, rows, taxonomy)
    once, draws = np.ones((1, len(rows)), np.float32), _draws(len(rows), seed)
    single, spread = tally.leaves(once)[0], np.percentile(tally.leaves(draws), (2.5, 97.5), axis=0)
    hits, guessed, support = ((m).sum(axis=0) for m in (tally.guess * tally.truth, tally.guess, tally.truth))
    leaves = tuple(
        LeafFigures(
            leaf.id,
            float(hits[i] / max(1.0, guessed[i])),
            float(hits[i] / max(1.0, support[i])),
            Interval(float(single[i]), float(spread[0][i]), float(spread[1][i])),
            int(support[i]),
        )
        for i, leaf in enumerate(taxonomy.leaves)
    )
    micro, macro, group = (
        _interval(measure(once), measure(draws)) for measure in (tally.micro, tally.macro, tally.group)
    )
    return Figures(len(rows), micro, macro, group, leaves)


def compare(
    old: Chosen, new: Chosen, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int = 0
) -> dict[str, Interval]:
    """How far ``new`` is ahead of ``old`` on the same rows: micro, macro, group, each with the interval of
    the paired difference (both answers of a resampled row are kept together)."""
    before, after = Tally(old, rows, taxonomy), Tally(new, rows, taxonomy)
    once, draws = np.ones((1, len(rows)), np.float32), _draws(len(rows), seed)
    return {
        "micro": _interval(after.micro(once) - before.micro(once), after.micro(draws) - before.micro(draws)),
        "macro": _interval(after.macro(once) - before.macro(once), after.macro(draws) - before.macro(draws)),
        "group": _interval(after.group(once) - before.group(once), after.group(draws) - before.group(draws)),
    }


def group_membership(taxonomy: Taxonomy) -> Matrix:
    """Leaf × group, 1 where the leaf belongs to the group."""
    groups = {group.id: index for index, group in enumerate(taxonomy.groups)}
    matrix = np.zeros((len(taxonomy.leaves), len(groups)), dtype=np.float32)
    for i, leaf in enumerate(taxonomy.leaves):
        matrix[i, groups[leaf.group]] = 1
    return matrix


def _micro(weights: Matrix, guess: Matrix, truth: Matrix) -> Matrix:
    hits = weights @ (guess * truth).sum(axis=1)
    both = weights @ guess.sum(axis=1) + weights @ truth.sum(axis=1)
    ratio: Matrix = 2 * hits / np.maximum(both, 1e-9)
    return ratio


def _draws(rows: int, seed: int) -> Matrix:
    """How often each of ``RESAMPLES`` bootstrap samples holds each row."""
    counts = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), RESAMPLES)
    return counts.astype(np.float32)


def _interval(value: Matrix, spread: Matrix) -> Interval:
    low, high = np.percentile(spread, (2.5, 97.5))
    return Interval(float(value[0]), float(low), float(high))
