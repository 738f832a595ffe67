"""The guideline as a language model reads it: every leaf in one line, and in full those that are near.

print(outline(load("attention"))); print(in_full(load("attention"), ["logistics_freight"]))
"""

from __future__ import annotations

from collections.abc import Iterable

from xundan.taxonomy.trees import Leaf, Taxonomy

FULL_TREE_CHARS = 4000
"""A tree whose full text is no longer than this is given whole; then every prompt begins alike, which
providers charge less for."""
MOST_IN_FULL = 12


def outline(taxonomy: Taxonomy) -> str:
    """One line a leaf: ``id｜name：definition``, under its group's name."""
    lines = []
    for group in taxonomy.groups:
        lines.append(f"# {group.name}")
        lines += [_line(leaf) for leaf in group.leaves]
    return "\n".join(lines)


def in_full(taxonomy: Taxonomy, ids: Iterable[str]) -> str:
    """Definition, 含 and 不含 of these leaves, in the tree's order, which hints at no answer."""
    wanted = set(ids)
    return "\n".join(_whole(leaf) for leaf in taxonomy.leaves if leaf.id in wanted)


def guideline(taxonomy: Taxonomy) -> tuple[str, bool]:
    """What every prompt holds, and whether it is the whole guideline already."""
    whole = in_full(taxonomy, (leaf.id for leaf in taxonomy.leaves))
    return (whole, True) if len(whole) <= FULL_TREE_CHARS else (outline(taxonomy), False)


def near(taxonomy: Taxonomy, candidates: Iterable[str]) -> list[str]:
    """The candidates that the tree has, then the leaves their 不含 lead to, `MOST_IN_FULL` at most."""
    leaves = {leaf.id: leaf for leaf in taxonomy.leaves}
    first = [leaf for leaf in dict.fromkeys(candidates) if leaf in leaves]
    neighbours = [entry.neighbour for leaf in first for entry in leaves[leaf].excludes]
    return list(dict.fromkeys([*first, *(leaf for leaf in neighbours if leaf in leaves)]))[:MOST_IN_FULL]


def _line(leaf: Leaf) -> str:
    return f"{leaf.id}｜{leaf.name}" + (f"：{leaf.definition}" if leaf.definition else "")


def _whole(leaf: Leaf) -> str:
    parts = [_line(leaf)]
    if leaf.includes:
        parts.append(f"  含：{'、'.join(leaf.includes)}")
    if leaf.excludes:
        others = (
            f"{entry.text}（→{entry.neighbour}）" if entry.neighbour else entry.text
            for entry in leaf.excludes
        )
        parts.append(f"  不含：{'；'.join(others)}")
    return "\n".join(parts)
