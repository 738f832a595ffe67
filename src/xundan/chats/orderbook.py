"""Orders by buyer, and which shops and days the order exports cover.

>>> from xundan.chats.orderbook import OrderBook
>>> OrderBook(None).has_any({"buyer": "b_1", "platform": None, "shop": "a"})
False
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from xundan.settings import SHANGHAI

_TIMES = ("created_at", "paid_at", "closed_at", "refunded_at")
Place = tuple[str | None, str | None]


@dataclass(frozen=True)
class Order:
    """One row of ORDERS, without the columns that outcomes do not need."""

    order_id: str
    platform: str | None
    shop: str | None
    item_id: str | None
    amount: Decimal | None
    created_at: datetime
    paid_at: datetime | None
    closed_at: datetime | None
    refunded_at: datetime | None


class OrderBook:
    """Looks up the orders of a session's buyer in its shop. A file without a shop or platform fits any."""

    def __init__(self, orders: pa.Table | None) -> None:
        self._of_buyer: dict[str, list[Order]] = defaultdict(list)
        self._days: dict[Place, tuple[date, date]] = {}
        names = list(Order.__dataclass_fields__)
        for row in orders.to_pylist() if orders is not None else []:
            place = (_family(row["platform"]), row["shop"])
            if row["buyer"]:
                order = Order(**{name: row[name] for name in names})
                self._of_buyer[row["buyer"]].append(order)
            days = [_day(row[name]) for name in _TIMES if row[name] is not None]
            first, last = self._days.get(place, (days[0], days[0]))
            self._days[place] = (min(first, _day(row["created_at"])), max(last, *days))

    def of_session(self, session: Mapping[str, Any]) -> list[Order]:
        """The buyer's orders in the shop of this session."""
        place = (_family(session["platform"]), session["shop"])
        found = self._of_buyer.get(session["buyer"] or "", [])
        return [order for order in found if _fits((_family(order.platform), order.shop), place)]

    def has_any(self, session: Mapping[str, Any]) -> bool:
        """Whether the session's buyer is known and its shop has orders at all."""
        return bool(session["buyer"]) and bool(self._ranges(session))

    def covers(self, session: Mapping[str, Any], start: datetime, end: datetime) -> bool:
        """Whether the shop's orders begin on or before the day of ``start`` and go on to the last day before
        ``end``. By day (Asia/Shanghai), as a small shop has hours without an order."""
        if not session["buyer"]:
            return False
        ranges = self._ranges(session)
        last_moment = end - timedelta(microseconds=1)
        return bool(ranges) and (
            min(first for first, _ in ranges) <= _day(start)
            and max(last for _, last in ranges) >= _day(last_moment)
        )

    def _ranges(self, session: Mapping[str, Any]) -> list[tuple[date, date]]:
        place = (_family(session["platform"]), session["shop"])
        return [days for other, days in self._days.items() if _fits(other, place)]


def _fits(one: Place, other: Place) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _family(platform: str | None) -> str | None:
    """Taobao and Tmall share buyers, shops and exports, under either name."""
    return "taobao" if platform == "tmall" else platform


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()
