"""Pairs of messages that differ in a word and therefore in their leaf: does a model tell them apart?

told = run_pairs(Model.load(folder), load_pairs("attention"))      # {"size-vs-size_fit-1": True, ...}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xundan.models.runtime import Model
from xundan.taxonomy.source import read

FOLDER = Path(__file__).with_name("minimal_pairs")


@dataclass(frozen=True)
class MinimalPair:
    """Two texts after the same previous turns ("买:…", "客:…"); each has its own leaf, not the other's."""

    id: str
    leaves: tuple[str, str]
    texts: tuple[str, str]
    context: tuple[str, ...]


def load_pairs(tree: str) -> tuple[MinimalPair, ...]:
    """The pairs written for a shipped tree, in file order; none for a tree that has no file."""
    path = FOLDER / f"{tree}.yaml"
    if not path.is_file():
        return ()
    rows = read(path).document
    assert isinstance(rows, list)  # a file of this package, held by its tests
    return tuple(
        MinimalPair(row["id"], _two(row["leaves"]), _two(row["texts"]), tuple(row.get("context", ())))
        for row in rows
    )


def run_pairs(model: Model, pairs: Sequence[MinimalPair]) -> dict[str, bool]:
    """Whether each pair passes: each side's chosen leaves hold its own leaf and not the other side's.

    A pair one of whose leaves the model does not know fails.
    """
    if not pairs:
        return {}
    texts = [text for pair in pairs for text in pair.texts]
    scores = model.score(texts, [pair.context for pair in pairs for _ in pair.texts])
    names = np.array(model.description.leaves)
    said = [set(names[row]) for row in model.choose(scores)]
    return {
        pair.id: _holds(said[2 * at], *pair.leaves) and _holds(said[2 * at + 1], *reversed(pair.leaves))
        for at, pair in enumerate(pairs)
    }


def _holds(said: set[str], own: str, other: str) -> bool:
    return own in said and other not in said


def _two(values: Sequence[str]) -> tuple[str, str]:
    first, second = values
    return first, second
