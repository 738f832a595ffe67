"""Who sent a message and of what kind it is, from the words that platforms use for it.

>>> from xundan.chats.roles import content_type_of, role_of_word
>>> role_of_word("智能客服"), content_type_of("", "[图片]")
('bot', 'image')
"""

from __future__ import annotations

import re

from xundan.chats.headers import fold

ROLE_WORDS: dict[str, tuple[str, ...]] = {
    "buyer": ("买家", "顾客", "用户", "客户", "消费者", "会员", "访客", "buyer", "customer", "user", "C2B"),
    "agent": (
        "客服", "商家", "卖家", "人工客服", "人工", "子账号", "主账号", "店铺客服", "店铺", "商家客服",
        "agent", "seller", "staff", "B2C", "PERSON",
    ),
    "bot": (
        "机器人", "智能客服", "自动回复", "智能机器人", "机器人客服", "店小蜜", "京小智", "智能辅助",
        "bot", "robot", "ASSIST_ROBOT", "SYSTEM_AUTO",
    ),
    "system": ("系统", "平台", "系统消息", "平台客服", "系统通知", "system", "platform"),
}  # fmt: skip
_ROLE = {fold(word): role for role, words in ROLE_WORDS.items() for word in words}

_CONTENT_WORDS: dict[str, tuple[str, ...]] = {
    "text": ("文本", "文字", "普通消息", "text", "txt"),
    "image": ("图片", "图像", "image", "picture", "img", "pic", "photo"),
    "card": ("卡片", "商品卡片", "订单卡片", "商品", "订单", "优惠券", "card", "goods", "order"),
    "voice": ("语音", "音频", "voice", "audio"),
    "link": ("链接", "商品链接", "link", "url"),
    "other": ("视频", "表情", "文件", "位置", "其他", "其它", "video", "emoji", "file", "others", "other"),
}
_CONTENT = {fold(word): kind for kind, words in _CONTENT_WORDS.items() for word in words}
_MEDIA = re.compile(
    r"\s*(?:[\[<【(](?:(?P<image>图片|截图|照片|image|img|picture|photo)|(?P<voice>语音|voice|audio)|"
    r"(?P<card>(?:商品|订单|优惠券|宝贝)(?:卡片|链接|快照)?|卡片|card)|(?P<other>视频|表情|文件|位置|动画表情|video|emoji|file))"
    r"[^\]>】)]{0,400}[\]>】)]\s*)+",
    re.IGNORECASE,
)
_LINK = re.compile(r"\s*(?:(?:https?://|www\.)[!-~]+\s*|[\[<【]链接[xX]?\d*[\]>】]\s*)+")


def role_of_word(word: str) -> str | None:
    """buyer, agent, bot or system for a word of a role column; None for an unknown word."""
    return _ROLE.get(fold(word))


def role_of(word: str, source: str, account: str) -> str | None:
    """The role by its word, made finer by the API's Source and by an account that is a machine by name."""
    role = role_of_word(word)
    if role == "agent" and "bot" in (role_of_word(source), role_of_word(account)):
        return "bot"
    return role


def role_of_parties(sender: str, receiver: str, buyer: str, shop: str, agent: str) -> tuple[str, str] | None:
    """(role, buyer) from who wrote to whom, where no column names the role; None where it cannot be told.

    A shop account is the shop itself, the agent named in the row, or a sub-account written ``shop:name``.
    """
    if not sender:
        return None
    if buyer:
        return ("buyer" if sender == buyer else "agent"), buyer
    if not receiver:
        return None
    sent_by_shop, sent_to_shop = (_is_shop(name, shop, agent) for name in (sender, receiver))
    if sent_by_shop == sent_to_shop:
        return None
    return ("agent", receiver) if sent_by_shop else ("buyer", sender)


def _is_shop(name: str, shop: str, agent: str) -> bool:
    return ":" in name or "：" in name or (bool(name) and name in (shop, agent))


def content_type_of(word: str, text: str) -> str:
    """The kind of content by the file's word for it, else by the text itself (placeholders, a bare link)."""
    kind = _CONTENT.get(fold(word)) if word else None
    if kind not in (None, "text"):
        return str(kind)
    match = _MEDIA.fullmatch(text)
    if match:
        return str(match.lastgroup)
    return "link" if _LINK.fullmatch(text) else "text"
