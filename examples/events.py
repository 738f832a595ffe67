"""The four events planted in the demo shops, and the rates of questions and losses of any week.

>>> from xundan.examples.events import BOOSTS
>>> [boost.event.name for boost in BOOSTS][0]
'涨价'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from xundan.examples.shops import FIRST_DAY, Shop

# Most of an event's questions come on top of the usual ones; only this part of them replaces others, spread
# over all of them, so that no other single category falls visibly.
REPLACED = 0.35


@dataclass(frozen=True)
class PlantedEvent:
    """One thing that really changed: days inclusive, and the leaves it must show up in."""

    shop: str
    name: str
    start: date
    end: date
    attention: tuple[str, ...]
    loss: tuple[str, ...]


@dataclass(frozen=True)
class Boost:
    """What an event does to a week of 100 sessions.

    before, after: sessions a week that hold the question (the level reached, not the increase);
    leave: lost sessions a week on top of the usual; sessions: further after-sale sessions a week;
    items: numbers of the goods it is about (empty = all); price: factor on all prices.
    """

    event: PlantedEvent
    weeks: range
    before: Mapping[str, float]
    after: Mapping[str, float]
    leave: Mapping[str, float]
    sessions: int = 0
    items: tuple[int, ...] = ()
    price: float = 1.0


@dataclass(frozen=True)
class Rates:
    """Sessions a week: per question before and after buying, per reason to leave, per conversational move."""

    before: dict[str, float]
    after: dict[str, float]
    leave: dict[str, float]
    dialog: dict[str, float]
    aftersale_sessions: int


def _boost(
    shop: str,
    name: str,
    weeks: range,
    *,
    leave: Mapping[str, float],
    before: Mapping[str, float],
    after: Mapping[str, float] | None = None,
    sessions: int = 0,
    items: tuple[int, ...] = (),
    price: float = 1.0,
) -> Boost:
    after = after or {}
    start = FIRST_DAY.date() + timedelta(weeks=weeks[0] - 1)
    end = FIRST_DAY.date() + timedelta(weeks=weeks[-1], days=-1)
    event = PlantedEvent(shop, name, start, end, tuple(dict.fromkeys([*before, *after])), tuple(leave))
    return Boost(event, weeks, before, after, leave, sessions, items, price)


BOOSTS = (
    _boost(
        "暖居家电",
        "涨价",
        range(7, 11),
        before={"price_change": 25},
        leave={"loss_price_change": 15, "loss_price_too_high": 4},
        price=1.12,
    ),
    _boost(
        "果仁铺子",
        "快递瘫痪",
        range(5, 7),
        before={"logistics_delivery_time": 15, "logistics_urge_ship": 4},
        after={"logistics_tracking": 24, "logistics_urge_ship": 10},
        leave={"loss_logistics_time": 15},
        sessions=11,
    ),
    _boost(
        "云裳女装",
        "尺码表错误",
        range(4, 7),
        before={"product_size_fit": 42},
        after={"aftersale_exchange": 7},
        leave={"loss_product_size_mismatch": 24},
        sessions=4,
        items=(0, 1),
    ),
    _boost(
        "云裳女装",
        "优惠券不能叠加",
        range(9, 11),
        before={"promo_coupon": 28},
        leave={"loss_promo_not_met": 15},
    ),
)
PRESALE_SESSIONS = 78
AFTERSALE_SESSIONS = 17


def boost_of(shop: Shop, week: int) -> Boost | None:
    """The event of this shop in this week (1 to 10), if any; no two overlap."""
    return next((b for b in BOOSTS if b.event.shop == shop.name and week in b.weeks), None)


def _raised(usual: Mapping[str, float], reached: Mapping[str, float]) -> dict[str, float]:
    more = sum(rate - usual.get(leaf, 0.0) for leaf, rate in reached.items())
    others = sum(rate for leaf, rate in usual.items() if leaf not in reached)
    keep = 1 - REPLACED * more / others
    return {leaf: rate * keep for leaf, rate in usual.items() if leaf not in reached} | dict(reached)


def rates(shop: Shop, week: int, mix: Mapping[str, Any]) -> Rates:
    """What this shop's week looks like: the usual mix, raised by the event of that week."""
    own = mix[shop.trade]
    before = mix["before_any"] | own["before"]
    after = mix["after_any"] | own["after"]
    weights = mix["leave_any"] | own["leave"]
    total = sum(weights.values())
    leave = {leaf: own["lost"] * weight / total for leaf, weight in weights.items()}
    boost = boost_of(shop, week)
    if boost is None:
        return Rates(before, after, leave, dict(mix["dialog"]), AFTERSALE_SESSIONS)
    for leaf, more in boost.leave.items():
        leave[leaf] += more
    return Rates(
        before=_raised(before, boost.before),
        after=_raised(after, boost.after),
        leave=leave,
        dialog=dict(mix["dialog"]),
        aftersale_sessions=AFTERSALE_SESSIONS + boost.sessions,
    )
