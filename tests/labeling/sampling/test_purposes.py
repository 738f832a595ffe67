"""Why something is drawn: doubt, rareness, variety, dispute, lost money."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput
from xundan.labeling.records import Annotation, Decision, Task
from xundan.labeling.sampling.disputed import disputed
from xundan.labeling.sampling.diverse import NEW, SEEN, diverse
from xundan.labeling.sampling.doubtful import margin, uncertain, valuable
from xundan.labeling.sampling.frame import Frame, make_frame
from xundan.labeling.sampling.known import read_known
from xundan.labeling.sampling.offers import Hints, Offer, best, in_turn
from xundan.labeling.sampling.pool import Prediction, read_pool
from xundan.labeling.sampling.rare import rare, room
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Taxonomy, load

AT = datetime(2026, 3, 9, tzinfo=UTC)
THRESHOLDS = {"product_color": 0.5, "price_bargain": 0.2, "dialog_ack": 0.5, "promo_coupon": 0.5}
Look = Callable[..., tuple[Frame, Hints]]


@pytest.fixture
def look(shop: Any, store: Store) -> Look:
    """Return a function that reads the shop as a purpose sees it."""

    def read(tree: str = "attention", target: int = 3, labels: Sequence[Path] = ()) -> tuple[Frame, Hints]:
        taxonomy = small() if tree == "attention" else load(tree)
        known = read_known(store, taxonomy, labels)
        frame = make_frame(read_pool(shop.lake(), tree), known)
        thresholds = None if tree == "loss" else THRESHOLDS
        return frame, Hints(known, taxonomy, thresholds, target, list(range(len(frame.groups))), 0)

    return read


def small() -> Taxonomy:
    """The attention tree with the leaves of `THRESHOLDS` alone."""
    tree = load("attention")
    groups = [
        replace(group, leaves=tuple(leaf for leaf in group.leaves if leaf.id in THRESHOLDS))
        for group in tree.groups
    ]
    return replace(tree, groups=tuple(groups))


def said(frame: Frame, offers: Sequence[Offer]) -> list[str]:
    return [frame.pool.candidates[offer.candidate].text for offer in offers]


def ask(shop: Any, *asked: tuple[str, dict[str, float]], **more: Any) -> None:
    """One session for each message."""
    for text, leaves in asked:
        shop.session(f"s{len(shop.rows['sessions'])}", [("buyer", text, leaves)], **more)


@pytest.mark.parametrize(
    ("leaves", "expected"),
    [
        ({"product_color": 0.5}, (0.0, "product_color")),
        ({"product_color": 1.0}, (1.0, "product_color")),
        ({"product_color": 0.25}, (-0.5, "product_color")),
        ({"product_color": 0.9, "price_bargain": 0.28}, (0.1, "price_bargain")),
        ({}, (-1.0, "")),
    ],
)
def test_the_margin_is_that_of_the_leaf_in_most_doubt(
    leaves: dict[str, float], expected: tuple[float, str]
) -> None:
    away, leaf = margin(Prediction(tuple(leaves.items())), THRESHOLDS, False)
    assert (round(away, 9), leaf) == expected


def test_the_margin_of_a_session_is_the_lead_of_its_first_leaf() -> None:
    away, leaf = margin(Prediction((("loss_stock_out", 0.7), ("loss_price_too_high", 0.4))), None, True)
    assert (round(away, 9), leaf) == (0.3, "loss_stock_out")


def test_a_leaf_that_the_model_does_not_have_is_named() -> None:
    with pytest.raises(BadInput, match=r"knows no threshold .* got dialog_other; classify the workspace"):
        margin(Prediction((("dialog_other", 0.4),)), THRESHOLDS, False)


def test_uncertain_takes_leaves_in_turn_the_least_margin_first(shop: Any, look: Look) -> None:
    ask(
        shop,
        ("浅灰和深灰那两种照片上看不出差别", {"product_color": 0.52}),
        ("照片里这个粉是偏橘还是偏紫呀", {"product_color": 0.40}),
        ("只有这一个颜色是吧那我再看看", {"product_color": 0.60}),
        ("三件一起买老板能不能再少点呢", {"price_bargain": 0.30}),
        ("已经知道啦谢谢你这么耐心回复", {"dialog_ack": 0.99}),
    )
    frame, hints = look()
    offers = uncertain(frame, range(5), hints).all
    assert Counter(offer.leaf for offer in offers) == {"product_color": 3, "price_bargain": 1}
    chosen = in_turn(offers, 3)
    assert said(frame, chosen) == [
        "三件一起买老板能不能再少点呢",
        "照片里这个粉是偏橘还是偏紫呀",
        "浅灰和深灰那两种照片上看不出差别",
    ]
    assert chosen[1].why == "product_color: 20% of the way down from its threshold"


def test_the_models_own_cutoff_decides_who_is_uncertain(shop: Any, look: Look) -> None:
    ask(shop, ("这个颜色到底深还是浅呢老板", {"product_color": 0.55}), unsure=False)
    ask(shop, ("那个颜色看着有点奇怪是故意的", {"product_color": 0.9}), unsure=True)
    frame, hints = look()
    assert said(frame, uncertain(frame, range(2), hints).all) == ["那个颜色看着有点奇怪是故意的"]


def test_rare_fills_the_emptiest_leaves_and_stops_at_the_target(
    shop: Any, look: Look, tmp_path: Path
) -> None:
    ask(shop, *((f"第{mark}个颜色和图片上的是一样的吗亲", {"product_color": 0.9}) for mark in "甲乙丙丁戊己"))
    ask(shop, *((f"便宜{mark}块我现在马上就付款行不行", {"price_bargain": 0.9}) for mark in "一二三"))
    labels = tmp_path / "labels.jsonl"
    rows = [
        {"id": f"x{i}#1", "text": text, "labels": ["product_color"]}
        for i, text in enumerate(["色差大吗", "有红的吗"])
    ]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    frame, hints = look(labels=[labels])
    assert room(hints) == {"product_color": 1, "price_bargain": 3, "dialog_ack": 3, "promo_coupon": 3}
    offers = rare(frame, range(9), hints)
    chosen = in_turn(offers.all, 100, room(hints))
    assert Counter(one.leaf for one in chosen)["product_color"] == 1
    assert Counter(one.leaf for one in chosen)["price_bargain"] == 3
    assert chosen[0].why == "price_bargain: 0 labels, named by the model"
    assert "4 of 4 leaves are under 3 labels" in offers.note


def test_a_leaf_that_the_model_never_names_is_sought_by_its_examples(shop: Any, look: Look) -> None:
    example = next(leaf for leaf in small().leaves if leaf.id == "promo_coupon").examples[0]
    ask(shop, (f"{example}呀老板", {"product_color": 0.9}), ("今天天气真不错适合出门散步", {}))
    frame, hints = look(target=1)
    offers = {offer.leaf: offer for offer in rare(frame, [0, 1], replace(hints, target=1)).all}
    assert set(offers) == {"product_color"}  # the model's word comes first
    ask(shop, (f"请问{example}", {}))
    frame, hints = look(target=1)
    offers = {offer.leaf: offer for offer in rare(frame, range(3), hints).all}
    assert offers["promo_coupon"].why.startswith("promo_coupon: 0 labels, like its example ")
    assert said(frame, [offers["promo_coupon"]]) == [f"请问{example}"]


def test_tasks_that_wait_for_an_answer_count_as_labels_to_come(shop: Any, store: Store, look: Look) -> None:
    ask(shop, ("便宜三块我现在马上就付款行不行", {"price_bargain": 0.9}))
    store.add_tasks([task_like(f"那件衣服能不能再便宜{mark}元", ["price_bargain"], mark) for mark in "一二"])
    _, hints = look()
    assert room(hints)["price_bargain"] == 1


def task_like(text: str, predicted: Sequence[str], key: str) -> Task:
    leaves = tuple((leaf, 0.9) for leaf in predicted)
    return Task(key, "attention", f"t{key}", f"t{key}-1", None, None, text, (), predicted=leaves, batch="b0")


def answer(store: Store, key: str, by: str, *leaves: str, source: Any = "human") -> None:
    store.put_annotations([Annotation(f"{key}:{by}", key, by, leaves, AT, source=source)])


def test_a_tag_that_contradicts_the_model_is_disputed(shop: Any, store: Store, look: Look) -> None:
    ask(
        shop,
        ("那就先这样吧我再想一想好了", {"dialog_ack": 0.9}),
        ("满三百能减多少钱呀亲", {"promo_coupon": 0.9}),
    )
    first, second = (one.key for one in look()[0].pool.candidates)
    answer(store, first, "豆豆", "price_bargain", source="agent_tag")
    answer(store, second, "豆豆", "promo_coupon", source="agent_tag")
    frame, hints = look()
    offers = disputed(frame, [0, 1], hints)
    assert [(offer.leaf, offer.why) for offer in offers.all] == [
        ("dialog_ack", "agent_tag says price_bargain, the model dialog_ack")
    ]
    assert offers.note == "1 tags contradict the model, 0 tasks are in dispute"


def test_what_is_like_a_task_in_dispute_is_disputed(shop: Any, store: Store, look: Look) -> None:
    store.add_tasks(
        [
            task_like("店铺券和满减能一起用吗", ["promo_coupon"], "k1"),
            task_like("深蓝色这款还有货么", ["product_color"], "k2"),
        ]
    )
    answer(store, "k1", "lin", "promo_coupon")
    answer(store, "k1", "wu", "price_bargain")
    answer(store, "k2", "lin", "dialog_ack")
    ask(
        shop,
        ("店铺券和满减可以一起用在预售上吗", {"promo_coupon": 0.9}),
        ("店铺券和满减能否一块儿用来付定金吗", {"dialog_ack": 0.9}),
        ("深蓝色这款还有没有货能不能留一件", {"product_color": 0.9}),
        ("明天下午三点之前能送到单位楼下吗", {"promo_coupon": 0.9}),
    )
    frame, hints = look()
    offers = disputed(frame, range(4), hints)
    assert dict(zip(said(frame, offers.all), (offer.why[:-7] for offer in offers.all), strict=True)) == {
        "店铺券和满减可以一起用在预售上吗": "like a task on which lin and wu differ",
        "深蓝色这款还有没有货能不能留一件": "like a task on which the annotator and the model differ",
    }
    store.put_decisions([Decision("k1", ("promo_coupon",), "zhao", "券", AT)])
    frame, hints = look()
    assert len(disputed(frame, range(4), hints).all) == 1


def test_valuable_takes_the_dearest_doubt_once_a_session(shop: Any, look: Look) -> None:
    shop.order("o1", "lamp", "200.00").order("o2", "lamp", "240.00", quantity=2).order("o3", "cup", "9.90")
    doubt, sure = {"product_color": 0.5}, {"product_color": 0.99}
    shop.session("s1", [("buyer", "台灯有没有白色的我想看看呢", doubt)], outcome="lost_no_order", item="lamp")
    shop.session("s2", [("buyer", "杯子有没有白色的我想看看呢", doubt)], outcome="lost_no_order", item="cup")
    shop.session(
        "s3",
        [("buyer", "被子有没有白色的我想看看呢", sure), ("buyer", "被子的颜色会不会洗几次就掉", doubt)],
        outcome="lost_unpaid",
        amount="900.00",
    )
    shop.session("s4", [("buyer", "凉席有没有白色的我想看看呢", doubt)], outcome="lost_no_order")
    shop.session("s5", [("buyer", "雨伞有没有白色的我想看看呢", doubt)], outcome="won", amount="5000.00")
    frame, hints = look()
    offers = valuable(frame, range(len(frame.groups)), hints)
    chosen = best(offers.all, 10)
    assert [offer.why for offer in chosen] == [
        "900.00 yuan lost (its order), doubt 0.50",
        "160.00 yuan lost (price of the item), doubt 0.50",
        "9.90 yuan lost (price of the item), doubt 0.50",
    ]
    assert said(frame, chosen)[0] == "被子的颜色会不会洗几次就掉"
    assert offers.note == "a price is known for 3 of 4 lost sessions"


def test_diverse_begins_with_clusters_that_have_no_label(shop: Any, look: Look, tmp_path: Path) -> None:
    themes = {
        "发货": "快递今天发货吗{}号仓",
        "颜色": "红色蓝色绿色哪个颜色好看{}",
        "尺码": "身高体重尺码大小推荐{}码",
    }
    for words in themes.values():
        ask(shop, *((words.format(mark), {}) for mark in ("东", "西边", "南边的", "北面")))
    labels = tmp_path / "labels.jsonl"
    labelled = [themes["发货"].format("中间"), themes["颜色"].format("上")]
    rows = [{"id": f"x{i}#1", "text": text, "labels": ["dialog_ack"]} for i, text in enumerate(labelled)]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    frame, hints = look(labels=[labels])
    offers = diverse(frame, range(len(frame.groups)), hints, 3)
    first, *others = best(offers.all, 3)
    assert first.leaf == NEW
    assert "尺码" in said(frame, [first])[0]
    assert {offer.leaf for offer in others} == {SEEN}
    assert len({text[:2] for text in said(frame, others)}) == 2
    assert offers.note == "1 of 3 clusters have no label"


def test_leaves_take_turns_within_their_room() -> None:
    offers = [Offer(number, number, "ab"[number % 2], "", number) for number in range(10)]
    assert [offer.group for offer in in_turn(offers, 4)] == [0, 1, 2, 3]
    assert [offer.leaf for offer in in_turn(offers, 9, {"a": 1, "b": 3})] == ["b", "b", "a", "b"]
    assert in_turn([], 5) == []


def test_a_task_that_no_leaf_fits_waits_for_no_label(shop: Any, store: Store, look: Look) -> None:
    ask(shop, ("便宜三块我现在马上就付款行不行", {"price_bargain": 0.9}))
    store.add_tasks(
        [task_like(f"那件衣服能不能再便宜{mark}元", ["price_bargain"], mark) for mark in "一二三"]
    )
    answer(store, "一", "lin", "price_bargain")
    store.put_decisions([Decision("一", (), "zhao", "没说完", AT)])
    store.put_annotations([Annotation("二:lin", "二", "lin", (), AT, unreadable=True)])
    _, hints = look()
    assert hints.known.waiting == {"price_bargain": 1}
    assert hints.known.answers == {}
    assert room(hints)["price_bargain"] == 2
