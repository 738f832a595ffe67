"""Two models on the same rows: the difference, who wins how often, what changes, leaf by leaf.

found = paired(champion, candidate, rows, taxonomy)
print(found.difference["micro"], found.wins, found.losses, found.p)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
    exactly the labelled leaves; ``losses``: only the first. A session is won with more wins than losses in it
    and lost with fewer (``session_wins``, ``session_losses``); ``p``: two-sided sign test of these two, since
    messages of one session are alike. ``churn``: messages whose chosen leaves differ. ``gained``, ``lost``:
    minimal pairs only the second, only the first tells apart.
    """

    rows: int
    difference: dict[str, Interval]
    wins: int
    losses: int
    session_wins: int
    session_losses: int
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
    gain = new_right.astype(np.int64) - old_right
    won, lost = _sessions(gain, rows)
    both = old.pairs.keys() & new.pairs.keys()
    return Paired(
        len(rows),
        compare(old.chosen, new.chosen, rows, taxonomy, seed),
        int((gain > 0).sum()),
        int((gain < 0).sum()),
        won,
        lost,
        float(binomtest(won, won + lost).pvalue) if won + lost else 1.0,
        churn(old.chosen, new.chosen),
        _leaf_changes(before, after, rows, taxonomy, seed),
        tuple(sorted(pair for pair in both if new.pairs[pair] and not old.pairs[pair])),
        tuple(sorted(pair for pair in both if old.pairs[pair] and not new.pairs[pair])),
    )


def churn(old: Chosen, new: Chosen) -> Share:
    """The share of messages whose chosen leaves differ; both [rows, leaves]."""
    return share(int((old != new).any(axis=1).sum()), len(old))


def _sessions(gain: npt.NDArray[np.int64], rows: Sequence[LabelledMessage]) -> tuple[int, int]:
    """How many sessions are won and lost; gain [rows] is 1 for a won message, -1 for a lost one."""
    total: Counter[str] = Counter()
    for row, step in zip(rows, gain, strict=True):
        total[row.session] += int(step)
    return sum(net > 0 for net in total.values()), sum(net < 0 for net in total.values())


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
