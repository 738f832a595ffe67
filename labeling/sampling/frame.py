"""What may be drawn: groups of near-duplicates in which nothing was drawn or labelled before.

frame = make_frame(pool, known)
frame.rows == pool.rows - sum(frame.left_out.values())
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xundan.labeling.sampling.known import Known, reading, reading_text
from xundan.labeling.sampling.near_duplicates import groups_of
from xundan.labeling.sampling.pool import Candidate, Pool
from xundan.progress import Begin, silent

HELD_OUT = "in a frozen test or dev set (session or buyer)"
SAID_BEFORE = "drawn or labelled before, or nearly the same"


@dataclass(frozen=True)
class Frame:
    """``groups``: the numbers of the candidates that say nearly the same, the earliest first; of each group
    one is drawn at most. ``left_out`` counts messages (or sessions) by reason, those of the pool included.
    ``stands_for``: of what was drawn or labelled before, how many in the pool say nearly the same."""

    pool: Pool
    groups: tuple[tuple[int, ...], ...]
    left_out: Mapping[str, int]
    stands_for: Mapping[str, int]

    @property
    def rows(self) -> int:
        """Messages or sessions in the groups."""
        return sum(map(len, self.groups))

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Messages or sessions of each group, [groups]."""
        return np.array([len(group) for group in self.groups], dtype=np.int64)

    def members(self, group: int) -> list[tuple[int, Candidate]]:
        """The candidates of a group with their numbers."""
        return [(number, self.pool.candidates[number]) for number in self.groups[group]]

    def text(self, group: int) -> str:
        """What the first of a group says: a message, or all turns of a session."""
        first = self.pool.candidates[self.groups[group][0]]
        return reading_text(first.text, first.turns, first.message_id is None)


def make_frame(pool: Pool, known: Known, begin: Begin = silent) -> Frame:
    """Leave out held-out sessions and buyers, and what was drawn or labelled before; group the rest."""
    left_out = Counter(pool.left_out)
    free = [
        number
        for number, one in enumerate(pool.candidates)
        if one.session_id not in known.sessions and (one.buyer is None or one.buyer not in known.buyers)
    ]
    left_out[HELD_OUT] = len(pool.candidates) - len(free)
    begin("find near-duplicates", 0)
    before = known.readings  # a file may have an id twice, or none
    readings = [one.reading for one in before]
    for number in free:
        one = pool.candidates[number]
        readings.append(reading(one.text, one.turns, one.message_id is None))
    numbers = groups_of(readings).tolist()
    # Of several known readings in a group the first stands for it.
    drawn = dict(reversed(list(zip(numbers, (one.id for one in before), strict=False))))
    groups: dict[int, list[int]] = defaultdict(list)
    stands_for: Counter[str] = Counter()
    for number, group in zip(free, numbers[len(before) :], strict=True):
        if group in drawn:
            stands_for[drawn[group]] += 1
        else:
            groups[group].append(number)
    left_out[SAID_BEFORE] = stands_for.total()
    return Frame(pool, tuple(map(tuple, groups.values())), dict(+left_out), dict(stands_for))
