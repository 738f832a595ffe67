"""Two models on the same rows: the difference, who wins how often, what changes, leaf by leaf.

found = paired(champion, candidate, rows, taxonomy)
print(found.difference["micro"], found.wins, found.losses, found.p)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binomtest

from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.figures import Tally, compare, plain, resample
from xundan.training.evaluation.intervals import Interval, Share, share, spread
from xundan.training.evaluation.judged import Judged
from xundan.training.labels import LabelledMessage


@dataclass(frozen=True)
class LeafChange:
    """How far the F1 of a leaf moved on its ``support`` rows."""

    leaf: str
    before: float
    after: float
    change: Interval
    support: int


@dataclass(frozen=True)
class Paired:
    """The second model against the first, on ``rows`` messages.

    ``difference``: micro, macro and group, second minus first. ``wins``: messages where only the second chose
    exactly the labelled leaves; ``losses``: only the first; ``p``: two-sided sign test of the two. ``churn``:
    messages whose chosen leaves differ. ``gained`` and ``lost``: minimal pairs only the second, only the
    first tells apart.
    """

    rows: int
    difference: dict[str, Interval]
    wins: int
    losses: int
    p: float
    churn: Share
    leaves: tuple[LeafChange, ...]
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def paired(
    old: Judged, new: Judged, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int = 0
) -> Paired:
    """Compare two models whose columns are the taxonomy's leaves in its order."""
    before, after = Tally(old.chosen, rows, taxonomy), Tally(new.chosen, rows, taxonomy)
    old_right, new_right = ((tally.guess == tally.truth).all(axis=1) for tally in (before, after))
    wins, losses = int((new_right & ~old_right).sum()), int((old_right & ~new_right).sum())
    both = old.pairs.keys() & new.pairs.keys()
    return Paired(
        len(rows),
        compare(old.chosen, new.chosen, rows, taxonomy, seed),
        wins,
        losses,
        float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0,
        churn(old.chosen, new.chosen),
        _leaf_changes(before, after, rows, taxonomy, seed),
        tuple(sorted(pair for pair in both if new.pairs[pair] and not old.pairs[pair])),
        tuple(sorted(pair for pair in both if old.pairs[pair] and not new.pairs[pair])),
    )


def churn(old: Chosen, new: Chosen) -> Share:
    """The share of messages whose chosen leaves differ; both [rows, leaves]."""
    return share(int((old != new).any(axis=1).sum()), len(old))


def _leaf_changes(
    before: Tally, after: Tally, rows: Sequence[LabelledMessage], taxonomy: Taxonomy, seed: int
) -> tuple[LeafChange, ...]:
    once, weights = plain(len(rows)), resample(rows, seed)
    old, new = before.leaves(once)[0], after.leaves(once)[0]
    draws = after.leaves(weights) - before.leaves(weights)
    return tuple(
        LeafChange(
            leaf.id,
            float(old[i]),
            float(new[i]),
            spread(float(new[i] - old[i]), draws[:, i]),
            int(before.truth[:, i].sum()),
        )
        for i, leaf in enumerate(taxonomy.leaves)
    )
