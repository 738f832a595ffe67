"""What a model is judged on: labelled messages or, for the loss tree, labelled sessions, in one form.

material = read_material((Path("test.jsonl"),), taxonomy)
judged = material.judge(folder, None)          # Judged: scores and choices [rows, leaves], pairs told apart
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xundan.errors import BadInput
from xundan.models.runtime import Model
from xundan.progress import Advance
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.judged import Judged, judge
from xundan.training.labels import LabelledMessage, read_labels
from xundan.training.loss.judged import as_minimal_pair, as_row, judge_sessions
from xundan.training.loss.leaves import message_models, with_message_leaves
from xundan.training.loss.pairs import load_pairs as load_session_pairs
from xundan.training.loss.pairs import with_leaves_filled
from xundan.training.loss.sessions import read_sessions
from xundan.training.pairs import MinimalPair, load_pairs

SESSION_TREE = "loss"
"""The tree whose rows are whole sessions."""


@dataclass(frozen=True)
class Material:
    """``rows``: what is judged, a session as one row of its primary leaf; ``judge``: how a model folder
    answers them and the pairs, telling how many further rows are done."""

    rows: tuple[LabelledMessage, ...]
    pairs: tuple[MinimalPair, ...]
    judge: Callable[[Path, Advance | None], Judged]


def read_material(paths: Sequence[Path], taxonomy: Taxonomy, registry: Path | None = None) -> Material:
    """What people labelled: on rows made from others nothing is measured.

    ``registry``: whose message models read the messages of sessions. `BadInput` where no row is left.
    """
    material = _sessions(paths, registry) if taxonomy.tree == SESSION_TREE else _messages(paths, taxonomy)
    if not material.rows:
        raise BadInput("no row to judge by: all are augmented", where=", ".join(map(str, paths)))
    return material


def _messages(paths: Sequence[Path], taxonomy: Taxonomy) -> Material:
    rows = tuple(row for row in read_labels(paths, taxonomy) if not row.augmented)
    pairs = load_pairs(taxonomy.tree)
    return Material(rows, pairs, lambda folder, told: judge(Model.load(folder), rows, pairs, told))


def _sessions(paths: Sequence[Path], registry: Path | None) -> Material:
    labelled = [session for session in read_sessions(paths) if not session.augmented]
    models = message_models(registry)
    sessions = with_message_leaves(labelled, *models)
    pairs = with_leaves_filled(load_session_pairs(), *models)
    return Material(
        tuple(as_row(session) for session in sessions),
        tuple(as_minimal_pair(pair) for pair in pairs),
        lambda folder, told: judge_sessions(folder, sessions, pairs, told),
    )
