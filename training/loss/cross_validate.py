"""Judge every labelled session by a network that has not seen it, nor any session made from it, nor one that
tells part of the same talk.

held = cross_validate(sessions, rows, base, LossSettings())
held.leaves                                    # [sessions, leaves] probabilities
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xundan.chats.records import STAGES
from xundan.errors import BadInput
from xundan.progress import Begin, silent
from xundan.training.labels import AUGMENTED
from xundan.training.loss.finetune import LossSettings, score, train_judge
from xundan.training.loss.kin import kin
from xundan.training.loss.rows import Row
from xundan.training.loss.sessions import REAL, WRITTEN, LabelledSession


@dataclass(frozen=True)
class HeldOut:
    """Of the sessions that are measured on (``which``: their numbers): probabilities of leaves and stages,
    evidence logits by message id, and the fold each was in."""

    which: npt.NDArray[np.int64]
    leaves: npt.NDArray[np.float32]
    stages: npt.NDArray[np.float32]
    evidence: list[dict[str, float]]
    folds: npt.NDArray[np.int64]


def family_folds(sessions: Sequence[LabelledSession], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each session: whole families, each kind spread evenly; those that tell the same talk
    (`kin`) share the fold of one of them that is measured on, where one is."""
    kind_of: dict[str, str] = {}
    for session in sessions:
        if session.family not in kind_of or not session.augmented:
            kind_of[session.family] = session.kind
    fold_of: dict[str, int] = {}
    chooser = np.random.default_rng(seed)
    for kind in sorted(set(kind_of.values())):
        families = sorted(name for name, its in kind_of.items() if its == kind)
        for place, which in enumerate(chooser.permutation(len(families))):
            fold_of[families[which]] = place % folds
    alike = kin(sessions)
    leads: dict[str, int] = {}
    for name in sorted(kind_of, key=lambda name: (kind_of[name] == AUGMENTED, name)):
        leads.setdefault(alike[name], fold_of[name])
    return np.array([leads[alike[session.family]] for session in sessions])


def weights_of(sessions: Sequence[LabelledSession], settings: LossSettings) -> list[float]:
    """How much each session counts in training."""
    by_kind = {REAL: settings.real, WRITTEN: settings.written, AUGMENTED: settings.augmented}
    return [by_kind[session.kind] for session in sessions]


def cross_validate(
    sessions: Sequence[LabelledSession],
    rows: Sequence[Row],
    base: Path | str,
    settings: LossSettings,
    begin: Begin = silent,
) -> HeldOut:
    """Train once a fold without it and score its sessions; augmented ones are only trained on.

    `BadInput` where a fold leaves nothing to train on.
    """
    fold, weights = family_folds(sessions, settings.folds, settings.seed), weights_of(sessions, settings)
    which = np.flatnonzero([not session.augmented for session in sessions])
    leaves = np.zeros((len(sessions), len(rows[0].target)), dtype=np.float32)
    stages = np.zeros((len(sessions), len(STAGES)), dtype=np.float32)
    evidence: list[dict[str, float]] = [{} for _ in sessions]
    for number in range(settings.folds):
        inside = np.flatnonzero(fold != number)
        outside = which[fold[which] == number]
        if not len(outside):
            continue
        if not len(inside):
            raise BadInput(
                "all sessions are of one family, or tell the same talk: nothing to train on without them",
                got=len(sessions),
                expected="sessions of their own, made from one another only where their ids say so (k1~1)",
            )
        advance = begin(f"fold {number + 1} of {settings.folds}", settings.steps(len(inside)))
        net = train_judge(
            [rows[i] for i in inside],
            [weights[i] for i in inside],
            base,
            settings,
            lambda step, steps, loss, advance=advance: advance(1),  # type: ignore[misc]
        )
        said = score(net, [rows[i] for i in outside])
        leaves[outside], stages[outside] = said.leaves, said.stages
        for i, its in zip(outside, said.evidence, strict=True):
            evidence[i] = its
    return HeldOut(which, leaves[which], stages[which], [evidence[i] for i in which], fold[which])
