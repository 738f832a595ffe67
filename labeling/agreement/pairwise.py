"""How often two people who answer the same task choose the same leaf: F1 per leaf and per pair of people.

leaves = leaf_f1(ballots)                           # leaf -> F1 over all pairs of answers
pairs = people_f1(ballots)                          # who, with whom, over all leaves and leaf by leaf

F1 of two people needs no truth: 2 x both / (one + other), the same whichever of them is called right. It is
the specific agreement on the leaf: what one person would score against the other's answers, the yardstick for
a model's F1 (G. Hripcsak, A. Rothschild, Agreement, the F-Measure, and Reliability in Information Retrieval,
JAMIA 2005, https://doi.org/10.1197/jamia.M1733).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xundan.labeling.agreement.ballots import Ballots, Flags
from xundan.labeling.agreement.figures import Counts, Figure, Whole, f1_of, per_session, ratio


@dataclass(frozen=True)
class PairF1:
    """How two people agree: over all leaves, and on each leaf that one of them chose.

    ``tasks``: those both gave leaves; ``same``: the share of these on which they gave the same set.
    """

    one: str
    other: str
    tasks: int
    micro: Figure
    same: Figure
    leaves: dict[str, Figure]


def leaf_f1(ballots: Ballots) -> dict[str, Figure]:
    """F1 of each leaf over all pairs of answers; n is the pairs in which somebody chose the leaf."""
    return _by_leaf(ballots, _all(ballots))


def micro_f1(ballots: Ballots) -> Figure:
    """F1 over all leaves and all pairs of answers; n is the pairs."""
    return _micro(ballots, _all(ballots))


def same_sets(ballots: Ballots) -> Figure:
    """The share of the pairs of answers that are the same: all leaves, of sessions the primary one."""
    return _same(ballots, _all(ballots))


def people_f1(ballots: Ballots) -> tuple[PairF1, ...]:
    """Every two people who answered a task in common, those with the most tasks first."""
    found = []
    for one, other, rows in _couples(ballots):
        found.append(
            PairF1(
                ballots.people[one],
                ballots.people[other],
                len(rows),
                _micro(ballots, rows),
                _same(ballots, rows),
                _by_leaf(ballots, rows),
            )
        )
    return tuple(sorted(found, key=lambda pair: (-pair.tasks, pair.one, pair.other)))


def person_f1(ballots: Ballots) -> dict[str, Figure]:
    """How each person agrees with all others, over all leaves; n is the pairs of answers."""
    ends = ballots.person[ballots.first], ballots.person[ballots.second]
    return {
        person: _micro(ballots, np.flatnonzero((ends[0] == at) | (ends[1] == at)))
        for at, person in enumerate(ballots.people)
    }


def _couples(ballots: Ballots) -> Iterator[tuple[int, int, Whole]]:
    """Two people's numbers and the pairs of answers [rows] that are theirs."""
    ends = np.sort([ballots.person[ballots.first], ballots.person[ballots.second]], axis=0)
    for one, other in np.unique(ends, axis=1).T if ends.size else ():
        yield int(one), int(other), np.flatnonzero((ends[0] == one) & (ends[1] == other))


def _all(ballots: Ballots) -> Whole:
    return np.arange(len(ballots.first))


def _sides(ballots: Ballots, rows: Whole) -> tuple[Flags, Flags]:
    return ballots.chosen[ballots.first[rows]], ballots.chosen[ballots.second[rows]]


def _by_leaf(ballots: Ballots, rows: Whole) -> dict[str, Figure]:
    one, other = _sides(ballots, rows)
    both, either = one & other, one | other
    return {
        leaf: f1_of(_ratio(ballots, rows, both[:, at], either[:, at], int(either[:, at].sum())))
        for at, leaf in enumerate(ballots.leaves)
        if either[:, at].any()
    }


def _micro(ballots: Ballots, rows: Whole) -> Figure:
    one, other = _sides(ballots, rows)
    return f1_of(_ratio(ballots, rows, (one & other).sum(axis=1), (one | other).sum(axis=1), len(rows)))


def _same(ballots: Ballots, rows: Whole) -> Figure:
    one, other = _sides(ballots, rows)
    return _ratio(ballots, rows, (one == other).all(axis=1), np.ones(len(rows)), len(rows))


def _ratio(ballots: Ballots, rows: Whole, hits: Counts, totals: Counts, n: int) -> Figure:
    """The share of hits [rows] among totals [rows], resampled by the sessions of these rows."""
    concerned, session = np.unique(ballots.pair_session[rows], return_inverse=True)
    by_session = [per_session(session, counts, len(concerned)) for counts in (hits, totals)]
    return ratio(by_session[0], by_session[1], ballots.draws[:, concerned], n)
