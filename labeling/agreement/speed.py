"""How fast each person labels, and how often with doubt or second thoughts.

for person in speeds(read_votes(store, "attention")): print(person.by, person.median, person.per_hour)
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from xundan.labeling.agreement.votes import Vote, Votes


@dataclass(frozen=True)
class Speed:
    """One person's standing answers: how many, of which kind, and the seconds of the ``timed`` ones.

    ``median`` and its quartiles ``low`` and ``high`` in seconds, NaN where none is timed; the median, since a
    page left open over lunch would rule a mean. ``per_hour`` is 3600 / median: while at it, without breaks.
    ``changed``: answers that were otherwise before.
    """

    by: str
    answers: int
    labels: int
    unsure: int
    unreadable: int
    empty: int
    changed: int
    timed: int
    median: float
    low: float
    high: float

    @property
    def per_hour(self) -> float:
        """Answers an hour at the median pace."""
        return 3600 / self.median


def speeds(votes: Votes) -> tuple[Speed, ...]:
    """Everyone who answered, those with the most answers first."""
    by_person: dict[str, list[Vote]] = defaultdict(list)
    for several in votes.by_task.values():
        for vote in several:
            by_person[vote.by].append(vote)
    found = [_speed(by, given) for by, given in by_person.items()]
    return tuple(sorted(found, key=lambda one: (-one.answers, one.by)))


def _speed(by: str, given: list[Vote]) -> Speed:
    kinds = [vote.kind for vote in given]
    seconds = [vote.seconds for vote in given if vote.seconds and vote.seconds > 0]
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75)) if seconds else (float("nan"),) * 3
    return Speed(
        by,
        len(given),
        kinds.count("labels"),
        kinds.count("unsure"),
        kinds.count("unreadable"),
        kinds.count("empty"),
        changed=sum(vote.changed for vote in given),
        timed=len(seconds),
        median=float(median),
        low=float(low),
        high=float(high),
    )
