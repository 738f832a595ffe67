"""Draws that leave little to chance: counts that keep to their rate, wordings that all get their turn.

>>> import random
>>> from xundan.examples.draw import Quota
>>> quota = Quota(random.Random(7))
>>> sum(quota.take("x", 2.5) for _ in range(10))
25
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta


class Quota:
    """Keeps counts to their rates within about one: each week's total, and over the weeks each category."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._due: dict[Hashable, float] = {}

    def take(self, key: Hashable, rate: float) -> int:
        """How many of this category this week, for this rate a week."""
        due = self._due.get(key, self._rng.random()) + rate
        count = math.floor(due + 1e-9)
        self._due[key] = due - count
        return count

    def take_all(self, group: str, rates: Mapping[str, float]) -> dict[str, int]:
        """How many of each category this week, their total kept to its rate too (largest remainder first)."""
        total = self.take(group, sum(rates.values()))
        due = {
            name: self._due.get((group, name), self._rng.random() - 0.5) + rate
            for name, rate in rates.items()
        }
        counts = {name: max(0, math.floor(value + 1e-9)) for name, value in due.items()}
        by_rest = sorted((name for name in due if rates[name] > 0), key=lambda name: counts[name] - due[name])
        while sum(counts.values()) != total:
            up = sum(counts.values()) < total
            name = by_rest.pop(0) if up else next(n for n in reversed(by_rest) if counts[n])
            if not up:
                by_rest.remove(name)
            counts[name] += 1 if up else -1
        for name, value in due.items():
            self._due[group, name] = value - counts[name]
        return counts


class Bag:
    """Hands out the lines of a pool in random order, each once before any comes again."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._left: dict[Hashable, list[str]] = {}

    def pick(self, key: Hashable, pool: Sequence[str]) -> str:
        """The next line of the pool known by ``key``."""
        left = self._left.setdefault(key, [])
        if not left:
            left.extend(self._rng.sample(pool, len(pool)))
        return left.pop()


def deal(counts: Mapping[str, int], hands: int, rng: random.Random) -> list[list[str]]:
    """Spread ``counts`` questions over ``hands`` sessions: all get one to four, none the same one twice."""
    dealt: list[list[str]] = [[] for _ in range(hands)]
    room = [1] * hands
    for _ in range(sum(counts.values()) - hands):
        room[rng.choice([i for i in range(hands) if room[i] < 4] or list(range(hands)))] += 1
    for leaf, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        keys = [rng.random() ** (1 / max(room[i] - len(dealt[i]), 1e-3)) for i in range(hands)]
        for index in sorted(range(hands), key=lambda i: -keys[i])[:count]:
            dealt[index].append(leaf)
    return dealt


# Relative traffic of Monday to Sunday, and of the hours 8 to 23.
DAYS = (1.0, 0.94, 0.95, 0.98, 1.0, 1.14, 1.1)
HOURS = (0.5, 0.8, 1.1, 1.1, 0.9, 0.9, 1.0, 1.0, 1.0, 0.9, 0.8, 1.0, 1.4, 1.6, 1.4, 0.8)


def moments(monday: datetime, count: int, rng: random.Random) -> list[datetime]:
    """``count`` moments of a week in opening hours, spread as the traffic is, in random order."""
    cells = [(day, hour + 8, d * h) for day, d in enumerate(DAYS) for hour, h in enumerate(HOURS)]
    total = sum(weight for _, _, weight in cells)
    found, reached, index = [], cells[0][2], 0
    for number in range(count):
        target = (number + rng.random()) / count * total
        while reached < target and index < len(cells) - 1:
            index += 1
            reached += cells[index][2]
        day, hour, _ = cells[index]
        seconds = rng.randrange(1800 if hour == 23 else 3600)
        found.append(monday + timedelta(days=day, hours=hour, seconds=seconds))
    rng.shuffle(found)
    return found


def night(monday: datetime, rng: random.Random) -> datetime:
    """A moment of the week when nobody is on duty."""
    hours = rng.choices(range(8), (5, 4, 2, 1, 1, 1, 2, 3))[0]
    return monday + timedelta(days=rng.randrange(7), hours=hours, seconds=rng.randrange(3000))
