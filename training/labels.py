"""Labelled messages: read them, check them, split them without cutting a session in two.

rows = read_labels([Path("labels.jsonl")], taxonomy)
train, held_out = split(rows, share=0.15, seed=0)
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xundan.chats.text import normalize
from xundan.errors import BadInput
from xundan.models.thresholds import Scores
from xundan.taxonomy.trees import Taxonomy
from xundan.training.label_files import records

AUGMENTED = "augmented"


@dataclass(frozen=True)
class LabelledMessage:
    """One message, its previous turns ("买:…", "客:…", oldest first) and its leaves."""

    id: str
    text: str
    context: tuple[str, ...]
    labels: tuple[str, ...]
    source: str = ""
    part: str = ""

    @property
    def session(self) -> str:
        """What must stay on one side of a split: the id up to its message number."""
        return self.id.partition("~")[0].partition("#")[0]

    @property
    def augmented(self) -> bool:
        """Whether the row was written after another (``part`` "augmented", id ``<that row's id>~1``): it may
        be trained on beside its original, and nothing is ever measured on it."""
        return self.part == AUGMENTED


def read_labels(paths: Sequence[Path], taxonomy: Taxonomy | None) -> list[LabelledMessage]:
    """Read JSON lines of ``{"text", "labels"}`` (a list, or one label) and, where known, ``id``, ``context``,
    ``source``, ``part``; or CSV and Excel with the columns 文本 and 标签 (see `label_files`).

    A label is a leaf's id or its name; without a taxonomy any label is taken as it is. Raises `BadInput` with
    file and row for a broken row, a missing field, no label, or a label that the taxonomy does not have.
    """
    known = _Known(taxonomy) if taxonomy else None
    rows = [_row(record, where, known) for path in paths for where, record in records(path)]
    if not rows:
        raise BadInput("no labelled row", where=", ".join(map(str, paths)))
    return rows


class _Known:
    """The labels of a taxonomy: ids, and names where only one leaf has them."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.tree = taxonomy.tree
        self.ids = {leaf.id for leaf in taxonomy.leaves}
        names = Counter(leaf.name for leaf in taxonomy.leaves)
        self.names = {leaf.name: leaf.id for leaf in taxonomy.leaves if names[leaf.name] == 1}

    def leaf(self, label: str, where: str) -> str:
        """The leaf id of a label; `BadInput` names the nearest where there is none."""
        if label in self.ids:
            return label
        if label in self.names:
            return self.names[label]
        near = get_close_matches(label, [*self.ids, *self.names], 1, cutoff=0.0)
        raise BadInput(
            f"no such label in the {self.tree} tree",
            got=repr(label),
            expected=f"one of its {len(self.ids)} leaves, by id or name; the nearest is {near[0]}",
            where=where,
        )


def _row(record: Mapping[str, Any], where: str, known: _Known | None) -> LabelledMessage:
    for field in ("text", "labels"):
        if field not in record:
            raise BadInput(f"field {field!r} is missing", expected="text and labels", where=where)
    text, given, context = record["text"], record["labels"], record.get("context") or []
    if not isinstance(text, str) or not text.strip():
        raise BadInput("a row without text", got=repr(text), where=where)
    if not isinstance(given, list) or not all(isinstance(label, str | int) for label in given):
        raise BadInput("labels are no list of texts", got=repr(given), where=where)
    if not isinstance(context, list) or not all(isinstance(turn, str) for turn in context):
        raise BadInput("context is no list of texts", got=repr(context), where=where)
    labels = [str(label).strip() for label in given if str(label).strip()]
    if not labels:
        raise BadInput("a row without a label", got=repr(text[:40]), where=where)
    if known:
        labels = [known.leaf(label, where) for label in labels]
    # Without an id the text stands for its session, so that equal texts stay on one side of a split.
    row = LabelledMessage(
        id=str(record.get("id") or f"{digest(normalize(text))}#{where.rpartition(':')[2]}"),
        text=text,
        context=tuple(context),
        labels=tuple(dict.fromkeys(labels)),
        source=str(record.get("source") or ""),
        part=str(record.get("part") or ""),
    )
    if row.augmented and "~" not in row.id:
        raise BadInput(
            "an augmented row must name the row it was made from",
            got=repr(str(record.get("id") or "")),
            expected="an id such as session#1~1, or ~1 alone if it was made from none",
            where=where,
        )
    if not row.session and not row.augmented:
        raise BadInput("an id without a session", got=repr(row.id), expected="such as s12#3", where=where)
    return row


def digest(text: str) -> str:
    """16 hexadecimal digits that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def fingerprint(row: LabelledMessage) -> str:
    """The content of a row without its id, 32 hexadecimal digits: the same message in the same context has
    the same fingerprint under any id, whatever its spelling (`normalize`)."""
    content = json.dumps([normalize(row.text), [normalize(turn) for turn in row.context]])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def fold_of(session: str, folds: int, seed: int) -> int:
    """The fold of a session, the same wherever and whenever it is asked for."""
    return int(digest(f"{seed}:{session}"), 16) % folds


def split(
    rows: Sequence[LabelledMessage], share: float, seed: int
) -> tuple[list[LabelledMessage], list[LabelledMessage]]:
    """Two parts that share no session; the second holds about ``share`` of the sessions."""
    cut = round(share * 1000)
    second = [fold_of(row.session, 1000, seed) < cut for row in rows]
    return (
        [row for row, held in zip(rows, second, strict=True) if not held],
        [row for row, held in zip(rows, second, strict=True) if held],
    )


def session_folds(rows: Sequence[LabelledMessage], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """The fold [rows] of each row: no session in two folds, each leaf spread as evenly as that allows.

    Sessions with the rarest leaves choose first, each the fold that has fewest of its rarest leaf (after
    Sechidis et al. 2011, https://doi.org/10.1007/978-3-642-23808-6_10). `BadInput` for too few sessions.
    """
    sessions: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        sessions[row.session].append(index)
    if not 2 <= folds <= len(sessions):
        raise BadInput(
            "too few labelled sessions for the folds", got=len(sessions), expected=f"{folds} or more"
        )
    total = Counter(label for row in rows for label in row.labels)
    held: list[Counter[str]] = [Counter() for _ in range(folds)]
    sizes = [0] * folds
    fold = np.empty(len(rows), dtype=np.int64)
    drawn = sorted(sessions, key=lambda session: digest(f"{seed}:{session}"))
    rarest = {
        session: min((label for i in sessions[session] for label in rows[i].labels), key=total.__getitem__)
        for session in drawn
    }
    for session in sorted(drawn, key=lambda session: total[rarest[session]]):
        best = min(range(folds), key=lambda k: (held[k][rarest[session]], sizes[k]))
        fold[sessions[session]] = best
        sizes[best] += len(sessions[session])
        held[best].update(label for i in sessions[session] for label in rows[i].labels)
    return fold


def target_matrix(rows: Sequence[LabelledMessage], leaves: Sequence[str]) -> npt.NDArray[np.float32]:
    """Row × leaf, 1 where the row has the leaf."""
    column = {leaf: index for index, leaf in enumerate(leaves)}
    matrix = np.zeros((len(rows), len(leaves)), dtype=np.float32)
    for i, row in enumerate(rows):
        for label in row.labels:
            matrix[i, column[label]] = 1
    return matrix


def log_odds(targets: Scores) -> Scores:
    """Log odds [leaves] of the leaves among targets [rows, leaves], with half a row added to either side."""
    counts = targets.sum(axis=0)
    odds: Scores = np.log((counts + 0.5) / (len(targets) - counts + 0.5)).astype(np.float32)
    return odds
