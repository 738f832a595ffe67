"""Krippendorff's alpha: how far people agree beyond what their habits would give by chance.

overall = masi_alpha(ballots)                       # leaf sets, MASI distance
leaves = leaf_alphas(ballots)                       # leaf -> alpha of "has this leaf or not"

alpha = 1 - observed / expected disagreement, over all pairs of answers to one task, whoever gave them; any
number of people, and tasks with missing answers, may be in it (K. Krippendorff, Computing Krippendorff's
Alpha-Reliability, 2011, https://repository.upenn.edu/handle/20.500.14332/2089). 1 is perfect, 0 is chance.
The MASI distance of two leaf sets is 1 - Jaccard x monotonicity (R. Passonneau, Measuring Agreement on
Set-valued Items, LREC 2006, https://aclanthology.org/L06-1392/).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from xundan.labeling.agreement.ballots import Ballots, Flags
from xundan.labeling.agreement.figures import Figure, Numbers, Whole, figure, per_session, wilson

_WHOLE, _SUBSET, _OVERLAP = 1.0, 2 / 3, 1 / 3  # monotonicity: equal, one within the other, some shared


def masi_alpha(ballots: Ballots) -> Figure:
    """Alpha of whole leaf sets (of a session, primary and secondary together) with the MASI distance."""
    sets, value = np.unique(ballots.every, axis=0, return_inverse=True)
    return alpha(ballots, value.reshape(-1), masi(sets))


def primary_alpha(ballots: Ballots) -> Figure:
    """Alpha of the primary leaf of sessions, nominal: another leaf is another leaf, however near."""
    value = ballots.chosen.argmax(axis=1)
    return alpha(ballots, value, 1.0 - np.eye(len(ballots.leaves)))


def leaf_alphas(ballots: Ballots) -> dict[str, Figure]:
    """Alpha of each leaf that somebody chose, nominal: chosen or not."""
    unlike = 1.0 - np.eye(2)
    return {
        leaf: alpha(ballots, ballots.chosen[:, at].astype(np.int64), unlike)
        for at, leaf in enumerate(ballots.leaves)
        if ballots.chosen[:, at].any()
    }


def alpha(ballots: Ballots, value: Whole, distance: Numbers) -> Figure:
    """Alpha of the answers' values [answers], given as places in distance [values, values]; n is tasks.

    Undefined (NaN) where everybody gave the same value always, or there is no pair of answers.
    """
    tasks, sessions = len(ballots.keys), ballots.sessions
    if not tasks:
        return Figure(float("nan"), -1.0, 1.0, 0, 0)
    weight = 2 / (ballots.answers[ballots.task[ballots.first]] - 1)
    apart = distance[value[ballots.first], value[ballots.second]] * weight
    unlike = per_session(ballots.pair_session, apart, sessions)
    places = (ballots.session[ballots.task], value)
    held = csr_array((np.ones(len(value)), places), shape=(sessions, len(distance)))
    once = np.ones((1, sessions))
    observed, expected = (part[0] for part in _disagreement(once, unlike, held, distance))
    if not expected:
        return Figure(float("nan"), -1.0, 1.0, tasks, sessions)
    seen, due = _disagreement(ballots.draws, unlike, held, distance)
    drawn = 1 - np.divide(seen, due, out=np.full(len(due), np.nan), where=due > 0)
    low, high = wilson(min(observed, 1.0) * tasks, tasks)
    plain = (1 - high / expected, 1 - low / expected)
    return figure(1 - observed / expected, drawn, plain, tasks, sessions)


def masi(sets: Flags) -> Numbers:
    """MASI distances [sets, sets] of leaf sets [sets, leaves]: 0 for equal sets, 1 for disjoint ones."""
    members = sets.astype(np.float64)
    shared, sizes = members @ members.T, members.sum(axis=1)
    union = sizes[:, None] + sizes[None, :] - shared
    within = shared == np.minimum(sizes[:, None], sizes[None, :])
    monotone = np.where(shared == union, _WHOLE, np.where(within, _SUBSET, _OVERLAP))
    distances: Numbers = 1 - shared / np.maximum(union, 1) * monotone
    return distances


def _disagreement(
    draws: Numbers, unlike: Numbers, held: csr_array, distance: Numbers
) -> tuple[Numbers, Numbers]:
    """Observed and expected disagreement [draws] of sessions with disagreement [sessions] that hold values
    [sessions, values]; 0 expected where a draw holds too little."""
    values = np.asarray((held.T @ draws.T).T)
    answers = values.sum(axis=1)
    expected = ((values @ distance) * values).sum(axis=1)
    pairs = np.maximum(answers * (answers - 1), 1)
    return draws @ unlike / np.maximum(answers, 1), expected / pairs
