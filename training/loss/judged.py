"""A judge of sessions in the form in which every model is measured: scores of rows, pairs told apart.

judged = judge_sessions(folder, sessions, [attention_model, action_model])
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xundan.chats.text import ROLE_MARKS
from xundan.models.loss.runtime import LossModel
from xundan.models.runtime import Model
from xundan.progress import Advance
from xundan.settings import Limits
from xundan.training.evaluation.judged import Judged
from xundan.training.labels import LabelledMessage
from xundan.training.loss.pairs import load_pairs, run_pairs, with_leaves_filled
from xundan.training.loss.sessions import LabelledSession


def as_row(session: LabelledSession) -> LabelledMessage:
    """A session as one row with one label, its primary leaf."""
    text = "\n".join(ROLE_MARKS[turn.role] + turn.text for turn in session.case.turns)
    return LabelledMessage(session.id, text, (), (session.primary,), part=session.part)


def judge_sessions(
    folder: Path,
    sessions: Sequence[LabelledSession],
    models: Sequence[Model],
    on_rows: Advance | None = None,
) -> Judged:
    """Judge sessions (with the leaves of their messages) under the default limits, and run the pairs;
    ``models``: attention and action, which read the messages of the pairs."""
    judge = LossModel.load(folder)
    scores = judge.score([session.case for session in sessions], Limits(), on_rows).leaves
    said = judge.description
    return Judged(
        said.version,
        said.taxonomy_version,
        said.leaves,
        scores,
        scores == scores.max(axis=1, keepdims=True),
        dict(run_pairs(judge, with_leaves_filled(load_pairs(), *models)).passed),
    )
