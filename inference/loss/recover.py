"""Which buyers can still be won: open or lately lost inquiries, graded, with a time to write to them.

with open_book(lake) as book: buyers = recoverable_buyers(book, None, load("loss"), Settings())
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from xundan.errors import BadInput
from xundan.inference.loss.population import PRICES
from xundan.inference.report.tallies import Book
from xundan.settings import SHANGHAI, Settings
from xundan.taxonomy.trees import Taxonomy

DAYS = 3
GRADES = ("A", "B", "C")
FOLLOW_UPS = ("pay_soon", "on_restock", "on_promotion", "when_ready", "next_day")
OPENS, CLOSES = time(9), time(22)  # nobody is written to at night, Asia/Shanghai
_LATER = {
    "loss_stock_out": ("on_restock", 3),
    "loss_stock_wait_long": ("on_restock", 3),
    "loss_promo_wait": ("on_promotion", 7),
    "loss_promo_not_met": ("on_promotion", 7),
    "loss_buyer_not_ready": ("when_ready", 7),
}
_LATER_TOPICS = {"stock_restock": ("on_restock", 3), "promo_presale": ("on_promotion", 7)}
_NO_REASON_GIVEN = ("", "loss_silent_leave", "loss_undetermined")
_INTENT = ("dialog_buy_confirm", "order_how_to", "payment_method", "payment_installment", "payment_issue")
_BUYING = ("price", "promo")  # the first word of the attention points that name a price
_NOT_WANTED = "低"
_WANTED = "高"

# Times leave the tables as microseconds since 1970: DuckDB makes aware datetimes only with pytz installed.
_LAST_MOMENT = """
SELECT epoch_us(max(moment)) FROM (
    SELECT max(sent_at) AS moment FROM messages
    UNION ALL SELECT max(coalesce(ended_at, started_at)) FROM dated
    UNION ALL SELECT greatest(max(created_at), max(paid_at), max(closed_at), max(refunded_at)) FROM orders)
"""

# One row a buyer and shop, the latest inquiry; gone once the buyer has bought there since.
_QUERY = f"""{PRICES},
said AS (
    SELECT session_id, list(DISTINCT leaf) AS leaves FROM attention GROUP BY 1),
reasons AS (SELECT session_id, any_value(leaf) AS leaf FROM loss WHERE rank = 1 GROUP BY 1),
asked AS (SELECT session_id, min(sent_at) AS first_at FROM messages WHERE role = 'buyer' GROUP BY 1),
placed AS (
    SELECT order_id, min(created_at) AS ordered_at, max(closed_at) AS closed_at,
           max(paid_at) IS NULL AS unpaid
    FROM orders GROUP BY 1)
SELECT session_id, p.platform, shop_name, buyer, agent, item_id, outcome, stage, last_attention,
       coalesce(reasons.leaf, ''), coalesce(said.leaves, []), worth, price_source,
       epoch_us(coalesce(asked.first_at, started_at)),
       epoch_us(coalesce(ended_at, started_at)), coalesce(unpaid, false),
       CASE WHEN unpaid AND closed_at IS NULL THEN epoch_us(ordered_at) END
FROM priced p LEFT JOIN reasons USING (session_id) LEFT JOIN said USING (session_id)
LEFT JOIN placed USING (order_id) LEFT JOIN asked USING (session_id)
WHERE is_inquiry AND (outcome = 'open' OR outcome LIKE 'lost_%') AND buyer IS NOT NULL
  AND epoch_us(started_at) <= $2 AND (CAST($1 AS VARCHAR) IS NULL OR shop_name = $1)
  AND NOT EXISTS (SELECT 1 FROM dated w WHERE w.buyer = p.buyer AND w.shop_name = p.shop_name
                  AND w.outcome = 'won' AND w.started_at >= p.started_at)
  AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.buyer = p.buyer AND (o.shop IS NULL OR o.shop = p.shop_name)
                  AND o.paid_at >= p.started_at AND o.refunded_at IS NULL)
