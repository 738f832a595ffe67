"""Check that a taxonomy is whole: every problem with its place, what is wrong and what to do.

>>> from xundan.taxonomy.check import check
>>> print(*check({"groups": [{"id": "price", "name": "价格"}]}))
groups[0] (price): the group has no leaves; add a leaf under leaves, or remove the group
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from xundan.taxonomy.source import Source, read

TOP_KEYS = ("tree", "version", "groups")
GROUP_KEYS = ("id", "name", "name_en", "leaves")
LEAF_KEYS = (
    *("id", "name", "name_en", "definition", "includes", "excludes", "examples", "tier"),
    *("evidence_signal", "owner", "recoverable", "children"),
)
EXCLUSION_KEYS = ("text", "neighbour")
SIMPLE_TOP_KEYS = ("tree", "version", "leaves")
SIMPLE_KEYS = ("id", "name", "name_en", "group", "definition", "examples")
TIERS = ("core", "ext")
SIGNALS = ("buyer_text", "agent_text", "timing", "order_data")
_TEXTS = ("tree", "version", "name_en", "group", "definition", "tier", "owner", "recoverable")
_LISTS = ("includes", "examples", "evidence_signal")
_ID = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Problem:
    """One mistake: ``where`` (path and id, led by file:line if known), ``what`` is wrong, what to ``do``."""

    where: str
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.do}"


@dataclass(frozen=True)
class _Node:
    """A group, leaf or child of the document, with its path; ``level`` is 1, 2 or 3."""

    where: str
    level: int
    values: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return ("group", "leaf", "child")[self.level - 1]

    @property
    def id(self) -> str:
        given = self.values.get("id")
        return given if isinstance(given, str) else ""

    @property
    def place(self) -> str:
        return f"{self.where} ({self.id})" if self.id else self.where


def check_file(path: Path) -> list[Problem]:
    """All problems of one file; raises `BadInput` where it cannot be read at all."""
    return check_source(read(path), str(path))


def check_source(source: Source, file: str) -> list[Problem]:
    """All problems of a file already read, each led by ``file:line``."""
    repeated = [Problem(where, "the key is given twice", "keep one of them") for where in source.repeated]
    problems = []
    for found in (*repeated, *check(source.document)):
        line = source.line_of(found.where.split(" ")[0])
        place = f"{file}:{line}" if line else file
        problems.append(Problem(f"{place} {found.where}", found.what, found.do))
    return problems


def check(document: object) -> list[Problem]:
    """All problems of a taxonomy as plain data (what a YAML reader returns); an empty list means whole."""
    if not isinstance(document, Mapping):
        return [Problem("(top)", "the file is no mapping", "begin it with tree:, version: and groups:")]
    if "leaves" in document and "groups" not in document:
        return list(_simple(document))
    problems: list[Problem] = []
    if "leaves" in document:
        problems.append(
            Problem("leaves", "leaves stand outside any group", "move each under a group of groups:")
        )
    problems += _keys("(top)", document, (*TOP_KEYS, "leaves"), shown=TOP_KEYS)
    problems += _values("(top)", document)
    if not _items(document, "groups"):
        return [*problems, Problem("groups", "the tree has no groups", "add at least one group with leaves")]
    nodes: list[_Node] = []
    problems += _collect("groups", document["groups"], 1, nodes)
    for node in nodes:
        problems += _node(node)
    return [*problems, *_unique(nodes), *_neighbours(nodes)]


def _simple(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of a plain list of leaves, each a text or a mapping; an id may be any text, Chinese too."""
    yield from _keys("(top)", document, SIMPLE_TOP_KEYS)
    yield from _values("(top)", document)
    if not _items(document, "leaves"):
        yield Problem("leaves", "the tree has no leaves", "list at least one under leaves:")
        return
    first: dict[str, str] = {}
    groups: dict[str, str] = {}
    for index, entry in enumerate(document["leaves"]):
        where, values = f"leaves[{index}]", {"id": entry} if isinstance(entry, str) else entry
        if not isinstance(values, Mapping):
            yield Problem(where, f"this leaf is {entry!r}, no text", "write it in quotes, or as id: …")
            continue
        yield from _keys(where, values, SIMPLE_KEYS)
        yield from _values(where, values)
        given, name = values.get("id"), values.get("name", "")
        if not isinstance(name, str):
            yield Problem(where, f"name is {name!r}, no text", "write it in quotes")
        if not isinstance(given, str) or not given.strip() or not given.isprintable():
            yield Problem(where, f"id is {given!r}", "one line of text, in quotes if it is a number")
        elif given in first:
            yield Problem(where, f"id {given} is taken by the leaf at {first[given]}", "rename one")
        else:
            first[given] = where
        if isinstance(values.get("group"), str):
            groups.setdefault(values["group"], where)
    for group in groups.keys() & first.keys():
        yield Problem(groups[group], f"group {group} has the id of a leaf", "rename the group or the leaf")


