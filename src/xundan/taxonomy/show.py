"""Show a taxonomy as a tree in the terminal: xundan taxonomy show attention

>>> from rich import print
>>> from xundan.taxonomy.show import render
>>> from xundan.taxonomy.trees import load
>>> print(render(load("action"), lang="en"))  # doctest: +SKIP
"""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from xundan.taxonomy.trees import Leaf, Taxonomy


def render(taxonomy: Taxonomy, lang: str = "zh") -> Tree:
    """Every node with id, name (``lang``: zh or en) and definition, ready for rich to print."""
    title = (
        f"{taxonomy.tree} {taxonomy.version}  {len(taxonomy.groups)} groups, {len(taxonomy.leaves)} leaves"
    )
    root = Tree(Text(title, style="bold"))
    for group in taxonomy.groups:
        name = taxonomy.name_of(group.id, lang)
        branch = root.add(Text.assemble((name, "bold cyan"), "  ", (group.id, "dim")))
        for leaf in group.leaves:
            _add(branch, leaf, taxonomy, lang)
    return root


def _add(branch: Tree, leaf: Leaf, taxonomy: Taxonomy, lang: str) -> None:
    label = Text.assemble((taxonomy.name_of(leaf.id, lang), "green"), "  ", (leaf.id, "dim"))
    if leaf.tier == "ext":
        label.append("  ext", "yellow")
    if leaf.definition:
        label.append(f"\n{leaf.definition}")
    twig = branch.add(label)
    for child in leaf.children:
        _add(twig, child, taxonomy, lang)
