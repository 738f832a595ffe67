"""Labelled rows beside the out-of-fold scores that a registry version keeps of them, read by file.

scored = read_scored(Path("registry/attention/v3"), [Path("train.jsonl")])
scored.scores                                               # [rows, leaves], 0 to 1

A version's folder holds out_of_fold.npz (scores, truth and folds of the rows it was measured on, in the
order of the label files, rows written by augmentation left out), model.json (tree, leaves in column order)
and rows.txt (a fingerprint of every row it was trained on).
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xundan.chats.text import normalize
from xundan.errors import BadInput

SCORES_FILE, MODEL_FILE, ROWS_FILE = "out_of_fold.npz", "model.json", "rows.txt"
_AUGMENTED = "augmented"
_SAME = "give the files it was trained on, in the same order"


@dataclass(frozen=True)
class ScoredRow:
    """A labelled message as the label file has it."""

    id: str
    text: str
    context: tuple[str, ...]
    labels: tuple[str, ...]
    source: str
    part: str


@dataclass(frozen=True)
class ScoredRows:
    """The rows with scores and truth [rows, leaves], and the version that scored them."""

    version: str
    tree: str
    taxonomy_version: str
    leaves: tuple[str, ...]
    rows: tuple[ScoredRow, ...]
    scores: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]


def read_scored(version: Path, labels: Sequence[Path]) -> ScoredRows:
    """Read both and make sure that they belong together: as many rows, the same leaves, the same texts.

    Raises `BadInput` for a missing or damaged file, and where the label files are not those trained on.
    """
    said = _json(version / MODEL_FILE)
    try:
        with np.load(version / SCORES_FILE) as kept:
            scores, truth = kept["scores"], kept["truth"]
    except (OSError, EOFError, LookupError, ValueError, TypeError, zipfile.BadZipFile) as error:
        do = "take a version made by xundan train"
        raise BadInput("no out-of-fold scores", got=error, do=do, where=str(version / SCORES_FILE)) from error
    leaves = tuple(said["leaves"])
    pairs = [(where, row) for path in labels for where, row in _rows(path) if row.part != _AUGMENTED]
    if scores.shape != (len(pairs), len(leaves)) or truth.shape != scores.shape:
        expected = f"{scores.shape[0]:,} rows of {scores.shape[1]} leaves, as {SCORES_FILE} has"
        got = f"{len(pairs):,} rows, {len(leaves)} leaves"
        raise BadInput(
            "other label files than the version was trained on", got=got, expected=expected, do=_SAME
        )
    trained_on = _fingerprints(version / ROWS_FILE)
    for (where, row), its in zip(pairs, truth, strict=True):
        wanted = {leaf for leaf, holds in zip(leaves, its, strict=True) if holds}
        if set(row.labels) != wanted or fingerprint(row) not in trained_on:
            expected = f"a row with {', '.join(sorted(wanted))}"
            raise BadInput("not the row that was scored", expected=expected, do=_SAME, where=where)
    rows = tuple(row for _, row in pairs)
    return ScoredRows(said["version"], said["tree"], said["taxonomy_version"], leaves, rows, scores, truth)


def fingerprint(row: ScoredRow) -> str:
    """What rows.txt says of a row: BLAKE2b (32 hexadecimal digits) of its text and context, normalized."""
    content = json.dumps([normalize(row.text), [normalize(turn) for turn in row.context]])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def _fingerprints(path: Path) -> set[str]:
    try:
        return {line.split(" ")[0] for line in path.read_text(encoding="utf-8").splitlines()}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("no list of the rows trained on", got=error, where=str(path)) from error


def _rows(path: Path) -> list[tuple[str, ScoredRow]]:
    if path.suffix != ".jsonl":
        raise BadInput("not a file of JSON lines", got=path.name, expected="a .jsonl such as train.jsonl")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the label file cannot be read", got=error, where=str(path)) from error
    return [
        (f"{path}:{number}", _row(f"{path}:{number}", line))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _row(where: str, line: str) -> ScoredRow:
    try:
        record: Mapping[str, Any] = json.loads(line)
        return ScoredRow(
            str(record.get("id") or where),
            record["text"],
            tuple(record.get("context") or ()),
            tuple(record["labels"]),
            str(record.get("source") or ""),
            str(record.get("part") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            "not a labelled message", got=line[:40], expected="text and labels", where=where
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {name: found[name] for name in ("version", "tree", "taxonomy_version", "leaves")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        do = "give the folder of a version, such as registry/attention/v3"
        raise BadInput("not a model's folder", got=error, do=do, where=str(path)) from error
