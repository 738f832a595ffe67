"""Findings: a planted event is found once, with its numbers and messages, and chance is not.

pytest tests/inference/test_trends_findings.py
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pyarrow as pa
import pytest

from xundan.inference.trends.counts import compute_trend
from xundan.inference.trends.findings import Finding, find
from xundan.taxonomy.trees import load

TREES = {"attention": load("attention"), "loss": load("loss")}
Tables = dict[str, pa.Table]
MakeShops = Callable[..., Tables]
MakeEvent = Callable[..., object]
PRICE = {"price_change": 0.8, "price_bargain": 0.5}
STOCK = {"stock_availability": 0.9}


def findings_of(tables: Tables) -> list[Finding]:
    parts = (tables["sessions"], tables["attention"], tables["loss"])
    return find(compute_trend(*parts, TREES), *parts, TREES)


def nodes_of(finding: Finding) -> set[str]:
    return {finding.headline_node} | {node for _, node in finding.related}


def test_a_price_rise_in_both_trees_is_one_finding(make_shops: MakeShops, make_event: MakeEvent) -> None:
    event = make_event("A店", [5, 6], 0.3, PRICE, "loss_price_change")
    tables = make_shops(weeks=10, events=[event])
    (finding,) = findings_of(tables)
    assert finding.headline_node == "price_change"
    assert (finding.shop, finding.tree, finding.level, finding.direction) == (
        "A店",
        "attention",
        "leaf",
        "up",
    )
    assert (finding.start, finding.end) == (date(2025, 4, 7), date(2025, 4, 20))
    assert {"price_bargain", "loss_price_change"} <= nodes_of(finding)
    assert finding.reverted


def test_a_finding_carries_the_numbers_of_its_trend_row(make_shops: MakeShops, make_event: MakeEvent) -> None:
    tables = make_shops(weeks=8, events=[make_event("A店", [6], 0.3, STOCK, "loss_stock_out")])
    parts = (tables["sessions"], tables["attention"], tables["loss"])
    trend = compute_trend(*parts, TREES)
    (finding,) = find(trend, *parts, TREES)
    (row,) = [
        row
        for row in trend.to_pylist()
        if (row["node"], row["grain"], row["shop"], row["item_id"])
        == (finding.headline_node, "week", "A店", None)
        and row["period_start"] == finding.peak_start
    ]
    assert (finding.share_after, finding.n_after) == (row["share"], row["sessions"])
    assert (finding.change, finding.change_low) == (row["change"], row["change_low"])
    assert finding.share_after - finding.share_before == pytest.approx(finding.change)
    assert finding.n_before == 4 * 300
    assert sum(hits for _, hits in finding.items) == row["hits"]


def test_evidence_is_said_in_the_changed_weeks_by_different_buyers(
    make_shops: MakeShops, make_event: MakeEvent
) -> None:
    tables = make_shops(weeks=8, events=[make_event("A店", [6], 0.3, STOCK)])
    (finding,) = findings_of(tables)
    said = {row["message_id"]: row for row in tables["attention"].to_pylist()}
    quoted = [said[message] for message in finding.evidence]
    assert len({row["session_id"] for row in quoted}) == 3
    assert {row["leaf"] for row in quoted} == {"stock_availability"}
    assert all(finding.start <= row["day"] <= finding.end for row in quoted)


def test_a_loss_headline_quotes_the_evidence_of_the_loss(
    make_shops: MakeShops, make_event: MakeEvent
) -> None:
    tables = make_shops(weeks=8, events=[make_event("A店", [6], 0.35, {}, "loss_stock_out")])
    (finding,) = findings_of(tables)
    assert (finding.tree, finding.headline_node) == ("loss", "loss_stock_out")
    evidence = {row["evidence"][0] for row in tables["loss"].to_pylist() if row["leaf"] == "loss_stock_out"}
    assert len(finding.evidence) == 3
    assert set(finding.evidence) <= evidence


def test_a_small_shop_sees_what_moved_with_the_headline(make_shops: MakeShops, make_event: MakeEvent) -> None:
    event = make_event("A店", [5], 0.25, {"price_change": 0.9}, "loss_price_change")
    tables = make_shops(weeks=6, per_week=80, events=[event], seed=8)
    parts = (tables["sessions"], tables["attention"], tables["loss"])
    trend = compute_trend(*parts, TREES).to_pylist()
    significant = {row["node"] for row in trend if row["verdict"] == "up" and row["shop"] == "A店"}
    assert "loss_price_change" not in significant
    (finding,) = findings_of(tables)
    assert finding.headline_node == "price_change"
    assert ("loss", "loss_price_change") in finding.related
    assert not {"product_material", "logistics_ship_time"} & nodes_of(finding)


def test_events_four_weeks_apart_are_two_findings(make_shops: MakeShops, make_event: MakeEvent) -> None:
    events = [
        make_event("A店", [3], 0.3, PRICE, "loss_price_change"),
        make_event("A店", [7], 0.3, PRICE, "loss_price_change"),
    ]
    found = findings_of(make_shops(weeks=10, per_week=400, events=events))
    assert sorted(finding.start for finding in found) == [date(2025, 3, 24), date(2025, 4, 21)]
    assert all(finding.direction == "up" for finding in found)


def test_unrelated_events_of_one_week_are_two_findings(make_shops: MakeShops, make_event: MakeEvent) -> None:
    events = [
        make_event("A店", [6], 0.3, PRICE, "loss_price_change"),
        make_event("A店", [6], 0.3, STOCK, "loss_stock_out"),
    ]
    first, second = findings_of(make_shops(weeks=9, per_week=400, events=events))
    assert {first.headline_node, second.headline_node} == {"price_change", "stock_availability"}
    assert first.start == second.start


def test_the_same_event_in_two_shops_is_a_finding_for_each(
    make_shops: MakeShops, make_event: MakeEvent
) -> None:
    events = [make_event(shop, [6], 0.3, STOCK) for shop in ("A店", "B店")]
    found = findings_of(make_shops(shops=("A店", "B店", "C店"), weeks=8, per_week=150, events=events))
    assert sorted(finding.shop for finding in found) == ["A店", "B店"]


def test_echoes_of_an_event_stay_with_it(make_shops: MakeShops, make_event: MakeEvent) -> None:
    scatter = {"promo_coupon": 0.06, "product_material": 0.06}
    event = make_event("A店", [6], 0.4, PRICE, "loss_price_change", scatter)
    (finding,) = findings_of(make_shops(weeks=8, per_week=1500, events=[event]))
    assert finding.headline_node == "price_change"
    assert {"promo_coupon", "product_material", "loss_silent_leave"} <= nodes_of(finding)


def test_a_step_that_stays_is_one_finding_that_is_not_over(
    make_shops: MakeShops, make_event: MakeEvent
) -> None:
    event = make_event("A店", range(6, 9), 0.3, {"logistics_ship_time": 0.9})
    (finding,) = findings_of(make_shops(weeks=9, seed=2, events=[event]))
    assert (finding.start, finding.reverted) == (date(2025, 4, 14), False)


def test_greetings_are_no_finding(make_shops: MakeShops, make_event: MakeEvent) -> None:
    event = make_event("A店", [5], 0.8, {"dialog_greeting": 1.0})
    assert findings_of(make_shops(weeks=7, events=[event])) == []


def test_chance_makes_almost_no_finding(make_shops: MakeShops) -> None:
    false_findings = [findings_of(make_shops(seed=seed, weeks=6, per_week=150)) for seed in range(20)]
    assert sum(bool(found) for found in false_findings) <= 3


def test_at_most_five_and_the_recent_before_the_equally_strong_old(
    make_shops: MakeShops, make_event: MakeEvent
) -> None:
    shops = ("A店", "B店", "C店", "D店", "E店", "F店")
    events = [make_event(shop, [2 + at], 0.4, STOCK) for at, shop in enumerate(shops)]
    found = findings_of(make_shops(shops=shops, weeks=8, per_week=120, events=events))
    assert len(found) == 5
    assert found[0].start > found[-1].start
    assert "A店" not in {finding.shop for finding in found}


def test_too_little_data_finds_nothing(make_shops: MakeShops) -> None:
    assert findings_of(make_shops(weeks=1)) == []
    assert findings_of(make_shops(weeks=6, per_week=10)) == []
