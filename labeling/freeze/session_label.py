"""A labelled session as the line that training on loss points reads.

session_record(task, ("loss_price_too_high",), answers)
# {"session_id": …, "messages": […], "orders": […], "outcome": …, "stage": …, "loss_primary": …, …}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from xundan.chats.masking import mask
from xundan.labeling.records import Annotation, Task
from xundan.settings import SHANGHAI

SECONDARY = 2
"""Secondary leaves a session may have."""
_ORDER_TIMES = {"ordered": "created_at", "paid": "paid_at", "closed": "closed_at", "refunded": "refunded_at"}


def session_record(task: Task, leaves: Sequence[str], answers: Sequence[Annotation]) -> dict[str, Any]:
    """The session with its final leaves: times in Asia/Shanghai (no zone), ``evidence`` as message numbers.

    Stage and evidence are those of the people who named the final primary leaf: the stage most of them
    chose, the messages at least half of them marked.
    """
    right = [one for one in answers if one.leaves[:1] == tuple(leaves[:1])]
    stages = Counter(one.stage for one in right if one.stage)
    number = {turn.message_id: place for place, turn in enumerate(task.turns, 1)}
    marked = Counter(number[name] for one in right for name in set(one.evidence) if name in number)
    return {
        "session_id": task.session_id,
        "item_title": task.item,
        "messages": [
            {"seq": place, "at": _local(turn.at), "role": turn.role, "text": mask(turn.text)}
            for place, turn in enumerate(task.turns, 1)
        ],
        "orders": _orders(task.events),
        "outcome": outcome_of(task.events),
        "stage": stages.most_common(1)[0][0] if stages else None,
        "loss_primary": leaves[0],
        "loss_secondary": list(leaves[1 : 1 + SECONDARY]),
        "evidence": sorted(place for place, people in marked.items() if 2 * people >= len(right)),
    }


def outcome_of(events: Sequence[tuple[str, datetime]]) -> str:
    """How a lost session was lost, as its order events tell it; an order that was paid and kept lost
    nothing."""
    orders = _orders(events)
    if any(order["refunded_at"] for order in orders):
        return "lost_refund"
    return "lost_unpaid" if any(not order["paid_at"] for order in orders) else "lost_no_order"


def _orders(events: Sequence[tuple[str, datetime]]) -> list[dict[str, str | None]]:
    """The events as orders: each "ordered" begins one."""
    orders: list[dict[str, str | None]] = []
    for name, at in events:
        if name not in _ORDER_TIMES:
            continue
        if name == "ordered" or not orders:
            orders.append(dict.fromkeys(_ORDER_TIMES.values()))
        orders[-1][_ORDER_TIMES[name]] = _local(at)
    return orders


def _local(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