QUALIFY row_number() OVER (PARTITION BY shop_name, buyer ORDER BY started_at DESC, session_id DESC) = 1
ORDER BY session_id
"""


@dataclass(frozen=True)
class Buyer:
    """One buyer of one shop who can still be won; nothing but the hash says who it is.

    ``grade`` and ``follow_up``: see `recoverable_buyers`. ``closes_at``: when the window closes; ``is_open``:
    it had not. ``leaf``: the primary loss leaf ('' while open). ``amount`` (yuan) is an estimate unless
    ``amount_from`` is "order": the median price of the "item" or of the "shop"; None where "unknown".
    ``signs``: what the grade rests on (unpaid_order, intent, price_named, recoverable_high, recoverable_low).
    """

    session_id: str
    platform: str | None
    shop: str
    buyer: str
    agent: str | None
    item_id: str | None
    outcome: str
    stage: str | None
    leaf: str
    last_attention: str | None
    asked_at: datetime
    closes_at: datetime
    is_open: bool
    amount: float | None
    amount_from: str
    grade: str
    signs: tuple[str, ...]
    follow_up: str
    follow_up_at: datetime


def last_moment(book: Book) -> datetime | None:
    """Return the latest time (aware) that the tables know of; None where there are none."""
    (moment,) = book.one(_LAST_MOMENT)
    return None if moment is None else _time(moment)


def _time(microseconds: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)).astimezone(SHANGHAI)


def recoverable_buyers(
    book: Book,
    shop: str | None,
    taxonomy: Taxonomy,
    settings: Settings,
    now: datetime | None = None,
    days: int = DAYS,
) -> list[Buyer]:
    """Return the buyers of a shop (None: all shops) to write to, best first; nobody twice in a shop.

    Listed: the latest inquiry of a buyer whose window is open at ``now`` (aware; None: `last_moment`), or was
    lost with a window that closed at most ``days`` days ago, and who has not bought in the shop since.

    Grade A: an order that waits for payment; or intent shown (a buy confirmed, how to order, how to pay, an
    order that was closed unpaid) together with a price talked about or a reason that is easy to mend
    (recoverable 高). B: one of these. C: none. A reason that is hard to mend (recoverable 低) is always C,
    but for an order that waits. Within a grade: open windows first, then the larger amount.

    When (``follow_up``): pay_soon, `limits.urge_pay_minutes` after the order, or at once where that has
    passed; on_restock, 3 days on, on_promotion and when_ready, 7 days on, at the hour the buyer last wrote;
    next_day, the next day at that hour. Without a reason, or where the buyer just left, the last attention
    point chooses. Never before ``now``, and never from 22 to 9 in Shanghai: then at 9.
    `BadInput` where ``days`` is below 0 or ``now`` has no time zone.
    """
    if days < 0:
        raise BadInput("days is below 0", got=days, expected="0 or more")
    now = now or last_moment(book)
    if now is None:
        return []
    if now.tzinfo is None:
        raise BadInput("now has no time zone", got=now, do="give an aware time, such as datetime.now(UTC)")
    ease = {leaf.id: leaf.recoverable for leaf in taxonomy.leaves}
    earliest = now - timedelta(days=days)
    rows = book.rows(_QUERY, [shop, int(now.timestamp() * 1_000_000)])
    found = [_buyer(row, ease, settings, now) for row in rows]
    listed = [one for one in found if one.is_open or (one.outcome != "open" and one.closes_at > earliest)]
    return sorted(listed, key=lambda one: (one.grade, not one.is_open, -(one.amount or 0.0), one.session_id))


def _buyer(row: tuple[Any, ...], ease: dict[str, str], settings: Settings, now: datetime) -> Buyer:
    session_id, platform, shop, buyer, agent, item_id, outcome, stage, last, leaf, leaves = row[:11]
    worth, price_source, asked, wrote, unpaid, waits_since = row[11:]
    waits = None if waits_since is None else _time(waits_since)
    signs = _signs(leaves, waits is not None, unpaid, ease.get(leaf, ""))
    follow_up, follow_up_at = _when(leaf, last, _time(wrote), waits, settings, now)
    closes_at = settings.loss.closes(_time(asked))
    return Buyer(
        session_id=session_id,
        platform=platform,
        shop=shop,
        buyer=buyer,
        agent=agent,
        item_id=item_id,
        outcome=outcome,
        stage=stage,
        leaf=leaf,
        last_attention=last,
        asked_at=_time(asked),
        closes_at=closes_at,
        is_open=now < closes_at,
        amount=worth,
        amount_from=price_source,
        grade=grade_of(signs),
        signs=signs,
        follow_up=follow_up,
        follow_up_at=follow_up_at,
    )


def _signs(leaves: list[str], waits: bool, unpaid: bool, ease: str) -> tuple[str, ...]:
    held = {
        "unpaid_order": waits,
        "intent": (unpaid and not waits) or any(leaf in _INTENT for leaf in leaves),
        "price_named": any(leaf.split("_")[0] in _BUYING for leaf in leaves),
        "recoverable_high": ease == _WANTED,
        "recoverable_low": ease == _NOT_WANTED,
    }
    return tuple(name for name, holds in held.items() if holds)


def grade_of(signs: tuple[str, ...]) -> str:
    """Return A, B or C by the rule of `recoverable_buyers`."""
    if "unpaid_order" in signs:
        return "A"
    if "recoverable_low" in signs:
        return "C"
    if "intent" in signs and ("price_named" in signs or "recoverable_high" in signs):
        return "A"
    return "B" if {"intent", "price_named", "recoverable_high"} & set(signs) else "C"


def _when(
    leaf: str,
    last_attention: str | None,
    wrote_at: datetime,
    waits_since: datetime | None,
    settings: Settings,
    now: datetime,
) -> tuple[str, datetime]:
    """Return the rule of a follow-up and its moment in Shanghai time."""
    if waits_since is not None:
        due = waits_since + timedelta(minutes=settings.limits.urge_pay_minutes)
        return "pay_soon", by_day(max(due, now))
    topic = last_attention if leaf in _NO_REASON_GIVEN else None
    rule, days = _LATER.get(leaf) or _LATER_TOPICS.get(topic or "") or ("next_day", 1)
    due = wrote_at + timedelta(days=days)
    while due < now:
        due += timedelta(days=1)
    return rule, by_day(due)


def by_day(moment: datetime) -> datetime:
    """Return the moment in Shanghai time, moved to the next 9 o'clock where it falls between 22 and 9."""
    local = moment.astimezone(SHANGHAI)
    if OPENS <= local.time() < CLOSES:
        return local
    day = local.date() + timedelta(days=local.time() >= CLOSES)
    return datetime.combine(day, OPENS, SHANGHAI)
