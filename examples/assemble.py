"""Puts a shop together: every planned session gets a buyer, an agent, an item, its messages and its orders.

>>> from xundan.examples.assemble import assemble
>>> from xundan.examples.shops import SHOPS
>>> len(assemble(SHOPS[1], seed=1).sessions) > 900
True
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from xundan.examples.draw import Bag
from xundan.examples.events import boost_of
from xundan.examples.orders import SILENT_A_WEEK, Order, Till, price_at
from xundan.examples.people import Names
from xundan.examples.phrasebook import load_book
from xundan.examples.plan import SessionPlan, plan_shop
from xundan.examples.shops import WEEKS, Item, Shop
from xundan.examples.slots import fill_values
from xundan.examples.talk import Message, Talk

BACK_AGAIN = 0.4  # after-sale talks by somebody who asked before buying
ON_EVENT_ITEM = 0.75


@dataclass(frozen=True)
class Session:
    """One finished session."""

    session_id: str
    plan: SessionPlan
    buyer: str
    item: Item
    order_id: str
    messages: list[Message]


@dataclass(frozen=True)
class ShopData:
    """Everything of one shop, ready to be written."""

    shop: Shop
    sessions: list[Session]
    orders: list[Order]


class _Assembler:
    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.rng = random.Random(f"{seed}-{shop.mark}-talk")
        self.bag = Bag(self.rng)
        self.names = Names(shop.platform, self.rng)
        self.till = Till(shop, self.rng)
        self.back: set[str] = set()

    def _item(self, plan: SessionPlan) -> Item:
        boost = boost_of(self.shop, plan.week)
        if plan.event and boost and boost.items and self.rng.random() < ON_EVENT_ITEM:
            return self.shop.items[self.rng.choice(boost.items)]
        weights = range(len(self.shop.items) + 3, 3, -1)
        return self.rng.choices(self.shop.items, weights)[0]

    def _order_before(self, plan: SessionPlan) -> Order:
        """The order an after-sale talk is about: of an earlier inquiry, or made in silence."""
        known = self.till.earlier(plan.start, self.back) if self.rng.random() < BACK_AGAIN else None
        if known is None:
            age = timedelta(seconds=self.rng.randrange(190_000, 600_000))
            known = self.till.paid(self.names.new(), self._item(plan), plan.start - age)
        self.back.add(known.buyer)
        return known

    def session(self, plan: SessionPlan, number: int) -> Session:
        """Write one session and the orders it leads to."""
        before = self._order_before(plan) if plan.kind == "aftersale" else None
        buyer = before.buyer if before else self.names.new()
        item = before.item if before else self._item(plan)
        agent = self.rng.choice(self.shop.agents)
        price = price_at(self.shop, item, plan.start)
        values = fill_values(self.shop, item, price, item.price, agent, self.rng)
        if before:
            values |= {"order": before.order_id}
        pace = 2.0 if agent == self.shop.slow_agent else 1.0
        talk = Talk(plan, self.shop, load_book(), self.bag, self.rng, values, buyer, agent, pace)
        messages = talk.write()
        self._order_after(plan, buyer, item, f"{self.shop.name}:{agent}", messages)
        session_id = f"{self.shop.mark}{plan.start:%Y%m%d}{number:04d}"
        return Session(session_id, plan, buyer, item, before.order_id if before else "", messages)

    def _order_after(
        self, plan: SessionPlan, buyer: str, item: Item, agent: str, messages: list[Message]
    ) -> None:
        end = messages[-1].sent_at
        if plan.outcome == "won":
            said = [m.sent_at for m in messages if "dialog_buy_confirm" in m.signs]
            gap = -self.rng.randrange(5, 8) if said else self.rng.randrange(60, 3000)
            self.till.paid(buyer, item, (said[0] if said else end) + timedelta(seconds=gap), agent)
        elif plan.outcome == "lost_unpaid":
            tried = plan.loss == "loss_payment_failure"
            later = timedelta(seconds=self.rng.randrange(20, 300))
            self.till.unpaid(buyer, item, plan.start if tried else end + later, agent)
        elif plan.outcome == "lost_refund":
            asked = next(m.sent_at for m in messages if "order_cancel" in m.signs)
            order = self.till.paid(buyer, item, asked - timedelta(seconds=2000), agent)
            self.till.refunded(order, end + timedelta(seconds=self.rng.randrange(600, 20000)))


def assemble(shop: Shop, seed: int) -> ShopData:
    """All sessions and orders of one shop."""
    work = _Assembler(shop, seed)
    sessions = [work.session(plan, number) for number, plan in enumerate(plan_shop(shop, seed), start=1)]
    for week in range(1, WEEKS + 1):
        for _ in range(SILENT_A_WEEK):
            work.till.silent(work.names.new(), week)
    return ShopData(shop, sessions, work.till.in_order())
