"""The draw: what it may draw, what it must not, that it adds up, and that it can be repeated."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from xundan.errors import BadInput, Refused
from xundan.labeling.records import Annotation, Task
from xundan.labeling.sampling.draw import Wish, draw
from xundan.labeling.sampling.drawn import Drawn
from xundan.labeling.sampling.known import reading
from xundan.labeling.sampling.mix import parse_mix
from xundan.labeling.sampling.near_duplicates import groups_of
from xundan.labeling.store import Store
from xundan.labeling.tag_sources import import_tags
from xundan.lake import Lake
from xundan.taxonomy.trees import load

Fill = Callable[..., Any]
AT = datetime(2026, 3, 9, tzinfo=UTC)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a model with a threshold of 0.5 for every leaf of the busy shop."""
    folder = tmp_path / "m1"
    folder.mkdir()
    leaves = ["product_color", "logistics_freight", "stock_availability", "promo_coupon", "product_material"]
    leaves += ["dialog_greeting", "dialog_ack"]
    said = {"version": "m1", "leaves": leaves, "thresholds": [0.5] * len(leaves)}
    (folder / "model.json").write_text(json.dumps(said), encoding="utf-8")
    return folder


_PROGRAM = """
import sys
from pathlib import Path
from xundan.labeling.sampling.draw import Wish, draw
from xundan.labeling.store import Store
from xundan.lake import Lake

with Store.open(Path(sys.argv[2])) as store:
    draw(Lake(Path(sys.argv[1])), store, Wish("attention", {"random": 60}))
"""


def wish_of(mix: str, model: Path | None = None, **more: Any) -> Wish:
    return Wish("attention", parse_mix(mix, None), model=model, **more)


def adds_up(drawn: Drawn) -> bool:
    return drawn.rows == sum(drawn.left_out.values()) + drawn.tasks + drawn.alike + drawn.not_drawn and all(
        (one.drawn, one.candidates)
        == (sum(leaf.drawn for leaf in one.leaves), sum(leaf.candidates for leaf in one.leaves))
        for one in drawn.purposes
    )


