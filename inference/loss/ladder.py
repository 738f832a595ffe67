"""Count how far sessions came, from the first question to a sale, and who left at each step with how much.

with open_book(lake) as book: print(ladder(book, None).rungs[0].entered.people)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from xundan.inference.report.tallies import Book, share
from xundan.inference.trends.counts import MATURE_OUTCOMES

STEPS = ("asked", "received", "inquiries", "mature", "ordered", "paid", "won")
# Steps a shop may expect that the tables cannot show, and why.
LEFT_OUT = (("shipped", "no_shipping_time"),)
KINDS = ("lost", "open", "unknown", "won", "other")
# A list price cannot be seen, so an item costs what its orders say: the median of amount / quantity, where an
# order without a quantity is taken to be of one piece.
ITEM_PRICES = """
SELECT item_id, CAST(median(amount / greatest(coalesce(quantity, 1), 1)) AS DECIMAL(12, 2)) AS price
FROM orders WHERE amount > 0 AND item_id IS NOT NULL GROUP BY ALL
"""

# ``depth``: the place in STEPS that a session reached. A session nobody answered stays at the first step,
# unless its buyer ordered all the same. The rules of ordered and paid are those of ``tallies.funnel``.
# ``billed``: many exports give 0 as the paid amount of an order that was not paid; that is not its price.
_WALKED = f"""
WITH prices AS ({ITEM_PRICES}),
payments AS (SELECT order_id AS o_id, max(paid_at) AS paid_at FROM orders GROUP BY ALL),
judged AS (
    SELECT d.*, o_id, paid_at, price, coalesce(is_inquiry, false) AS inquiry,
           coalesce(is_inquiry AND outcome IN {MATURE_OUTCOMES}, false) AS mature,
           mature AND outcome <> 'lost_no_order' AS ordered,
           ordered AND (paid_at IS NOT NULL OR outcome = 'lost_refund' OR (outcome = 'won' AND o_id IS NULL))
               AS paid
    FROM dated d LEFT JOIN payments ON o_id = d.order_id LEFT JOIN prices USING (item_id)
    WHERE n_buyer > 0 AND (CAST($1 AS VARCHAR) IS NULL OR shop_name = $1)),
walked AS (
    SELECT *,
        CASE WHEN paid AND outcome = 'won' THEN 6 WHEN paid THEN 5 WHEN ordered THEN 4
             WHEN coalesce(n_agent, 0) = 0 THEN 0 WHEN NOT inquiry THEN 1 WHEN NOT mature THEN 2 ELSE 3
        END AS depth,
        CASE WHEN NOT inquiry THEN 'other' WHEN outcome LIKE 'lost_%' THEN 'lost'
             WHEN outcome IN ('won', 'open') THEN outcome ELSE 'unknown' END AS kind,
        CASE WHEN order_id IS NOT NULL AND (amount > 0 OR paid) THEN amount END AS billed,
        coalesce(billed, price) AS yuan
    FROM judged)
"""
_FURTHEST = "ORDER BY depth DESC, started_at DESC, session_id DESC"
_COUNTED = f"""{_WALKED},
marked AS (
    SELECT *,
        CASE depth WHEN 0 THEN if(n_bot > 0, 'bot_only', 'no_reply')
             WHEN 1 THEN coalesce(filtered, 'undecided')
             WHEN 2 THEN if(outcome = 'open', 'open', 'outcome_unknown') WHEN 3 THEN 'no_order'
             WHEN 4 THEN if(outcome = 'won', 'won_unpaid', 'unpaid')
             WHEN 5 THEN if(outcome = 'lost_refund', 'refunded', 'paid_late') ELSE '' END AS reason,
        buyer IS NOT NULL AND row_number() OVER (PARTITION BY platform, buyer {_FURTHEST}) = 1 AS of_person,
        CASE WHEN order_id IS NOT NULL THEN concat_ws(chr(31), 'order', order_id)
             WHEN buyer IS NOT NULL AND item_id IS NOT NULL
             THEN concat_ws(chr(31), 'wish', coalesce(platform, ''), shop_name, buyer, item_id)
             ELSE concat_ws(chr(31), 'session', session_id) END AS sale,
        inquiry AND row_number() OVER (PARTITION BY inquiry, sale {_FURTHEST}) = 1 AS of_sale
    FROM walked)
