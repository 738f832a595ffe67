"""The guideline: what the taxonomy and the decisions say, numbered, with what changed.

pytest tests/labeling/test_guideline.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.labeling.guideline import SHOWN_RULINGS, rulings
from xundan.labeling.guideline_versions import current_version, write_guideline
from xundan.labeling.records import Annotation, Decision, Task, Turn
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Exclusion, Group, Leaf, Taxonomy, load

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
ADVICE = Leaf(
    "plant_advice",
    "养护咨询",
    "",
    "plant",
    "问怎么浇水施肥。",
    ("浇水", "施肥"),
    (Exclusion("枯了要赔", "plant_claim"), Exclusion("别处不归")),
    ("几天浇一次水",),
)
CLAIM = Leaf("plant_claim", "枯死索赔", "", "plant", "收到的植物枯死，要求赔付。")
TREE = Taxonomy("plants", "2", (Group("plant", "绿植", "", (ADVICE, CLAIM)),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "labels") as opened:
        yield opened


def dispute(store: Store, n: int, reason: str = "只是问，没有要求赔", text: str = "叶子黄了咋办") -> None:
    turns = (Turn("m0", "agent", "亲在的"),)
    task = Task(f"k{n}", "plants", "s1", f"m{n}", None, None, f"{text}{n}", turns)
    store.add_tasks([task])
    answers = [("小周", ADVICE.id), ("小吴", CLAIM.id)]
    store.put_annotations(Annotation(f"{n}{by}", task.key, by, (leaf,), NOW) for by, leaf in answers)
    store.put_decisions([Decision(task.key, (ADVICE.id,), "组长", reason, NOW + timedelta(hours=n))])


def test_a_leaf_is_said_in_full(store: Store) -> None:
    made = write_guideline(store, TREE, NOW)
    assert made.file == store.folder / "guideline" / "plants" / "guideline.md"
    text = made.file.read_text("utf-8")
    assert text.startswith(
        f"# 标注规程：plants\n\n第 1 版 · 2026-04-01 · 内容哈希 {made.version.hash} · 分类 plants 2"
    )
    block = text[text.index("### 养护咨询") : text.index("### 枯死索赔")]
    assert block == (
        "### 养护咨询 `plant_advice`\n\n问怎么浇水施肥。\n- **含**：浇水、施肥\n"
        "- **不含**：枯了要赔 → 枯死索赔；别处不归\n- **例**：几天浇一次水\n\n"
    )
    assert "上文只用来看懂它" in text


def test_decisions_stand_under_their_leaf_masked_and_with_what_others_said(store: Store) -> None:
    dispute(store, 1, reason="找13812345678核过，\n\n# 只是问")
    dispute(store, 2, reason="  ")
    text = write_guideline(store, TREE, NOW).file.read_text("utf-8")
    block = text[text.index("### 养护咨询") : text.index("### 枯死索赔")]
    said = (
        "客:亲在的 【叶子黄了咋办1】 ⇒ 养护咨询（有人标：枯死索赔）。"
        "理由：找[手机]核过， # 只是问（2026-04-01）"
    )
    assert f"- **裁定**：\n  - {said}\n" in block
    assert "咋办2" not in text
    assert "小周" not in text
    assert len(rulings(store, TREE)) == 1


def test_the_latest_rulings_are_listed_and_all_counted(store: Store) -> None:
    for n in range(SHOWN_RULINGS + 3):
        dispute(store, n)
    made = write_guideline(store, TREE, NOW)
    text = made.file.read_text("utf-8")
    assert "（共 13 条，列最近 10 条）" in text
    assert "咋办2】" not in text.partition("## 改动")[0]
    assert "咋办3】" in text
    assert made.version.rulings == 13


def test_a_version_is_made_by_a_change_only(store: Store) -> None:
    first = write_guideline(store, TREE, NOW)
    same = write_guideline(store, TREE, NOW + timedelta(days=3))
    assert (first.is_new, same.is_new) == (True, False)
    assert (first.version, same.version.changes) == (same.version, ("初版",))
    dispute(store, 1)
    renamed = replace(ADVICE, name="养护", includes=("浇水", "换盆"))
    new = Leaf("plant_pot", "花盆", "", "plant", "问花盆。")
    moved = Taxonomy("plants", "3", (Group("plant", "绿植", "", (renamed, new)),))
    second = write_guideline(store, moved, NOW + timedelta(days=7))
    assert (second.version.number, second.is_new) == (2, True)
    assert second.version.changes[:4] == (
        "删去「枯死索赔」`plant_claim`",
        "「养护」`plant_advice`：原名「养护咨询」",
        "「养护」`plant_advice`：含 增加 换盆",
        "「养护」`plant_advice`：含 去掉 施肥",
    )
    assert second.version.changes[-1] == "新增「花盆」`plant_pot`"
    assert "裁定 增加 客:亲在的 【叶子黄了咋办1】" in second.version.changes[-2]
    log = second.file.read_text("utf-8").partition("## 改动")[2]
    assert log.index("第 2 版（2026-04-08") < log.index("第 1 版（2026-04-01")
    folder = second.file.parent
    assert (folder / "v2.md").read_bytes() == second.file.read_bytes()
    assert first.version.hash in (folder / "v1.md").read_text("utf-8")
    assert current_version(store.folder, "plants") == second.version
    assert current_version(store.folder, "other") is None


def test_a_lost_file_is_written_again_without_a_new_version(store: Store) -> None:
    made = write_guideline(store, TREE, NOW)
    before = made.file.read_bytes()
    made.file.unlink()
    again = write_guideline(store, TREE, NOW + timedelta(days=1))
    assert (again.version.number, again.file.read_bytes()) == (1, before)


def test_a_damaged_list_of_versions_is_said(store: Store) -> None:
    made = write_guideline(store, TREE, NOW)
    (made.file.parent / "versions.json").write_text(json.dumps({"versions": [{}]}))
    with pytest.raises(BadInput, match=r"versions\.json: not a guideline's list of versions.*restore it"):
        write_guideline(store, TREE, NOW)


@pytest.mark.parametrize(("tree", "rule"), [("action", "只标这一条消息"), ("loss", "一个主要流失点")])
def test_the_shipped_trees_have_theirs(store: Store, tree: str, rule: str) -> None:
    taxonomy = load(tree)
    text = write_guideline(store, taxonomy, NOW).file.read_text("utf-8")
    assert rule in text
    assert all(f"### {leaf.name} `{leaf.id}`" in text for leaf in taxonomy.leaves)


def test_a_session_is_shown_by_its_end(store: Store) -> None:
    turns = tuple(Turn(f"m{n}", "buyer", f"第{n}句") for n in range(6))
    task = Task("k", "loss", "s", None, None, None, "", turns)
    store.add_tasks([task])
    store.put_decisions([Decision("k", ("loss_stock_out",), "组长", "说了没货", NOW)])
    assert [one.example for one in rulings(store, load("loss"))] == ["买:第2句 买:第3句 买:第4句 买:第5句"]
