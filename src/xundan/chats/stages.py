"""How far a session got, by plain cues: the order first, then what the buyer said last.

>>> from xundan.chats.stages import stage_of
>>> stage_of(None, None, 2, 1, ["有货吗", "有点贵 我再看看"])
'stage_objection'
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from xundan.chats.orderbook import Order

_OBJECTS = re.compile("太贵|有点贵|好贵|考虑|再看看|看看再|算了|别家|别的店|犹豫|再说|不要了|不买")
_BARGAINS = re.compile("便宜|优惠|少点|打折|折扣|活动|满减|最低|包邮|送点|赠品|券")
_LAST = 2  # messages of the buyer that show where the talk stood


def stage_of(
    filtered: str | None, order: Order | None, n_buyer: int, n_agent: int, buyer_texts: Sequence[str]
) -> str:
    """One of `xundan.chats.records.STAGES`."""
    if filtered == "aftersale":
        return "stage_aftersale"
    if order is not None:
        return "stage_order_unpaid" if order.paid_at is None else "stage_paid"
    if n_buyer <= 1:
        return "stage_enter"
    last = buyer_texts[-_LAST:]
    if any(_OBJECTS.search(text) for text in last):
        return "stage_objection"
    if any(_BARGAINS.search(text) for text in last):
        return "stage_negotiate"
    return "stage_answer" if n_agent else "stage_need"
