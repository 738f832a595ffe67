"""Which leaf is missed, and which one is chosen instead.

for found in confusions(truth, chosen, leaves): print(found.missed, found.instead, found.share)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xundan.models.thresholds import Chosen, Scores
from xundan.training.evaluation.intervals import Share, share

NOTHING = ""
"""What is chosen instead where every chosen leaf is right and one more was due."""
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class Confusion:
    """Rows that have ``missed`` and were given ``instead``: their share of the rows that have ``missed``, and
    the places of the first few of them."""

    missed: str
    instead: str
    share: Share
    rows: tuple[int, ...]


def confusions(truth: Scores, chosen: Chosen, leaves: Sequence[str]) -> tuple[Confusion, ...]:
    """Every pair of a missed leaf and a leaf wrongly chosen beside it, the most frequent first.

    Truth and chosen [rows, leaves]. A row with two wrong leaves counts for both.
    """
    due = truth.astype(bool)
    missed, extra = due & ~chosen, chosen & ~due
    places: dict[tuple[int, int | None], list[int]] = {}
    for row in np.flatnonzero(missed.any(axis=1)):
        instead: list[int | None] = [int(leaf) for leaf in np.flatnonzero(extra[row])]
        for leaf in np.flatnonzero(missed[row]):
            for other in instead or [None]:
                places.setdefault((int(leaf), other), []).append(int(row))
    support = due.sum(axis=0)
    found = [
        Confusion(
            leaves[leaf],
            NOTHING if other is None else leaves[other],
            share(len(rows), int(support[leaf])),
            tuple(rows[:MOST_EXAMPLES]),
        )
        for (leaf, other), rows in places.items()
    ]
    return tuple(sorted(found, key=lambda c: (-c.share.hits, -c.share.value, c.missed, c.instead)))