def by_purpose(tasks: Iterable[Task]) -> Mapping[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for task in tasks:
        found.setdefault(task.purpose, []).append(task)
    return found


def test_a_mixed_draw_adds_up_and_says_why(busy_shop: Fill, store: Store, model: Path) -> None:
    mix = "random=20,uncertain=20,rare=10,diverse=10,valuable=10,disputed=5"
    drawn = draw(busy_shop().lake(), store, wish_of(mix, model))
    tasks = by_purpose(store.tasks())
    assert {name: len(several) for name, several in tasks.items()} == {
        "random": 20,
        "uncertain": 20,
        "rare": 10,
        "diverse": 10,
        "valuable": 10,
    }
    assert adds_up(drawn)
    assert drawn.rows == 140
    assert {one.purpose: (one.asked, one.drawn) for one in drawn.purposes}["disputed"] == (5, 0)
    assert all(task.why and task.batch == drawn.batch and task.buyer for task in store.tasks())
    assert len({task.key for task in store.tasks()}) == drawn.tasks == 70


def test_only_random_tasks_have_weights_and_they_stand_for_all(
    busy_shop: Fill, store: Store, model: Path
) -> None:
    drawn = draw(busy_shop().lake(), store, wish_of("random=20,uncertain=20", model))
    tasks = by_purpose(store.tasks())
    assert sum(task.weight or 0 for task in tasks["random"]) == pytest.approx(140)
    assert drawn.audit.rows == 140
    assert all(task.weight is None for task in tasks["uncertain"])


def test_the_random_part_gives_unbiased_shares(busy_shop: Fill, tmp_path: Path) -> None:
    """40 of 140 messages are one and the same greeting, drawn once at most: its weight makes up for it."""
    lake = busy_shop(hello=40).lake()
    shares = []
    for seed in range(30):
        with Store.open(tmp_path / f"labels{seed}") as store:
            draw(lake, store, wish_of("random=12", seed=seed))
            greet = [task.weight for task in store.tasks() if task.predicted[0][0] == "product_color"]
            shares.append(sum(weight or 0 for weight in greet) / 140)
    assert sum(shares) / 30 == pytest.approx(20 / 140, abs=0.04)


def test_near_duplicates_are_drawn_once(busy_shop: Fill, store: Store) -> None:
    drawn = draw(busy_shop().lake(), store, wish_of("random=200"))
    tasks = store.tasks()
    groups = groups_of([reading(task.text, task.turns, False) for task in tasks]).tolist()
    assert len(set(groups)) == len(tasks) == drawn.groups == 101
    assert sum(task.text == "你好，在吗" for task in tasks) == 1
    assert (drawn.tasks, drawn.alike, drawn.not_drawn) == (101, 39, 0)
    assert [one.asked - one.drawn for one in drawn.purposes] == [99]


def test_nothing_is_drawn_again(busy_shop: Fill, store: Store) -> None:
    lake = busy_shop().lake()
    draw(lake, store, wish_of("random=50"))
    second = draw(lake, store, wish_of("random=80", seed=1))
    assert second.tasks == 51
    assert len(store.tasks()) == 101
    assert adds_up(second)
    assert second.audit.known == sum(second.audit.stands_for.values()) == 140 - second.audit.rows
    assert "stands_for" not in second.summary()["audit"]
    first = {task.key for task in store.tasks()[:50]}
    assert set(second.audit.stands_for) == first


def test_what_a_file_labels_is_not_drawn(busy_shop: Fill, store: Store, tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    rows = [
        {"id": "x:a#1", "text": "请问围巾还有没有别的颜色可以选呀？", "labels": ["product_color"]},
        {"id": "x:b#1", "text": "你好在吗", "context": [], "labels": ["dialog_greeting"]},
        {"id": "x:c#1", "text": "这一条是别的分类树的", "labels": ["act_hold"]},
    ]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    drawn = draw(busy_shop().lake(), store, wish_of("random=200", labels=(labels,)))
    assert drawn.audit.stands_for == {"x:a#1": 1, "x:b#1": 40}
    assert drawn.left_out["drawn or labelled before, or nearly the same"] == 41
    assert drawn.skipped == {"labels the tree does not have": 1}
    assert not {"你好，在吗", "请问围巾还有没有别的颜色可以选呀"} & {task.text for task in store.tasks()}


def test_held_out_sessions_and_their_buyers_are_not_touched(shop: Any, store: Store, tmp_path: Path) -> None:
    for name, buyer in (("s1", "b_1"), ("s2", "b_1"), ("s3", "b_3"), ("s4", "b_4"), ("s5", "b_5")):
        shop.session(name, [("buyer", f"第{name}通会话里买家问的话", {})], buyer=buyer)
    split = {
        "shares": {},
        "sessions": {"s1": "test", "s3": "train"},
        "buyers": {"b_1": "test", "b_3": "train"},
    }
    frozen = store.folder / "frozen" / "w9"
    frozen.mkdir(parents=True)
    (frozen / "split.json").write_text(json.dumps(split), encoding="utf-8")
    listed = tmp_path / "test.txt"
    listed.write_text('s4\n\n{"id": "棉田小铺:s5#2", "text": "…", "labels": []}\n', encoding="utf-8")
    drawn = draw(shop.lake(), store, wish_of("random=5", held_out=(listed,)))
    assert [task.session_id for task in store.tasks()] == ["s3"]
    assert drawn.left_out == {"in a frozen test or dev set (session or buyer)": 4}
    assert adds_up(drawn)


def test_a_broken_list_of_held_out_sessions_names_the_line(shop: Any, store: Store, tmp_path: Path) -> None:
    listed = tmp_path / "test.txt"
    listed.write_text("s1\n{}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"test\.txt:2: not a held-out session"):
        draw(shop.lake(), store, wish_of("random=5", held_out=(listed,)))


def test_the_same_call_gives_the_same_and_adds_nothing(busy_shop: Fill, tmp_path: Path, model: Path) -> None:
    lake, wish = busy_shop().lake(), wish_of("random=20,diverse=20,rare=20", model)
    stores = []
    for name in ("one", "two"):
        with Store.open(tmp_path / name) as store:
            first = draw(lake, store, wish)
            again = draw(lake, store, wish)
            assert not first.again
            assert again == replace(first, again=True)
            stores.append(store.tasks())
    assert stores[0] == stores[1]
    assert len(stores[0]) == 60


def test_a_draw_that_was_killed_is_made_whole_by_the_next(
    busy_shop: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, wish = busy_shop().lake(), wish_of("random=30,diverse=30")
    with Store.open(tmp_path / "whole") as store:
        whole = draw(lake, store, wish)
        expected = store.tasks()
    for step in ("xundan.labeling.sampling.draw.replace_file", "xundan.labeling.store.Store.add_tasks"):
        with Store.open(tmp_path / step) as store:
            with monkeypatch.context() as patch:
                patch.setattr(step, _killed)
                with pytest.raises(KeyboardInterrupt):
                    draw(lake, store, wish)
            assert store.tasks() == []
            assert draw(lake, store, wish) == whole
            assert store.tasks() == expected


def _killed(*given: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_all_or_nothing(busy_shop: Fill, tmp_path: Path) -> None:
    lake = busy_shop().lake()
    command = [sys.executable, "-c", _PROGRAM, str(lake.folder), str(tmp_path / "labels")]
    for wait in (1.0, 1.5, 2.0, 2.5, 3.0):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            try:
                child.wait(wait)
            except subprocess.TimeoutExpired:
                child.kill()
        with Store.open(tmp_path / "labels") as store:
            assert len(store.tasks()) in (0, 60)
    subprocess.run(command, check=True)
    with Store.open(tmp_path / "labels") as store:
        assert len(store.tasks()) == 60


def test_another_seed_draws_others_and_a_changed_workspace_is_another_batch(shop: Any, store: Store) -> None:
    for number in range(30):
        shop.session(f"s{number}", [("buyer", f"{chr(0x5100 + number) * 9}多少钱", {})])
    lake = shop.lake()
    batches = [draw(lake, store, wish_of("random=5", seed=seed)).batch for seed in (0, 1)]
    shop.session("late", [("buyer", "后来的人问的一句话呀", {})], day=30)
    batches.append(draw(shop.lake(), store, wish_of("random=5")).batch)
    assert len(set(batches)) == 3
    assert len(store.tasks()) == 15
    assert batches[0].startswith("attention-20260302-")
    assert batches[2].startswith("attention-20260401-")


def test_unmasked_text_is_refused_and_nothing_is_kept(shop: Any, store: Store) -> None:
    shop.session("s1", [("agent", "打我电话13812345678", {}), ("buyer", "打不通呢怎么回事", {})])
    with pytest.raises(Refused) as caught:
        draw(shop.lake(), store, wish_of("random=1"))
    said = str(caught.value)
    assert said.startswith("chats.csv:3: 1 of 1 tasks would show text that is not masked; nothing was drawn")
    assert "xundan import" in said
    assert "138" not in said
    assert store.tasks() == []


def test_a_lost_session_is_drawn_whole_with_its_orders(shop: Any, store: Store) -> None:
    talk: list[tuple[str, str, dict[str, float]]] = [
        ("buyer", "便宜点我就买", {}),
        ("agent", "不好意思亲已经是最低价", {}),
        ("buyer", "那算了", {}),
    ]
    shop.session("s1", talk, buyer="b_1", outcome="lost_unpaid", loss=[("loss_price_too_high", 0.8)])
    at = datetime(2026, 3, 2, 3, tzinfo=UTC)
    shop.order("o1", "i1", "59.00", buyer="b_1", created_at=at, closed_at=at.replace(day=3))
    shop.order("o0", "i1", "59.00", buyer="b_1")  # nine days earlier
    drawn = draw(shop.lake(), store, Wish("loss", {"random": 1}))
    (task,) = store.tasks("loss")
    assert [turn.text for turn in task.turns] == [text for _, text, _ in talk]
    assert task.is_session
    assert task.events == (("ordered", at), ("closed", at.replace(day=3)))
    assert dict(task.predicted) == pytest.approx({"loss_price_too_high": 0.8})
    assert (drawn.unit, drawn.rows) == ("sessions", 1)


def test_a_lake_without_candidates_draws_nothing(shop: Any, store: Store) -> None:
    drawn = draw(shop.lake(), store, wish_of("random=5,diverse=5,rare=5"))
    assert (drawn.tasks, drawn.rows) == (0, 0)
    assert drawn.batch.startswith("attention-empty-")


def test_answers_count_as_labels_of_their_leaf(busy_shop: Fill, store: Store) -> None:
    lake = busy_shop().lake()
    draw(lake, store, wish_of("random=40"))
    store.put_annotations(
        Annotation(f"t:{task.key}", task.key, "lin", ("product_color",), AT) for task in store.tasks()[:30]
    )
    drawn = draw(lake, store, wish_of("random=5,rare=20", target=30, seed=1))
    leaves = {leaf.leaf for one in drawn.purposes if one.purpose == "rare" for leaf in one.leaves}
    assert "product_color" not in leaves
    assert "logistics_freight" in leaves


@pytest.mark.parametrize("wrong", ["", "{}", '{"version": "m1", "leaves": ["a"], "thresholds": []}'])
def test_a_file_that_is_no_model(busy_shop: Fill, store: Store, tmp_path: Path, wrong: str) -> None:
    (tmp_path / "model.json").write_text(wrong, encoding="utf-8")
    with pytest.raises(BadInput, match=r"model\.json: no thresholds"):
        draw(busy_shop().lake(), store, wish_of("random=5,uncertain=5", tmp_path / "model.json"))


def test_the_model_must_be_the_one_that_classified(busy_shop: Fill, store: Store, model: Path) -> None:
    lake: Lake = busy_shop().lake()
    said = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**said, "version": "m2"}), encoding="utf-8")
    with pytest.raises(BadInput, match="classified by another model; got m1; expected m2"):
        draw(lake, store, wish_of("random=5,valuable=5", model))
    assert draw(lake, store, wish_of("random=5", model)).tasks == 5


def test_doubt_without_a_model_says_what_is_missing(busy_shop: Fill, store: Store) -> None:
    with pytest.raises(BadInput, match="doubt needs the model's thresholds; name its folder: --model DIR"):
        draw(busy_shop().lake(), store, wish_of("random=5,uncertain=5"))


def test_rows_of_a_file_without_ids_are_all_known(busy_shop: Fill, store: Store, tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    texts = ["请问围巾还有没有别的颜色可以选呀？", "请问手套还有没有别的颜色可以选呀？"]
    rows = [{"text": text, "labels": ["product_color"]} for text in texts]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    drawn = draw(busy_shop().lake(), store, wish_of("random=200", labels=(labels,)))
    assert drawn.audit.stands_for == dict.fromkeys(texts, 1)
    assert drawn.left_out["drawn or labelled before, or nearly the same"] == 2


def test_tags_that_waited_for_their_message_are_found_by_the_draw(
    shop: Any, store: Store, tmp_path: Path
) -> None:
    texts = (
        "那就先这样吧我再想一想好了",
        "明天下午三点之前能送到单位楼下吗",
        "深蓝色这款还有没有货能不能留一件",
    )
    for number, text in enumerate(texts):
        shop.session(f"s{number}", [("buyer", text, {"dialog_ack": 0.9})])
    tags = tmp_path / "tags.csv"
    lines = ["会话ID,消息ID,标签", *(f"s{number},s{number}-0,price_bargain" for number in range(3))]
    tags.write_text("\n".join(lines), encoding="utf-8")
    assert import_tags(store, tags, load("attention")).unplaced == 3
    drawn = draw(shop.lake(), store, wish_of("random=1,disputed=2"))
    assert {one.purpose: one.drawn for one in drawn.purposes} == {"random": 1, "disputed": 2}
