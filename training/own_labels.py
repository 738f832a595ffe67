"""Bring your own categories: the labels of any short-text task, with or without a taxonomy file.

task = load_task([Path("topics.csv")])                 # or load_task(paths, taxonomy="topics.yaml")
print("\n".join(task.review.notes()))
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xundan.chats.masking import mask
from xundan.chats.text import normalize
from xundan.models.thresholds import Scores, tune
from xundan.taxonomy.trees import UNGROUPED, Leaf, Taxonomy, from_leaves, load
from xundan.training.labels import LabelledMessage, read_labels

RARE = 2
"""A leaf with fewer rows cannot be both learnt and measured."""
ONE_LEAF = 1.01
"""A threshold no probability reaches: `decide` then gives each message its highest leaf and no other."""


@dataclass(frozen=True)
class Review:
    """What a person should know of their labels before they train on them.

    ``single``: every row has exactly one label. ``repeated``: rows whose text and context an earlier row has.
    ``contradictory``: such texts whose rows do not agree, with the labels they were given.
    ``rare``: leaves with fewer than `RARE` rows, and how many they have.
    """

    rows: int
    leaves: int
    single: bool
    repeated: int
    contradictory: tuple[tuple[str, tuple[str, ...]], ...]
    rare: tuple[tuple[str, int], ...]

    def notes(self) -> list[str]:
        """One sentence each for a person; the first says how the labels are understood."""
        kind = "one label a row" if self.single else "several labels may hold"
        notes = [f"{self.rows} rows, {self.leaves} leaves, {kind}"]
        if self.repeated:
            notes.append(f"{self.repeated} rows repeat the text of an earlier row")
        if self.contradictory:
            text, labels = self.contradictory[0]
            notes.append(
                f"{len(self.contradictory)} repeated texts have contradictory labels, "
                f"such as {mask(text)[:20]!r}: {' / '.join(labels)}"
            )
        if self.rare:
            named = ", ".join(f"{leaf} ({rows})" for leaf, rows in self.rare)
            notes.append(f"{len(self.rare)} leaves have fewer than {RARE} rows, kept all the same: {named}")
        return notes


@dataclass(frozen=True)
class Task:
    """Labelled rows, the leaves they are labelled with, and what was noticed about them."""

    rows: list[LabelledMessage]
    taxonomy: Taxonomy
    review: Review

    @property
    def leaves(self) -> list[str]:
        """The leaf ids in the order of a model's columns."""
        return [leaf.id for leaf in self.taxonomy.leaves]


def load_task(paths: Sequence[Path], taxonomy: str | Path | None = None, tree: str = "own") -> Task:
    """Read labels with the taxonomy of that name or file; without one, the labels make it, named ``tree``.

    Raises `BadInput` with file and row (see `read_labels`), and for a taxonomy file with problems.
    """
    known = load(taxonomy) if taxonomy is not None else None
    rows = read_labels(paths, known)
    found = known or taxonomy_from_labels(rows, tree)
    return Task(rows, found, review(rows, found))


def taxonomy_from_labels(rows: Sequence[LabelledMessage], tree: str = "own") -> Taxonomy:
    """The distinct labels as leaves in one group, ids and names as given; the version is their digest."""
    labels = sorted({label for row in rows for label in row.labels})
    return from_leaves(tree, (Leaf(label, label, "", UNGROUPED) for label in labels))


def review(rows: Sequence[LabelledMessage], taxonomy: Taxonomy) -> Review:
    """Look for repeated and contradictory rows, and for leaves with hardly any."""
    given: dict[tuple[str, tuple[str, ...]], list[tuple[str, ...]]] = defaultdict(list)
    for row in rows:
        given[normalize(row.text), row.context].append(tuple(sorted(row.labels)))
    counts = Counter(label for row in rows for label in row.labels)
    return Review(
        rows=len(rows),
        leaves=len(taxonomy.leaves),
        single=all(len(row.labels) == 1 for row in rows),
        repeated=len(rows) - len(given),
        contradictory=tuple(
            (text, tuple(dict.fromkeys(", ".join(labels) for labels in sets)))
            for (text, _), sets in given.items()
            if len(set(sets)) > 1
        ),
        rare=tuple((leaf.id, counts[leaf.id]) for leaf in taxonomy.leaves if counts[leaf.id] < RARE),
    )


def choose_thresholds(scores: Scores, truth: Scores, precision: float | None = None) -> Scores:
    """Thresholds [leaves] from held-out scores and truth [rows, leaves]: where every row has exactly one
    leaf, ones that leave each message its highest leaf; else those of `thresholds.tune`."""
    if (truth.sum(axis=1) == 1).all():
        return np.full(truth.shape[1], ONE_LEAF, dtype=np.float32)
    return tune(scores, truth, precision)
