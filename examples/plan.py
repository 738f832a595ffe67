"""Decides, week by week, which sessions a shop has: their questions, moves, outcome and reason to leave.

>>> from xundan.examples.plan import plan_shop
>>> from xundan.examples.shops import SHOPS
>>> len(plan_shop(SHOPS[0], seed=1)) > 900
True
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from xundan.examples.draw import Bag, Quota, deal, moments, night
from xundan.examples.events import PRESALE_SESSIONS, Rates, boost_of, rates
from xundan.examples.phrasebook import Book, Leaving, load_book
from xundan.examples.shops import FIRST_DAY, WEEKS, Shop

HESITANT = ("算了", "不买了", "不要了", "不拍了", "再看", "考虑", "走了", "不敢买", "不敢拍", "不考虑")
OTHERS = {"spam": 2.0, "initiated": 3.0}
REFUNDS = 1.5
UNCLEAR = "loss_undetermined"


@dataclass
class SessionPlan:
    """One session to come. ``kind``: presale, aftersale, spam, initiated (the agent wrote first)."""

    kind: str
    week: int
    asks: list[str]
    start: datetime = FIRST_DAY
    moves: set[str] = field(default_factory=set)
    outcome: str = ""
    loss: str = ""
    closing: str = ""
    closing_signs: tuple[str, ...] = ()
    event: str = ""
    traditional: bool = False

    @property
    def at_night(self) -> bool:
        """Whether nobody is there to answer."""
        return self.loss in ("loss_service_no_reply", "loss_service_bot")


def _closing(plan: SessionPlan, leaving: Leaving, trade: str, bag: Bag) -> None:
    plan.loss = leaving.leaf
    plan.outcome = "lost_unpaid" if leaving.behaviour in ("no_followup", "unpaid") else "lost_no_order"
    pool = leaving.close.get("any", ()) + leaving.close.get(trade, ())
    if pool:
        plan.closing = bag.pick((leaving.leaf, trade), pool)
        hesitant = any(word in plan.closing for word in HESITANT)
        signs = (*leaving.signs, "dialog_hesitate") if hesitant else leaving.signs
        plan.closing_signs = tuple(dict.fromkeys(signs))


class _Planner:
    def __init__(self, shop: Shop, seed: int) -> None:
        self.shop = shop
        self.book: Book = load_book()
        self.rng = random.Random(f"{seed}-{shop.mark}-plan")
        self.quota = Quota(self.rng)
        self.bag = Bag(self.rng)

    def week(self, number: int) -> list[SessionPlan]:
        """All sessions of one week, in the order of time."""
        wanted = rates(self.shop, number, self.book.mix)
        leave = self.quota.take_all("leave", wanted.leave)
        blank = leave.pop(UNCLEAR)
        hands = deal(self.quota.take_all("before", wanted.before), PRESALE_SESSIONS - blank, self.rng)
        presale = [SessionPlan("presale", number, asks) for asks in hands]
        self._leave(presale, leave)
        for _ in range(blank):
            presale.append(SessionPlan("presale", number, [], outcome="lost_no_order", loss=UNCLEAR))
        hands = deal(self.quota.take_all("after", wanted.after), wanted.aftersale_sessions, self.rng)
        aftersale = [SessionPlan("aftersale", number, asks, outcome="aftersale") for asks in hands]
        others = [
            SessionPlan(kind, number, [], outcome=kind)
            for kind, rate in OTHERS.items()
            for _ in range(self.quota.take(kind, rate))
        ]
        self._moves(presale, aftersale, wanted)
        plans = presale + aftersale + others
        self._times(plans, number)
        self._mark_event(plans, number)
        return sorted(plans, key=lambda plan: plan.start)

    def _leave(self, presale: list[SessionPlan], leave: dict[str, int]) -> None:
        """Give each reason to a session whose questions lead to it, if one is left; all other buyers buy."""
        left = self.rng.sample(presale, len(presale))
        losses = self.book.losses
        for leaf, count in sorted(leave.items(), key=lambda pair: (not losses[pair[0]].near, pair[1])):
            near = set(losses[leaf].near)
            for _ in range(count):
                plan = next((p for p in left if near & set(p.asks)), left[0])
                left.remove(plan)
                plan.asks.sort(key=lambda ask: ask in near)
                _closing(plan, losses[leaf], self.shop.trade, self.bag)
        refunds = self.quota.take("refund", REFUNDS)
        for index, plan in enumerate(left):
            plan.outcome = "lost_refund" if index < refunds else "won"
            plan.loss = "loss_buyer_need_changed" if index < refunds else ""

    def _moves(self, presale: list[SessionPlan], aftersale: list[SessionPlan], wanted: Rates) -> None:
        """Greetings, thanks and the like: as many in total as the mix says, closing words counted in."""
        closed = [sign for plan in presale for sign in plan.closing_signs]
        answered = [plan for plan in presale + aftersale if not plan.at_night and plan.loss != UNCLEAR]
        bought = [plan for plan in presale if plan.outcome in ("won", "lost_refund")]
        pools = {
            "dialog_greeting": presale + aftersale,
            "dialog_nontext": [plan for plan in presale + aftersale if plan.asks],
            "dialog_buy_confirm": bought,
            "dialog_hesitate": bought,
        }
        for leaf, rate in wanted.dialog.items():
            count = self.quota.take(leaf, rate) - closed.count(leaf)
            pool = pools.get(leaf, answered)
            for plan in self.rng.sample(pool, max(0, min(count, len(pool)))):
                plan.moves.add(leaf)
        for plan in self.rng.sample(answered, 1):
            plan.traditional = True

    def _times(self, plans: list[SessionPlan], number: int) -> None:
        monday = FIRST_DAY + timedelta(weeks=number - 1)
        by_day = iter(moments(monday, sum(not plan.at_night for plan in plans), self.rng))
        for plan in plans:
            plan.start = night(monday, self.rng) if plan.at_night else next(by_day)

    def _mark_event(self, plans: list[SessionPlan], number: int) -> None:
        boost = boost_of(self.shop, number)
        for plan in plans:
            if boost and (set(plan.asks) & set(boost.event.attention) or plan.loss in boost.event.loss):
                plan.event = boost.event.name


def plan_shop(shop: Shop, seed: int) -> list[SessionPlan]:
    """Every session of the ten weeks, in the order of time."""
    planner = _Planner(shop, seed)
    return [plan for number in range(1, WEEKS + 1) for plan in planner.week(number)]
