"""A taxonomy of one's own as a plain list of leaves: pytest tests/taxonomy/test_simple.py"""

from __future__ import annotations

from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.taxonomy.check import check
from xundan.taxonomy.trees import UNGROUPED, Leaf, from_leaves, load

SIMPLE = """
tree: shoes
leaves:
  - 尺码
  - {id: 颜色, name: 颜色款式, group: 外观, definition: 问颜色或款式}
  - {id: heel, name: 鞋跟, group: 外观, examples: [跟高多少]}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plain_list_of_leaves_is_a_taxonomy(tmp_path: Path) -> None:
    tree = load(written(tmp_path, SIMPLE))
    assert tree.tree == "shoes"
    assert [leaf.id for leaf in tree.leaves] == ["尺码", "颜色", "heel"]
    assert (tree.name_of("颜色"), tree.name_of("尺码")) == ("颜色款式", "尺码")
    assert tree.group_of("heel").name == "外观"
    assert tree.group_of("尺码").id == UNGROUPED
    assert tree.leaf("颜色").definition == "问颜色或款式"


def test_the_tree_is_named_after_its_file_and_its_version_follows_the_leaves(tmp_path: Path) -> None:
    one = load(written(tmp_path, "leaves: [甲, 乙]"))
    same = load(written(tmp_path, "leaves: [乙, 甲]"))
    other = load(written(tmp_path, "leaves: [甲, 乙, 丙]"))
    assert one.tree == "mine"
    assert one.version == same.version != other.version
    assert load(written(tmp_path, 'version: "7"\nleaves: [甲]')).version == "7"


def test_groups_stand_in_order_of_first_appearance() -> None:
    tree = from_leaves("t", [Leaf("a", "a", "", "二"), Leaf("b", "b", "", "一"), Leaf("c", "c", "", "二")])
    assert [(group.id, [leaf.id for leaf in group.leaves]) for group in tree.groups] == [
        ("二", ["a", "c"]),
        ("一", ["b"]),
    ]


@pytest.mark.parametrize(
    ("leaves", "said"),
    [
        ([], "leaves: the tree has no leaves; list at least one"),
        (["尺码", True], "leaves[1]: this leaf is True, no text; write it in quotes"),
        (["尺码", "尺码"], "leaves[1]: id 尺码 is taken by the leaf at leaves[0]"),
        ([{"name": "尺码"}], "leaves[0]: id is None"),
        ([{"id": "a", "name": 3}], "leaves[0]: name is 3, no text"),
        ([{"id": "a", "grup": "b"}], "did you mean group?"),
        ([{"id": "a"}, {"id": "b", "group": "a"}], "leaves[1]: group a has the id of a leaf"),
    ],
)
def test_a_mistake_in_the_list_is_named(leaves: list[object], said: str) -> None:
    found = [str(problem) for problem in check({"leaves": leaves})]
    assert len(found) == 1
    assert said in found[0]


def test_a_mistake_in_a_file_is_found_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mine.yaml:4 leaves\[1\]: id 甲 is taken"):
        load(written(tmp_path, "tree: t\nleaves:\n- 甲\n- 甲\n"))
