"""Answers put into a newer taxonomy's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labeling.fruit_trees import FRUIT
from xundan.errors import BadInput
from xundan.labeling.studio.config import labeling_config, leaves_in
from xundan.labeling.studio.moves import moved_result, named_in, plan
from xundan.taxonomy.trees import Group, Leaf, Taxonomy

NEWER = Taxonomy(
    "fruit",
    "2",
    (
        Group("taste", "口味", "", (Leaf("sweetness", "甜度", "", "taste"),)),
        Group(
            "parcel", "包裹", "", (Leaf("weight", "斤两", "", "parcel"), Leaf("fresh", "新鲜", "", "parcel"))
        ),
        Group("rest", "其它", "", (Leaf("other", "其它", "", "rest"),)),
    ),
)


def test_a_plan_tells_renamed_merged_added_deleted_and_regrouped_leaves_apart() -> None:
    old = leaves_in(labeling_config(FRUIT))
    moves = plan(old, NEWER, {"sweet": "sweet2", "sweet2": "sweetness", "weight": "fresh"})
    assert moves.renamed == {"sweet": "sweetness"}
    assert moves.merged == {}
    assert moves.added == ("fresh",)  # weight still stands: a line about it changes nothing
    assert moves.deleted == {"ripe": "成熟度"}
    assert moves.regrouped == ("other",)
    joined = plan(old, NEWER, {"sweet": "weight", "ripe": "weight"})
    assert joined.merged == {"sweet": "weight", "ripe": "weight"}
    assert joined.added == ("sweetness", "fresh")
    assert not plan(old, FRUIT, {}).any


@pytest.mark.parametrize(
    ("moved", "way"),
    [({"sweet": "swet"}, "sweet -> swet"), ({"sweet": "a", "a": "sweet"}, "sweet -> a -> sweet")],
)
def test_a_migration_that_leads_nowhere_is_refused(moved: dict[str, str], way: str) -> None:
    with pytest.raises(BadInput, match=f"leads to no leaf of the fruit tree 2; got {way}; .*taxonomy show"):
        plan(leaves_in(labeling_config(FRUIT)), NEWER, moved)


def item(name: str, kind: str, value: list[Any], **more: Any) -> dict[str, Any]:
    return {"id": "x", "from_name": name, "to_name": "text", "type": kind, "value": {kind: value}, **more}


def test_an_answer_moves_with_its_leaves_and_keeps_all_else() -> None:
    result = [
        item("quick", "choices", ["sweet", "ripe", "weight"], origin="prediction"),
        item("leaves", "taxonomy", [["parcel", "other"], ["taste", "ripe"]]),
        item("doubt", "choices", ["不确定"]),
        {"id": "r", "type": "relation"},
    ]
    moved = moved_result(result, NEWER, {"sweet": "weight"})
    assert moved == [
        item("quick", "choices", ["weight", "ripe"], origin="prediction"),
        item("leaves", "taxonomy", [["rest", "other"], ["_retired", "ripe"]]),
        item("doubt", "choices", ["不确定"]),
        {"id": "r", "type": "relation"},
    ]
    assert named_in(moved) == {"weight", "ripe", "other"}
    assert moved_result(moved, NEWER, {"sweet": "weight"}) == moved
    assert moved_result(moved, NEWER, {"ripe": "fresh"})[1]["value"] == {
        "taxonomy": [["rest", "other"], ["parcel", "fresh"]]
    }


def test_a_secondary_point_that_became_the_primary_one_goes() -> None:
    result = [
        item("primary", "taxonomy", [["taste", "sweet"]]),
        item("secondary", "taxonomy", [["taste", "ripe"]]),
        item("stage", "choices", ["stage_need"]),
    ]
    moved = moved_result(result, NEWER, {"sweet": "sweetness", "ripe": "sweetness"})
    assert moved == [
        item("primary", "taxonomy", [["taste", "sweetness"]]),
        item("stage", "choices", ["stage_need"]),
    ]
