"""A saved taxonomy loads as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from xundan.taxonomy.save import save
from xundan.taxonomy.trees import Leaf, from_leaves, load


@pytest.mark.parametrize("name", ["attention", "action", "loss"])
def test_shipped_trees_come_back_equal(name: str, tmp_path: Path) -> None:
    save(load(name), tmp_path / "tree.yaml")
    assert load(tmp_path / "tree.yaml") == load(name)


def test_a_tree_made_of_labels_comes_back_equal(tmp_path: Path) -> None:
    tree = from_leaves("topics", [Leaf("油耗", "油耗", "", "用车"), Leaf("外观", "外观", "", "买车")])
    save(tree, tmp_path / "tree.yaml")
    assert load(tmp_path / "tree.yaml") == tree