SELECT depth, reason, kind, count(*), count(*) FILTER (of_person), count(*) FILTER (buyer IS NULL),
       coalesce(sum(yuan) FILTER (of_sale), 0), coalesce(sum(yuan) FILTER (of_sale AND billed IS NULL), 0),
       count(*) FILTER (of_sale AND yuan IS NULL)
FROM marked GROUP BY ALL ORDER BY depth, 4 DESC, reason, kind
"""


@dataclass(frozen=True)
class Tally:
    """Some sessions, counted four ways; every way adds up by itself.

    ``people``: distinct buyers, each counted where their furthest session ended (of equals, the latest);
    ``nameless`` sessions have no buyer and stand in no count of people. ``yuan``: each order once, and each
    wish without an order (one buyer, one item) once, where its furthest session ended; only inquiries have a
    sale at stake. ``estimated`` is the part of ``yuan`` that comes from item prices instead of orders;
    ``unpriced`` sales have neither and are not in ``yuan``.
    """

    sessions: int = 0
    people: int = 0
    nameless: int = 0
    yuan: Decimal = Decimal(0)
    estimated: Decimal = Decimal(0)
    unpriced: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.sessions + other.sessions,
            self.people + other.people,
            self.nameless + other.nameless,
            self.yuan + other.yuan,
            self.estimated + other.estimated,
            self.unpriced + other.unpriced,
        )


@dataclass(frozen=True)
class Leavers:
    """Those who went no further, for one reason; ``kind`` is one of `KINDS`: only "lost" is a loss.

    "open" and "unknown" inquiries may still be sales, "won" ones are (下单口径: ordered is enough), and
    "other" sessions are no inquiries.
    """

    reason: str
    kind: str
    count: Tally


@dataclass(frozen=True)
class Rung:
    """One step: ``entered`` - the sum of ``left`` = the next step's ``entered``.

    ``goes_on``: the sessions that reach the next step as (share, low, high) of ``entered``, Wilson 95 %;
    None at the last step and where nobody entered.
    """

    step: str
    entered: Tally
    left: tuple[Leavers, ...]
    goes_on: tuple[float, float, float] | None

    @property
    def lost(self) -> Tally:
        """What was lost here: the leavers whose window closed without a sale."""
        return _sum(leavers.count for leavers in self.left if leavers.kind == "lost")


@dataclass(frozen=True)
class Ladder:
    """The steps of a shop (None: all shops), and (step, why) of those the tables cannot show."""

    shop: str | None
    rungs: tuple[Rung, ...]
    left_out: tuple[tuple[str, str], ...] = LEFT_OUT


def ladder(book: Book, shop: str | None) -> Ladder:
    """Return the steps asked, received, inquiries, mature, ordered, paid, won, with who left at each.

    Asked, ordered and paid count the sessions of `tallies.funnel`. Received has a person's answer, so its
    inquiries (and mature ones) are those of the funnel less the unanswered, who stand among the leavers of
    "asked". All "lost" leavers together are the lost sessions.
    """
    by_depth: dict[int, list[Leavers]] = {depth: [] for depth in range(len(STEPS))}
    for depth, reason, kind, *counts in book.rows(_COUNTED, [shop]):
        by_depth[depth].append(Leavers(reason, kind, Tally(*counts)))
    entered = [
        _sum(leavers.count for place in range(depth, len(STEPS)) for leavers in by_depth[place])
        for depth in by_depth
    ]
    rungs = []
    for depth, step in enumerate(STEPS):
        here, last = entered[depth], depth == len(STEPS) - 1
        some = not last and here.sessions
        goes_on = share(entered[depth + 1].sessions, here.sessions) if some else None
        rungs.append(Rung(step, here, () if last else tuple(by_depth[depth]), goes_on))
    return Ladder(shop, tuple(rungs))


def _sum(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, start=Tally())
