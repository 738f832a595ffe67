"""The inquiries whose outcome is known, as arrays: who was won, what was asked, when, and what it was worth.

with open_book(lake) as book: people = read_inquiries(book, None, slow_after_s=180.0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xundan.inference.report.tallies import Book
from xundan.inference.trends.counts import MATURE_OUTCOMES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

PRICE_SOURCES = ("order", "item", "shop", "unknown")
SIGNED_BEHAVIOUR = ("no_reply", "bot_only", "slow_first_response")
_OFFSET_US = 28_800_000_000  # Asia/Shanghai, without summer time
_CLOCK = f"make_timestamp(epoch_us(started_at) + {_OFFSET_US})"

# Prices of one piece. A discount on many pieces counts as the price of each; free orders tell no price, and
# the 0 that many exports give as the paid amount of an order that was not paid is no price of it.
PRICES = """
WITH pieces AS (
    SELECT coalesce(shop, '') AS shop_name, item_id,
           CAST(amount AS DOUBLE) / greatest(coalesce(quantity, 1), 1) AS price FROM orders WHERE amount > 0),
item_prices AS (SELECT item_id, median(price) AS item_price FROM pieces WHERE item_id IS NOT NULL GROUP BY 1),
shop_prices AS (SELECT shop_name, median(price) AS shop_price FROM pieces GROUP BY 1),
any_shop AS (SELECT max(shop_price) FILTER (shop_name = '') AS unnamed_price FROM shop_prices),
priced AS (
    SELECT d.*, item_price,
           CASE WHEN d.amount > 0 OR outcome IN ('won', 'lost_refund')
                THEN CAST(d.amount AS DOUBLE) END AS own,
           coalesce(own, item_price, shop_price, unnamed_price) AS worth,
           CASE WHEN own IS NOT NULL THEN 'order' WHEN item_price IS NOT NULL THEN 'item'
                WHEN shop_price IS NOT NULL OR unnamed_price IS NOT NULL THEN 'shop'
                ELSE 'unknown' END AS price_source
    FROM dated d LEFT JOIN item_prices USING (item_id) LEFT JOIN shop_prices USING (shop_name)
    CROSS JOIN any_shop)
"""

# A rung of the ladder of matching holds every rung before it: the hour is given up first, then the week.
# While windows are open, and where the orders of a shop begin or end within a window, those who bought are
# known and those who did not are not. With the former alone such days would seem all won: they stay out.
_QUERY = f"""{PRICES},
edges AS (
    SELECT shop_name, min(started_at) AS first_lost, max(started_at) AS last_lost FROM lost GROUP BY 1),
unsettled AS (
    SELECT shop_name, max(started_at) FILTER (started_at < first_lost) AS until,
           min(started_at) FILTER (started_at > last_lost) AS since
    FROM dated JOIN edges USING (shop_name)
    WHERE is_inquiry AND outcome IN ('open', 'outcome_unknown') GROUP BY 1),
known AS (
    SELECT session_id, shop_name, coalesce(buyer, session_id) AS person, item_id, item_price, worth,
           price_source, outcome = 'won' AS won, coalesce(n_buyer, 0) > 0 AS spoke, day, n_agent, n_bot,
           first_response_s, date_trunc('week', day)::DATE AS week, hour({_CLOCK}) AS hour,
           CASE WHEN hour({_CLOCK}) BETWEEN 9 AND 11 THEN 'morning'
                WHEN hour({_CLOCK}) BETWEEN 12 AND 17 THEN 'afternoon'
                WHEN hour({_CLOCK}) BETWEEN 18 AND 21 THEN 'evening' ELSE 'night' END AS band,
           floor(log2(item_price)) AS price_band,
           (seen_before OR EXISTS (
               SELECT 1 FROM orders o WHERE o.buyer = numbered.buyer AND o.paid_at < numbered.started_at
               AND (o.shop IS NULL OR o.shop = numbered.shop_name))) AS comes_again
    FROM (SELECT *, buyer IS NOT NULL AND row_number() OVER (
              PARTITION BY shop_name, buyer ORDER BY started_at, session_id) > 1 AS seen_before FROM priced)
         AS numbered
    LEFT JOIN unsettled USING (shop_name)
    WHERE is_inquiry AND outcome IN {MATURE_OUTCOMES}
      AND (outcome <> 'won' OR (coalesce(started_at > until, true) AND coalesce(started_at < since, true))))
