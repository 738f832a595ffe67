"""Which leaves would profit from more labels: few train rows and a low F1.

for leaf in wanted_leaves(train_rows, figures): print(leaf.leaf, leaf.train_rows, leaf.f1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from xundan.training.evaluation.figures import MIN_SUPPORT, Figures
from xundan.training.evaluation.intervals import Interval
from xundan.training.labels import LabelledMessage

MOST = 10


@dataclass(frozen=True)
class WantedLeaf:
    """A leaf with its rows among the train labels, and its F1 on ``support`` test rows."""

    leaf: str
    train_rows: int
    f1: Interval
    support: int


def wanted_leaves(train: Sequence[LabelledMessage], figures: Figures) -> tuple[WantedLeaf, ...]:
    """Leaves with fewer train rows than the middle leaf and an F1 below the micro-F1, fewest rows first;
    only leaves with at least `MIN_SUPPORT` test rows, since of the others nothing is known."""
    rows = Counter(label for row in train for label in row.labels)
    middle = median(rows[leaf.leaf] for leaf in figures.leaves)
    found = [
        WantedLeaf(leaf.leaf, rows[leaf.leaf], leaf.f1, leaf.support)
        for leaf in figures.leaves
        if leaf.support >= MIN_SUPPORT and rows[leaf.leaf] < middle and leaf.f1.value < figures.micro.value
    ]
    return tuple(sorted(found, key=lambda leaf: (leaf.train_rows, leaf.leaf))[:MOST])
