"""How many test messages a model may have seen: by its training labels, or by what its folder remembers.

seen = overlap(rows, train_rows)          # 0 of n is what it should be
"""

from __future__ import annotations

from collections.abc import Sequence

from xundan.chats.text import normalize
from xundan.training.evaluation.intervals import Share, share
from xundan.training.labels import LabelledMessage, fingerprint

SHORTEST = 8
"""A shorter message without context is said again and again by different buyers; that is no leak."""


def overlap(rows: Sequence[LabelledMessage], train: Sequence[LabelledMessage]) -> Share:
    """The share of rows whose session, or whose content (`fingerprint`), stands among the train rows."""
    sessions, contents = {row.session for row in train}, {fingerprint(row) for row in train}
    seen = [row.session in sessions or (_tells(row) and fingerprint(row) in contents) for row in rows]
    return share(sum(seen), len(rows))


def _tells(row: LabelledMessage) -> bool:
    return bool(row.context) or len(normalize(row.text)) >= SHORTEST
