"""Judge every labelled session by a network that has not seen it, nor any session made from it.

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
from xundan.progress import Begin, silent
from xundan.training.loss.finetune import LossSettings, score, train_judge
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
    """The fold of each session: whole families, each part spread evenly."""
    part_of: dict[str, str] = {}
    for session in sessions:
        if session.family not in part_of or not session.augmented:
            part_of[session.family] = session.part
    fold_of: dict[str, int] = {}
    chooser = np.random.default_rng(seed)
    for part in sorted(set(part_of.values())):
        families = sorted(name for name, its in part_of.items() if its == part)
        for place, which in enumerate(chooser.permutation(len(families))):
            fold_of[families[which]] = place % folds
    return np.array([fold_of[session.family] for session in sessions])


def weights_of(sessions: Sequence[LabelledSession], settings: LossSettings) -> list[float]:
    """How much each session counts in training."""
    by_part = {REAL: settings.real, WRITTEN: settings.written}
    return [by_part.get(session.part, settings.augmented) for session in sessions]


def cross_validate(
    sessions: Sequence[LabelledSession],
    rows: Sequence[Row],
    base: Path | str,
    settings: LossSettings,
    begin: Begin = silent,
) -> HeldOut:
    """Train once a fold without it and score its sessions; augmented ones are only trained on."""
    fold, weights = family_folds(sessions, settings.folds, settings.seed), weights_of(sessions, settings)
    which = np.flatnonzero([not session.augmented for session in sessions])
    leaves = np.zeros((len(sessions), len(rows[0].target)), dtype=np.float32)
    stages = np.zeros((len(sessions), len(STAGES)), dtype=np.float32)
    evidence: list[dict[str, float]] = [{} for _ in sessions]
    for number in range(settings.folds):
        inside = np.flatnonzero(fold != number)
        outside = which[fold[which] == number]
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
