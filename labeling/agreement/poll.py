"""What three or more votes come to: the majority, and beside it Dawid-Skene, leaf by leaf.

for key, found in poll(votes).items(): print(key, found.majority, found.dawid_skene)

Only where both arrive at the same leaves is a dispute settled without a decision. In simulated labels (8 sets
of 400 tasks, 20 leaves, five people right in 60 to 95 of 100, three a task) such leaves were right in 91 to
93 of 100 disputed tasks; where the two differ, the majority was right in 33 to 41 and Dawid-Skene in hardly
any: one coin takes a rare leaf that two of three saw for a slip.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xundan.labeling.agreement.dawid_skene import one_coin
from xundan.labeling.agreement.figures import Whole
from xundan.labeling.agreement.votes import Vote, Votes, chosen

ENOUGH = 3
"""Votes from which a majority may settle a dispute."""


@dataclass(frozen=True)
class Poll:
    """What three or more votes come to: leaves that more than half name, and leaves that Dawid-Skene holds
    for more likely than not; ``sure`` is the least posterior of the latter's choices (leaf or not)."""

    majority: tuple[str, ...]
    dawid_skene: tuple[str, ...]
    sure: float

    @property
    def alike(self) -> bool:
        """Whether both name the same leaves, of a session the same primary one too (both have one order)."""
        return bool(self.majority) and self.majority == self.dawid_skene


def poll(votes: Votes) -> dict[str, Poll]:
    """Majority and Dawid-Skene of the tasks with `ENOUGH` or more votes that name leaves.

    Leaf by leaf, or over the primary leaves of sessions (then the secondary ones are those of more than
    half). People's reliability is learnt from all tasks with two votes or more: where a third person is
    asked only if two differ, the tasks with three show everybody at their worst.
    """
    several = {key: labels for key in votes.by_task if len(labels := votes.labels(key)) >= 2}
    asked = [key for key, labels in several.items() if len(labels) >= ENOUGH]
    if not asked:
        return {}
    by_session = votes.tasks[asked[0]].is_session
    likely = _primary_posteriors(several, votes) if by_session else _leaf_posteriors(several)
    return {key: _poll(several[key], likely[key], by_session) for key in asked}


def secondary(labels: Sequence[Vote], primary: str) -> tuple[str, ...]:
    """The leaves beside the primary one that more than half of the votes on a session name."""
    named = Counter(leaf for vote in labels for leaf in vote.leaves if leaf != primary)
    return tuple(leaf for leaf, times in named.most_common() if times > len(labels) / 2)


def _poll(labels: Sequence[Vote], likely: Mapping[str, float], by_session: bool) -> Poll:
    half = len(labels) / 2
    if by_session:
        named = Counter(vote.leaves[0] for vote in labels)
        top, times = named.most_common(1)[0]
        best = max(likely, key=lambda leaf: likely[leaf])
        sides = [(top,) if times > half else (), (best,) if likely[best] >= 0.5 else ()]
        whole = [(side[0], *secondary(labels, side[0])) if side else () for side in sides]
        return Poll(whole[0], whole[1], likely[best])
    named = Counter(leaf for vote in labels for leaf in vote.leaves)
    majority = tuple(leaf for leaf, times in named.most_common() if times > half)
    probable = tuple(leaf for leaf, _ in named.most_common() if likely[leaf] >= 0.5)
    return Poll(majority, probable, min(max(likely[leaf], 1 - likely[leaf]) for leaf in named))


def _leaf_posteriors(several: Mapping[str, Sequence[Vote]]) -> dict[str, dict[str, float]]:
    """Key -> leaf -> probability, of the leaves that somebody named for the task; each leaf by itself."""
    cast = [vote for labels in several.values() for vote in labels]
    task, person = _numbers([vote.key for vote in cast]), _numbers([vote.by for vote in cast])
    named: dict[str, set[int]] = defaultdict(set)
    for place, vote in enumerate(cast):
        for leaf in vote.leaves:
            named[leaf].add(place)
    likely: dict[str, dict[str, float]] = defaultdict(dict)
    for leaf, places in named.items():
        answer = np.zeros(len(cast), np.int64)
        answer[list(places)] = 1
        posterior = one_coin(task, person, answer, 2).posterior[:, 1]
        for place in places:
            likely[cast[place].key][leaf] = float(posterior[task[place]])
    return likely


def _primary_posteriors(several: Mapping[str, Sequence[Vote]], votes: Votes) -> dict[str, dict[str, float]]:
    """Key -> primary leaf -> probability; one answer of many, so all leaves are estimated together."""
    cast = [vote for labels in several.values() for vote in labels]
    first = [chosen(vote, votes.tasks[vote.key])[0] for vote in cast]
    leaves = list(dict.fromkeys(first))
    task, person = _numbers([vote.key for vote in cast]), _numbers([vote.by for vote in cast])
    if len(leaves) < 2:
        return {vote.key: {leaves[0]: 1.0} for vote in cast}
    found = one_coin(task, person, _numbers(first), len(leaves)).posterior
    rows = {vote.key: found[row] for vote, row in zip(cast, task, strict=True)}
    return {key: dict(zip(leaves, map(float, row), strict=True)) for key, row in rows.items()}


def _numbers(names: Sequence[str]) -> Whole:
    """Each name's number, in order of first appearance."""
    number = {name: at for at, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], np.int64)
