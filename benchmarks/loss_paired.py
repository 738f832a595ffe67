"""How far one judge is ahead of another on the same sessions, with the interval of the paired difference.

ahead(ours, theirs, sessions)["leaf"]          # the gain in accuracy, with its interval
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xundan.taxonomy.trees import load
from xundan.training.evaluation.intervals import Interval, spread
from xundan.training.loss.figures import macro_f1
from xundan.training.loss.sessions import LabelledSession

_ROUNDS = 1000
_SEED = 0


def ahead(
    ours: Sequence[str], theirs: Sequence[str], sessions: Sequence[LabelledSession]
) -> dict[str, Interval]:
    """Ours less theirs in leaf accuracy, group accuracy and macro-F1;
    both answers of a resampled session are kept together (paired bootstrap)."""
    tree = load("loss")
    leaf = {leaf.id: at for at, leaf in enumerate(tree.leaves)}
    names = [group.id for group in tree.groups]
    group = np.array([names.index(each.group) for each in tree.leaves])
    truth, mine, other = (
        np.array([leaf[name] for name in chosen], dtype=np.int64)
        for chosen in ([session.primary for session in sessions], ours, theirs)
    )
    n = len(sessions)
    draws = np.random.default_rng(_SEED).integers(0, n, (_ROUNDS, n))
    gains = {
        "leaf": (mine == truth).astype(float) - (other == truth),
        "group": (group[mine] == group[truth]).astype(float) - (group[other] == group[truth]),
    }
    found = {name: spread(float(gain.mean()), gain[draws].mean(1)) for name, gain in gains.items()}
    whole = macro_f1(mine, truth) - macro_f1(other, truth)
    drawn = [macro_f1(mine[rows], truth[rows]) - macro_f1(other[rows], truth[rows]) for rows in draws]
    return {**found, "macro": spread(whole, np.array(drawn))}
