"""Divide rows into train, dev and test: by buyer and session, and as every earlier frozen set did.

division = divide(rows, text_links(rows).found, Shares(), read_earlier(Path("xundan-labels/frozen")))
division.sides                                              # [rows], "train", "dev" or "test"
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from xundan.errors import BadInput
from xundan.labeling.freeze.collect import Row
from xundan.labeling.freeze.leaks import Link

Side = Literal["train", "dev", "test"]
SIDES: tuple[Side, ...] = ("train", "dev", "test")
"""Weakest first: what was ever measured on is never trained on."""
SPLIT_FILE = "split.json"


@dataclass(frozen=True)
class Shares:
    """The share of all rows that dev and test shall have, and what the order of drawing is made from."""

    dev: float = 0.1
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        if not (min(self.dev, self.test) >= 0 and self.dev + self.test < 1):  # NaN neither
            given = f"dev {self.dev}, test {self.test}"
            raise BadInput("shares out of range", got=given, expected="0 or more, together below 1")


@dataclass(frozen=True)
class Earlier:
    """The side each session and buyer was given by earlier frozen sets, of any tree."""

    sessions: Mapping[str, Side] = field(default_factory=dict)
    buyers: Mapping[str, Side] = field(default_factory=dict)

    def side_of(self, rows: Sequence[Row]) -> Side | None:
        """The strongest side that a session or buyer of the rows ever had."""
        known = [self.sessions.get(row.session) for row in rows]
        known += [self.buyers.get(row.buyer) for row in rows if row.buyer is not None]
        return max((side for side in known if side), key=SIDES.index, default=None)


@dataclass(frozen=True)
class Division:
    """The side of each row [rows]; ``kept``: rows whose side an earlier set gave; ``moved``: rows that an
    earlier set had on a weaker side, as their buyer became known to be on a stronger one."""

    sides: tuple[Side, ...]
    kept: int
    moved: int


def read_earlier(frozen: Path) -> Earlier:
    """What the frozen sets in a folder say; of different words about one session or buyer the strongest."""
    found: dict[str, dict[str, Side]] = {"sessions": {}, "buyers": {}}
    for path in sorted(frozen.glob(f"[!.]*/{SPLIT_FILE}")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            for kind, sides in found.items():
                for name, side in said[kind].items():
                    sides[name] = max(sides.get(name, "train"), cast(Side, side), key=SIDES.index)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            do = "restore it: without it a test session could come into training"
            raise BadInput("not a frozen set's split", got=error, do=do, where=str(path)) from error
    return Earlier(found["sessions"], found["buyers"])


def divide(rows: Sequence[Row], links: Sequence[Link], shares: Shares, earlier: Earlier) -> Division:
    """Give each group of rows one side.

    A group is what shares a session or a buyer; groups tied by texts (links) go together where no earlier set
    parted them. A group of which an earlier set knows a part keeps the strongest side of its parts. The
    others fill test, then dev, in an order made from the seed, audit rows first (only them, where there are
    enough); what is left is for training.
    """
    people = _groups(len(rows), _same(rows))
    kept = {group: earlier.side_of([rows[n] for n in members]) for group, members in people.items()}
    group_of = {number: group for group, members in people.items() for number in members}
    free = [link for link in links if not (kept[group_of[link.one]] and kept[group_of[link.other]])]
    sides: list[Side] = ["train"] * len(rows)
    new: list[list[int]] = []
    for members in _groups(len(rows), [*_same(rows), *((link.one, link.other) for link in free)]).values():
        given = {group: kept[group] for group in dict.fromkeys(group_of[number] for number in members)}
        known = [side for side in given.values() if side]
        if not known:
            new.append(members)
            continue
        strongest = max(known, key=SIDES.index)
        for number in members:
            sides[number] = given[group_of[number]] or strongest
    _fill(rows, new, sides, shares)
    return Division(tuple(sides), len(rows) - sum(map(len, new)), _moved(rows, sides, earlier))


def weaker_twins(rows: Sequence[Row], sides: Sequence[Side], links: Sequence[Link]) -> set[int]:
    """The rows to leave out so that no link crosses sides: of rows that say the same, those that do not
    stand on the strongest side among them."""
    groups = _groups(len(rows), [(link.one, link.other) for link in links]).values()
    return {
        number
        for members in groups
        for number in members
        if SIDES.index(sides[number]) < max(SIDES.index(sides[other]) for other in members)
    }


def _fill(rows: Sequence[Row], groups: Sequence[Sequence[int]], sides: list[Side], shares: Shares) -> None:
    """Give new groups to test and dev until each has its share of what can be measured on.

    Where audit rows are too few for both shares, test and dev divide them in the shares' proportion.
    """
    counts = measurable(rows)
    can = min(sum(counts), (shares.dev + shares.test) * len(rows)) / max(shares.dev + shares.test, 1e-9)
    fresh = {number for members in groups for number in members}
    have = {
        side: sum(counts[i] for i in range(len(rows)) if sides[i] == side and i not in fresh)
        for side in SIDES
    }
    eligible = [members for members in groups if any(counts[i] for i in members)]
    eligible.sort(key=lambda members: _order(rows, members, shares.seed))
    wanted: tuple[tuple[Side, float], ...] = (("test", shares.test), ("dev", shares.dev))
    for side, share in wanted:
        eligible = _take(eligible, side, share * can, counts, have, sides)


def _take(
    groups: Sequence[Sequence[int]],
    side: Side,
    wanted: float,
    counts: Sequence[bool],
    have: dict[Side, int],
    sides: list[Side],
) -> list[Sequence[int]]:
    """Give a side groups until it has the rows wanted; returns those not taken. Of groups that are all too
    large the smallest is taken, unless it is the last."""
    size = [sum(counts[i] for i in members) for members in groups]
    taken: set[int] = set()
    for place in range(len(groups)):
        if have[side] + size[place] / 2 <= wanted:
            taken.add(place)
            have[side] += size[place]
    if wanted and not have[side] and len(groups) > 1:
        taken.add(min(range(len(groups)), key=size.__getitem__))
    for place in taken:
        for number in groups[place]:
            sides[number] = side
    return [members for place, members in enumerate(groups) if place not in taken]


def measurable(rows: Sequence[Row]) -> list[bool]:
    """Which rows may be measured on: those drawn at random, if there are any, and labelled by people."""
    audited = any(row.natural for row in rows)
    return [row.natural if audited else row.source == "human" for row in rows]


def _order(rows: Sequence[Row], members: Sequence[int], seed: int) -> bytes:
    """A place in the draw that depends on the group's sessions alone."""
    session = min(rows[number].session for number in members)
    return hashlib.blake2b(f"{seed}:{session}".encode(), digest_size=8).digest()


def _moved(rows: Sequence[Row], sides: Sequence[Side], earlier: Earlier) -> int:
    return sum(earlier.sessions.get(row.session, side) != side for row, side in zip(rows, sides, strict=True))


def _same(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Each row with the first of its session, and with the first of its buyer."""
    first: dict[Hashable, int] = {}
    pairs = []
    for number, row in enumerate(rows):
        pairs.append((first.setdefault(("session", row.session), number), number))
        if row.buyer is not None:
            pairs.append((first.setdefault(("buyer", row.buyer), number), number))
    return pairs


def _groups(size: int, pairs: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """The members of each group of numbers below ``size`` that pairs tie together, by its first member."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    groups: dict[int, list[int]] = defaultdict(list)
    for number, label in enumerate(labels.tolist()):
        groups[label].append(number)
    return {members[0]: members for members in groups.values()}
