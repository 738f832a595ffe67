"""Two versions of a small tree, and answers in the form in which Label Studio keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xundan.taxonomy.trees import Exclusion, Group, Leaf, Taxonomy


def tree(version: str, **groups: Sequence[str]) -> Taxonomy:
    """A tree of plain leaves by group."""
    return Taxonomy(
        "fruit",
        version,
        tuple(
            Group(group, f"组{group}", "", tuple(Leaf(leaf, f"名{leaf}", "", group) for leaf in leaves))
            for group, leaves in groups.items()
        ),
    )


OLD = tree("1", taste=["sweet", "sour", "ripe"], parcel=["weight", "box"])
NEW = tree("2", taste=["sweetness", "ripe"], parcel=["weight"], rest=["box"])
MOVED = {"sweet": "sweetness", "sour": "sweetness"}

FRUIT = Taxonomy(
    "fruit",
    "1",
    (
        Group(
            "taste",
            "口味",
            "",
            (
                Leaf(
                    "sweet",
                    "甜度",
                    "",
                    "taste",
                    definition="问甜不甜。",
                    includes=("酸不酸", "糖分"),
                    excludes=(Exclusion("问熟没熟", "ripe"), Exclusion("闲聊")),
                    examples=("这批甜吗",),
                ),
                Leaf("ripe", "成熟度", "", "taste"),
            ),
        ),
        Group(
            "parcel", "包裹", "", (Leaf("weight", "斤两", "", "parcel"), Leaf("other", "其它", "", "parcel"))
        ),
    ),
)
"""One whose leaves say what they are."""


def quick(*leaves: str) -> dict[str, Any]:
    """Leaves chosen in the row of the commonest."""
    return {"from_name": "quick", "to_name": "text", "type": "choices", "value": {"choices": list(leaves)}}


def picked(*paths: list[str]) -> dict[str, Any]:
    """Leaves chosen in the tree, by their paths."""
    return {"from_name": "leaves", "to_name": "text", "type": "taxonomy", "value": {"taxonomy": list(paths)}}
