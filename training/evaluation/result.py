"""What an evaluation found, before it is written down.

print(evaluation.model.figures.micro, evaluation.paired)
"""

from __future__ import annotations

from dataclasses import dataclass

from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.assessment import Assessment
from xundan.training.evaluation.intervals import Share
from xundan.training.evaluation.learning import LearningCurve
from xundan.training.evaluation.paired import Paired
from xundan.training.evaluation.wanted import WantedLeaf
from xundan.training.labels import LabelledMessage
from xundan.training.pairs import MinimalPair


@dataclass(frozen=True)
class Schooling:
    """What the train labels say: the learning curve, and the leaves that need rows."""

    rows: int
    curve: LearningCurve
    wanted: tuple[WantedLeaf, ...]


@dataclass(frozen=True)
class Evaluation:
    """One model on labelled rows, or two (``against`` is the other) with what lies between them.

    ``digest``: SHA-256 of the label files. ``seen``: the rows that the model was trained on, or on others of
    their session; None where nobody knows. ``asked``: what the models were asked for as, such as the names of
    their folders; it tells two of the same version apart.
    """

    taxonomy: Taxonomy
    rows: tuple[LabelledMessage, ...]
    digest: str
    pairs: tuple[MinimalPair, ...]
    model: Assessment
    against: Assessment | None
    paired: Paired | None
    seen: Share | None
    schooling: Schooling | None
    asked: tuple[str, ...] = ()

    @property
    def sessions(self) -> int:
        """How many sessions the rows come from."""
        return len({row.session for row in self.rows})