def _items(values: Mapping[str, Any], key: str) -> bool:
    return isinstance(values.get(key), list) and bool(values[key])


def _collect(where: str, entries: object, level: int, nodes: list[_Node]) -> Iterator[Problem]:
    """Append every node below ``where`` to ``nodes``; yield what is no node, or lies too deep."""
    if not isinstance(entries, list):
        yield Problem(where, "this is no list", "begin each entry with a dash")
        return
    for index, values in enumerate(entries):
        node = _Node(f"{where}[{index}]", level, values if isinstance(values, Mapping) else {})
        if not isinstance(values, Mapping):
            yield Problem(node.where, f"this {node.kind} is no mapping", "write it as id: and name:")
            continue
        nodes.append(node)
        below = ("leaves", "children", "children")[level - 1]
        if below in values and level == 3:
            yield Problem(
                node.place, "a fourth level", "a tree has group, leaf and child: move these one level up"
            )
        elif below in values:
            yield from _collect(f"{node.where}.{below}", values[below], level + 1, nodes)


def _node(node: _Node) -> Iterator[Problem]:
    """Problems within one node: keys, id, name, texts and lists."""
    valid = GROUP_KEYS if node.level == 1 else LEAF_KEYS
    yield from _keys(node.place, node.values, valid)
    given = node.values.get("id")
    if given is None:
        yield Problem(node.place, f"the {node.kind} has no id", "add id: with a-z, 0-9 and _")
    elif not isinstance(given, str) or not _ID.fullmatch(given):
        yield Problem(
            node.place, f"id {given!r} is not allowed", "use only a-z, 0-9 and _, in quotes if it is a number"
        )
    name = node.values.get("name")
    if not isinstance(name, str) or not name.strip():
        yield Problem(node.place, f"the {node.kind} has no name", "add name: with some text")
    if node.level == 1 and not node.values.get("leaves"):
        yield Problem(node.place, "the group has no leaves", "add a leaf under leaves, or remove the group")
    yield from _values(node.place, node.values)


def _keys(
    place: str, values: Mapping[str, Any], valid: tuple[str, ...], shown: tuple[str, ...] = ()
) -> Iterator[Problem]:
    for key in values:
        if key not in valid:
            near = get_close_matches(str(key), valid, 1)
            do = f"did you mean {near[0]}? " if near else ""
            yield Problem(place, f"unknown key {key!r}", f"{do}valid keys are {', '.join(shown or valid)}")


def _values(place: str, values: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems with the kinds of values: text where text belongs, lists of text, known words."""
    for key in _TEXTS:
        if key in values and not isinstance(values[key], str):
            yield Problem(place, f"{key} is {values[key]!r}, no text", "write it in quotes")
    for key in _LISTS:
        entries = values.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            yield Problem(place, f"{key} is no list of texts", "write it as [a, b], each in quotes if odd")
    tier = values.get("tier")
    if isinstance(tier, str) and tier not in TIERS:
        yield Problem(place, f"tier {tier!r} is not known", f"use one of {', '.join(TIERS)}")
    signals = values.get("evidence_signal")
    for signal in signals if isinstance(signals, list) else ():
        if signal not in SIGNALS:
            yield Problem(
                place, f"evidence_signal {signal!r} is not known", f"use some of {', '.join(SIGNALS)}"
            )


def _unique(nodes: list[_Node]) -> Iterator[Problem]:
    first: dict[str, _Node] = {}
    for node in nodes:
        if not node.id:
            continue
        if node.id in first:
            earlier = first[node.id]
            yield Problem(
                node.place,
                f"id {node.id} is taken by the {earlier.kind} at {earlier.where}",
                "rename one",
            )
        first.setdefault(node.id, node)


def _neighbours(nodes: list[_Node]) -> Iterator[Problem]:
    """Exclusions must be text and lead to another node of the same tree, or to none."""
    known = {node.id for node in nodes if node.id}
    for node in nodes:
        entries = node.values.get("excludes", []) if node.level > 1 else []
        if not isinstance(entries, list):
            yield Problem(node.place, "excludes is no list", "begin each entry with a dash")
            continue
        for index, entry in enumerate(entries):
            yield from _exclusion(f"{node.where}.excludes[{index}] ({node.id})", entry, node, known)


def _exclusion(place: str, entry: object, node: _Node, known: set[str]) -> Iterator[Problem]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("text"), str):
        yield Problem(place, "the exclusion has no text", "write it as {text: ..., neighbour: leaf_id}")
        return
    yield from _keys(place, entry, EXCLUSION_KEYS)
    neighbour = entry.get("neighbour")
    if neighbour is None:
        return
    if neighbour == node.id:
        yield Problem(place, "the leaf is its own neighbour", "name the leaf where such messages belong")
    elif neighbour not in known:
        near = get_close_matches(str(neighbour), known, 3)
        do = f"near ids: {', '.join(near)}" if near else "name a leaf or group of this tree"
        yield Problem(place, f"neighbour {neighbour} does not exist", do)
