"""Which leaves people take for each other: a matrix for the heat map, and the worst pairs with examples.

matrix = confusion_matrix(ballots)        # where one person chose the row, the other chose the column
for found in confused(ballots): print(found.one, found.other, found.share, found.examples)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xundan.labeling.agreement.ballots import Ballots, Flags
from xundan.labeling.agreement.figures import Figure, Numbers, Whole, per_session, ratio

NOTHING = ""
"""What the other person chose instead where all their leaves are shared ones."""
MOST_SHOWN = 30
"""More leaves than this make a heat map nobody can read."""
MOST_EXAMPLES = 3


@dataclass(frozen=True)
class ConfusionMatrix:
    """``share`` [leaves, leaves + 1]: of the answers with the row's leaf, each beside each other answer to
    its task, how many times the other has the column's leaf and not the row's; on the diagonal, how many
    times the other has it too (that is F1). The last column: lacks the row's leaf and has none instead.
    ``hits`` are the counts, ``totals`` [leaves] what they are divided by.

    A row may sum to more than 1: someone may choose two other leaves instead.
    """

    leaves: tuple[str, ...]
    share: Numbers
    hits: Whole
    totals: Whole


@dataclass(frozen=True)
class Example:
    """One disagreement: the task's key and the two people's leaves."""

    key: str
    leaves: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True)
class Confused:
    """Two leaves taken for each other: ``hits`` pairs of answers, their share of the pairs in which somebody
    chose one of the two (its n), and the first few. ``other`` is `NOTHING` for a leaf one person left out."""

    one: str
    other: str
    hits: int
    share: Figure
    examples: tuple[Example, ...]


def confusion_matrix(ballots: Ballots, order: Sequence[str] = (), most: int = MOST_SHOWN) -> ConfusionMatrix:
    """The matrix of the leaves that disagreements touch, the ``most`` touched ones, in the given order;
    leaves that it does not name come last."""
    answers = np.concatenate([ballots.first, ballots.second])
    others = np.concatenate([ballots.second, ballots.first])
    mine = ballots.chosen[answers].astype(np.float64)
    theirs = ballots.chosen[others].astype(np.float64)
    missed, instead = mine * (1 - theirs), theirs * (1 - mine)
    alone = (instead.sum(axis=1) == 0).astype(np.float64)
    hits = np.hstack([missed.T @ instead, (missed.T @ alone)[:, None]])
    np.fill_diagonal(hits[:, :-1], (mine * theirs).sum(axis=0))
    touched = missed.sum(axis=0) + instead.sum(axis=0)
    place = {leaf: at for at, leaf in enumerate(order)}
    most_touched = [int(at) for at in np.argsort(-touched, kind="stable")[:most] if touched[at] > 0]
    shown = sorted(most_touched, key=lambda at: (place.get(ballots.leaves[at], len(place)), at))
    kept = hits[np.ix_(shown, [*shown, len(ballots.leaves)])]
    totals = mine.sum(axis=0)[shown]
    return ConfusionMatrix(
        tuple(ballots.leaves[at] for at in shown),
        kept / np.maximum(totals[:, None], 1),
        kept.astype(np.int64),
        totals.astype(np.int64),
    )


def confused(ballots: Ballots, most: int | None = None) -> tuple[Confused, ...]:
    """Pairs of leaves taken for each other, the most frequent first; a pair of answers that differs in
    several leaves counts for each combination."""
    places: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    left, right = ballots.chosen[ballots.first], ballots.chosen[ballots.second]
    for row in np.flatnonzero((left != right).any(axis=1)):
        only = np.flatnonzero(left[row] & ~right[row]), np.flatnonzero(right[row] & ~left[row])
        if len(only[0]) and len(only[1]):
            for one in only[0]:
                for other in only[1]:
                    places[min(one, other), max(one, other)].append(int(row))
        else:
            for one in np.concatenate(only):
                places[int(one), None].append(int(row))
    ordered = sorted(places.items(), key=lambda found: (-len(found[1]), found[0][0], found[0][1] or -1))
    return tuple(_confused(ballots, one, other, rows) for (one, other), rows in ordered[:most])


def _confused(ballots: Ballots, one: int, other: int | None, rows: list[int]) -> Confused:
    pair = [one] if other is None else [one, other]
    concerned: Flags = np.asarray(ballots.chosen[:, pair].any(axis=1))
    either = concerned[ballots.first] | concerned[ballots.second]
    hits = np.zeros(len(either))
    hits[rows] = 1
    counted = [per_session(ballots.pair_session, part, ballots.sessions) for part in (hits, either)]
    share = ratio(counted[0], counted[1], ballots.draws, int(either.sum()))
    examples: dict[str, Example] = {}  # three pairs of answers to one task are one example
    for row in rows:
        first, second = (ballots.votes[at] for at in (ballots.first[row], ballots.second[row]))
        examples.setdefault(first.key, Example(first.key, first.leaves, second.leaves))
    named = NOTHING if other is None else ballots.leaves[other]
    return Confused(ballots.leaves[one], named, len(rows), share, tuple(examples.values())[:MOST_EXAMPLES])
