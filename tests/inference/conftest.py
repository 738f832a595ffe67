"""Made-up shops for the tests of trends and reports: sessions with known rates and planted events.

pytest tests/inference
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xundan.chats.records import ATTENTION, LOSS, MESSAGES, ORDERS, SESSIONS, from_rows

MONDAY = date(2025, 3, 3)
ATTENTION_RATES = {
    "product_size_fit": 0.22,
    "product_material": 0.12,
    "product_color": 0.10,
    "logistics_ship_time": 0.15,
    "logistics_freight": 0.06,
    "price_bargain": 0.10,
    "price_change": 0.02,
    "promo_coupon": 0.12,
    "stock_availability": 0.06,
    "aftersale_policy": 0.05,
    "service_human": 0.04,
    "dialog_greeting": 0.50,
}
LOSS_RATES = {
    "loss_price_too_high": 0.20,
    "loss_price_change": 0.02,
    "loss_stock_out": 0.08,
    "loss_buyer_hesitate": 0.30,
    "loss_silent_leave": 0.40,
}

EVERY_SESSION = {"n_bot": 0, "mean_response_s": 40.0, "loss_definition": "taobao-day+1/1 付款口径 day+1"}


@dataclass(frozen=True)
class Event:
    """In these weeks of this shop, a part of the sessions has extra attention points and one loss point."""

    shop: str
    weeks: Sequence[int]
    share: float
    attention: Mapping[str, float]
    loss: str | None = None
    scatter: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shops:
    """How much to make; ``switch_week`` is the week in which the model version changes."""

    seed: int = 1
    shops: Sequence[str] = ("A店",)
    weeks: int = 8
    per_week: int = 300
    events: Sequence[Event] = ()
    empty_weeks: Sequence[int] = ()
    switch_week: int | None = None
    first_day: date = MONDAY
    with_orders: bool = True
    message_text: str = "这款{leaf}怎么样"


Tables = dict[str, pa.Table]


class _Maker:
    """Collects rows while it walks shops, weeks and sessions."""

    def __init__(self, plan: Shops) -> None:
        self.plan = plan
        self.random = np.random.default_rng(plan.seed)
        self.rows: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("messages", "orders", "sessions", "attention", "loss")
        }

    def session(self, shop: str, week: int, number: int) -> None:
        plan, random = self.plan, self.random
        start = datetime.combine(plan.first_day, datetime.min.time(), UTC) - timedelta(hours=8)
        start += timedelta(weeks=week, seconds=int(random.integers(0, 7 * 86400)))
        leaves = {leaf for leaf, rate in ATTENTION_RATES.items() if random.random() < rate}
        reasons = list(LOSS_RATES)
        weights = np.array(list(LOSS_RATES.values()))
        reason = str(random.choice(reasons, p=weights / weights.sum()))
        lost = bool(random.random() < 0.5)
        for event in plan.events:
            if event.shop != shop or week not in event.weeks:
                continue
            leaves |= {leaf for leaf, rate in event.scatter.items() if random.random() < rate}
            if random.random() < event.share:
                leaves |= {leaf for leaf, rate in event.attention.items() if random.random() < rate}
                if event.loss and random.random() < 0.6:
                    lost, reason = True, event.loss
        self._write(
            f"{shop}-{week}-{number}", shop, week, start, sorted(leaves) or ["dialog_other"], lost, reason
        )

    def _write(
        self, key: str, shop: str, week: int, start: datetime, leaves: list[str], lost: bool, reason: str
    ) -> None:
        plan, random = self.plan, self.random
        model = "m1" if plan.switch_week is None or week < plan.switch_week else "m2"
        stamp = {"model_version": model, "taxonomy_version": "1.0.0"}
        day = (start + timedelta(hours=8)).date()
        place = {"platform": "taobao", "shop": shop, "session_id": key, "buyer": f"b_{key}"}
        for seq, leaf in enumerate(leaves):
            message = {"message_id": f"{key}-m{seq}", "session_id": key}
            sent = {"seq": seq, "sent_at": start, "role": "buyer", "content_type": "text"}
            self.rows["messages"].append(
                {**place, **message, **sent, "text": plan.message_text.format(leaf=leaf)}
            )
            score = float(random.uniform(0.5, 1))
            self.rows["attention"].append({**message, **stamp, "day": day, "leaf": leaf, "score": score})
        self._judge(key, place, start, leaves, reason if lost else None, {**stamp, "day": day})

    def _judge(
        self,
        key: str,
        place: dict[str, Any],
        start: datetime,
        leaves: list[str],
        reason: str | None,
        stamp: dict[str, Any],
    ) -> None:
        """Write the session with its outcome, and the order or the loss that goes with it."""
        plan, random = self.plan, self.random
        inquiry = bool(random.random() < 0.9)
        known = ("lost_no_order" if reason else "won") if plan.with_orders else "outcome_unknown"
        outcome = known if inquiry else None
        order = f"o-{key}" if outcome == "won" else None
        self.rows["sessions"].append(
            {
                **place,
                **EVERY_SESSION,
                "agent": f"{place['shop']}:小{'美丽'[int(random.integers(0, 2))]}",
                "item_id": f"item{int(random.integers(1, 4))}",
                "started_at": start,
                "n_buyer": len(leaves),
                "n_agent": len(leaves) + 1,
                "first_response_s": float(random.integers(5, 120)),
                "is_inquiry": inquiry,
                "outcome": outcome,
                "stage": "stage_answer" if reason else "stage_paid",
                "last_attention": leaves[-1],
                "order_id": order,
                "amount": Decimal("99.00") if order else None,
                "filtered": None if inquiry else "aftersale",
            }
        )
        if order:
            self.rows["orders"].append(
                {"order_id": order, "shop": place["shop"], "created_at": start, "paid_at": start}
            )
        if outcome == "lost_no_order":
            evidence = {"evidence": [f"{key}-m0"], "score": 0.8, "session_id": key, **stamp}
            self.rows["loss"].append({**evidence, "leaf": reason, "rank": 1})

    def tables(self) -> Tables:
        schemas = {"messages": MESSAGES, "orders": ORDERS, "sessions": SESSIONS}
        schemas |= {"attention": ATTENTION, "loss": LOSS}
        return {name: from_rows(self.rows[name], schema) for name, schema in schemas.items()}


def _make(plan: Shops) -> Tables:
    maker = _Maker(plan)
    for shop in plan.shops:
        for week in range(plan.weeks):
            if week not in plan.empty_weeks:
                for number in range(plan.per_week):
                    maker.session(shop, week, number)
    return maker.tables()


@pytest.fixture(scope="session")
def make_shops() -> Callable[..., Tables]:
    """Return a function that makes the tables of a plan: ``make_shops(weeks=8, seed=3)``."""
    return lambda **plan: _make(Shops(**plan))


@pytest.fixture(scope="session")
def make_event() -> Callable[..., Event]:
    """Return the constructor of a planted event."""
    return Event
