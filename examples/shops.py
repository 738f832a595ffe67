"""The three demo shops: what they sell, who answers, and how their files look.

>>> from xundan.examples.shops import SHOPS
>>> [shop.name for shop in SHOPS]
['云裳女装', '暖居家电', '果仁铺子']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

WEEKS = 10
FIRST_DAY = datetime(2026, 8, 31)  # a Monday, Asia/Shanghai, as every naive time here


@dataclass(frozen=True)
class Item:
    """One thing on sale: the name buyers use, the platform's number, yuan."""

    name: str
    item_id: str
    price: int


@dataclass(frozen=True)
class Shop:
    """One shop; ``mark`` opens its session ids, ``bot_share`` is how often its robot greets first."""

    name: str
    platform: str
    trade: str
    mark: str
    link: str
    depot: str
    agents: tuple[str, ...]
    slow_agent: str
    bot_share: float
    items: tuple[Item, ...]
    file_kind: str


def _items(first: int, step: int, goods: str) -> tuple[Item, ...]:
    pairs = enumerate(word.split(":") for word in goods.split())
    return tuple(Item(name, str(first + step * number), int(price)) for number, (name, price) in pairs)


SHOPS = (
    Shop(
        name="云裳女装",
        platform="taobao",
        trade="clothing",
        mark="YS",
        link="https://item.taobao.com/item.htm?id={}",
        depot="杭州",
        agents=("小雨", "阿禾", "青青", "木子"),
        slow_agent="木子",
        bot_share=0.2,
        items=_items(
            680012340017,
            5321,
            "风衣:329 阔腿裤:139 针织开衫:159 半身裙:129 衬衫:119 连衣裙:239 牛仔裤:149 卫衣:109 毛衣:179",
        ),
        file_kind="gb18030",
    ),
    Shop(
        name="暖居家电",
        platform="jd",
        trade="appliance",
        mark="NJ",
        link="https://item.jd.com/{}.html",
        depot="佛山",
        agents=("nuanju01", "nuanju02", "nuanju03"),
        slow_agent="nuanju03",
        bot_share=0.5,
        items=_items(
            100045670021,
            743,
            "电饭煲:299 空气炸锅:259 加湿器:159 挂烫机:229 破壁机:359 电热水壶:129 暖风机:269 "
            "台式洗碗机:1299",
        ),
        file_kind="utf-8-sig",
    ),
    Shop(
        name="果仁铺子",
        platform="pdd",
        trade="food",
        mark="GR",
        link="https://mobile.yangkeduo.com/goods.html?goods_id={}",
        depot="临安",
        agents=("果果", "仁仁", "豆豆", "栗子", "小杏"),
        slow_agent="栗子",
        bot_share=0.3,
        items=_items(
            431200560011,
            917,
            "每日坚果:80 纸皮核桃:60 夏威夷果:50 碧根果:46 开心果:70 巴旦木:53 腰果:57 芒果干:30 "
            "坚果礼盒:128",
        ),
        file_kind="xlsx",
    ),
)
