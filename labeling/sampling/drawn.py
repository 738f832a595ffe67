"""What was drawn, why, from how many, and what was left out; every count adds up.

drawn = Drawn.read(Path("xundan-labels/draws/attention-20260901-3f2a91c0.json"))
drawn.rows == sum(drawn.left_out.values()) + drawn.tasks + drawn.alike + drawn.not_drawn
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xundan.errors import BadInput
from xundan.labeling.sampling.frame import Frame
from xundan.labeling.sampling.known import Known
from xundan.labeling.sampling.offers import Offer, Offers


@dataclass(frozen=True)
class Chosen:
    """An offer that a purpose took; ``weight`` only of random ones."""

    purpose: str
    offer: Offer
    weight: float | None


@dataclass(frozen=True)
class LeafCount:
    """Of a purpose's ``candidates`` (groups) for a leaf, how many were drawn."""

    leaf: str
    drawn: int
    candidates: int


@dataclass(frozen=True)
class PurposeCount:
    """``drawn`` and ``candidates`` are the sums over ``leaves``; ``note`` says what limits the candidates."""

    purpose: str
    asked: int
    drawn: int
    candidates: int
    leaves: tuple[LeafCount, ...]
    note: str


@dataclass(frozen=True)
class Audit:
    """The random part: ``tasks`` stand for ``rows`` messages or sessions, each for ``least`` to ``most`` of
    them, and are worth at least ``effective`` equal ones (L. Kish 1965, Survey Sampling: (sum w)² / sum w²).

    ``known``: messages or sessions that are none of them, as something drawn or labelled before says nearly
    the same; ``stands_for`` how many each of those does (key of a task, or id of a labelled row, its text
    where it has none). A share of the pool is that of both parts together: weights of the tasks, and counts
    of what was known.
    """

    tasks: int
    rows: int
    least: float
    most: float
    effective: float
    known: int
    stands_for: Mapping[str, int]


@dataclass(frozen=True)
class Drawn:
    """``rows`` (messages of the tree's role, or sessions) = all of ``left_out`` + ``tasks`` + ``alike``
    (nearly the same as a task) + ``not_drawn``. ``skipped``: rows of label files that were not used.
    ``shares``: the share of the pool in which the model names a leaf. ``again``: drawn by an earlier call."""

    batch: str
    tree: str
    unit: str
    rows: int
    left_out: Mapping[str, int]
    groups: int
    tasks: int
    alike: int
    not_drawn: int
    purposes: tuple[PurposeCount, ...]
    audit: Audit
    skipped: Mapping[str, int]
    shares: Mapping[str, float]
    again: bool = False

    def to_json(self) -> str:
        """Everything as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    def summary(self) -> dict[str, Any]:
        """Everything as plain data but ``audit.stands_for``, which may be as long as all labels there are."""
        said = asdict(self)
        del said["audit"]["stands_for"]
        return said

    @classmethod
    def read(cls, path: Path) -> Drawn:
        """What an earlier call wrote; `BadInput` for another file."""
        try:
            return cls(**_objects(json.loads(path.read_text(encoding="utf-8"))), again=True)
        except (OSError, ValueError, LookupError, TypeError) as error:
            do = "delete it, and draw with another --seed"
            raise BadInput("not the report of a draw", got=error, do=do, where=str(path)) from None


def count(
    batch: str,
    mix: Mapping[str, int],
    frame: Frame,
    known: Known,
    chosen: Sequence[Chosen],
    offered: Mapping[str, Offers],
) -> Drawn:
    """Count what was drawn."""
    pool = frame.pool
    covered = sum(len(frame.groups[one.offer.group]) for one in chosen)
    named = Counter(leaf for one in pool.candidates for leaf, _ in one.predicted.leaves)
    return Drawn(
        batch=batch,
        tree=pool.tree,
        unit=pool.unit,
        rows=pool.rows,
        left_out=frame.left_out,
        groups=len(frame.groups),
        tasks=len(chosen),
        alike=covered - len(chosen),
        not_drawn=frame.rows - covered,
        purposes=tuple(_purpose(name, asked, chosen, offered[name]) for name, asked in mix.items()),
        audit=_audit(frame, [one.weight for one in chosen if one.weight is not None]),
        skipped=known.skipped,
        shares={leaf: n / len(pool.candidates) for leaf, n in sorted(named.items())},
    )


def _purpose(name: str, asked: int, chosen: Sequence[Chosen], offers: Offers) -> PurposeCount:
    drawn = Counter(one.offer.leaf for one in chosen if one.purpose == name)
    candidates = Counter(offer.leaf for offer in offers.all)
    order = sorted(candidates, key=lambda leaf: (-drawn[leaf], -candidates[leaf], leaf))
    leaves = tuple(LeafCount(leaf, drawn[leaf], candidates[leaf]) for leaf in order)
    return PurposeCount(name, asked, drawn.total(), candidates.total(), leaves, offers.note)


def _audit(frame: Frame, weights: Sequence[float]) -> Audit:
    known = sum(frame.stands_for.values())
    if not weights:
        return Audit(0, 0, 0.0, 0.0, 0.0, known, frame.stands_for)
    effective = sum(weights) ** 2 / sum(weight**2 for weight in weights)
    return Audit(len(weights), frame.rows, min(weights), max(weights), effective, known, frame.stands_for)


def _objects(said: dict[str, Any]) -> dict[str, Any]:
    del said["again"]
    purposes = tuple(
        PurposeCount(**{**one, "leaves": tuple(LeafCount(**leaf) for leaf in one["leaves"])})
        for one in said["purposes"]
    )
    return {**said, "purposes": purposes, "audit": Audit(**said["audit"])}
