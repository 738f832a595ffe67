"""Everything that is counted about one model on labelled rows.

assessment = assess(judged, Sureness.of(model.description, judged), rows, taxonomy)
print(assessment.figures.micro, assessment.pairs_passed)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xundan.errors import BadInput
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.calibration import CalibrationFigures, calibration_of
from xundan.training.evaluation.certainty import Certainty, Sureness, certainty_of
from xundan.training.evaluation.confusions import Confusion, confusions
from xundan.training.evaluation.figures import Figures, evaluate
from xundan.training.evaluation.intervals import Interval, Share, share
from xundan.training.evaluation.judged import Judged
from xundan.training.evaluation.lean import lean
from xundan.training.evaluation.slices import Slice, slices
from xundan.training.evaluation.worst import WorstError, worst_errors
from xundan.training.labels import LabelledMessage, target_matrix


@dataclass(frozen=True)
class Assessment:
    """One model's answers and all figures drawn from them; ``lean``: see `lean`."""

    judged: Judged
    figures: Figures
    calibration: CalibrationFigures
    lean: Interval
    certainty: Certainty
    confusions: tuple[Confusion, ...]
    slices: tuple[Slice, ...]
    pairs_passed: Share
    worst: tuple[WorstError, ...]


def assess(
    judged: Judged, sureness: Sureness, rows: Sequence[LabelledMessage], taxonomy: Taxonomy
) -> Assessment:
    """Count everything; `BadInput` where the model's leaves are not the taxonomy's, in its order."""
    leaves = [leaf.id for leaf in taxonomy.leaves]
    if list(judged.leaves) != leaves:
        raise _other_leaves(judged, taxonomy)
    scores, chosen, truth = judged.scores, judged.chosen, target_matrix(rows, leaves)
    return Assessment(
        judged,
        evaluate(chosen, rows, taxonomy),
        calibration_of(scores, chosen, truth, rows),
        lean(scores, chosen, truth, rows),
        certainty_of(sureness, scores, chosen, truth),
        confusions(truth, chosen, leaves),
        slices(chosen, rows, taxonomy),
        share(sum(judged.pairs.values()), len(judged.pairs)),
        worst_errors(scores, chosen, truth),
    )


def _other_leaves(judged: Judged, taxonomy: Taxonomy) -> BadInput:
    known = {leaf.id for leaf in taxonomy.leaves}
    differ = sorted(known ^ set(judged.leaves)) or ["their order"]
    return BadInput(
        "the model was made for other leaves",
        got=f"{judged.version} with {len(judged.leaves)} leaves (different: {', '.join(differ[:5])})",
        expected=f"the {len(known)} leaves of {taxonomy.tree} {taxonomy.version}",
        do="retrain it on this tree, or give the tree it was made for",
    )
