"""What each platform's table of numbers looks like, and by which rule the platform counts.

>>> from xundan.inference.reconcile.platforms import PLATFORMS
>>> PLATFORMS["pdd"].preset
'pdd'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xundan.chats.headers import CHAT

# Columns that mean the same on every platform.
_SHARED: dict[str, tuple[str, ...]] = {
    "day": ("biz_day", "日期", "统计日期", "业务日期", "数据日期", "咨询日期", "date", "day", "时间"),
    "agent": (
        *CHAT["agent"], "客服名称", "客服名", "客服姓名", "客服旺旺", "旺旺昵称", "旺旺", "客服ID", "子账号"
    ),
    "shop": CHAT["shop"],
    "inquiries": ("询单人数", "inquiries", "询单用户数", "询单顾客数"),
    "lost": ("询单流失人数", "lost", "询单流失用户数", "询单流失顾客数"),
}  # fmt: skip


@dataclass(frozen=True)
class Platform:
    """One platform: its columns, the headers that give its tables away, and how it counts.

    ``won`` and ``rate`` serve where no column holds the lost inquiries: lost = inquiries - won. ``excluded``
    are the filters by which the platform leaves sessions out; those in ``assumed`` are no published rule.
    ``over_midnight``: a talk that goes on after midnight counts on both days.
    """

    name: str
    preset: str
    families: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    marks: tuple[str, ...]
    excluded: tuple[str, ...]
    assumed: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    over_midnight: bool = True


# Where each rule comes from:
# pdd     客服绩效: 询单人数 are the day's senders of messages that are no spam, less those asking
#         after sale; 最终成团人数 within 3 days. Nothing is published on a shop's own accounts.
# taobao  生意参谋 询单流失明细 (one row for each lost inquiry) and 千牛 客服绩效: customers who ask before
#         they order, paid on that day or the next. How after-sale talks are told apart is not published.
# chitu   赤兔名品: as taobao, 7 days. Its formula of lost inquiries is not published.
# jd      京东 客服管家 (ordered within 24 h) and the POP report, whose filters and window the shop sets.
PLATFORMS: dict[str, Platform] = {
    "pdd": Platform(
        "pdd",
        "pdd",
        ("pdd",),
        {**_SHARED, "won": ("最终成团人数", "成团人数"), "rate": ("询单转化率", "最终成团转化率")},
        ("biz_day", "最终成团人数", "成团人数", "mmsId"),
        ("aftersale", "agent_initiated", "spam"),
        ("own_accounts",),
    ),
    "taobao": Platform(
        "taobao",
        "taobao",
        ("taobao", "tmall"),
        {
            **_SHARED,
            "start": ("startTime", "开始时间", "咨询开始时间", "会话开始时间"),
            "buyer": CHAT["buyer"],
            "won": ("次日付款人数", "询单→次日付款人数", "询单->次日付款人数"),
            "rate": ("询单→次日付款成功率", "询单->次日付款成功率", "次日付款成功率"),
        },
        ("psnNickName", "startTime", "次日付款人数", "询单→次日付款人数", "询单->次日付款人数",
         "询单→次日付款成功率", "询单->次日付款成功率", "次日付款成功率"),
        ("aftersale", "agent_initiated"),
        ("aftersale", "agent_initiated", "own_accounts", "spam"),
        ("chitu",),
    ),
    "chitu": Platform(
        "chitu",
        "chitu",
        ("taobao", "tmall"),
        {
            **_SHARED,
            "won": ("7天付款人数", "付款人数", "询单付款人数"),
            "rate": ("7天付款成功率", "付款成功率", "询单付款成功率"),
        },
        ("7天付款人数", "付款人数", "询单付款人数", "7天付款成功率", "付款成功率", "询单付款成功率"),
        ("aftersale", "agent_initiated"),
        ("aftersale", "agent_initiated", "own_accounts", "spam"),
        ("taobao",),
    ),
    "jd": Platform(
        "jd",
        "jd",
        ("jd",),
        {
            **_SHARED,
            "unpaid": ("付款流失人数",),
            "won": ("促成人数", "询单下单人数", "询单→最终下单人数", "询单->最终下单人数"),
            "rate": ("询单→最终下单成功率", "询单->最终下单成功率", "促成率"),
        },
        ("付款流失人数", "出库流失人数", "促成人数", "询单下单人数", "询单→最终下单人数",
         "询单->最终下单人数", "询单→最终下单成功率", "促成率"),
        ("aftersale", "agent_initiated", "own_accounts", "spam"),
        ("aftersale", "own_accounts", "spam"),
        ("jd_pop_3d", "jd_pop_15d"),
        over_midnight=False,
    ),
}  # fmt: skip
