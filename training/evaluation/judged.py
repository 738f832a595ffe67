"""What one model says of the rows that every judgement then looks at.

judged = judge(Model.load(folder), rows, load_pairs("attention"))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xundan.models.runtime import Model
from xundan.models.thresholds import Chosen, Scores
from xundan.progress import Advance
from xundan.training.labels import LabelledMessage
from xundan.training.pairs import MinimalPair, run_pairs


@dataclass(frozen=True)
class Judged:
    """One model's answers: scores and choices [rows, leaves], and which minimal pairs it tells apart."""

    version: str
    taxonomy_version: str
    leaves: tuple[str, ...]
    scores: Scores
    chosen: Chosen
    pairs: dict[str, bool]


def judge(
    model: Model,
    rows: Sequence[LabelledMessage],
    pairs: Sequence[MinimalPair],
    on_rows: Advance | None = None,
) -> Judged:
    """Score the rows and run the pairs once; columns are in the order of ``model.description.leaves``.

    ``on_rows`` hears how many further rows are scored.
    """
    scores = model.score([row.text for row in rows], [row.context for row in rows], on_rows)
    said = model.description
    return Judged(
        said.version,
        said.taxonomy_version,
        said.leaves,
        scores,
        model.choose(scores),
        run_pairs(model, pairs),
    )
