"""Where a session stood when it ended, as far as its attention points tell.

stage, last_attention = standing(["product_size", "price_bargain"])   # ("stage_negotiate", "price_bargain")
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from xundan.taxonomy.trees import load

# Attention groups in which the buyer is not asking about the goods any more, or not yet.
_STAGE_OF_GROUP = {
    "price": "stage_negotiate",
    "promotion": "stage_negotiate",
    "recommend": "stage_need",
}
_TALK = "dialog"
_HESITATES = "dialog_hesitate"
# Stages that come from orders or from the kind of session: what was said does not change them.
FIXED = ("stage_order_unpaid", "stage_paid", "stage_aftersale")


@functools.cache
def _groups() -> dict[str, str]:
    return {leaf.id: leaf.group for leaf in load("attention").leaves}


def standing(leaves: Sequence[str], known_stage: str | None = None) -> tuple[str | None, str | None]:
    """(stage, last attention point) from the leaves of a session's buyer messages, first to last.

    ``stage`` is None where the leaves say nothing better than ``known_stage``: an order settles it, an
    objection in the buyer's words outweighs topics, and a shop's own leaves belong to no stage.
    """
    topics = [leaf for leaf in leaves if _groups().get(leaf) != _TALK]
    last = topics[-1] if topics else None
    if known_stage in FIXED or known_stage == "stage_objection":
        return None, last
    if leaves and leaves[-1] == _HESITATES:
        return "stage_objection", last
    group = _groups().get(last or "")
    if group is None:
        return None, last
    return _STAGE_OF_GROUP.get(group, "stage_answer"), last
