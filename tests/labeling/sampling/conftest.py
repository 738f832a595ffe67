"""Small shops for the tests of drawing: sessions with messages, leaves, orders and outcomes as told.

pytest tests/labeling/sampling
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from xundan.chats.records import SCHEMAS, from_rows
from xundan.labeling.store import Store
from xundan.lake import Lake

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
Leaves = dict[str, float]
Message = tuple[str, str, Leaves]


@dataclass
class Shop:
    """Collects sessions; `lake` writes them."""

    folder: Path
    model: str = "m1"
    rows: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            name: [] for name in ("messages", "sessions", "orders", "attention", "action", "loss")
        }
    )

    def session(
        self,
        name: str,
        messages: Sequence[Message],
        *,
        buyer: str | None = None,
        outcome: str | None = "won",
        amount: str | None = None,
        item: str | None = None,
        loss: Sequence[tuple[str, float]] = (),
        day: int = 0,
        kind: str = "text",
        unsure: bool | None = None,
    ) -> Shop:
        """Add a session of (role, text, leaves with scores); ``day``: days after `START`."""
        start = START + timedelta(days=day)
        place = {"platform": "taobao", "shop": "棉田小铺", "session_id": name, "buyer": buyer or f"b_{name}"}
        stamp = {
            "session_id": name,
            "day": start.date(),
            "model_version": self.model,
            "taxonomy_version": "1",
        }
        self._say(messages, start, place, stamp, kind, unsure)
        for rank, (leaf, score) in enumerate(loss, 1):
            self.rows["loss"].append({**stamp, "leaf": leaf, "score": score, "rank": rank, "evidence": []})
        self.rows["sessions"].append(
            {
                **place,
                "item_id": item,
                "started_at": start,
                "ended_at": start + timedelta(minutes=len(messages)),
                "is_inquiry": outcome is not None,
                "outcome": outcome,
                "amount": Decimal(amount) if amount else None,
            }
        )
        return self

    def _say(
        self,
        messages: Sequence[Message],
        start: datetime,
        place: dict[str, Any],
        stamp: dict[str, Any],
        kind: str,
        unsure: bool | None,
    ) -> None:
        for seq, (role, text, leaves) in enumerate(messages):
            message = f"{stamp['session_id']}-{seq}"
            sent = {"seq": seq, "sent_at": start + timedelta(minutes=seq), "role": role, "text": text}
            source = {"source_file": "chats.csv", "source_row": len(self.rows["messages"]) + 2}
            self.rows["messages"].append(
                {**place, **sent, **source, "message_id": message, "content_type": kind}
            )
            for leaf, score in leaves.items():
                said = {"message_id": message, "leaf": leaf, "score": score, "uncertain": unsure}
                self.rows["attention" if role == "buyer" else "action"].append({**stamp, **said})

    def order(self, name: str, item: str, amount: str, buyer: str = "b_other", **times: datetime) -> Shop:
        """Add an order; ``times``: created_at, paid_at …"""
        row = {
            "order_id": name,
            "shop": "棉田小铺",
            "buyer": buyer,
            "item_id": item,
            "amount": Decimal(amount),
        }
        self.rows["orders"].append({"created_at": START - timedelta(days=9), **row, **times})
        return self

    def lake(self) -> Lake:
        """The workspace on disk."""
        lake = Lake(self.folder)
        lake.write({name: from_rows(rows, SCHEMAS[name]) for name, rows in self.rows.items()})
        return lake


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop without sessions."""
    return Shop(tmp_path / "lake")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return an empty store."""
    with Store.open(tmp_path / "labels") as opened:
        yield opened


# fmt: off
GOODS = (
    "围巾", "手套", "帽子", "袜子", "毛衣", "衬衫", "短裤", "长裙", "风衣", "雨伞",
    "水杯", "饭盒", "台灯", "闹钟", "背包", "钱包", "拖鞋", "凉席", "被套", "枕头",
)
# fmt: on
ASKED = {
    "product_color": "请问{}还有没有别的颜色可以选呀",
    "logistics_freight": "{}寄到新疆那边需要另外补邮费吗",
    "stock_availability": "{}现在仓库里面还剩多少件呢",
    "promo_coupon": "买{}的话店铺优惠券可以叠加着用吧",
    "product_material": "你们家{}到底是什么料子做出来的",
}


@pytest.fixture
def busy_shop(shop: Shop) -> Callable[..., Shop]:
    """Return a function that fills the shop: 20 goods, asked about in 5 ways, and ``hello`` greetings."""

    def fill(hello: int = 40) -> Shop:
        for number, goods in enumerate(GOODS):
            for place, (leaf, words) in enumerate(ASKED.items()):
                score = 0.35 + 0.6 * ((number * 7 + place * 3) % 20) / 20
                outcome = ("won", "lost_no_order")[(number + place) % 2]
                shop.session(
                    f"s{number:02}-{place}",
                    [
                        ("buyer", words.format(goods), {leaf: score}),
                        ("agent", f"亲，{goods}的问题这边马上帮您看一下哦", {"act_hold": 0.9}),
                    ],
                    outcome=outcome,
                    item=f"item{number}",
                    day=number % 5,
                    loss=[("loss_price_too_high", score)] if outcome != "won" else (),
                )
            shop.order(f"o{number}", f"item{number}", f"{10 * (number + 1)}.00")
        for number in range(hello):
            shop.session(f"h{number}", [("buyer", "你好，在吗", {"dialog_greeting": 0.99})])
        return shop

    return fill
