"""The shipped trees, a shop's own tree, and how both are shown: pytest tests/taxonomy/test_trees.py"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from xundan.errors import BadInput
from xundan.taxonomy.check import SIGNALS, TIERS
from xundan.taxonomy.show import render
from xundan.taxonomy.trees import Taxonomy, load

OWN = """
groups:
  - id: engine
    name: 发动机
    leaves:
      - id: engine_power
        name: 动力
        children:
          - id: engine_power_climb
            name: 爬坡
      - id: engine_noise
        name: 噪音
        name_en: Noise
        excludes:
          - {text: 车窗漏风, neighbour: cabin}
          - {text: 说不清在哪}
  - id: cabin
    name: 内饰
    leaves:
      - {id: cabin_seat, name: 座椅}
"""


def own(tmp_path: Path, text: str = OWN) -> Taxonomy:
    path = tmp_path / "cars.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def printed(taxonomy: Taxonomy, lang: str = "zh") -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(render(taxonomy, lang))
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


@pytest.mark.parametrize(
    ("name", "groups", "leaves"), [("attention", 14, 71), ("loss", 12, 41), ("action", 7, 22)]
)
def test_shipped_tree_has_its_groups_and_leaves(name: str, groups: int, leaves: int) -> None:
    tree = load(name)
    assert (tree.tree, len(tree.groups), len(tree.leaves)) == (name, groups, leaves)


@pytest.mark.parametrize("name", ["attention", "loss", "action"])
def test_every_shipped_leaf_is_described_in_both_languages(name: str) -> None:
    tree = load(name)
    for leaf in tree.leaves:
        assert leaf.definition, leaf.id
        assert leaf.includes, leaf.id
        assert leaf.excludes, leaf.id
        assert leaf.examples, leaf.id
        assert leaf.tier in TIERS
        assert tree.name_of(leaf.id, "en").isascii()
        assert not tree.name_of(leaf.id, "zh").isascii()


@pytest.mark.parametrize("name", ["attention", "loss", "action"])
def test_every_shipped_neighbour_is_another_node_of_the_tree(name: str) -> None:
    tree = load(name)
    for leaf in tree.leaves:
        for exclusion in leaf.excludes:
            assert exclusion.text
            assert exclusion.neighbour != leaf.id
            if exclusion.neighbour is not None:
                assert tree.name_of(exclusion.neighbour)


def test_loss_leaves_name_evidence_owner_and_recoverability() -> None:
    for leaf in load("loss").leaves:
        assert set(leaf.evidence_signal) <= set(SIGNALS)
        assert leaf.owner, leaf.id
        assert leaf.recoverable in {"高", "中", "低", "无法判断"}
    assert load("loss").leaf("loss_service_slow").evidence_signal == ("timing", "buyer_text")


def test_a_group_can_be_a_neighbour() -> None:
    exclusions = load("loss").leaf("loss_promo_gift").excludes
    assert [exclusion.neighbour for exclusion in exclusions] == ["loss_price"]


def test_unknown_leaf_names_near_ids() -> None:
    with pytest.raises(
        BadInput, match=r"attention tree has no such leaf; got 'product_colour'.*product_color"
    ):
        load("attention").leaf("product_colour")


def test_a_group_is_no_leaf() -> None:
    with pytest.raises(BadInput, match="no such leaf; got 'logistics'"):
        load("attention").leaf("logistics")
    assert load("attention").name_of("logistics") == "物流"


def test_unknown_tree_names_the_shipped_ones() -> None:
    with pytest.raises(BadInput, match="no such taxonomy; got 'atention'; expected attention, loss, action"):
        load("atention")


def test_own_tree_loads_with_ids_and_names_alone(tmp_path: Path) -> None:
    tree = own(tmp_path)
    assert (tree.tree, tree.version) == ("cars", "1")
    assert [leaf.id for leaf in tree.leaves] == ["engine_power", "engine_noise", "cabin_seat"]
    assert tree.group_of("engine_noise").id == "engine"
    assert [item.neighbour for item in tree.leaf("engine_noise").excludes] == ["cabin", None]


def test_children_are_found_by_id_but_are_no_leaves(tmp_path: Path) -> None:
    tree = own(tmp_path)
    assert tree.leaf("engine_power").children == (tree.leaf("engine_power_climb"),)
    assert tree.leaf("engine_power_climb") not in tree.leaves
    assert tree.group_of("engine_power_climb").id == "engine"


def test_english_name_falls_back_to_the_given_name(tmp_path: Path) -> None:
    tree = own(tmp_path)
    assert tree.name_of("engine_noise", "en") == "Noise"
    assert tree.name_of("engine_power", "en") == "动力"


def test_load_lists_every_problem_with_its_line(tmp_path: Path) -> None:
    text = OWN.replace("neighbour: cabin", "neighbour: cabine").replace("name: 座椅", "nam: 座椅")
    with pytest.raises(BadInput, match="the taxonomy has 3 problem") as error:
        own(tmp_path, text)
    message = str(error.value)
    assert "cars.yaml:15 groups[0].leaves[1].excludes[0] (engine_noise): neighbour cabine" in message
    assert "near ids: cabin" in message
    assert "cars.yaml:20 groups[1].leaves[0] (cabin_seat): unknown key 'nam'; did you mean name?" in message
    assert "the leaf has no name" in message


def test_show_prints_id_name_and_definition() -> None:
    text = printed(load("attention"))
    assert "14 groups, 71 leaves" in text
    assert "外观款式  product_appearance" in text
    assert "询问商品看起来什么样" in text
    assert "Appearance" in printed(load("attention"), "en")


def test_show_prints_children(tmp_path: Path) -> None:
    assert "爬坡  engine_power_climb" in printed(own(tmp_path))
