"""A judge of sessions in the form in which every model is measured: scores of rows, pairs told apart.

judged = judge_sessions(folder, sessions, pairs)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from xundan.models.loss.runtime import LossModel
from xundan.progress import Advance
from xundan.settings import Limits
from xundan.training.evaluation.judged import Judged
from xundan.training.labels import LabelledMessage
from xundan.training.loss.pairs import SessionPair, run_pairs
from xundan.training.loss.sessions import LabelledSession
from xundan.training.pairs import MinimalPair

_NOTHING = "-"  # a side that ends before the line in which the two differ


def as_row(session: LabelledSession) -> LabelledMessage:
    """A session as one row with one label, its primary leaf; ``#``, which would cut the id short, as %23."""
    name = session.id.replace("#", "%23")
    return LabelledMessage(name, session.text, (), (session.primary,), part=session.part)


def as_minimal_pair(pair: SessionPair) -> MinimalPair:
    """A pair of sessions as a reader sees it: what both share as context, then what follows on each side."""
    shared = [one for one, _ in takewhile(lambda both: both[0] == both[1], zip(*pair.lines, strict=False))]
    first, second = (" / ".join(lines[len(shared) :]) or _NOTHING for lines in pair.lines)
    one, other = (side.primary for side in pair.sides)
    return MinimalPair(pair.id, (one, other), (first, second), tuple(shared))


def judge_sessions(
    folder: Path,
    sessions: Sequence[LabelledSession],
    pairs: Sequence[SessionPair],
    on_rows: Advance | None = None,
) -> Judged:
    """Judge sessions and pairs, all with the leaves of their messages, under the default limits."""
    judge = LossModel.load(folder)
    scores = judge.score([session.case for session in sessions], Limits(), on_rows).leaves
    said = judge.description
    return Judged(
        said.version,
        said.taxonomy_version,
        said.leaves,
        scores,
        scores == scores.max(axis=1, keepdims=True),
        dict(run_pairs(judge, pairs).passed),
    )
