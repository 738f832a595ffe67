"""Write a taxonomy as the YAML file that `trees.load` reads, so that a model can carry its own.

>>> import tempfile
>>> from xundan.taxonomy.trees import load
>>> save(load("attention"), Path(tempfile.mkdtemp()) / "taxonomy.yaml")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from xundan.taxonomy.trees import UNGROUPED, Leaf, Taxonomy

_PLAIN_KEYS = ("id", "name", "name_en", "definition", "examples")


def save(taxonomy: Taxonomy, path: Path) -> None:
    """Everything a tree says, in file order; loading it gives an equal tree.

    A tree made of labels (`trees.from_leaves`), whose ids may be Chinese, is written in the plain form.
    """
    made_of_labels = all(leaf.group == UNGROUPED or not leaf.id.isascii() for leaf in taxonomy.leaves)
    document = _plain(taxonomy) if made_of_labels else _grouped(taxonomy)
    document = {"tree": taxonomy.tree, "version": taxonomy.version, **document}
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _plain(taxonomy: Taxonomy) -> dict[str, Any]:
    leaves = []
    for leaf in taxonomy.leaves:
        written = {key: value for key, value in _leaf(leaf).items() if key in _PLAIN_KEYS}
        leaves.append(written if leaf.group == UNGROUPED else {**written, "group": leaf.group})
    return {"leaves": leaves}


def _grouped(taxonomy: Taxonomy) -> dict[str, Any]:
    groups = [
        {"id": g.id, "name": g.name, "name_en": g.name_en, "leaves": [_leaf(leaf) for leaf in g.leaves]}
        for g in taxonomy.groups
    ]
    return {"groups": groups}


def _leaf(leaf: Leaf) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": leaf.id,
        "name": leaf.name,
        "name_en": leaf.name_en,
        "definition": leaf.definition,
        "includes": list(leaf.includes),
        "excludes": [
            {"text": e.text, "neighbour": e.neighbour} if e.neighbour else {"text": e.text}
            for e in leaf.excludes
        ],
        "examples": list(leaf.examples),
        "tier": leaf.tier,
        "evidence_signal": list(leaf.evidence_signal),
        "owner": leaf.owner,
        "recoverable": leaf.recoverable,
        "children": [_leaf(child) for child in leaf.children],
    }
    return {key: value for key, value in said.items() if value or key in ("id", "name")}
