"""What a shop's own tags mean in our tree: by id, name or mapping file; the rest with the nearest leaf.

names = TagNames.of(load("attention"), mapping=Path("标签对照.csv"))
names.leaf("尺码咨询")                              # "product_size", or None
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from xundan.chats.cells import text_of
from xundan.chats.files import load
from xundan.chats.headers import fold, locate, missing
from xundan.disk import replace_file
from xundan.errors import BadInput
from xundan.taxonomy.trees import Taxonomy

COLUMNS = {
    "tag": ("标签", "tag", "标签名", "标签名称", "label"),
    "leaf": ("叶子", "leaf", "分类", "归入"),
}
"""The columns of a mapping file, and the names they may have."""
IGNORE = "-"
"""What stands for the leaf of a tag that means nothing in this tree."""
_PATH = re.compile(r"[/／>＞\\→]")


@dataclass(frozen=True)
class Unknown:
    """A tag that nothing maps: how many rows have it, a session or message with it, and the nearest leaf."""

    tag: str
    rows: int
    example: str
    nearest: str
    nearest_name: str


@dataclass(frozen=True)
class TagNames:
    """Tags in the folded spelling -> leaf id, or None where the tag is to be ignored."""

    taxonomy: Taxonomy
    leaves: Mapping[str, str | None]

    @classmethod
    def of(cls, taxonomy: Taxonomy, mapping: Path | None = None) -> TagNames:
        """The tree's ids and names, a name only where one leaf alone has it; and the mapping file on top.

        The file is a CSV or Excel table with the columns 标签 and 叶子 (id or name; - to ignore the tag;
        empty for not known yet). `BadInput` for a leaf that the tree does not have.
        """
        named: dict[str, set[str]] = defaultdict(set)
        for leaf in taxonomy.leaves:
            for name in filter(None, (leaf.name, leaf.name_en)):
                named[fold(name)].add(leaf.id)
        found: dict[str, str | None] = {name: next(iter(ids)) for name, ids in named.items() if len(ids) == 1}
        found |= {fold(leaf.id): leaf.id for leaf in taxonomy.leaves}
        if mapping is not None:
            found |= _read(mapping, found, taxonomy)
        return cls(taxonomy, found)

    def knows(self, tag: str) -> bool:
        """Whether the tag has a leaf, or is to be ignored; of "售前/尺码" the whole counts, then its end."""
        return self._place(tag) is not None

    def leaf(self, tag: str) -> str | None:
        """The leaf of a tag; None where it is unknown or ignored."""
        place = self._place(tag)
        return None if place is None else self.leaves[place]

    def nearest(self, tag: str) -> tuple[str, str]:
        """Id and name of the leaf whose name or included words look most like the tag."""
        wanted = fold(_PATH.split(tag)[-1]) or fold(tag)
        best = max(
            (
                (_alike(wanted, fold(word)), leaf)
                for leaf in self.taxonomy.leaves
                for word in (leaf.name, *leaf.includes)
            ),
            key=lambda found: found[0],
        )[1]
        return best.id, best.name

    def _place(self, tag: str) -> str | None:
        tries = (fold(tag), fold(_PATH.split(tag)[-1]))
        return next((place for place in tries if place in self.leaves), None)


def write_unknown(path: Path, unknown: Sequence[Unknown]) -> None:
    """Write the unknown tags as a table that becomes a mapping file once its column 叶子 is filled in.

    What a person filled in there before stays: without it the next import would know those tags no more.
    """
    filled = _filled_in(path) if path.is_file() else {}
    sink = io.StringIO(newline="")
    writer = csv.writer(sink)
    writer.writerow(["标签", "叶子", "行数", "例", "最近的叶子", "最近的叶子 id"])
    for one in unknown:
        leaf = filled.pop(one.tag, "")
        writer.writerow([one.tag, leaf, one.rows, one.example, one.nearest_name, one.nearest])
    writer.writerows([tag, leaf, "", "", "", ""] for tag, leaf in filled.items())
    replace_file(path, sink.getvalue().encode("utf-8-sig"))


def _filled_in(path: Path) -> dict[str, str]:
    """The tags of a mapping file that have a leaf there, as they are written."""
    found: dict[str, str] = {}
    for sheet in load(path, empty_ok=True).sheets:
        columns = locate(sheet.header, COLUMNS)
        if columns.keys() >= COLUMNS.keys():
            pairs = ([text_of(row[columns[name]]) for name in ("tag", "leaf")] for _, row in sheet.rows)
            found |= {tag: leaf for tag, leaf in pairs if tag and leaf}
    return found


def _read(path: Path, known: Mapping[str, str | None], taxonomy: Taxonomy) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for sheet in load(path).sheets:
        columns = locate(sheet.header, COLUMNS)
        for field in COLUMNS:
            if field not in columns:
                raise missing(field, sheet.header, COLUMNS, str(path))
        for number, row in sheet.rows:
            tag, leaf = (text_of(row[columns[field]]) for field in ("tag", "leaf"))
            if not tag or not leaf:
                continue
            if leaf != IGNORE and fold(leaf) not in known:
                near = " ".join(TagNames(taxonomy, known).nearest(leaf))
                raise BadInput(
                    f"the {taxonomy.tree} tree has no such leaf",
                    got=repr(leaf),
                    expected=f"an id or name of it, or {IGNORE} to ignore the tag; the nearest is {near}",
                    where=f"{path}:{number}",
                )
            found[fold(tag)] = None if leaf == IGNORE else known[fold(leaf)]
    return found


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
