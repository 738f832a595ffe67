"""How each session ended, from orders: won, lost in one of three ways, still open, or not known.

>>> from xundan.chats.outcomes import decide
>>> decide(sessions, messages, orders, settings.loss, now)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xundan.chats.filters import Opening, why_filtered
from xundan.chats.orderbook import Order, OrderBook
from xundan.chats.records import SESSIONS, from_rows
from xundan.chats.sessions import in_sessions
from xundan.chats.stages import stage_of
from xundan.settings import Limits, LossDefinition

# A cancelled order is taken back if it was cancelled this soon (京东: recalculated within 15 days).
_CANCELLED_WITHIN = timedelta(days=15)
# A buyer who asks about an order placed but not yet paid is deciding about that order.
_PENDING_FOR = timedelta(hours=24)
_BEST_FIRST = ("won", "lost_refund", "lost_unpaid")


@dataclass(frozen=True)
class _Verdict:
    outcome: str
    order: Order | None


def decide(
    sessions: pa.Table,
    messages: pa.Table,
    orders: pa.Table | None,
    definition: LossDefinition,
    now: datetime,
    *,
    limits: Limits | None = None,
    own_buyers: Collection[str] = (),
) -> pa.Table:
    """SESSIONS with is_inquiry, filtered, outcome, stage, order_id, amount and loss_definition filled.

    ``now`` (aware) is the latest time that the data know of. Only inquiries get an outcome; nothing is
    called lost unless orders of that shop cover the session's whole window. ``own_buyers`` are hashed.
    """
    book = OrderBook(orders)
    limits = limits or Limits()
    columns = ["role", "text", "content_type", "account"]
    openings = {name: Opening.of(rows) for name, rows in in_sessions(messages, columns)}
    rows = sessions.to_pylist()
    for row in rows:
        opening = openings[row["session_id"]]
        _decide_one(row, opening, book, definition, now, limits, own_buyers)
    return from_rows(rows, SESSIONS)


def _decide_one(
    row: dict[str, Any],
    opening: Opening,
    book: OrderBook,
    definition: LossDefinition,
    now: datetime,
    limits: Limits,
    own_buyers: Collection[str],
) -> None:
    start = opening.first_buyer_at or row["started_at"]
    end = definition.closes(start)
    asked = book.of_session(row)
    candidates = _candidates(asked, start, end, definition, limits)
    known = book.covers(row, start, end)
    row["filtered"] = why_filtered(
        row, opening, asked, bool(candidates), known, definition.exclude, own_buyers, limits
    )
    row["is_inquiry"] = row["filtered"] is None and row["n_buyer"] > 0
    verdict = _verdict(candidates, row["item_id"], start, end, definition)
    outcome = _mature(verdict.outcome, known, book.has_any(row), now >= end)
    order = verdict.order
    row["outcome"] = outcome if row["is_inquiry"] else None
    row["order_id"] = order.order_id if order else None
    row["amount"] = order.amount if order else None
    row["stage"] = stage_of(row["filtered"], order, row["n_buyer"], row["n_agent"], opening.buyer_texts)
    row["loss_definition"] = definition.label


def _candidates(
    orders: list[Order], start: datetime, end: datetime, definition: LossDefinition, limits: Limits
) -> list[Order]:
    """The buyer's orders that this session may have led to."""
    earliest = start - timedelta(minutes=limits.order_tolerance_minutes)
    found = []
    for order in orders:
        placed_after = earliest <= order.created_at < end
        pending = (
            definition.numerator == "paid"
            and start - _PENDING_FOR <= order.created_at < earliest
            and (order.paid_at is None or order.paid_at >= start)
            and (order.closed_at is None or order.closed_at >= start)
        )
        if placed_after or pending:
            found.append(order)
    return found


def _verdict(
    candidates: list[Order], item_id: str | None, start: datetime, end: datetime, definition: LossDefinition
) -> _Verdict:
    """The best outcome among the orders; of equals, one for the item asked about, then the earliest."""
    judged = [(_judge(order, end, definition), order) for order in candidates]
    judged = [(outcome, order) for outcome, order in judged if outcome != "lost_no_order"]
    if not judged:
        return _Verdict("lost_no_order", None)
    outcome, order = min(
        judged,
        key=lambda pair: (
            _BEST_FIRST.index(pair[0]),
            item_id is None or pair[1].item_id != item_id,
            abs(pair[1].created_at - start),
            pair[1].order_id,
        ),
    )
    return _Verdict(outcome, order)


def _judge(order: Order, end: datetime, definition: LossDefinition) -> str:
    """What one order makes of a session whose window ends at ``end``."""
    if definition.numerator == "paid":
        if order.paid_at is None or order.paid_at >= end:
            return "lost_unpaid"
        return "won" if order.refunded_at is None else "lost_refund"
    if order.refunded_at is not None:
        return "lost_refund"
    cancelled = order.closed_at is not None and order.paid_at is None
    if cancelled and order.closed_at is not None and order.closed_at - order.created_at <= _CANCELLED_WITHIN:
        return "lost_no_order"
    return "won"


def _mature(outcome: str, covered: bool, any_orders: bool, closed: bool) -> str:
    """A win stands at once; a loss only when the window has closed and the orders cover it."""
    if outcome == "won":
        return outcome
    if not any_orders:
        return "outcome_unknown"
    if not closed:
        return "open"
    return outcome if covered else "outcome_unknown"


def last_moment(messages: pa.Table, orders: pa.Table | None) -> datetime:
    """The latest time the files know of: a loss is judged as of then, not as of the day of the run."""
    times: list[datetime | None] = [pc.max(messages["sent_at"]).as_py()]
    if orders is not None and orders.num_rows:
        times += [
            pc.max(orders[name]).as_py() for name in ("created_at", "paid_at", "closed_at", "refunded_at")
        ]
    return max(time for time in times if time is not None)
