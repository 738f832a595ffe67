"""The category trees as objects: the three shipped ones, or a shop's own YAML file.

>>> from xundan.taxonomy.trees import load
>>> load("loss").leaf("loss_stock_out").name
'断货缺码'
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xundan.errors import BadInput
from xundan.taxonomy.check import check_source
from xundan.taxonomy.source import read

SHIPPED = ("attention", "loss", "action")
UNGROUPED = "(all)"
"""The one group of a plain list of leaves, where none of them names a group."""
_NEAR = 5


@dataclass(frozen=True)
class Exclusion:
    """What does not belong to a leaf, and the leaf or group where it belongs (None: said in the text)."""

    text: str
    neighbour: str | None = None


@dataclass(frozen=True)
class Leaf:
    """One category a model predicts; ``children`` are its values (a third level), which no model predicts.

    ``evidence_signal``, ``owner`` (department) and ``recoverable`` (高 中 低) are filled for loss points.
    """

    id: str
    name: str
    name_en: str
    group: str
    definition: str = ""
    includes: tuple[str, ...] = ()
    excludes: tuple[Exclusion, ...] = ()
    examples: tuple[str, ...] = ()
    tier: str = "core"
    evidence_signal: tuple[str, ...] = ()
    owner: str = ""
    recoverable: str = ""
    children: tuple[Leaf, ...] = ()


@dataclass(frozen=True)
class Group:
    """A first-level category: a name for the leaves below it."""

    id: str
    name: str
    name_en: str
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True)
class Taxonomy:
    """A checked tree: groups, leaves, and for some leaves children."""

    tree: str
    version: str
    groups: tuple[Group, ...]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """The leaves in file order, without their children."""
        return tuple(leaf for group in self.groups for leaf in group.leaves)

    @functools.cached_property
    def _nodes(self) -> Mapping[str, Group | Leaf]:
        groups: dict[str, Group | Leaf] = {group.id: group for group in self.groups}
        return groups | {leaf.id: leaf for leaf in _below(self.leaves)}

    def leaf(self, leaf_id: str) -> Leaf:
        """The leaf or child with this id; `BadInput` names near ids where there is none."""
        found = self._nodes.get(leaf_id)
        if isinstance(found, Leaf):
            return found
        raise self._unknown(
            "leaf", leaf_id, [key for key, node in self._nodes.items() if isinstance(node, Leaf)]
        )

    def group_of(self, leaf_id: str) -> Group:
        """The group that a leaf or child stands in."""
        found = self._nodes[self.leaf(leaf_id).group]
        assert isinstance(found, Group)
        return found

    def name_of(self, node_id: str, lang: str = "zh") -> str:
        """The name of any node; ``lang`` "en" gives the English name where the file has one."""
        found = self._nodes.get(node_id)
        if found is None:
            raise self._unknown("leaf or group", node_id, list(self._nodes))
        return (found.name_en if lang == "en" else "") or found.name

    def _unknown(self, kind: str, given: str, valid: list[str]) -> BadInput:
        near = get_close_matches(given, valid, _NEAR, cutoff=0.5) or valid[:_NEAR]
        return BadInput(
            f"the {self.tree} tree has no such {kind}",
            got=repr(given),
            expected=f"one of its {len(valid)} ids, such as {', '.join(near)}",
            do=f"list them with: xundan taxonomy show {self.tree}",
        )


def load(name_or_path: str | Path) -> Taxonomy:
    """A shipped tree by name (attention, loss, action) or a YAML file; `BadInput` lists every problem.

    A file needs ``groups`` with ``id``, ``name`` and ``leaves``, and for a leaf ``id`` and ``name``; or, for
    a task of your own, just ``leaves``: texts, or mappings with ``id`` and, if wished, ``name``, ``group``,
    ``definition``, ``examples``. The tree is named after the file where it gives no ``tree``.
    """
    if name_or_path in SHIPPED:
        return _shipped(str(name_or_path))
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        raise BadInput(
            "no such taxonomy",
            got=repr(str(name_or_path)),
            expected=f"{', '.join(SHIPPED)} or the path of a .yaml file",
        )
    return _load(path)


def from_leaves(tree: str, leaves: Iterable[Leaf], version: str = "") -> Taxonomy:
    """A tree from a plain list of leaves: groups in order of first appearance, named as the leaves name them.

    Without ``version`` it is a digest of the leaf ids, so that other leaves are another version.
    """
    members: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        members.setdefault(leaf.group, []).append(leaf)
    ids = "\n".join(sorted(leaf.id for group in members.values() for leaf in group))
    digest = hashlib.blake2b(ids.encode(), digest_size=4).hexdigest()
    groups = tuple(
        Group(group, "全部" if group == UNGROUPED else group, "", tuple(inside))
        for group, inside in members.items()
    )
    return Taxonomy(tree, version or f"leaves-{digest}", groups)


@functools.cache
def _shipped(name: str) -> Taxonomy:
    return _load(Path(__file__).with_name(f"{name}.yaml"))


def _load(path: Path) -> Taxonomy:
    source = read(path)
    problems = check_source(source, str(path))
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise BadInput(f"the taxonomy has {len(problems)} problem(s):\n{listed}", where=str(path))
    assert isinstance(source.document, Mapping)  # check_source has seen to it
    document: Mapping[str, Any] = source.document
    if "groups" not in document:
        leaves = [_simple_leaf(entry) for entry in document["leaves"]]
        return from_leaves(document.get("tree", path.stem), leaves, document.get("version", ""))
    return Taxonomy(
        tree=document.get("tree", path.stem),
        version=document.get("version", "1"),
        groups=tuple(_group(values) for values in document["groups"]),
    )


def _simple_leaf(entry: str | Mapping[str, Any]) -> Leaf:
    values = {"id": entry} if isinstance(entry, str) else entry
    return _leaf({"name": values["id"], **values}, values.get("group", UNGROUPED))


def _group(values: Mapping[str, Any]) -> Group:
    leaves = tuple(_leaf(leaf, values["id"]) for leaf in values["leaves"])
    return Group(values["id"], values["name"], values.get("name_en", ""), leaves)


def _leaf(values: Mapping[str, Any], group: str) -> Leaf:
    return Leaf(
        id=values["id"],
        name=values["name"],
        name_en=values.get("name_en", ""),
        group=group,
        definition=values.get("definition", ""),
        includes=tuple(values.get("includes", ())),
        excludes=tuple(Exclusion(**entry) for entry in values.get("excludes", ())),
        examples=tuple(values.get("examples", ())),
        tier=values.get("tier", "core"),
        evidence_signal=tuple(values.get("evidence_signal", ())),
        owner=values.get("owner", ""),
        recoverable=values.get("recoverable", ""),
        children=tuple(_leaf(child, group) for child in values.get("children", ())),
    )


def _below(leaves: tuple[Leaf, ...]) -> Iterator[Leaf]:
    for leaf in leaves:
        yield leaf
        yield from _below(leaf.children)
