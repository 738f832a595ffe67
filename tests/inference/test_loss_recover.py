"""Buyers who can still be won: who is listed, with which grade, and when to write to them.

pytest tests/inference/test_loss_recover.py
"""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from xundan.chats.records import ATTENTION, LOSS, ORDERS, SESSIONS, from_rows
from xundan.errors import BadInput
from xundan.inference.loss.recover import Buyer, by_day, grade_of, last_moment, recoverable_buyers
from xundan.inference.report.tallies import open_book
from xundan.lake import Lake
from xundan.settings import SHANGHAI, Settings
from xundan.taxonomy.trees import load

# Wednesday 15:00 in Shanghai. The default window is that day and the next.
NOW = datetime(2025, 3, 5, 15, tzinfo=SHANGHAI)
Row = dict[str, Any]


def session(key: str, hours_ago: float, outcome: str = "open", **more: Any) -> Row:
    at = NOW - timedelta(hours=hours_ago)
    base = {"session_id": key, "shop": "甲", "buyer": f"b_{key}", "agent": "小美", "item_id": "i1"}
    return {**base, "started_at": at, "ended_at": at, "is_inquiry": True, "outcome": outcome, **more}


def order(key: str, hours_ago: float, paid: bool = False, **more: Any) -> Row:
    at = NOW - timedelta(hours=hours_ago)
    base = {"order_id": f"o_{key}", "shop": "甲", "buyer": f"b_{key}", "item_id": "i1"}
    paid_at = at if paid else None
    return {**base, "amount": Decimal(80), "quantity": 1, "created_at": at, "paid_at": paid_at, **more}


def listed(
    folder: Path,
    sessions: list[Row],
    orders: list[Row] | None = None,
    reasons: dict[str, str] | None = None,
    said: dict[str, list[str]] | None = None,
    shop: str | None = None,
    **more: Any,
) -> dict[str, Buyer]:
    loss = [{"session_id": key, "leaf": leaf, "rank": 1} for key, leaf in (reasons or {}).items()]
    attention = [
        {"message_id": f"{key}-{leaf}", "session_id": key, "leaf": leaf}
        for key, leaves in (said or {}).items()
        for leaf in leaves
    ]
    lake = Lake(folder)
    lake.write(
        {
            "sessions": from_rows(sessions, SESSIONS),
            "orders": from_rows(orders or [], ORDERS),
            "loss": from_rows(loss, LOSS),
            "attention": from_rows(attention, ATTENTION),
        }
    )
    with open_book(lake) as book:
        found = recoverable_buyers(book, shop, load("loss"), Settings(), **{"now": NOW, **more})
    return {buyer.session_id: buyer for buyer in found}


def test_open_windows_and_losses_of_the_last_days_are_listed_and_older_ones_not(tmp_path: Path) -> None:
    sessions = [
        session("open", 2),
        session("lost", 24 * 3, "lost_no_order"),  # began on Sunday; its window closed on Monday at midnight
        session("old", 24 * 6, "lost_no_order"),
        session("won", 2, "won"),
        session("unknown", 2, "outcome_unknown"),
        session("aftersale", 2, "open", is_inquiry=False),
        session("later", -2),
    ]
    found = listed(tmp_path, sessions)
    assert set(found) == {"open", "lost"}
    assert found["open"].is_open
    assert found["open"].closes_at == datetime(2025, 3, 7, tzinfo=SHANGHAI)
    assert not found["lost"].is_open
    assert found["lost"].closes_at == datetime(2025, 3, 4, tzinfo=SHANGHAI)
    assert set(listed(tmp_path, sessions, days=1)) == {"open"}
    assert set(listed(tmp_path, sessions, days=6)) == {"open", "lost", "old"}


def test_a_buyer_is_listed_once_a_shop_and_not_at_all_after_buying(tmp_path: Path) -> None:
    sessions = [
        session("first", 30, buyer="b_x"),
        session("second", 3, buyer="b_x"),
        session("elsewhere", 3, buyer="b_x", shop="乙"),
        session("came back", 20, buyer="b_y"),
        session("and bought", 2, "won", buyer="b_y"),
        session("bought without asking", 20, buyer="b_z"),
        session("bought before", 20, buyer="b_w"),
        session("refunded", 20, buyer="b_v"),
    ]
    orders = [
        order("z", 1, paid=True),
        order("w", 40, paid=True),
        order("v", 1, paid=True, refunded_at=NOW),
    ]
    found = listed(tmp_path, sessions, orders)
    assert set(found) == {"second", "elsewhere", "bought before", "refunded"}
    assert set(listed(tmp_path, sessions, orders, shop="乙")) == {"elsewhere"}


def test_nothing_but_the_hash_names_the_buyer() -> None:
    names = {one.name for one in fields(Buyer)}
    assert "buyer" in names
    assert not names & {"text", "account", "messages", "evidence", "phone", "address"}


@pytest.mark.parametrize(
    ("signs", "grade"),
    [
        (("unpaid_order", "recoverable_low"), "A"),
        (("intent", "price_named"), "A"),
        (("intent", "recoverable_high"), "A"),
        (("intent", "price_named", "recoverable_low"), "C"),
        (("intent",), "B"),
        (("price_named",), "B"),
        (("price_named", "recoverable_high"), "B"),
        (("recoverable_high",), "B"),
        ((), "C"),
    ],
)
def test_grades_follow_their_rule(signs: tuple[str, ...], grade: str) -> None:
    assert grade_of(signs) == grade


