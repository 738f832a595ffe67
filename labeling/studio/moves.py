"""Where the leaves of an older taxonomy went, and an answer of Label Studio put into the newer one's words.

moves = plan(leaves_in(project.label_config), load("attention"), {"price_bulk": "price_bargain"})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xundan.errors import BadInput
from xundan.labeling.studio.config import Offered
from xundan.labeling.studio.config_parts import LEAVES, PRIMARY, QUICK, RETIRED, SECONDARY
from xundan.labeling.studio.task_data import path
from xundan.taxonomy.trees import Taxonomy

_TREES = (LEAVES, PRIMARY, SECONDARY)


@dataclass(frozen=True)
class Moves:
    """What a change of the taxonomy means for its leaves, all by id.

    ``renamed``: old leaf to the new one that only it became. ``merged``: old leaf to the one it was joined
    with. ``added``: new leaves. ``deleted``: leaves that went nowhere, with their names. ``regrouped``: those
    that kept their id and stand in another group. ``to``: every leaf that became another one, also those of
    versions before the old one.
    """

    renamed: Mapping[str, str]
    merged: Mapping[str, str]
    added: tuple[str, ...]
    deleted: Mapping[str, str]
    regrouped: tuple[str, ...]
    to: Mapping[str, str]

    @property
    def any(self) -> bool:
        """Whether an answer given before can name something that is no more."""
        return bool(self.to or self.deleted or self.regrouped)


def plan(old: Mapping[str, Offered], taxonomy: Taxonomy, moved: Mapping[str, str]) -> Moves:
    """Compare what a project offers with a taxonomy; ``moved`` is what `read_migration` gives, chains are
    followed. `BadInput` where it leads to a leaf that the taxonomy does not have, or in a circle."""
    new = {leaf.id for leaf in taxonomy.leaves}
    to = {leaf: _follow(leaf, moved, taxonomy) for leaf in moved if leaf not in new}
    here = {leaf: target for leaf, target in to.items() if leaf in old}
    sources = Counter(here.values())
    merged = {leaf: target for leaf, target in here.items() if target in old or sources[target] > 1}
    return Moves(
        renamed={leaf: target for leaf, target in here.items() if leaf not in merged},
        merged=merged,
        added=tuple(leaf.id for leaf in taxonomy.leaves if leaf.id not in {*old, *here.values()}),
        deleted={leaf: shown.name for leaf, shown in old.items() if leaf not in new and leaf not in to},
        regrouped=tuple(
            leaf
            for leaf, shown in old.items()
            if leaf in new and [*shown.group, leaf] != path(taxonomy, leaf)
        ),
        to=to,
    )


def _follow(leaf: str, moved: Mapping[str, str], taxonomy: Taxonomy) -> str:
    known = {one.id for one in taxonomy.leaves}
    passed = [leaf]
    while leaf not in known:
        leaf = moved.get(leaf, "")
        if not leaf or leaf in passed:
            way = " -> ".join([*passed, leaf] if leaf else passed)
            raise BadInput(
                f"the migration leads to no leaf of the {taxonomy.tree} tree {taxonomy.version}",
                got=way,
                expected="a leaf that the taxonomy has",
                do=f"list them with: xundan taxonomy show {taxonomy.tree}",
            )
        passed.append(leaf)
    return leaf


def moved_leaves(leaves: Iterable[str], to: Mapping[str, str]) -> tuple[str, ...]:
    """The leaves in the newer words, in their order, each once."""
    return tuple(dict.fromkeys(to.get(leaf, leaf) for leaf in leaves))


def named_in(result: Sequence[Mapping[str, Any]]) -> set[str]:
    """Every leaf that an answer, draft or prediction names."""
    return {leaf for item in result for leaf in _leaves_of(item)}


def moved_result(
    result: Sequence[Mapping[str, Any]], taxonomy: Taxonomy, to: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The result of an answer in the newer words, all else as it was.

    What became the same leaf stands there once; a secondary loss point that became the primary one goes. A
    leaf that the taxonomy does not have stands under `RETIRED`.
    """
    known = {leaf.id for leaf in taxonomy.leaves}
    first = [leaf for item in result if item.get("from_name") == PRIMARY for leaf in _leaves_of(item)]
    primary = moved_leaves(first, to)
    kept: list[dict[str, Any]] = []
    for item in result:
        if item.get("from_name") not in (*_TREES, QUICK):
            kept.append(dict(item))
            continue
        leaves = moved_leaves(_leaves_of(item), to)
        if item["from_name"] == SECONDARY:
            leaves = tuple(leaf for leaf in leaves if leaf not in primary)
        paths = [path(taxonomy, leaf) if leaf in known else [RETIRED, leaf] for leaf in leaves]
        value = {"choices": list(leaves)} if item["from_name"] == QUICK else {"taxonomy": paths}
        if leaves:
            kept.append({**item, "value": {**item["value"], **value}})
    return kept


def _leaves_of(item: Mapping[str, Any]) -> list[str]:
    value = item.get("value", {})
    if item.get("from_name") == QUICK:
        return list(value.get("choices", ()))
    if item.get("from_name") in _TREES:
        return [found[-1] for found in value.get("taxonomy", ()) if found]
    return []
