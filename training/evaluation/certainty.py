"""What is left to a person, and how often the first leaf is wrong among the rest.

found = certainty_of(Sureness.of(model.description, judged), judged.scores, judged.chosen, truth)
print(found.flagged, found.wrong)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xundan.models.confidence import confidence
from xundan.models.runtime import Description
from xundan.models.thresholds import Chosen, Scores
from xundan.training.evaluation.intervals import Share, share
from xundan.training.evaluation.judged import Judged
from xundan.training.selective import wrong_first

STEPS = tuple(round(0.1 * step, 1) for step in range(1, 11))


@dataclass(frozen=True)
class Sureness:
    """A model's confidence in each row's first leaf [rows], the cutoff below which it says that it is
    uncertain (0: it never does), and the share of wrong ones it promises above (0: no promise)."""

    confidence: Scores
    cutoff: float = 0.0
    promised: float = 0.0

    @classmethod
    def of(cls, said: Description, judged: Judged) -> Sureness:
        """Read it from a model's description and what the model said."""
        thresholds = np.asarray(said.thresholds, dtype=np.float32)
        sure = confidence(judged.scores, judged.chosen, thresholds)
        return cls(sure, said.uncertain_below, said.uncertain_risk)


@dataclass(frozen=True)
class Kept:
    """Keeping the surest ``coverage`` of the rows, the share of them whose first leaf is wrong."""

    coverage: float
    wrong: Share


@dataclass(frozen=True)
class Certainty:
    """The share flagged uncertain, the share of wrong first leaves among the rest and among all rows, and
    what other cutoffs would give."""

    flagged: Share
    wrong: Share
    wrong_of_all: Share
    cutoff: float
    promised: float
    curve: tuple[Kept, ...]


def certainty_of(sureness: Sureness, scores: Scores, chosen: Chosen, truth: Scores) -> Certainty:
    """Count with scores, chosen and truth [rows, leaves]; a first leaf is right when a person gave it too."""
    wrong, n = wrong_first(scores, chosen, truth), len(scores)
    unsure = sureness.confidence < sureness.cutoff
    order = np.argsort(-sureness.confidence, kind="stable")
    sizes = [max(1, round(step * n)) for step in STEPS]
    return Certainty(
        share(int(unsure.sum()), n),
        share(int(wrong[~unsure].sum()), int((~unsure).sum())),
        share(int(wrong.sum()), n),
        sureness.cutoff,
        sureness.promised,
        tuple(Kept(size / n, share(int(wrong[order[:size]].sum()), size)) for size in sizes),
    )
