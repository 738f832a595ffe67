"""Which column of an export means what: Chinese and English names of every field we read.

>>> from xundan.chats.headers import CHAT, locate
>>> locate(["发送时间", "角色", "发送内容"], CHAT)
{'sent_at': 0, 'role': 1, 'text': 2}
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from xundan.errors import BadInput

# Names from the exports of 千牛 (chat query), 生意参谋 (gmtCreated, userNickFrom, …), 京东咚咚 (顾客ID),
# 拼多多 (mmsId, goodsId, orderSn), 飞鸽 (接待客服), the 阿里云 店小蜜 API (SessionId, SendTime, …), and our
# own. Where a file has two names of one field, the first in this list counts.
CHAT: dict[str, tuple[str, ...]] = {
    "platform": ("平台", "platform", "渠道", "来源平台"),
    "shop": ("店铺", "shop", "店铺名", "店铺名称", "SellerNick", "商家名称", "店铺ID"),
    "session_id": ("会话ID", "session_id", "会话编号", "会话标识", "ChatId", "sid"),
    "message_id": ("消息ID", "message_id", "msg_id", "消息编号"),
    "seq": ("消息序号", "seq", "msg_seq", "序号"),
    "sent_at": ("发送时间", "sent_at", "SendTime", "消息时间", "时间", "gmtCreated", "time"),
    "role": (
        "角色",
        "role",
        "账号类型",
        "发送方",
        "发送者类型",
        "发送人类型",
        "发送方角色",
        "Direction",
        "消息方向",
    ),
    "source": ("Source", "消息来源"),
    "account": ("发送账号", "account", "发送人", "发送者", "账号", "userNickFrom", "发送人昵称"),
    "receiver": ("接收账号", "receiver", "接收人", "接收者", "userNickTo"),
    "buyer": (
        "买家",
        "buyer",
        "客户名",
        "顾客ID",
        "买家昵称",
        "买家账号",
        "顾客",
        "客户",
        "UserNick",
        "buyerNick",
        "用户信息",
        "买家ID",
    ),
    "agent": (
        "客服账号",
        "agent",
        "接待客服",
        "客服",
        "客服昵称",
        "StaffNick",
        "accountNick",
        "psnNickName",
        "mmsId",
    ),
    "content_type": ("消息类型", "content_type", "内容类型", "msg_type"),
    "text": ("发送内容", "text", "消息内容", "内容", "Content", "msg", "聊天内容", "消息"),
    "item_id": ("商品ID", "item_id", "宝贝ID", "ProductId", "goodsId", "商品编号", "SKU", "FocusItemId"),
    "order_id": ("订单号", "order_id", "订单编号", "orderSn", "FocusOrderId", "订单ID"),
}
ORDER: dict[str, tuple[str, ...]] = {
    "order_id": ("订单号", "order_id", "订单编号", "主订单编号", "订单ID", "orderSn", "OrderId"),
    "platform": CHAT["platform"],
    "buyer": (*CHAT["buyer"], "买家会员名", "下单账号", "下单帐号", "客户ID", "用户名"),
    "shop": CHAT["shop"],
    "item_id": (*CHAT["item_id"], "商品id", "标题ID"),
    "amount": (
        "实付金额",
        "amount",
        "买家实际支付金额",
        "买家实付金额",
        "用户实付金额(元)",
        "商家实收金额(元)",
        "应付金额",
        "买家应付货款",
        "订单金额",
        "总金额",
        "金额",
    ),
    "quantity": (
        "数量",
        "quantity",
        "宝贝总数量",
        "商品数量",
        "商品数量(件)",
        "购买数量",
        "订购数量",
        "件数",
    ),
    "created_at": (
        "订单创建时间",
        "created_at",
        "下单时间",
        "拍下时间",
        "创建时间",
        "订单提交时间",
        "CreateTime",
    ),
    "paid_at": ("订单付款时间", "paid_at", "付款时间", "支付时间", "支付完成时间", "付款确认时间", "PayTime"),
    "closed_at": ("订单关闭时间", "closed_at", "关闭时间", "取消时间", "订单取消时间"),
    "refunded_at": ("退款时间", "refunded_at", "退款成功时间", "退款完成时间"),
    "agent": CHAT["agent"],
}
_PLATFORMS = {
    "taobao": ("淘宝", "taobao", "淘系", "千牛", "tb"),
    "tmall": ("天猫", "tmall", "tm"),
    "jd": ("京东", "jd", "咚咚", "京东咚咚"),
    "pdd": ("拼多多", "pdd", "pinduoduo"),
    "douyin": ("抖音", "抖店", "douyin", "飞鸽", "抖音小店"),
}
_UNIT = re.compile(r"[(\[][^)\]]*[)\]]$")
_FILLER = re.compile(r"[\s_\-.:*\"'=]+")


def fold(name: str) -> str:
    """The spelling by which names are compared: width, case, blanks, underscores and marks do not count."""
    return _FILLER.sub("", unicodedata.normalize("NFKC", name)).lower()


def locate(header: Sequence[str], fields: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The column number of each field that the header has; a unit such as (元) at the end may differ."""
    exact: dict[str, int] = {}
    for index, name in reversed(list(enumerate(header))):
        exact[fold(_UNIT.sub("", unicodedata.normalize("NFKC", name)))] = index
        exact[fold(name)] = index
    found = {}
    for field, names in fields.items():
        columns = [exact[fold(name)] for name in names if fold(name) in exact]
        if columns:
            found[field] = columns[0]
    return found


def missing(field: str, header: Sequence[str], fields: Mapping[str, tuple[str, ...]], where: str) -> BadInput:
    """The error for a column that a file must have: what it has, and every name we accept."""
    return BadInput(
        f"no column for {field}",
        got=", ".join(name for name in header if name) or "no column names",
        expected=f"one of {', '.join(fields[field])}",
        do="rename the column in the file",
        where=f"{where}:1",
    )


_PLATFORM = {fold(word): name for name, words in _PLATFORMS.items() for word in words}


def platform_of(word: str) -> str | None:
    """Our name of a platform; a name we do not know is kept, nothing is None."""
    return _PLATFORM.get(fold(word), word) or None
