"""The tree a model is judged by: a file given, a shipped tree, or the one its own folder carries.

taxonomy = tree_of(Path("registry/attention/v2"))
"""

from __future__ import annotations

from pathlib import Path

from xundan.errors import BadInput
from xundan.models.runtime import Description
from xundan.taxonomy.trees import SHIPPED, UNGROUPED, Leaf, Taxonomy, from_leaves, load

TAXONOMY_FILE = "taxonomy.yaml"
"""In a version folder: the taxonomy it was trained with, where that is none of the shipped ones."""


def tree_of(folder: Path, given: Path | None = None) -> Taxonomy:
    """The taxonomy of the model in ``folder``; ``given`` is a .yaml file that goes before all else.

    A folder without a file, of a tree that is not shipped, was made from a plain list of leaves: its own.
    Raises `BadInput` for a folder without a model, a file that is no taxonomy, or one of another tree.
    """
    said = Description.read(folder)
    carried = folder / TAXONOMY_FILE
    if given is not None:
        taxonomy = load(given)
    elif carried.exists():
        taxonomy = load(carried)
    elif said.tree in SHIPPED:
        taxonomy = load(said.tree)
    else:
        leaves = [Leaf(leaf, leaf, "", UNGROUPED) for leaf in said.leaves]
        return from_leaves(said.tree, leaves, said.taxonomy_version)
    if taxonomy.tree != said.tree:
        raise BadInput(
            "the model was made for another tree", got=said.tree, expected=taxonomy.tree, where=str(folder)
        )
    return taxonomy
