"""How good the judge is on sessions it has not seen, with intervals, apart for real and written ones.

found = measure(chosen, sessions)
found.leaf, found.group, found.macro           # accuracy of leaf and group, macro-F1 of leaves
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xundan.taxonomy.trees import load
from xundan.training.evaluation.figures import LeafFigures, Matrix, each_leaf
from xundan.training.evaluation.intervals import Interval, spread
from xundan.training.evaluation.metrics import leaves_as_json
from xundan.training.loss.sessions import LabelledSession

_ROUNDS = 1000
_SEED = 0
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LossFigures:
    """Accuracy of the primary leaf and of its group, macro-F1 over the leaves that occur, each with its 95 %
    bootstrap interval over sessions; ``named``: the primary leaf is among those the annotators named;
    ``leaves``: those that occur or are said."""

    n: int
    leaf: Interval
    group: Interval
    macro: Interval
    named: Interval
    leaves: tuple[LeafFigures, ...]


def measure(chosen: Sequence[str], sessions: Sequence[LabelledSession]) -> LossFigures:
    """Figures of primary leaves ``chosen`` for sessions, in their order."""
    tree = load("loss")
    place = {leaf.id: number for number, leaf in enumerate(tree.leaves)}
    groups = {leaf.id: leaf.group for leaf in tree.leaves}
    said = np.array([place[leaf] for leaf in chosen])
    truth = np.array([place[session.primary] for session in sessions])
    right = said == truth
    same = np.array([groups[c] == groups[s.primary] for c, s in zip(chosen, sessions, strict=True)])
    named = np.array([c in (s.primary, *s.secondary) for c, s in zip(chosen, sessions, strict=True)])
    rows = np.random.default_rng(_SEED).integers(0, len(sessions), (_ROUNDS, len(sessions)))
    macros = np.array([macro_f1(said[draw], truth[draw]) for draw in rows])
    leaves = each_leaf(list(place), _one_hot(said, len(place)), _one_hot(truth, len(place)))
    return LossFigures(
        n=len(sessions),
        leaf=spread(float(right.mean()), right[rows].mean(1)),
        group=spread(float(same.mean()), same[rows].mean(1)),
        macro=spread(macro_f1(said, truth), macros),
        named=spread(float(named.mean()), named[rows].mean(1)),
        leaves=tuple(each for each in leaves if each.support or each.precision.n),
    )


def evidence_hits(shown: Sequence[Sequence[str]], sessions: Sequence[LabelledSession]) -> tuple[int, int]:
    """Of the sessions whose evidence is annotated: in how many one of the messages shown is among it, and how
    many there are."""
    asked = [(ids, s.evidence) for ids, s in zip(shown, sessions, strict=True) if s.evidence]
    return sum(bool(set(ids) & set(evidence)) for ids, evidence in asked), len(asked)


def as_mapping(found: LossFigures) -> Mapping[str, object]:
    """For metrics.json."""
    names = ("leaf", "group", "macro", "named")
    return {
        "n": found.n,
        **{name: vars(getattr(found, name)) for name in names},
        "leaves": leaves_as_json(found.leaves),
    }


def macro_f1(said: Ints, truth: Ints) -> float:
    """Mean F1 of the leaves that occur in ``truth``; both [sessions] places of leaves."""
    size = int(max(said.max(), truth.max())) + 1
    support, guessed, hits = (
        np.bincount(places, minlength=size) for places in (truth, said, truth[said == truth])
    )
    occurs = support > 0
    return float((2 * hits[occurs] / (support + guessed)[occurs]).mean())


def _one_hot(places: Ints, size: int) -> Matrix:
    """[sessions] -> [sessions, leaves], 1 in the place of each."""
    return np.eye(size, dtype=np.float32)[places]
