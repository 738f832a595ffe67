"""Why a session is no inquiry: after sale, begun by the shop and unanswered, own account, or spam.

>>> from xundan.chats.filters import asks_after_sale
>>> asks_after_sale(["收到的杯子碎了一个"]), asks_after_sale(["支持退货吗"])
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from xundan.chats.orderbook import Order
from xundan.settings import Limits

# Goods already received, or a return already under way; "支持退货吗" is asked before buying and not here.
_AFTER_SALE = re.compile(
    "(?:收到|拿到|到货|签收).{0,12}(?:坏|破|烂|碎|裂|少了|漏|发错|不对|瑕疵|划痕|异味|有问题|用不了|不能用)|"
    "(?:申请|办理|我要|我想|给我|帮我|已经|已)(?:退货|退款|换货|退换|退了|补发|返修|维修)|"
    "(?:退款|退货).{0,4}(?:到账|进度|没到|还没|快递单号|物流)|"
    "(?:用|穿|洗|戴|吃)了.{0,6}(?:坏|破|掉|断|裂|起球|褪色|掉色|缩水|过敏)"
)
_OFFER = re.compile(
    "刷单|补单|放单|刷销量|刷信誉|刷手|代运营|引流|涨粉|直通车托管|做推广|上首页|拍照修图|兼职|日结|贷款|低息|办证|刷好评"
)
_PITCH = re.compile(
    "加我|加微|加[vV]|诚招|了解一下|不成功不收费|需要吗|联系|微信|合作|专业|有需要|需要的|免费|提升|咨询|\\[微信\\]|\\[QQ\\]|\\[手机\\]",
    re.IGNORECASE,
)
_ANY_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Opening:
    """What the filters need to know of a session's messages."""

    first_buyer_at: datetime | None
    buyer_texts: tuple[str, ...]
    buyer_media: bool

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Opening:
        """From the rows of one session in order of time."""
        buyer = [row for row in rows if row["role"] == "buyer"]
        return cls(
            buyer[0]["sent_at"] if buyer else None,
            tuple(row["text"] for row in buyer),
            any(row["content_type"] != "text" for row in buyer),
        )


def why_filtered(
    session: Mapping[str, Any],
    opening: Opening,
    orders: Sequence[Order],
    ordered_now: bool,
    orders_known: bool,
    exclude: Collection[str],
    own_buyers: Collection[str],
    limits: Limits,
) -> str | None:
    """aftersale, agent_initiated, own_account or spam, where the definition excludes it; else None.

    ``orders`` are all of the buyer's in this shop, ``ordered_now`` says whether one lies in the window.
    """
    if "own_accounts" in exclude and session["buyer"] in own_buyers:
        return "own_account"
    if "agent_initiated" in exclude and not session["n_buyer"] and session["n_agent"] + session["n_bot"]:
        return "agent_initiated"
    if "spam" in exclude and is_spam(opening):
        return "spam"
    if "aftersale" in exclude and not ordered_now and opening.first_buyer_at is not None:
        oldest = opening.first_buyer_at - timedelta(days=limits.aftersale_days)
        paid_before = any(
            order.paid_at is not None and oldest <= order.paid_at < opening.first_buyer_at for order in orders
        )
        if paid_before or (not orders_known and asks_after_sale(opening.buyer_texts)):
            return "aftersale"
    return None


def is_spam(opening: Opening) -> bool:
    """A session in which the buyer says nothing at all, or offers a trade of the kind that spams shops."""
    empty = not opening.buyer_media and not any(_ANY_WORD.search(text) for text in opening.buyer_texts)
    return empty or any(_OFFER.search(text) and _PITCH.search(text) for text in opening.buyer_texts)


def asks_after_sale(texts: Sequence[str]) -> bool:
    """Whether the buyer writes about goods already received or a return under way."""
    return any(_AFTER_SALE.search(text) for text in texts)
