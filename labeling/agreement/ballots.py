"""Votes as arrays: which person chose which leaves of which task, and all pairs of answers to one task.

ballots = ballots_of(read_votes(store, "attention"))
ballots.chosen[ballots.first] & ballots.chosen[ballots.second]      # what both of each pair chose
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

from xundan.labeling.agreement.figures import Numbers, Whole, resample
from xundan.labeling.agreement.votes import Vote, Votes, chosen

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ballots:
    """The answers with leaves to tasks that two or more people gave leaves.

    ``keys`` [tasks] and ``session`` [tasks] (its number); ``task`` and ``person`` [answers]; ``chosen``
    [answers, leaves] (of a session the primary leaf alone) and ``every`` [answers, leaves] (all leaves);
    ``first`` and ``second`` [pairs]: the two answers of each pair. A task with three answers has three pairs.
    """

    leaves: tuple[str, ...]
    people: tuple[str, ...]
    keys: tuple[str, ...]
    votes: tuple[Vote, ...]
    is_session: bool
    session: Whole
    task: Whole
    person: Whole
    chosen: Flags
    every: Flags
    first: Whole
    second: Whole

    @property
    def sessions(self) -> int:
        """How many sessions the tasks come from."""
        return int(self.session.max()) + 1 if len(self.session) else 0

    @cached_property
    def draws(self) -> Numbers:
        """The bootstrap samples [draws, sessions], the same for every figure."""
        return resample(self.sessions)

    @cached_property
    def answers(self) -> Whole:
        """How many answers each task has, [tasks]."""
        return np.bincount(self.task, minlength=len(self.keys)).astype(np.int64)

    @cached_property
    def pair_session(self) -> Whole:
        """The session of each pair, [pairs]."""
        return self.session[self.task[self.first]]


def ballots_of(votes: Votes) -> Ballots:
    """Collect what can be compared; tasks with fewer than two answers that name leaves are left out."""
    labels = {key: votes.labels(key) for key in votes.by_task}
    labels = {key: several for key, several in labels.items() if len(several) >= 2}
    cast = [vote for several in labels.values() for vote in several]
    leaves = tuple(sorted({leaf for vote in cast for leaf in vote.leaves}))
    people = tuple(sorted({vote.by for vote in cast}))
    place = {key: number for number, key in enumerate(labels)}
    number = {person: at for at, person in enumerate(people)}
    session_names = [(votes.tasks[key].shop, votes.tasks[key].session_id) for key in labels]
    sessions = {name: at for at, name in enumerate(dict.fromkeys(session_names))}
    pairs = np.array(_pairs([len(several) for several in labels.values()]), np.int64).reshape(-1, 2)
    every = _matrix([vote.leaves for vote in cast], leaves)
    is_session = any(votes.tasks[key].is_session for key in labels)
    first_only = [chosen(vote, votes.tasks[vote.key]) for vote in cast]
    return Ballots(
        leaves,
        people,
        tuple(labels),
        tuple(cast),
        is_session,
        session=np.array([sessions[name] for name in session_names], np.int64),
        task=np.array([place[vote.key] for vote in cast], np.int64),
        person=np.array([number[vote.by] for vote in cast], np.int64),
        chosen=_matrix(first_only, leaves) if is_session else every,
        every=every,
        first=pairs[:, 0],
        second=pairs[:, 1],
    )


def _pairs(sizes: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start = 0
    for size in sizes:
        found.extend(combinations(range(start, start + size), 2))
        start += size
    return found


def _matrix(sets: list[tuple[str, ...]], leaves: tuple[str, ...]) -> Flags:
    column = {leaf: at for at, leaf in enumerate(leaves)}
    matrix = np.zeros((len(sets), len(leaves)), np.bool_)
    for row, named in enumerate(sets):
        matrix[row, [column[leaf] for leaf in named]] = True
    return matrix
