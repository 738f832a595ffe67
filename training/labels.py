"""Labelled messages: read them, check them, split them without cutting a session in two.

rows = read_labels([Path("labels.jsonl")], taxonomy)
train, held_out = split(rows, share=0.15, seed=0)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xundan.errors import BadInput
from xundan.taxonomy.trees import Taxonomy


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
        return self.id.partition("#")[0]


def read_labels(paths: Sequence[Path], taxonomy: Taxonomy) -> list[LabelledMessage]:
    """Read JSON lines of ``{"id", "text", "labels"}`` and, where known, ``context``, ``source``, ``part``.

    Raises `BadInput` with file and line for broken JSON, a missing field, no label, or an unknown leaf.
    """
    rows: list[LabelledMessage] = []
    for path in paths:
        if not path.is_file():
            raise BadInput("no such label file", got=path, expected="JSON lines with id, text, labels")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                rows.append(_row(line, f"{path}:{number}", taxonomy))
    if not rows:
        raise BadInput("no labelled row", where=", ".join(map(str, paths)))
    return rows


def _row(line: str, where: str, taxonomy: Taxonomy) -> LabelledMessage:
    try:
        raw = json.loads(line)
        row = LabelledMessage(
            str(raw["id"]),
            str(raw["text"]),
            tuple(raw.get("context") or ()),
            tuple(dict.fromkeys(raw["labels"])),
            raw.get("source") or "",
            raw.get("part") or "",
        )
    except (json.JSONDecodeError, TypeError, AttributeError) as error:
        raise BadInput("not a JSON object", got=line[:40], where=where) from error
    except KeyError as error:
        raise BadInput(f"field {error} is missing", expected="id, text, labels", where=where) from error
    if not row.labels:
        raise BadInput("a row without a label", got=row.id, where=where)
    for label in row.labels:
        try:
            taxonomy.leaf(label)
        except BadInput as error:
            raise BadInput(str(error), where=where) from error
    return row


def fold_of(session: str, folds: int, seed: int) -> int:
    """The fold of a session, the same wherever and whenever it is asked for."""
    digest = hashlib.blake2b(f"{seed}:{session}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % folds


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


def target_matrix(rows: Sequence[LabelledMessage], leaves: Sequence[str]) -> npt.NDArray[np.float32]:
    """Row × leaf, 1 where the row has the leaf."""
    column = {leaf: index for index, leaf in enumerate(leaves)}
    matrix = np.zeros((len(rows), len(leaves)), dtype=np.float32)
    for i, row in enumerate(rows):
        for label in row.labels:
            matrix[i, column[label]] = 1
    return matrix
