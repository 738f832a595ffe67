"""Labels that are probably wrong, by confident learning on out-of-fold scores, for another look.

found = find_label_errors(Path("registry/attention/v3"), [Path("xundan-labels/frozen/2026w14/train.jsonl")])
write_csv(found.suspects, load("attention"), Path("label-errors.csv"))
tasks = as_tasks(found, load("attention"), store)           # to push into the adjudicator's project

A model that has not seen a row says which leaf the row's label seems to lack or to have too much, leaf by
leaf one against the rest (C. Northcutt, L. Jiang, I. Chuang 2021, https://doi.org/10.1613/jair.1.12125;
multi-label: A. Thyagarajan et al. 2022, https://arxiv.org/abs/2211.13895; both as cleanlab computes them).
"""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt

from xundan.disk import replace_file
from xundan.errors import MissingExtra
from xundan.labeling.adjudication import adjudication_key
from xundan.labeling.agreement.votes import is_adjudication
from xundan.labeling.freeze.collect import row_id
from xundan.labeling.freeze.scored_rows import ScoredRow, ScoredRows, read_scored
from xundan.labeling.records import Task
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Taxonomy

FEW = 5
"""Leaves with fewer rows are not judged: of so few the model has learnt too little to accuse one."""
_HEADER = ("编号", "上下文", "文本", "已标", "建议", "可疑的叶子", "可信度", "来源", "抽样目的")
# A cell that begins like this is run as a formula when a spreadsheet opens the CSV.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Suspect:
    """A row whose label is probably wrong.

    ``suggested``: the given leaves without those that seem too much, with those that seem to lack; the leaf
    of the highest score where none is left. ``doubted``: each such leaf with the model's score. ``quality``:
    how far the model believes the most doubtful part of the label, 0 to 1; the lowest first.
    """

    row: ScoredRow
    suggested: tuple[str, ...]
    doubted: tuple[tuple[str, float], ...]
    quality: float


@dataclass(frozen=True)
class LabelErrors:
    """The suspects among ``rows``, the least believed first; ``not_judged``: leaves with too few rows.

    ``flagged`` counts the suspects before any limit.
    """

    model_version: str
    taxonomy_version: str
    tree: str
    rows: int
    flagged: int
    not_judged: tuple[str, ...]
    suspects: tuple[Suspect, ...]


def find_label_errors(version: Path, labels: Sequence[Path], limit: int | None = None) -> LabelErrors:
    """Judge the labels that a version of the registry was trained on by its own out-of-fold scores.

    ``labels``: the files it was trained on, in the same order. Raises `BadInput` where they are not, or the
    folder holds no out-of-fold scores, and `MissingExtra` without cleanlab.
    """
    cleanlab = _cleanlab()
    scored = read_scored(version, labels)
    counts = scored.truth.sum(axis=0)
    judged = np.flatnonzero((counts >= FEW) & (counts <= len(scored.rows) - FEW))
    suspects: list[Suspect] = []
    if len(judged):
        truth, scores = scored.truth[:, judged], scored.scores[:, judged].astype(np.float64)
        given = [np.flatnonzero(row).tolist() for row in truth]
        doubtful = cleanlab.find_multilabel_issues_per_class(given, scores, n_jobs=1)
        names = [scored.leaves[column] for column in judged]
        suspects = [
            _suspect(scored, number, names, doubtful[number], truth[number], scores[number])
            for number in np.flatnonzero(doubtful.any(axis=1))
        ]
    suspects.sort(key=lambda one: (one.quality, one.row.id))
    return LabelErrors(
        scored.version,
        scored.taxonomy_version,
        scored.tree,
        len(scored.rows),
        len(suspects),
        tuple(leaf for column, leaf in enumerate(scored.leaves) if column not in set(judged.tolist())),
        tuple(suspects[:limit]),
    )


def _cleanlab() -> ModuleType:
    try:
        return importlib.import_module("cleanlab.multilabel_classification.filter")
    except ImportError as error:
        raise MissingExtra(
            'cleanlab is not installed: pip install "xundan[label]" -c constraints.txt'
        ) from error


def _suspect(
    scored: ScoredRows,
    number: int,
    names: Sequence[str],
    doubtful: npt.NDArray[np.bool_],
    truth: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float64],
) -> Suspect:
    """One row; ``names``, ``doubtful``, ``truth`` and ``scores`` [judged leaves]."""
    row = scored.rows[number]
    doubted = {names[at]: float(scores[at]) for at in np.flatnonzero(doubtful)}
    kept = [leaf for leaf in row.labels if leaf not in doubted]
    lacking = [leaf for leaf in sorted(doubted, key=lambda leaf: -doubted[leaf]) if leaf not in row.labels]
    best = scored.leaves[int(scored.scores[number].argmax())]
    believed = np.where(truth > 0, scores, 1 - scores)[doubtful]
    return Suspect(
        row,
        tuple([*kept, *lacking] or [best]),
        tuple(sorted(doubted.items(), key=lambda pair: pair[0])),
        float(believed.min()),
    )


def write_csv(suspects: Sequence[Suspect], taxonomy: Taxonomy, path: Path) -> None:
    """A table for people (UTF-8 with a byte order mark, leaves by name), replaced as a whole."""
    sheet = io.StringIO()
    table = csv.writer(sheet)
    table.writerow(_HEADER)
    for one in suspects:
        doubted = (f"{_name(leaf, taxonomy)} {score:.2f}" for leaf, score in one.doubted)
        cells = (
            one.row.id,
            " / ".join(one.row.context),
            one.row.text,
            _names(one.row.labels, taxonomy),
            _names(one.suggested, taxonomy),
            "；".join(doubted),
            f"{one.quality:.4f}",
            one.row.source,
            one.row.part,
        )
        table.writerow([f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell for cell in cells])
    replace_file(path, b"\xef\xbb\xbf" + sheet.getvalue().encode())


def as_tasks(found: LabelErrors, taxonomy: Taxonomy, store: Store) -> list[Task]:
    """The suspects as tasks for the adjudicator's project, purpose "disputed", no leaf filled in; a decision
    about one wins over its label in the next frozen set. Rows that are no task of the store are left out."""
    tasks = [task for task in store.tasks(found.tree) if not is_adjudication(task.key)]
    known = {row_id(task): task for task in reversed(tasks)}  # of one message read twice the first is frozen
    return [
        replace(
            known[one.row.id],
            key=adjudication_key(known[one.row.id].key),
            predicted=(),
            model_version=None,
            purpose="disputed",
            why=f"疑似标错：已标 {_names(one.row.labels, taxonomy)}；模型认为是 "
            f"{_names(one.suggested, taxonomy)}（已标的可信度 {one.quality:.2f}）",
            weight=None,
        )
        for one in found.suspects
        if one.row.id in known
    ]


def _names(leaves: Sequence[str], taxonomy: Taxonomy) -> str:
    return "、".join(_name(leaf, taxonomy) for leaf in leaves)


def _name(leaf: str, taxonomy: Taxonomy) -> str:
    return next((known.name for known in taxonomy.leaves if known.id == leaf), leaf)
