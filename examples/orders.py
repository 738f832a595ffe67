"""Makes the orders of a shop: those that end an inquiry, those behind an after-sale talk, and silent ones.

>>> from xundan.examples.orders import Order
>>> Order.__dataclass_fields__["amount"].type
'Decimal'
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from xundan.examples.events import boost_of
from xundan.examples.shops import FIRST_DAY, Item, Shop
from xundan.examples.slots import order_number

SILENT_A_WEEK = 25


@dataclass(frozen=True)
class Order:
    """One order as the platform exports it; times naive Asia/Shanghai, amount in yuan."""

    order_id: str
    buyer: str
    item: Item
    amount: Decimal
    quantity: int
    created_at: datetime
    paid_at: datetime | None
    closed_at: datetime | None = None
    refunded_at: datetime | None = None
    agent: str = ""


def price_at(shop: Shop, item: Item, moment: datetime) -> int:
    """What the item costs at that moment, in yuan."""
    week = (moment - FIRST_DAY).days // 7 + 1
    boost = boost_of(shop, week)
    return round(item.price * (boost.price if boost else 1.0))


class Till:
    """Writes the orders of one shop."""

    def __init__(self, shop: Shop, rng: random.Random) -> None:
        self.shop = shop
        self.orders: list[Order] = []
        self._rng = rng
        self._numbers: set[str] = set()

    def _number(self, moment: datetime) -> str:
        while True:
            number = order_number(self.shop, moment.strftime("%y%m%d"), self._rng)
            if number not in self._numbers:
                self._numbers.add(number)
                return number

    def paid(self, buyer: str, item: Item, moment: datetime, agent: str = "") -> Order:
        """A paid order, made at ``moment`` and paid within ten minutes."""
        quantity = self._rng.choices((1, 2, 3), (6, 3, 2) if self.shop.trade == "food" else (12, 2, 0))[0]
        cents = Decimal(self._rng.choice((0, 0, 10, 50, 90, 99))) / 100
        order = Order(
            order_id=self._number(moment),
            buyer=buyer,
            item=item,
            amount=(price_at(self.shop, item, moment) * quantity - cents).quantize(Decimal("0.01")),
            quantity=quantity,
            created_at=moment,
            paid_at=moment + timedelta(seconds=self._rng.randrange(15, 600)),
            agent=agent,
        )
        self.orders.append(order)
        return order

    def unpaid(self, buyer: str, item: Item, moment: datetime, agent: str) -> None:
        """An order nobody paid, closed by the platform after a day."""
        order = self.paid(buyer, item, moment, agent)
        self.orders[-1] = replace(order, paid_at=None, closed_at=moment + timedelta(days=1))

    def refunded(self, order: Order, moment: datetime) -> None:
        """Give the money of an order back."""
        place = self.orders.index(order)
        self.orders[place] = replace(order, refunded_at=moment, closed_at=moment)

    def silent(self, buyer: str, week: int) -> None:
        """An order of somebody who never wrote."""
        moment = FIRST_DAY + timedelta(weeks=week - 1, seconds=self._rng.randrange(7 * 86400))
        self.paid(buyer, self._rng.choice(self.shop.items), moment)

    def earlier(self, moment: datetime, taken: set[str]) -> Order | None:
        """An order paid two to twelve days before whose buyer has not come back yet."""
        fitting = [
            order
            for order in self.orders
            if order.paid_at
            and not order.closed_at
            and order.buyer not in taken
            and timedelta(days=2) <= moment - order.paid_at <= timedelta(days=12)
        ]
        return self._rng.choice(fitting) if fitting else None

    def in_order(self) -> list[Order]:
        """All orders by time."""
        return sorted(self.orders, key=lambda order: (order.created_at, order.order_id))
