"""What a purpose would draw, and how it chooses among it.

chosen = in_turn(offers, 200)                   # leaf by leaf in turn, each leaf its best offers first
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xundan.labeling.sampling.known import Known
from xundan.taxonomy.trees import Taxonomy


@dataclass(frozen=True)
class Offer:
    """A group that a purpose would draw through one of its candidates; ``rank``: the lower the sooner."""

    group: int
    candidate: int
    leaf: str
    why: str
    rank: float


@dataclass(frozen=True)
class Offers:
    """All that a purpose may choose from, one offer a group; ``note``: what limits it, in a sentence."""

    all: tuple[Offer, ...]
    note: str = ""


@dataclass(frozen=True)
class Hints:
    """What purposes go by: thresholds by leaf (None: no model was given), how many labels each leaf shall
    have, what is known, the tree, and a place in a random order for each group [groups]."""

    known: Known
    taxonomy: Taxonomy
    thresholds: Mapping[str, float] | None
    target: int
    order: Sequence[int]
    seed: int


def in_turn(offers: Sequence[Offer], n: int, room: Mapping[str, int] | None = None) -> list[Offer]:
    """Up to ``n`` offers: always from the leaf that was drawn least, or with ``room`` from the one that lacks
    most and never more than its room."""
    queues: dict[str, list[Offer]] = defaultdict(list)
    for offer in sorted(offers, key=lambda offer: (offer.rank, offer.group), reverse=True):
        queues[offer.leaf].append(offer)
    drawn: Counter[str] = Counter()
    chosen: list[Offer] = []
    while len(chosen) < n:
        lacking = {
            leaf: (room[leaf] if room else 0) - drawn[leaf]
            for leaf, queue in queues.items()
            if queue and (room is None or drawn[leaf] < room[leaf])
        }
        if not lacking:
            break
        leaf = min(lacking, key=lambda leaf: (-lacking[leaf], leaf))
        chosen.append(queues[leaf].pop())
        drawn[leaf] += 1
    return chosen


def best(offers: Sequence[Offer], n: int) -> list[Offer]:
    """The ``n`` offers of the lowest rank, whatever their leaves."""
    return sorted(offers, key=lambda offer: (offer.rank, offer.group))[:n]
