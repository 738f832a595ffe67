"""Count what the report shows besides trends: reasons of loss, funnel, stages, agents, the latest week.

with open_book(lake) as book: reasons = loss_reasons(book, None)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from xundan.chats.records import SCHEMAS
from xundan.inference.loss.corrections import apply_corrections, read_log
from xundan.inference.trends.counts import MATURE_OUTCOMES, SHANGHAI_DAY
from xundan.inference.trends.intervals import wilson
from xundan.lake import Lake

# The name of a lost session for which no reason was given; it keeps the totals adding up.
NO_REASON = ""
_TABLES = ("messages", "orders", "sessions", "attention", "action", "loss", "trend")
_OF_SHOP = "(CAST($1 AS VARCHAR) IS NULL OR shop_name = $1)"


@dataclass(frozen=True)
class Book:
    """A connection that sees the tables of a lake, and ``dated``: sessions with ``day`` and ``shop_name``."""

    connection: duckdb.DuckDBPyConnection
    has_orders: bool

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self.connection.execute(query, list(values)).fetchall()

    def one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...]:
        """Return the only row of a query."""
        return self.rows(query, values)[0]

    def column(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Return the first column of a query."""
        return [row[0] for row in self.rows(query, values)]


@contextmanager
def open_book(lake: Lake) -> Iterator[Book]:
    """Open the tables of a lake for counting, corrected by people; a table never written is empty."""
    with duckdb.connect() as connection:
        for name in _TABLES:
            table = lake.read(name) if lake.has(name) else SCHEMAS[name].empty_table()
            connection.register(name, apply_corrections(table, read_log(lake)) if name == "loss" else table)
        connection.execute(
            f"CREATE TEMP VIEW dated AS SELECT *, coalesce(shop, '') AS shop_name, {SHANGHAI_DAY} AS day "
            "FROM sessions WHERE started_at IS NOT NULL"
        )
        connection.execute(
            "CREATE TEMP VIEW lost AS SELECT d.*, coalesce(l.leaf, '') AS reason FROM dated d LEFT JOIN "
            "(SELECT session_id, any_value(leaf) AS leaf FROM loss WHERE rank = 1 GROUP BY ALL) l "
            "USING (session_id) WHERE is_inquiry AND outcome LIKE 'lost_%'"
        )
        yield Book(connection, lake.has("orders"))


@dataclass(frozen=True)
class Reason:
    """One loss reason: its sessions, and their share of the lost sessions and of the mature inquiries."""

    leaf: str
    sessions: int
    of_lost: tuple[float, float, float]
    of_inquiries: tuple[float, float, float]


@dataclass(frozen=True)
class Agent:
    """What one agent did; ``first_response_s`` is the median, ``won`` is (share, low, high) or None."""

    name: str
    sessions: int
    inquiries: int
    lost: int
    won: tuple[float, float, float] | None
    first_response_s: float | None
    unanswered: int


@dataclass(frozen=True)
class Unsure:
    """The share (with its 95 % bounds) of ``n`` classified messages that the model was uncertain of."""

    share: float
    low: float
    high: float
    n: int


def unsure_messages(book: Book, tree: str) -> Unsure | None:
    """Return how many messages of a tree, attention or action, are uncertain; None where no model says so."""
    unsure, n = book.one(
        "SELECT count(DISTINCT message_id) FILTER (uncertain), count(DISTINCT message_id) "
        f"FROM {tree} WHERE uncertain IS NOT NULL"
    )
    return Unsure(*share(unsure, n), n) if n else None


def loss_reasons(book: Book, shop: str | None) -> list[Reason]:
    """Return the reasons of a shop (None: all shops), the most frequent first; `NO_REASON` stands last."""
    rows = book.rows(
        f"SELECT reason, count(*) FROM lost WHERE {_OF_SHOP} GROUP BY 1 ORDER BY reason = '', 2 DESC, 1",
        [shop],
    )
    mature = mature_inquiries(book, shop)
    lost = sum(count for _, count in rows)
    return [Reason(leaf, count, share(count, lost), share(count, mature)) for leaf, count in rows]


def mature_inquiries(book: Book, shop: str | None) -> int:
    """Return how many inquiries have a known outcome after their window closed."""
    query = f"SELECT count(*) FROM dated WHERE is_inquiry AND outcome IN {MATURE_OUTCOMES} AND {_OF_SHOP}"
    return int(book.one(query, [shop])[0])


def share(hits: int, sessions: int) -> tuple[float, float, float]:
    """Return share, low and high (Wilson, 95 %) of counts with at least one session."""
    low, high = wilson([hits], [sessions])
    return hits / sessions, float(low[0]), float(high[0])


def funnel(book: Book, shop: str | None) -> list[tuple[str, int]]:
    """Return (step, sessions): asked, inquiries, mature inquiries, then those ordered and paid.

    Paid is read from the orders where there are any, else from the outcome.
    """
    row = book.one(
        "SELECT count(*) FILTER (n_buyer > 0), count(*) FILTER (is_inquiry), count(*) FILTER (mature), "
        "count(*) FILTER (mature AND outcome <> 'lost_no_order'), count(*) FILTER (mature AND "
        "outcome <> 'lost_no_order' AND (paid_at IS NOT NULL OR outcome = 'lost_refund' OR "
        "(outcome = 'won' AND o_id IS NULL))) FROM (SELECT *, is_inquiry AND coalesce(outcome IN "
        f"{MATURE_OUTCOMES}, false) AS mature FROM dated LEFT JOIN (SELECT order_id AS o_id, max(paid_at) AS "
        f"paid_at FROM orders GROUP BY ALL) ON o_id = dated.order_id) WHERE {_OF_SHOP}",
        [shop],
    )
    return list(zip(("asked", "inquiries", "mature", "ordered", "paid"), row, strict=True))


def stage_by_reason(book: Book, shop: str | None) -> list[tuple[str, str, int]]:
    """Return (stage, reason, lost sessions); the counts add up to the lost sessions."""
    query = (
        f"SELECT coalesce(stage, ''), reason, count(*) FROM lost WHERE {_OF_SHOP} GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [(str(stage), str(reason), int(count)) for stage, reason, count in book.rows(query, [shop])]


def agents(book: Book, shop: str | None) -> list[Agent]:
    """Return the agents of a shop, the busiest first; sessions without an agent have the name ''."""
    rows = book.rows(
        "SELECT coalesce(agent, ''), count(*), count(*) FILTER (is_inquiry), count(*) FILTER (is_inquiry AND "
        "outcome LIKE 'lost_%'), count(*) FILTER (is_inquiry AND outcome = 'won'), median(first_response_s), "
        "count(*) FILTER (n_buyer > 0 AND first_response_s IS NULL) FROM dated "
        f"WHERE {_OF_SHOP} GROUP BY 1 ORDER BY coalesce(agent, '') = '', 2 DESC, 1",
        [shop],
    )
    return [
        Agent(name, total, inquiries, lost, share(won, won + lost) if won + lost else None, first, unanswered)
        for name, total, inquiries, lost, won, first, unanswered in rows
    ]


def latest_full_week(book: Book) -> date | None:
    """Return the Monday of the last week whose seven days lie before or on the last day with sessions."""
    (last,) = book.one("SELECT max(day) FROM dated")
    if last is None:
        return None
    sunday: date = last - timedelta(days=(last.weekday() + 1) % 7)
    return sunday - timedelta(days=6)
