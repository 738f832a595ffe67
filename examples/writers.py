"""Writes a demo shop as the files people export: chats and orders as CSV or Excel, the same bytes every time.

>>> from xundan.examples.writers import CHAT_COLUMNS
>>> CHAT_COLUMNS[:3]
('平台', '店铺', '会话ID')
"""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from openpyxl import Workbook

from xundan.examples.assemble import Session, ShopData
from xundan.examples.shops import Shop

CHAT_COLUMNS = (
    "平台", "店铺", "会话ID", "消息ID", "消息序号", "发送时间",
    "角色", "发送账号", "客户名", "发送内容", "商品ID", "订单号",
)  # fmt: skip
# 千牛 names the role 账号类型 and puts the customer first.
QIANNIU_COLUMNS = (
    "客户名", "消息序号", "发送时间", "发送内容", "发送账号", "账号类型",
    "会话ID", "消息ID", "平台", "店铺", "商品ID", "订单号",
)  # fmt: skip
ORDER_COLUMNS = (
    "订单号", "买家", "店铺", "平台", "商品ID", "实付金额",
    "数量", "下单时间", "付款时间", "关闭时间", "退款时间", "客服",
)  # fmt: skip
TRUTH_COLUMNS = ("shop", "week", "session_id", "message_id", "kind", "attention", "loss", "outcome", "event")
ROLES = {"buyer": "买家", "agent": "客服", "bot": "机器人", "system": "系统"}
# What goes wrong in exports: (column, value) of the rows that a reader must refuse.
BROKEN = (
    ("发送时间", "2026-13-45 25:61:00"),
    ("发送时间", "昨天 10:20"),
    ("发送时间", ""),
    ("角色", "路人甲"),
)
DUPLICATES = 6
FIXED_TIME = (2026, 11, 9, 0, 0, 0)
Row = dict[str, str]


def message_id(session: Session, seq: int) -> str:
    """The id of a session's message."""
    return f"{session.session_id}-{seq:03d}"


def _shown(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _session_rows(shop: Shop, session: Session) -> Iterator[Row]:
    for message in session.messages:
        yield {
            "平台": shop.platform,
            "店铺": shop.name,
            "会话ID": session.session_id,
            "消息ID": message_id(session, message.seq),
            "消息序号": str(message.seq),
            "发送时间": _shown(message.sent_at),
            "角色": ROLES[message.role],
            "发送账号": message.account,
            "客户名": session.buyer,
            "发送内容": message.text,
            "商品ID": "" if session.plan.kind in ("spam", "initiated") else session.item.item_id,
            "订单号": session.order_id,
        }


def chat_rows(data: ShopData, seed: int) -> list[Row]:
    """All rows of a chat export, with a few exact duplicates and a few rows that no reader can use."""
    rng = random.Random(f"{seed}-{data.shop.mark}-rows")
    rows = [row for session in data.sessions for row in _session_rows(data.shop, session)]
    for place in sorted(rng.sample(range(len(rows)), DUPLICATES), reverse=True):
        rows.insert(place + 1, dict(rows[place]))
    for number, (column, value) in enumerate(BROKEN):
        place = rng.randrange(len(rows))
        rows.insert(place, rows[place] | {"消息ID": f"{data.shop.mark}-bad-{number}", column: value})
    return rows


def order_rows(data: ShopData) -> list[Row]:
    """All rows of an order export."""
    return [
        {
            "订单号": order.order_id,
            "买家": order.buyer,
            "店铺": data.shop.name,
            "平台": data.shop.platform,
            "商品ID": order.item.item_id,
            "实付金额": str(order.amount),
            "数量": str(order.quantity),
            "下单时间": _shown(order.created_at),
            "付款时间": _shown(order.paid_at),
            "关闭时间": _shown(order.closed_at),
            "退款时间": _shown(order.refunded_at),
            "客服": order.agent,
        }
        for order in data.orders
    ]


def truth_rows(data: ShopData) -> Iterator[Row]:
    """What was meant: one row per buyer message (one without message where the buyer never wrote)."""
    for session in data.sessions:
        plan = session.plan
        fixed = {
            "shop": data.shop.name,
            "week": str(plan.week),
            "session_id": session.session_id,
            "kind": plan.kind,
            "loss": plan.loss,
            "outcome": plan.outcome,
            "event": plan.event,
        }
        spoken = [message for message in session.messages if message.role == "buyer"]
        for message in spoken:
            number = message_id(session, message.seq)
            yield fixed | {"message_id": number, "attention": ";".join(message.signs)}
        if not spoken:
            yield fixed | {"message_id": "", "attention": ""}


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row], encoding: str) -> None:
    """One CSV file in the given encoding."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def write_xlsx(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """One Excel file; the clock times that Excel files carry are fixed so that the bytes repeat."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("导出")
    sheet.append(list(columns))
    for row in rows:
        sheet.append([row[column] for column in columns])
    memory = io.BytesIO()
    book.save(memory)
    with zipfile.ZipFile(memory) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-11-09T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name, FIXED_TIME), content, zipfile.ZIP_DEFLATED)


def _as_qianniu(rows: Sequence[Row]) -> list[Row]:
    return [{("账号类型" if name == "角色" else name): cell for name, cell in row.items()} for row in rows]


def write_shop(data: ShopData, folder: Path, seed: int) -> tuple[Path, Path]:
    """The two exports of one shop: (chats, orders)."""
    shop = data.shop
    chats, columns = chat_rows(data, seed), CHAT_COLUMNS
    if shop.platform == "taobao":
        chats, columns = _as_qianniu(chats), QIANNIU_COLUMNS
    ending = "xlsx" if shop.file_kind == "xlsx" else "csv"
    paths = folder / f"{shop.name}_聊天记录.{ending}", folder / f"{shop.name}_订单.{ending}"
    for path, names, rows in ((paths[0], columns, chats), (paths[1], ORDER_COLUMNS, order_rows(data))):
        if shop.file_kind == "xlsx":
            write_xlsx(path, names, rows)
        else:
            write_csv(path, names, rows, shop.file_kind)
    return paths
