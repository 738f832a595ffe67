"""Outcomes: every way a session ends, the edges of windows, and never a loss without orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from xundan.chats.filters import asks_after_sale
from xundan.chats.outcomes import decide
from xundan.chats.records import MESSAGES, ORDERS, OUTCOMES, SESSIONS, STAGES, from_rows
from xundan.chats.sessions import build_sessions
from xundan.settings import PRESETS, LossDefinition, Settings

START = datetime(2026, 9, 13, 4, tzinfo=UTC)  # Sunday noon in Shanghai; day+1 closes on the 14th at 16:00 UTC
CLOSES = datetime(2026, 9, 14, 16, tzinfo=UTC)
LATER = datetime(2026, 10, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
Spoken = tuple[str, str]


def _messages(*spoken: Spoken, buyer: str | None = "b_1", session: str = "s", **more: Any) -> pa.Table:
    rows = [
        {
            "platform": "taobao",
            "shop": "小店",
            "session_id": session,
            "message_id": f"{session}{number}",
            "seq": number,
            "sent_at": START + timedelta(minutes=number),
            "role": role,
            "buyer": buyer,
            "content_type": "text",
            "text": text,
            "item_id": "i1",
            **more,
        }
        for number, (role, text) in enumerate(spoken)
    ]
    return from_rows(rows, MESSAGES)


def _order(created: timedelta, paid: timedelta | None = None, **more: Any) -> dict[str, Any]:
    return {
        "order_id": "o1",
        "platform": "taobao",
        "buyer": "b_1",
        "shop": "小店",
        "item_id": "i1",
        "amount": Decimal("99.00"),
        "created_at": START + created,
        "paid_at": None if paid is None else START + paid,
        **more,
    }


# Orders of other buyers, so that the shop's orders cover the weeks around the session.
COVER = [_order(-10 * DAY, order_id="x1", buyer="b_9"), _order(10 * DAY, order_id="x2", buyer="b_9")]
ASKED = (("buyer", "有货吗"), ("agent", "有的"), ("buyer", "多少钱"))


def _decided(
    orders: list[dict[str, Any]] | None,
    *spoken: Spoken,
    definition: LossDefinition | None = None,
    now: datetime = LATER,
    messages: pa.Table | None = None,
    **options: Any,
) -> dict[str, Any]:
    table = _messages(*(spoken or ASKED)) if messages is None else messages
    book = None if orders is None else from_rows(orders, ORDERS)
    sessions = build_sessions(table, Settings())
    result = decide(sessions, table, book, definition or LossDefinition(), now, **options)
    assert result.schema.equals(SESSIONS)
    (row,) = result.to_pylist()
    assert row["outcome"] in (*OUTCOMES, None)
    assert row["stage"] in STAGES
    return dict(row)


@pytest.mark.parametrize(
    ("orders", "outcome", "stage"),
    [
        ([_order(HOUR, HOUR)], "won", "stage_paid"),
        ([_order(HOUR, HOUR, refunded_at=START + 9 * DAY)], "lost_refund", "stage_paid"),
        ([_order(HOUR)], "lost_unpaid", "stage_order_unpaid"),
        ([_order(HOUR, closed_at=START + DAY)], "lost_unpaid", "stage_order_unpaid"),
        ([_order(HOUR, 5 * DAY)], "lost_unpaid", "stage_paid"),
        ([], "lost_no_order", "stage_answer"),
        ([_order(HOUR, HOUR, buyer="b_2")], "lost_no_order", "stage_answer"),
        ([_order(HOUR, HOUR, shop="别家")], "lost_no_order", "stage_answer"),
        ([_order(HOUR, HOUR, platform="jd")], "lost_no_order", "stage_answer"),
        ([_order(3 * DAY, 3 * DAY)], "lost_no_order", "stage_answer"),
        ([_order(HOUR, HOUR, platform="tmall")], "won", "stage_paid"),
        ([_order(HOUR, HOUR, platform=None, shop=None)], "won", "stage_paid"),
        ([_order(-timedelta(minutes=4), HOUR)], "won", "stage_paid"),
        ([_order(-2 * HOUR, HOUR)], "won", "stage_paid"),
        ([_order(-2 * HOUR)], "lost_unpaid", "stage_order_unpaid"),
        ([_order(-2 * HOUR, closed_at=START - HOUR)], "lost_no_order", "stage_answer"),
        ([_order(HOUR), _order(2 * HOUR, 2 * HOUR, order_id="o2", item_id="i2")], "won", "stage_paid"),
    ],
)
def test_each_outcome_under_the_paid_rule(orders: list[dict[str, Any]], outcome: str, stage: str) -> None:
    row = _decided(COVER + orders)
    assert row["is_inquiry"]
    assert row["filtered"] is None
    assert row["outcome"] == outcome
    assert row["stage"] == stage
    assert row["loss_definition"] == "taobao-day+1/1 付款口径 day+1"
    assert (row["order_id"] is None) == (outcome == "lost_no_order")


def test_the_order_of_the_item_asked_about_is_preferred() -> None:
    orders = [
        _order(HOUR, HOUR, order_id="other", item_id="i2", amount=Decimal("5.00")),
        _order(3 * HOUR, 3 * HOUR, order_id="asked", amount=Decimal("7.00")),
    ]
    row = _decided(COVER + orders)
    assert (row["order_id"], row["amount"]) == ("asked", Decimal("7.00"))


@pytest.mark.parametrize(
    ("paid", "outcome"), [(CLOSES - timedelta(seconds=1), "won"), (CLOSES, "lost_unpaid")]
)
def test_the_window_ends_at_midnight_in_shanghai(paid: datetime, outcome: str) -> None:
    assert _decided([*COVER, _order(HOUR, paid_at=paid)])["outcome"] == outcome


def test_a_session_just_before_midnight_in_shanghai_has_one_day_and_some_minutes() -> None:
    late = START + timedelta(hours=11, minutes=50)  # 23:50 on the 13th
    messages = _messages(("buyer", "有货吗"), sent_at=late)
    for paid, outcome in ((CLOSES - timedelta(minutes=1), "won"), (CLOSES, "lost_unpaid")):
        order = _order(timedelta(hours=12), paid_at=paid)
        assert _decided([*COVER, order], messages=messages)["outcome"] == outcome


@pytest.mark.parametrize(
    ("order", "outcome"),
    [
        (_order(HOUR), "won"),
        (_order(HOUR, 9 * DAY), "won"),
        (_order(timedelta(hours=25)), "lost_no_order"),
        (_order(-2 * HOUR), "lost_no_order"),
        (_order(HOUR, closed_at=START + 3 * DAY), "lost_no_order"),
        (_order(HOUR, closed_at=START + 20 * DAY), "won"),
        (_order(HOUR, HOUR, refunded_at=START + DAY), "lost_refund"),
    ],
)
def test_each_outcome_under_the_ordered_rule(order: dict[str, Any], outcome: str) -> None:
    assert _decided([*COVER, order], definition=PRESETS["jd"])["outcome"] == outcome


def test_until_the_window_closes_a_session_is_won_or_open() -> None:
    before = CLOSES - HOUR
    assert _decided(COVER, now=before)["outcome"] == "open"
    assert _decided([*COVER, _order(HOUR)], now=before)["outcome"] == "open"
    assert _decided([*COVER, _order(HOUR, HOUR)], now=before)["outcome"] == "won"
    assert _decided(COVER, now=CLOSES)["outcome"] == "lost_no_order"


def test_nothing_is_lost_without_orders_that_cover_the_window() -> None:
    assert _decided(None)["outcome"] == "outcome_unknown"
    assert _decided([])["outcome"] == "outcome_unknown"
    assert _decided([_order(-DAY, shop="别家"), _order(9 * DAY, shop="别家")])["outcome"] == "outcome_unknown"
    ended_before = [_order(-10 * DAY, buyer="b_9"), _order(timedelta(0), buyer="b_9")]
    assert _decided(ended_before)["outcome"] == "outcome_unknown"
    begun_after = [_order(DAY, buyer="b_9"), _order(9 * DAY, buyer="b_9")]
    assert _decided(begun_after)["outcome"] == "outcome_unknown"
    last_day = [_order(timedelta(0), buyer="b_9"), _order(DAY, buyer="b_9")]
    assert _decided(last_day)["outcome"] == "lost_no_order"
    assert _decided(COVER, messages=_messages(*ASKED, buyer=None))["outcome"] == "outcome_unknown"


def test_a_buyer_with_a_recent_paid_order_and_no_new_one_asks_after_sale() -> None:
    old = _order(-5 * DAY, -5 * DAY)
    row = _decided([*COVER, old])
    assert (row["filtered"], row["is_inquiry"], row["outcome"], row["stage"]) == (
        "aftersale",
        False,
        None,
        "stage_aftersale",
    )
    assert _decided([*COVER, old, _order(HOUR, HOUR, order_id="o2")])["outcome"] == "won"
    assert _decided([*COVER, _order(-40 * DAY, -40 * DAY)])["filtered"] is None
    kept = LossDefinition(exclude=("spam",))
    assert _decided([*COVER, old], definition=kept)["outcome"] == "lost_no_order"


def test_without_orders_only_talk_of_received_goods_is_after_sale() -> None:
    assert _decided(None, ("buyer", "收到的杯子碎了"))["filtered"] == "aftersale"
    assert _decided(None, ("buyer", "支持七天退货吗"))["filtered"] is None
    assert _decided(COVER, ("buyer", "收到的杯子碎了"))["filtered"] is None


@pytest.mark.parametrize("text", ["我要退货", "洗了一次就掉色", "退款还没到账", "已经签收了少了一件"])
def test_words_of_after_sale(text: str) -> None:
    assert asks_after_sale([text])


@pytest.mark.parametrize("text", ["可以退货吗", "不合适能退换吗", "会掉色吗", "收到多久可以退", "坏了包赔吗"])
def test_questions_before_buying_are_no_after_sale(text: str) -> None:
    assert not asks_after_sale([text])


def test_the_other_filters() -> None:
    row = _decided(COVER, ("agent", "亲，活动开始了"), ("agent", "来看看"))
    assert (row["filtered"], row["is_inquiry"]) == ("agent_initiated", False)
    assert _decided(COVER, ("agent", "亲，活动开始了"), ("buyer", "什么活动"))["filtered"] is None
    assert _decided(COVER, own_buyers={"b_1"})["filtered"] == "own_account"
    assert _decided(COVER, ("buyer", "。。。"))["filtered"] == "spam"
    assert _decided(COVER, ("buyer", "专业代运营 有需要加我 [微信]"))["filtered"] == "spam"
    assert _decided(COVER, ("buyer", "你们不会是刷单的吧"))["filtered"] is None
    assert _decided(COVER, messages=_messages(("buyer", ""), content_type="image"))["filtered"] is None


@pytest.mark.parametrize(
    ("spoken", "stage"),
    [
        ((("buyer", "在吗"),), "stage_enter"),
        ((("buyer", "在吗"), ("buyer", "有货吗")), "stage_need"),
        ((("buyer", "在吗"), ("agent", "在"), ("buyer", "有货吗")), "stage_answer"),
        ((("buyer", "在吗"), ("agent", "在"), ("buyer", "能便宜点吗")), "stage_negotiate"),
        ((("buyer", "能便宜点吗"), ("agent", "不能"), ("buyer", "那我再看看")), "stage_objection"),
    ],
)
def test_stages_by_what_was_said_last(spoken: tuple[Spoken, ...], stage: str) -> None:
    assert _decided(COVER, *spoken)["stage"] == stage


def test_every_session_is_an_inquiry_or_filtered_and_keeps_its_figures() -> None:
    tables = [
        _messages(*ASKED, session="a"),
        _messages(("agent", "亲"), session="b"),
        _messages(("buyer", "在吗"), session="c", buyer="b_3"),
    ]
    messages = pa.concat_tables(tables)
    sessions = build_sessions(messages, Settings())
    decided = decide(sessions, messages, from_rows(COVER, ORDERS), LossDefinition(), LATER)
    for row in decided.to_pylist():
        assert row["is_inquiry"] == (row["filtered"] is None)
    same = ["session_id", "started_at", "n_buyer", "first_response_s", "agent"]
    assert decided.select(same).equals(sessions.select(same))


@pytest.mark.parametrize(
    ("text", "spam"),
    [
        ("加V做推广 保证上首页", True),
        ("低息贷款 有需要吗", True),
        ("诚招刷手 一单一结", True),
        ("首页这款有优惠吗", False),
        ("可以加微信发我看看吗", False),
        ("有货吗 我需要两件", False),
    ],
)
def test_an_offer_with_a_pitch_is_spam_and_a_question_is_not(text: str, spam: bool) -> None:
    assert (_decided(COVER, ("buyer", text))["filtered"] == "spam") is spam