SELECT session_id, coalesce(reason, '') AS reason, won, worth, item_price, price_source, comes_again,
    n_agent, n_bot, first_response_s, hour, isodow(day), epoch(day) / 86400, shop_name, band,
    dense_rank() OVER (ORDER BY person),
    dense_rank() OVER (ORDER BY shop_name, item_id, price_band, comes_again, week, band),
    dense_rank() OVER (ORDER BY shop_name, item_id, price_band, comes_again, week),
    dense_rank() OVER (ORDER BY shop_name, item_id, price_band, comes_again),
    dense_rank() OVER (ORDER BY shop_name, price_band, comes_again),
    dense_rank() OVER (ORDER BY shop_name, comes_again),
    dense_rank() OVER (ORDER BY shop_name),
    item_id IS NOT NULL, price_band IS NOT NULL
FROM known LEFT JOIN (SELECT session_id, reason FROM lost) USING (session_id)
WHERE CAST($1 AS VARCHAR) IS NULL OR shop_name = $1 ORDER BY session_id
"""
RUNGS = ("item_week_hour", "item_week", "item", "price", "buyer", "shop")


@dataclass(frozen=True)
class Inquiries:
    """Mature inquiries in order of session id; every array has one row for each of the n.

    Won ones of days whose lost ones are not known are left out: windows still open, orders that end or begin.

    ``reason``: the primary loss leaf ('' for won sessions and where none is known). ``worth`` (yuan): the
    own order's amount, else the median price of the item, else of its shop, else NaN; ``price_source`` says
    which. ``strata`` (n, 6): the stratum at each of `RUNGS`, every one inside the next; ``usable`` (n, 6):
    False where the session names no item, or the item has no price, so that the rung says nothing.
    ``person``: the buyer as a number from 0. ``behaviour`` (n, 3): `SIGNED_BEHAVIOUR`. ``covariates`` (n, 4):
    log item price (NaN unknown), hour of the day, day of the week, day number.
    """

    session_ids: tuple[str, ...]
    reason: NDArray[np.str_]
    won: Flags
    worth: Floats
    price_source: NDArray[np.str_]
    returning: Flags
    person: Integers
    shop: NDArray[np.str_]
    band: NDArray[np.str_]
    strata: Integers
    usable: Flags
    behaviour: Flags
    covariates: Floats

    @property
    def n(self) -> int:
        """How many inquiries there are."""
        return len(self.session_ids)


def read_inquiries(book: Book, shop: str | None, slow_after_s: float) -> Inquiries:
    """Read the mature inquiries of a shop (None: all shops).

    ``slow_after_s``: seconds above which a first response is called slow. Returning means an earlier session
    in the same shop, or an order paid before, as far as the workspace reaches back.
    """
    rows = book.rows(_QUERY, [shop])
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 24
    price, hour, weekday, day = (_floats(columns[place]) for place in (4, 10, 11, 12))
    strata = np.array(columns[16:22], dtype=np.int64).reshape(6, -1).T - 1
    has_item, has_price = (np.array(columns[place], dtype=bool) for place in (22, 23))
    always = np.ones(len(rows), dtype=bool)
    return Inquiries(
        session_ids=tuple(columns[0]),
        reason=np.array(columns[1], dtype=np.str_),
        won=np.array(columns[2], dtype=bool),
        worth=_floats(columns[3]),
        price_source=np.array(columns[5], dtype=np.str_),
        returning=np.array(columns[6], dtype=bool),
        person=np.array(columns[15], dtype=np.int64) - 1,
        shop=np.array(columns[13], dtype=np.str_),
        band=np.array(columns[14], dtype=np.str_),
        strata=strata,
        usable=np.column_stack([has_item, has_item, has_item, has_price, always, always]),
        behaviour=_behaviour(columns[7], columns[8], columns[9], slow_after_s),
        covariates=np.column_stack([np.log(price), hour, weekday, day]),
    )


def _behaviour(n_agent: list[Any], n_bot: list[Any], first_s: list[Any], slow_after_s: float) -> Flags:
    agents, bots = (np.array([count or 0 for count in column], dtype=np.int64) for column in (n_agent, n_bot))
    silent = agents == 0
    # NaN, the response that never came, is not above the limit: that is no_reply.
    slow = _floats(first_s) > slow_after_s
    return np.column_stack([silent & (bots == 0), silent & (bots > 0), slow])


def _floats(column: list[Any]) -> Floats:
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)
