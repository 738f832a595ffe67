"""The labeling page made from a taxonomy, the rows for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.labeling.fruit_trees import FRUIT
from xundan.chats.records import STAGES as ALL_STAGES
from xundan.errors import BadInput
from xundan.labeling.records import Suggestion, Task, Turn, task_key
from xundan.labeling.studio import config_parts
from xundan.labeling.studio.config import (
    Offered,
    hotkeys_in,
    labeling_config,
    leaves_in,
    most_common,
    tree_in,
)
from xundan.labeling.studio.config_parts import hint
from xundan.labeling.studio.task_data import task_data
from xundan.taxonomy.trees import Leaf, from_leaves, load

AT = datetime(2026, 4, 8, 15, 58, tzinfo=UTC)  # two minutes before midnight in Shanghai


def root(config: str) -> ElementTree.Element:
    return ElementTree.fromstring(config)


def control(config: str, name: str) -> ElementTree.Element:
    (found,) = [tag for tag in root(config).iter() if tag.get("name") == name]
    return found


def message(**changed: Any) -> Task:
    turns = (
        Turn("m1", "buyer", "有没有<b>小果", AT),
        Turn("m2", "agent", "有的亲", AT + timedelta(minutes=3)),
    )
    task = Task(
        key=task_key("fruit", "甜吗", turns),
        tree="fruit",
        session_id="s1",
        message_id="m3",
        shop=None,
        buyer="b1",
        text="甜吗 &几斤",
        turns=turns,
        item="红富士 5 斤",
        predicted=(("sweet", 0.8), ("gone", 0.75), ("weight", 0.6)),
        model_version="fruit-1",
        batch="b",
    )
    return replace(task, **changed)


def session(**changed: Any) -> Task:
    turns = (
        Turn("1", "buyer", "2", AT),
        Turn("2", "bot", "请稍等", AT + timedelta(minutes=1)),
        Turn("3", "system", "转接人工", None),
        Turn("4", "agent", "来了", AT + timedelta(minutes=9)),
    )
    task = Task(
        key="k",
        tree="loss",
        session_id="s",
        message_id=None,
        shop="果园",
        buyer="b",
        text="2",
        turns=turns,
        events=(("closed", AT + timedelta(days=1)), ("ordered", AT + timedelta(minutes=5))),
        predicted=(
            ("loss_price_too_high", 0.5),
            ("loss_promo_wait", 0.4),
            ("loss_price_too_high", 0.3),
            ("loss_stock_out", 0.2),
            ("loss_price_change", 0.1),
        ),
        model_version="loss-1",
    )
    return replace(task, **changed)


def test_every_leaf_stands_in_the_tree_under_its_group_and_is_read_back() -> None:
    tree = load("attention")
    config = labeling_config(tree)
    assert control(config, "leaves").tag == "Taxonomy"
    paths = [(group.get("alias"), leaf.get("alias")) for group in control(config, "leaves") for leaf in group]
    assert paths == [(leaf.group, leaf.id) for leaf in tree.leaves]
    assert {leaf: shown.name for leaf, shown in leaves_in(config).items()} == {
        leaf.id: leaf.name for leaf in tree.leaves
    }
    assert config.startswith(f"<!-- xundan attention · {tree.version} -->\n")
    assert config == labeling_config(tree)
    assert (tree_in(config), tree_in("<View/>")) == ("attention", None)


def test_a_leaf_says_its_definition_and_where_what_is_not_meant_belongs() -> None:
    said = hint(FRUIT, FRUIT.leaf("sweet"))
    assert said == "问甜不甜。\n包含：酸不酸、糖分\n不含：问熟没熟 → 成熟度；闲聊\n例：这批甜吗"
    config = labeling_config(FRUIT)
    sweet = [tag for tag in root(config).iter("Choice") if tag.get("alias") == "sweet"]
    hints = [tag.get("hint") for tag in sweet]
    assert hints == [said, said]  # over the box to tick, and in the tree
    assert hint(FRUIT, FRUIT.leaf("ripe")) == ""


def test_the_commonest_nine_have_the_number_keys_and_nobody_else_has_a_key_of_a_keyboard() -> None:
    tree = load("attention")
    counts = {leaf.id: number for number, leaf in enumerate(tree.leaves)}
    first = most_common(counts, tree)
    assert first == tuple(leaf.id for leaf in reversed(tree.leaves[-9:]))
    config = labeling_config(tree, first)
    assert hotkeys_in(config) == first
    boxes = [tag.get("alias") for tag in control(config, "quick").iter("Choice")]
    assert sorted(boxes, key=str) == sorted(leaf.id for leaf in tree.leaves)
    keys = [
        tag.get("hotkey") or "" for name in ("quick", "doubt") for tag in control(config, name).iter("Choice")
    ]
    assert Counter(keys).most_common(1)[0][1] == 1
    assert sorted(key for key in keys if key.isascii()) == [*"-0123456789"]


def test_without_counts_core_leaves_come_first_in_file_order_and_few_leaves_are_enough() -> None:
    tree = load("attention")
    core = [leaf.id for leaf in tree.leaves if leaf.tier == "core"]
    assert most_common({}, tree) == tuple(core[:9])
    assert most_common({"weight": 3, "unknown": 9}, FRUIT) == ("weight", "sweet", "ripe", "other")
    assert hotkeys_in(labeling_config(FRUIT)) == ("sweet", "ripe", "weight", "other")


def test_a_box_says_key_and_name_and_the_others_stand_in_their_group() -> None:
    shown = labeling_config(FRUIT, ("weight",), retired={"old": "旧类"})
    quick = control(shown, "quick")
    assert [(tag.get("alias"), tag.get("html")) for tag in quick.iter("Choice")] == [
        ("weight", "<i>1</i>斤两"),
        ("sweet", "甜度"),
        ("ripe", "成熟度"),
        ("other", "其它"),
        ("old", "旧类"),
    ]
    assert {tag.get("value") for tag in quick.iter("Choice")}.isdisjoint(leaves_in(shown))
    assert [tag.get("value") for tag in quick.iter("Header")] == ["口味", "包裹", "已停用"]
    assert leaves_in(shown)["old"] == Offered("旧类", ("_retired",))


def test_too_many_leaves_are_not_all_seen_at_once() -> None:
    assert 'className="xd-quick"' in labeling_config(load("attention"))
    leaves = [Leaf(f"leaf{number}", f"类{number}", "", "(all)") for number in range(121)]
    assert 'className="xd-quick xd-many"' in labeling_config(from_leaves("own", leaves))


def test_every_control_points_to_the_one_object() -> None:
    for tree, names in (
        ("attention", {"quick", "leaves", "doubt"}),
        ("loss", {"primary", "secondary", "stage", "evidence", "comment", "doubt"}),
    ):
        config = labeling_config(load(tree))
        controls = [tag for tag in root(config).iter() if tag.get("toName")]
        assert {tag.get("name") for tag in controls} == names
        assert {tag.get("toName") for tag in controls} == {"text"}
        assert control(config, "text").tag == "HyperText"


def test_a_session_page_asks_for_one_primary_and_two_secondary_points_and_the_stage() -> None:
    config = labeling_config(load("loss"))
    assert control(config, "primary").get("maxUsages") == "1"
    assert control(config, "secondary").get("maxUsages") == "2"
    stages = [(tag.get("alias"), tag.get("hotkey")) for tag in control(config, "stage")]
    assert stages == [(stage, str(number)) for number, stage in enumerate(ALL_STAGES, 1)]
    assert hotkeys_in(config) == ()


def test_namesakes_odd_names_and_trees_without_groups() -> None:
    leaves = [
        Leaf('尺码"<&>', '尺码"<&>', "", "(all)"),
        Leaf("a", "其它", "", "(all)"),
        Leaf("b", "其它", "", "(all)"),
    ]
    config = labeling_config(from_leaves("own", leaves))
    assert [(tag.get("value"), tag.get("alias")) for tag in control(config, "leaves")] == [
        ('尺码"<&>', '尺码"<&>'),
        ("其它 (a)", "a"),
        ("其它 (b)", "b"),
    ]
    assert {leaf: shown.group for leaf, shown in leaves_in(config).items()} == {
        '尺码"<&>': (),
        "a": (),
        "b": (),
    }
    odd = labeling_config(from_leaves("own list", leaves, version="spring -- 2"))
    assert (tree_in(odd), leaves_in(odd)) == ("own list", leaves_in(config))
    assert [tag.get("html") for tag in control(config, "quick").iter("Choice")] == [
        "<i>1</i>尺码&quot;&lt;&amp;&gt;",
        "<i>2</i>其它 (a)",
        "<i>3</i>其它 (b)",
    ]


def test_the_styles_hold_no_sign_that_label_studio_rewrites() -> None:
    folder = Path(config_parts.__file__).parent
    styles = sorted(folder.glob("*.css"))
    assert [path.name for path in styles] == ["message.css", "page.css", "session.css"]
    for path in styles:
        assert not set('<>&"') & set(path.read_text(encoding="utf-8")), path


def test_a_configuration_edited_to_no_xml_is_named() -> None:
    with pytest.raises(BadInput, match=r"no XML.*edited by hand"):
        leaves_in("<View>")


def test_a_message_shows_item_turns_and_the_sentence_to_label_with_nothing_to_run() -> None:
    row = task_data(message(), FRUIT)
    assert row == task_data(message(), FRUIT)
    data = row["data"]
    assert data["xundan_key"] == message().key
    assert data["dialogue"] == (
        '<div class="xd-item"><b>商品</b>红富士 5 斤</div>'
        '<div class="xd-day">4月8日 周三</div>'
        '<div class="xd-turn xd-buyer"><span>买家 23:58</span><p>有没有&lt;b&gt;小果</p></div>'
        '<div class="xd-day">4月9日 周四</div>'
        '<div class="xd-turn xd-agent"><span>客服 00:01</span><p>有的亲</p></div>'
        '<div class="xd-turn xd-buyer xd-target"><span>买家 · 标这一句</span><p>甜吗 &amp;几斤</p></div>'
    )
    assert (data["shop"], data["purpose"], data["batch"]) == ("", "random", "b")
    of_agent = task_data(message(tree="action", item=None, turns=()), FRUIT)
    assert of_agent["data"]["dialogue"].startswith('<div class="xd-turn xd-agent xd-target"><span>客服 · ')


def test_the_models_leaves_are_filled_in_with_the_least_score_and_the_version() -> None:
    row = task_data(message(), FRUIT)
    assert row["predictions"] == [
        {
            "model_version": "fruit-1",
            "score": 0.6,
            "result": [
                {
                    "id": f"{message().key}-quick",
                    "from_name": "quick",
                    "to_name": "text",
                    "type": "choices",
                    "value": {"choices": ["sweet", "weight"]},
                }
            ],
        }
    ]
    assert row["data"]["model"] == '<div class="xd-model"><b>模型预填</b>甜度 80% · 斤两 60%</div>'


def test_nothing_known_to_fill_in_is_no_prediction() -> None:
    for predicted in ((), (("gone", 0.9),)):
        row = task_data(message(predicted=predicted), FRUIT)
        assert row["predictions"] == []
        assert row["data"]["model"] == ""


def test_a_suggestion_is_marked_as_one_and_has_no_score() -> None:
    suggestion = Suggestion(message().key, "some-llm", "p3", ("ripe", "nonsense"), AT)
    (prediction,) = task_data(message(), FRUIT, suggestion)["predictions"]
    assert prediction["model_version"] == "suggestion:some-llm/p3"
    assert "score" not in prediction
    assert prediction["result"][0]["value"] == {"choices": ["ripe"]}
    assert task_data(message(), FRUIT, suggestion)["data"]["model"] == (
        '<div class="xd-model"><b>语言模型建议</b>成熟度</div>'
    )


def test_a_session_is_its_turns_to_tick_with_order_events_where_they_happened() -> None:
    data = task_data(session(), load("loss"))["data"]
    assert [turn["value"] for turn in data["turns"]] == ["1", "2", "3", "4"]
    assert all(not turn["hotkey"].isascii() for turn in data["turns"])
    first, bot, system, last = (turn["html"] for turn in data["turns"])
    assert first == (
        '<div class="xd-day">4月8日 周三</div>'
        '<div class="xd-turn xd-buyer"><span>买家 23:58</span><p>2</p></div>'
    )
    assert "机器人 23:59" in bot
    assert "<span>系统</span>" in system
    assert last == (
        '<div class="xd-day">4月9日 周四</div>'
        '<div class="xd-event">下单 00:03</div>'
        '<div class="xd-turn xd-agent"><span>客服 00:07</span><p>来了</p></div>'
        '<div class="xd-event">订单关闭 23:58</div>'
    )
    assert data["head"] == (
        '<div class="xd-head"><div class="xd-order"><b>下单</b>4月9日 周四 00:03</div>'
        '<div class="xd-order"><b>订单关闭</b>4月9日 周四 23:58</div></div>'
    )


def test_of_a_session_the_best_leaf_is_primary_and_the_next_two_are_secondary() -> None:
    (prediction,) = task_data(session(), load("loss"))["predictions"]
    assert {item["from_name"]: item["value"]["taxonomy"] for item in prediction["result"]} == {
        "primary": [["loss_price", "loss_price_too_high"]],
        "secondary": [["loss_promotion", "loss_promo_wait"], ["loss_stock", "loss_stock_out"]],
    }
    assert prediction["score"] == 0.2
    alone = task_data(session(predicted=(("loss_stock_out", 0.9),)), load("loss"))
    assert [item["from_name"] for item in alone["predictions"][0]["result"]] == ["primary"]


def test_label_studios_own_check_accepts_pages_and_rows() -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface
    for task, tree in ((message(), FRUIT), (session(), load("loss"))):
        page = interface(labeling_config(tree, retired={"old": "旧类"}))
        page.validate()
        row = task_data(task, tree)
        assert page.validate_task({"data": row["data"]})
        assert page.validate_prediction(row["predictions"][0])
