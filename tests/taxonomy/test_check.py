"""Each mistake a taxonomy file can hold, and what is said about it: pytest tests/taxonomy/test_check.py"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput
from xundan.taxonomy.check import check, check_file


def document(**leaf: Any) -> dict[str, Any]:
    """A whole tree of one group with two leaves; ``leaf`` changes the first of them."""
    first = {"id": "color", "name": "颜色", **leaf}
    second = {"id": "size", "name": "尺寸"}
    return {"groups": [{"id": "product", "name": "商品", "leaves": [first, second]}]}


def messages(given: object) -> list[str]:
    return [str(problem) for problem in check(given)]


def test_a_whole_tree_has_no_problems() -> None:
    exclusion = {"text": "多大", "neighbour": "size"}
    assert messages(document(excludes=[exclusion], children=[{"id": "red", "name": "红"}])) == []


@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (
            {"id": "size"},
            "groups[0].leaves[1] (size): id size is taken by the leaf at groups[0].leaves[0]; rename one",
        ),
        ({"id": "product"}, "id product is taken by the group at groups[0]"),
        ({"children": [{"id": "size", "name": "红"}]}, "id size is taken by the child at"),
        ({"id": "Color-1"}, "id 'Color-1' is not allowed; use only a-z, 0-9 and _"),
        ({"id": 7}, "groups[0].leaves[0]: id 7 is not allowed"),
        ({"id": None}, "groups[0].leaves[0]: the leaf has no id; add id:"),
        ({"name": " "}, "groups[0].leaves[0] (color): the leaf has no name; add name: with some text"),
        ({"defintion": "x"}, "unknown key 'defintion'; did you mean definition? valid keys are id, name,"),
        ({"definition": 3}, "definition is 3, no text; write it in quotes"),
        ({"includes": "红、绿"}, "includes is no list of texts"),
        ({"tier": "main"}, "tier 'main' is not known; use one of core, ext"),
        ({"evidence_signal": ["time"]}, "evidence_signal 'time' is not known; use some of buyer_text"),
        ({"excludes": "颜色"}, "excludes is no list"),
        ({"excludes": ["颜色"]}, "excludes[0] (color): the exclusion has no text"),
        (
            {"excludes": [{"text": "多大", "neighbour": "sizes"}]},
            "groups[0].leaves[0].excludes[0] (color): neighbour sizes does not exist; near ids: size",
        ),
        (
            {"excludes": [{"text": "多大", "neighbour": "color"}]},
            "the leaf is its own neighbour; name the leaf where such messages belong",
        ),
        ({"excludes": [{"text": "多大", "to": "size"}]}, "unknown key 'to'; valid keys are text, neighbour"),
        ({"children": [{"id": "red"}]}, "groups[0].leaves[0].children[0] (red): the child has no name"),
        ({"children": "红"}, "groups[0].leaves[0].children: this is no list; begin each entry with a dash"),
        (
            {"children": [{"id": "red", "name": "红", "children": [{"id": "dark", "name": "深"}]}]},
            "groups[0].leaves[0].children[0] (red): a fourth level; a tree has group, leaf and child",
        ),
    ],
)
def test_a_mistake_in_a_leaf_is_named(leaf: dict[str, Any], said: str) -> None:
    found = messages(document(**leaf))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("price", "(top): the file is no mapping; begin it with tree:, version: and groups:"),
        ({}, "groups: the tree has no groups; add at least one group with leaves"),
        ({"groups": {"id": "a"}}, "groups: the tree has no groups"),
        ({"groups": ["price"]}, "groups[0]: this group is no mapping; write it as id: and name:"),
        ({"groups": [{"id": "a", "name": "甲", "leaves": []}]}, "groups[0] (a): the group has no leaves"),
        ({**document(), "version": 1.0}, "(top): version is 1.0, no text; write it in quotes"),
        ({**document(), "titel": "x"}, "(top): unknown key 'titel'; valid keys are tree, version, groups"),
        (
            {**document(), "leaves": [{"id": "a", "name": "甲"}]},
            "leaves: leaves stand outside any group; move each under a group of groups:",
        ),
    ],
)
def test_a_mistake_above_the_leaves_is_named(given: object, said: str) -> None:
    found = messages(given)
    assert len(found) == 1
    assert said in found[0]


def test_all_problems_are_found_at_once() -> None:
    assert len(messages(document(id="Color", name="", tier="main"))) == 3


def test_a_file_problem_leads_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("groups:\n  - id: a\n    name: 甲\n    leaves:\n      - id: b\n", encoding="utf-8")
    assert [str(problem) for problem in check_file(path)] == [
        f"{path}:5 groups[0].leaves[0] (b): the leaf has no name; add name: with some text"
    ]


def test_a_key_given_twice_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "groups:\n  - id: a\n    name: 甲\n    leaves:\n      - id: b\n        name: 乙\n        id: c\n",
        encoding="utf-8",
    )
    assert [str(problem) for problem in check_file(path)] == [
        f"{path}:7 groups[0].leaves[0].id: the key is given twice; keep one of them"
    ]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.yaml: no such taxonomy file; give the path"):
        check_file(tmp_path / "gone.yaml")


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("groups:\n  - id: a\n    name: [甲\n  - id: b\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"own\.yaml:4: not valid YAML: .*; check indentation"):
        check_file(path)


def test_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes("groups: 商品".encode("gb18030"))
    with pytest.raises(BadInput, match=r"own\.yaml: the taxonomy file is not UTF-8; save it as UTF-8"):
        check_file(path)