def test_signs_come_from_order_talk_and_reason(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        [
            session("waits", 2, order_id="o_waits", amount=Decimal(90)),
            session("closed", 2, order_id="o_closed", amount=Decimal(80)),
            session("talks", 2),
            session("easy", 60, "lost_no_order"),
            session("hard", 60, "lost_no_order"),
        ],
        [order("waits", 1), order("closed", 1, closed_at=NOW - timedelta(minutes=10))],
        reasons={"easy": "loss_price_bargain_failed", "hard": "loss_competitor_choice"},
        said={"talks": ["promo_coupon", "dialog_buy_confirm"], "hard": ["price_bargain"]},
    )
    assert found["waits"].signs == ("unpaid_order",)
    assert found["closed"].signs == ("intent",)
    assert found["talks"].signs == ("intent", "price_named")
    assert found["easy"].signs == ("recoverable_high",)
    assert found["hard"].signs == ("price_named", "recoverable_low")
    assert [one.grade for one in found.values()] == ["A", "A", "B", "B", "C"]
    assert list(found) == ["waits", "talks", "closed", "easy", "hard"]


def test_amounts_say_where_they_come_from(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        [
            session("own", 2, order_id="o_own", amount=Decimal("55.50")),
            session("item", 2),
            session("shop", 2, item_id="never sold"),
            session("none", 2, shop="乙", item_id=None),
        ],
        [order("other", 50, paid=True), order("another", 50, paid=True, item_id="i2", amount=Decimal(20))],
    )
    amounts = {key: (one.amount, one.amount_from) for key, one in found.items()}
    assert amounts == {
        "own": (55.5, "order"),
        "item": (80.0, "item"),
        "shop": (50.0, "shop"),
        "none": (None, "unknown"),
    }


def test_when_to_write_depends_on_order_and_reason(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        [
            session("just ordered", 0.2, order_id="o_just ordered"),
            session("ordered", 3, order_id="o_ordered"),
            session("asked", 5),
            session("restock", 60, "lost_no_order"),
            session("promotion", 60, "lost_no_order"),
            session("season", 60, "lost_no_order"),
            session("silent", 60, "lost_no_order", last_attention="stock_restock"),
            session("priced", 60, "lost_no_order", last_attention="stock_restock"),
        ],
        [order("just ordered", 0.1), order("ordered", 2.5)],
        reasons={
            "restock": "loss_stock_out",
            "promotion": "loss_promo_wait",
            "season": "loss_buyer_not_ready",
            "silent": "loss_silent_leave",
            "priced": "loss_price_too_high",
        },
    )
    when = {key: (one.follow_up, one.follow_up_at) for key, one in found.items()}
    # 60 hours ago is Monday at 3 in the night: the day is right, the hour becomes 9.
    assert when == {
        "just ordered": ("pay_soon", NOW + timedelta(minutes=9)),
        "ordered": ("pay_soon", NOW),
        "asked": ("next_day", datetime(2025, 3, 6, 10, tzinfo=SHANGHAI)),
        "restock": ("on_restock", datetime(2025, 3, 6, 9, tzinfo=SHANGHAI)),
        "promotion": ("on_promotion", datetime(2025, 3, 10, 9, tzinfo=SHANGHAI)),
        "season": ("when_ready", datetime(2025, 3, 10, 9, tzinfo=SHANGHAI)),
        "silent": ("on_restock", datetime(2025, 3, 6, 9, tzinfo=SHANGHAI)),
        "priced": ("next_day", datetime(2025, 3, 6, 9, tzinfo=SHANGHAI)),
    }


@pytest.mark.parametrize(
    ("hour", "minute", "day", "then"),
    [(21, 59, 5, (21, 59)), (22, 0, 6, (9, 0)), (3, 0, 5, (9, 0)), (8, 59, 5, (9, 0)), (9, 0, 5, (9, 0))],
)
def test_nobody_is_written_to_at_night(hour: int, minute: int, day: int, then: tuple[int, int]) -> None:
    moment = datetime(2025, 3, 5, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)
    assert by_day(moment) == datetime(2025, 3, day, *then, tzinfo=SHANGHAI)


def test_every_suggested_time_is_by_day_and_not_before_now(tmp_path: Path) -> None:
    now = NOW.replace(hour=23)
    sessions = [session(f"s{hours}", hours - 8) for hours in range(24)]
    for one in listed(tmp_path, sessions, now=now).values():
        assert one.follow_up_at >= now
        assert 9 <= one.follow_up_at.hour < 22


def test_now_is_the_last_moment_the_tables_know_of(tmp_path: Path) -> None:
    orders = [order("a", 1, paid=True, refunded_at=NOW + timedelta(days=9))]
    assert listed(tmp_path, [session("s", 2)], orders, now=None) == {}
    with open_book(Lake(tmp_path)) as book:
        assert last_moment(book) == NOW + timedelta(days=9)
    with open_book(Lake(tmp_path / "empty")) as book:
        assert last_moment(book) is None
        assert recoverable_buyers(book, None, load("loss"), Settings()) == []


def test_senseless_days_and_times_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="days is below 0; got -1; expected 0 or more"):
        listed(tmp_path, [], days=-1)
    with pytest.raises(BadInput, match="now has no time zone; got 2025-03-05 15:00:00"):
        listed(tmp_path, [], now=datetime(2025, 3, 5, 15))
