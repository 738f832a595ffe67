"""What can be labelled: every message of the role, or every lost session, is a candidate or left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from xundan.chats.outcomes import decide, last_moment
from xundan.chats.readers import read_chats
from xundan.chats.records import CORRECTIONS, SCHEMAS, from_rows
from xundan.chats.sessions import build_sessions
from xundan.errors import BadInput
from xundan.labeling.records import Turn, task_key
from xundan.labeling.sampling.pool import read_pool
from xundan.lake import Lake
from xundan.settings import Settings

TALK = [
    ("buyer", "这条围巾会掉毛吗", {"product_quality": 0.8, "product_material": 0.4}),
    ("agent", "不会的亲", {"act_explain": 0.9}),
    ("buyer", "好的", {"dialog_ack": 0.9}),
    ("buyer", "那我要两条", {"dialog_buy_confirm": 0.7}),
]


def test_messages_carry_their_two_previous_turns_and_the_models_leaves(shop: Any) -> None:
    pool = read_pool(shop.session("s1", TALK, buyer="b_1", item="i1").lake(), "attention")
    assert [one.text for one in pool.candidates] == ["这条围巾会掉毛吗", "好的", "那我要两条"]
    first, _, third = pool.candidates
    assert first.turns == ()
    assert [(turn.role, turn.text) for turn in third.turns] == [("agent", "不会的亲"), ("buyer", "好的")]
    assert dict(first.predicted.leaves) == pytest.approx({"product_quality": 0.8, "product_material": 0.4})
    assert first.predicted.first == "product_quality"
    assert (third.buyer, third.item, third.message_id) == ("b_1", "i1", "s1-3")
    assert third.key == task_key("attention", "那我要两条", third.turns)
    assert (pool.rows, pool.left_out, pool.unit) == (3, {}, "messages")


def test_actions_are_the_agents_messages(shop: Any) -> None:
    pool = read_pool(shop.session("s1", TALK).lake(), "action")
    assert [(one.text, one.predicted.first) for one in pool.candidates] == [("不会的亲", "act_explain")]


def test_what_holds_no_text_is_left_out_and_counted(shop: Any) -> None:
    shop.session("s1", TALK).session("s2", [("buyer", "[图片]", {"dialog_nontext": 0.9})], kind="image")
    pool = read_pool(shop.lake(), "attention")
    assert pool.left_out == {"no text (image, card, voice, link)": 1}
    assert pool.rows == len(pool.candidates) + 1 == 4


def test_only_lost_sessions_can_be_labelled_with_a_loss_point(shop: Any) -> None:
    shop.session(
        "s1", TALK, outcome="lost_no_order", loss=[("loss_price_too_high", 0.7), ("loss_stock_out", 0.2)]
    )
    shop.session("s2", TALK).session("s3", TALK, outcome=None).session("s4", TALK, outcome="open")
    pool = read_pool(shop.lake(), "loss")
    (one,) = pool.candidates
    assert (one.session_id, one.message_id, one.text, len(one.turns)) == ("s1", None, "", 4)
    assert isinstance(one.turns[0], Turn)
    assert [leaf for leaf, _ in one.predicted.leaves] == ["loss_price_too_high", "loss_stock_out"]
    assert pool.left_out == {"not lost (won)": 1, "not lost (no inquiry)": 1, "not lost (open)": 1}
    assert (pool.rows, pool.unit) == (4, "sessions")


def test_a_session_whose_reason_a_person_wrote_down_is_not_drawn_until_it_is_withdrawn(shop: Any) -> None:
    for name in ("s1", "s2"):
        shop.session(name, TALK, outcome="lost_no_order")
    lake = shop.lake()
    at = shop.rows["messages"][0]["sent_at"]
    log: list[dict[str, Any]] = [
        {"session_id": "s2", "leaf": None, "at": at + timedelta(days=1)},
        {"session_id": "s1", "leaf": "loss_stock_out", "at": at},
        {"session_id": "s2", "leaf": "loss_stock_out", "at": at},
    ]
    lake.write({"corrections": from_rows(log, CORRECTIONS)})
    pool = read_pool(lake, "loss")
    assert [one.session_id for one in pool.candidates] == ["s2"]
    assert pool.left_out == {"its reason is in the register already": 1}


def test_since_a_day_in_shanghai(shop: Any) -> None:
    shop.session("s1", TALK[:1]).session("s2", TALK[:1], day=1)
    pool = read_pool(shop.lake(), "attention", since=date(2026, 3, 3))
    assert [one.session_id for one in pool.candidates] == ["s2"]
    assert pool.left_out == {"before 2026-03-03": 1}


def test_another_tree_is_refused(shop: Any) -> None:
    with pytest.raises(BadInput, match=r"got mood; expected one of attention, action, loss"):
        read_pool(shop.lake(), "mood")


def test_a_workspace_that_is_not_classified_says_what_to_run(tmp_path: Path, shop: Any) -> None:
    lake = shop.session("s1", TALK).lake()
    (shop.folder / "attention.parquet").unlink()
    with pytest.raises(BadInput, match="run: xundan classify"):
        read_pool(lake, "attention")


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[str], Lake]:
    """Return a function that imports a chat file through the readers, classified as nothing."""

    def load(content: str) -> Lake:
        path, settings = tmp_path / "聊天.csv", Settings()
        path.write_text(content, encoding="utf-8")
        read = read_chats([path], settings, "salt")
        sessions = build_sessions(read.table, settings)
        sessions = decide(sessions, read.table, None, settings.loss, last_moment(read.table, None))
        lake = Lake(tmp_path / "lake")
        empty = {name: SCHEMAS[name].empty_table() for name in ("attention", "action", "loss")}
        lake.write({"messages": read.table, "sessions": sessions, "rejects": read.rejects, **empty})
        return lake

    return load


def test_imported_chats_are_masked_and_say_where_they_came_from(imported: Callable[[str], Lake]) -> None:
    lake = imported(
        "平台,店铺,会话ID,发送时间,角色,发送账号,发送内容\n"
        "淘宝,棉田小铺,c1,2026-03-02 10:00:00,买家,小林,围巾坏了打我电话13812345678\n"
        "淘宝,棉田小铺,c1,2026-03-02 10:01:00,客服,棉田小铺:阿豆,好的亲马上\n"
    )
    (one,) = read_pool(lake, "attention").candidates
    assert one.text == "围巾坏了打我电话[手机]"
    assert one.source == "聊天.csv:2"
    assert one.buyer is not None
    assert one.buyer.startswith("b_")
    assert one.predicted.leaves == ()
