"""Chosen candidates as tasks, and the gate that lets nothing unmasked through.

tasks = make_tasks(pool, chosen, "attention-20260901-3f2a91c0")
refuse_unmasked(pool, tasks)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from xundan.errors import Refused
from xundan.labeling.records import Task
from xundan.labeling.sampling.drawn import Chosen
from xundan.labeling.sampling.pool import Candidate, Pool, Row
from xundan.labeling.suggest.masked import is_masked

EVENTS = {"ordered": "created_at", "paid": "paid_at", "closed": "closed_at", "refunded": "refunded_at"}
_BEFORE, _AFTER = timedelta(days=1), timedelta(days=15)
"""Orders of the same buyer in the same shop this long around a session are shown with it."""


def make_tasks(pool: Pool, chosen: Sequence[Chosen], batch: str) -> list[Task]:
    """The tasks in the order chosen; sessions with the order events of their buyer."""
    orders: dict[tuple[str | None, str | None], list[Row]] = defaultdict(list)
    for order in pool.orders:
        if order["buyer"] is not None:
            orders[order["shop"], order["buyer"]].append(order)
    return [_task(pool, one, batch, orders) for one in chosen]


def refuse_unmasked(pool: Pool, tasks: Sequence[Task]) -> None:
    """`Refused` where masking, done again, would change a text that a person is to read.

    What was masked stays as it is (`mask`), so a change means that the workspace was not made by xundan
    import, or by one that knew fewer rules: either way private text would leave it.
    """
    bad = [task for task in tasks if not is_masked(task.text, *(turn.text for turn in task.turns))]
    if not bad:
        return
    places = {(one.session_id, one.message_id): one.source for one in pool.candidates}
    raise Refused(
        f"{len(bad)} of {len(tasks)} tasks would show text that is not masked; nothing was drawn",
        got=f"the first in session {bad[0].session_id}",
        do="import the chats again, which masks them: xundan import",
        where=places[bad[0].session_id, bad[0].message_id],
    )


def _task(
    pool: Pool, chosen: Chosen, batch: str, orders: dict[tuple[str | None, str | None], list[Row]]
) -> Task:
    one = pool.candidates[chosen.offer.candidate]
    return Task(
        key=one.key,
        tree=pool.tree,
        session_id=one.session_id,
        message_id=one.message_id,
        shop=one.shop,
        buyer=one.buyer,
        text=one.text,
        turns=one.turns,
        item=one.item,
        events=_events(pool, one, orders[one.shop, one.buyer]) if one.message_id is None else (),
        predicted=one.predicted.leaves,
        model_version=one.predicted.model_version,
        taxonomy_version=one.predicted.taxonomy_version,
        purpose=chosen.purpose,
        why=chosen.offer.why,
        weight=chosen.weight,
        batch=batch,
    )


def _events(pool: Pool, one: Candidate, orders: Sequence[Row]) -> tuple[tuple[str, datetime], ...]:
    """The events of the session's own order, or else of the buyer's orders around it, order by order."""
    session = pool.sessions[one.session_id]
    end = session["ended_at"] or one.at
    near = [order for order in orders if one.at - _BEFORE <= order["created_at"] <= end + _AFTER]
    own = [order for order in near if order["order_id"] == session["order_id"]]
    return tuple(
        (name, order[column])
        for order in sorted(own or near, key=lambda order: (order["created_at"], order["order_id"]))
        for name, column in EVENTS.items()
        if order[column] is not None
    )
