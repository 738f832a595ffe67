"""Counting: who is in a denominator, when a session counts, and what a period without numbers is called.

pytest tests/inference/test_trends_counts.py
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from xundan.chats.records import ATTENTION, LOSS, SESSIONS, TREND, from_rows
from xundan.errors import BadInput
from xundan.inference.trends.changes import ChangeRule
from xundan.inference.trends.counts import compute_trend
from xundan.taxonomy.trees import load

TREES = {"attention": load("attention"), "loss": load("loss")}
Tables = dict[str, pa.Table]


def trend_of(tables: Tables, min_n: int = 30) -> pa.Table:
    return compute_trend(tables["sessions"], tables["attention"], tables["loss"], TREES, min_n)


def pick(trend: pa.Table, **wanted: object) -> list[dict[str, Any]]:
    wanted = {"item_id": None, **wanted}
    rows: list[dict[str, Any]] = trend.to_pylist()
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def session(key: str, started_at: datetime, **more: object) -> dict[str, object]:
    base = {"session_id": key, "shop": "A店", "started_at": started_at, "n_buyer": 1, "is_inquiry": True}
    return {**base, "outcome": "won", **more}


def said(key: str, leaf: str, message: str = "m1") -> dict[str, object]:
    return {"message_id": f"{key}-{message}", "session_id": key, "leaf": leaf, "score": 0.9}


def lost(key: str, leaf: str, rank: int = 1) -> dict[str, object]:
    return {"session_id": key, "leaf": leaf, "rank": rank, "score": 0.9}


def small(
    sessions: list[dict[str, object]],
    attention: list[dict[str, object]],
    loss: list[dict[str, object]] | None = None,
) -> Tables:
    return {
        "sessions": from_rows(sessions, SESSIONS),
        "attention": from_rows(attention, ATTENTION),
        "loss": from_rows(loss or [], LOSS),
    }


def test_a_session_counts_once_for_a_leaf_and_once_for_its_group() -> None:
    noon = datetime(2025, 3, 5, 4, tzinfo=UTC)
    tables = small(
        [session("s1", noon), session("s2", noon), session("s3", noon, n_buyer=0)],
        [
            said("s1", "price_change"),
            said("s1", "price_change", "m2"),
            said("s1", "price_bargain", "m2"),
            said("s2", "product_color"),
        ],
    )
    trend = trend_of(tables)
    assert trend.schema == TREND
    (leaf,) = pick(trend, node="price_change", grain="week", shop="A店")
    (group,) = pick(trend, node="price", grain="week", shop="A店")
    assert (leaf["hits"], leaf["sessions"], leaf["level"]) == (1, 2, "leaf")
    assert (group["hits"], group["sessions"], group["level"]) == (1, 2, "group")
    assert leaf["verdict"] == "too_few"


def test_days_and_weeks_are_those_of_shanghai_with_weeks_from_monday() -> None:
    sunday_night = datetime(2025, 3, 9, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    monday = datetime(2025, 3, 9, 16, 0, tzinfo=UTC)  # 00:00 on Monday the 10th
    tables = small(
        [session("s1", sunday_night), session("s2", monday)],
        [said("s1", "price_change"), said("s2", "price_change")],
    )
    trend = trend_of(tables)
    weeks = pick(trend, node="price_change", grain="week", shop="A店")
    assert [row["period_start"] for row in weeks] == [date(2025, 3, 3), date(2025, 3, 10)]
    days = pick(trend, node="price_change", grain="day", shop="A店")
    assert [(row["period_start"], row["hits"]) for row in days] == [
        (date(2025, 3, 9), 1),
        (date(2025, 3, 10), 1),
    ]


def test_loss_counts_only_the_primary_reason_of_mature_inquiries() -> None:
    noon = datetime(2025, 3, 5, 4, tzinfo=UTC)
    tables = small(
        [
            session("won", noon),
            session("lost", noon, outcome="lost_no_order"),
            session("open", noon, outcome="open"),
            session("unknown", noon, outcome="outcome_unknown"),
            session("aftersale", noon, is_inquiry=False, outcome=None),
        ],
        [],
        [
            lost("lost", "loss_stock_out"),
            lost("lost", "loss_price_change", 2),
            lost("open", "loss_stock_out"),
        ],
    )
    rows = pick(trend_of(tables), tree="loss", grain="week", shop="A店", level="leaf")
    assert [(row["node"], row["hits"], row["sessions"]) for row in rows] == [("loss_stock_out", 1, 2)]


def test_a_week_without_sessions_is_a_gap_and_never_a_zero(make_shops: Callable[..., Tables]) -> None:
    trend = trend_of(make_shops(weeks=4, per_week=60, empty_weeks=[2]))
    row = pick(trend, node="price_bargain", grain="week", shop="A店")[2]
    assert (row["verdict"], row["sessions"], row["share"], row["share_low"]) == ("gap", 0, None, None)


def test_the_first_week_has_no_baseline_and_thin_weeks_get_no_verdict(
    make_shops: Callable[..., Tables],
) -> None:
    full = pick(trend_of(make_shops(weeks=3, per_week=60)), node="price_bargain", grain="week", shop="A店")
    assert [row["verdict"] for row in full] == ["no_baseline", "no_change", "no_change"]
    thin = pick(trend_of(make_shops(weeks=3, per_week=20)), node="price_bargain", grain="week", shop="A店")
    assert {row["verdict"] for row in thin} == {"too_few"}
    assert all(row["change"] is None and row["share"] is not None for row in thin)


def test_nothing_is_compared_across_a_change_of_model(make_shops: Callable[..., Tables]) -> None:
    trend = trend_of(make_shops(weeks=6, per_week=80, switch_week=3))
    rows = pick(trend, node="price_bargain", grain="week", shop="A店")
    assert [row["verdict"] for row in rows][3:5] == ["break", "no_change"]
    assert rows[3]["change"] is None
    only_week_before = rows[3]["hits"] / rows[3]["sessions"]
    assert rows[4]["change"] == pytest.approx(rows[4]["share"] - only_week_before)


def test_the_baseline_pools_up_to_four_weeks_before(make_shops: Callable[..., Tables]) -> None:
    rows = pick(trend_of(make_shops(weeks=7, per_week=90)), node="product_color", grain="week", shop="A店")
    before = rows[2:6]
    pooled = sum(row["hits"] for row in before) / sum(row["sessions"] for row in before)
    assert rows[6]["change"] == pytest.approx(rows[6]["share"] - pooled)


def test_all_shops_together_and_single_items_have_rows_of_their_own(
    make_shops: Callable[..., Tables],
) -> None:
    trend = trend_of(make_shops(shops=("A店", "B店"), weeks=2, per_week=100))
    shops = pick(trend, node="product_color", grain="week", period_start=date(2025, 3, 3))
    hits = {row["shop"]: row["hits"] for row in shops}
    assert hits[None] == hits["A店"] + hits["B店"]
    items = [row for row in trend.to_pylist() if row["item_id"] is not None]
    assert items
    assert all(row["grain"] == "week" and row["sessions"] >= 30 and row["shop"] for row in items)


def test_a_planted_rise_is_up_and_its_interval_excludes_zero(
    make_shops: Callable[..., Tables], make_event: Callable[..., object]
) -> None:
    event = make_event("A店", [5], 0.3, {"price_change": 0.9})
    rows = pick(trend_of(make_shops(weeks=6, events=[event])), node="price_change", grain="week", shop="A店")
    assert rows[5]["verdict"] == "up"
    assert 0 < rows[5]["change_low"] < rows[5]["change"] < rows[5]["change_high"]


def test_a_significant_change_below_the_minimum_effect_is_no_change() -> None:
    # 4,000 sessions a week, 0 hits before and 2.5 % after: beyond doubt, and too small to act on.
    noon = [datetime(2025, 3, day, 4, tzinfo=UTC) for day in (5, 12)]
    sessions = [session(f"{week}-{number}", noon[week]) for week in (0, 1) for number in range(4000)]
    attention = [said(f"1-{number}", "price_change") for number in range(100)]
    rows = pick(trend_of(small(sessions, attention)), node="price_change", grain="week", shop="A店")
    assert rows[1]["change_low"] > 0
    assert rows[1]["verdict"] == "no_change"


def test_no_sessions_give_an_empty_table() -> None:
    trend = trend_of(small([], []))
    assert trend.num_rows == 0
    assert trend.schema == TREND


def test_a_missing_tree_and_a_senseless_limit_are_named() -> None:
    tables = small([], [])
    with pytest.raises(BadInput, match=r"no taxonomy for loss; got \['attention'\]"):
        compute_trend(
            tables["sessions"], tables["attention"], tables["loss"], {"attention": TREES["attention"]}
        )
    with pytest.raises(BadInput, match=r"min_n is below 1; got 4 weeks, 7 days, min_n 0"):
        trend_of(tables, min_n=0)
    with pytest.raises(BadInput, match=r"q is not a false discovery rate; got 1\.5"):
        ChangeRule(q=1.5)
