"""Fills the {slots} of a wording with values that hold for a whole session: goods, prices, places, people.

>>> import random
>>> from xundan.examples.shops import SHOPS
>>> from xundan.examples.slots import fill_values
>>> fill_values(SHOPS[2], SHOPS[2].items[0], 80, 80, "栗子", random.Random(1))["item"]
'每日坚果'
"""

from __future__ import annotations

import random

from xundan.examples.shops import Item, Shop

# Streets, houses and the people in them are invented; the last digits of telephone numbers are drawn.
PLACES = (
    "杭州:浙江 成都:四川 西安:陕西 长沙:湖南 青岛:山东 合肥:安徽 南宁:广西 昆明:云南 兰州:甘肃 "
    "乌鲁木齐:新疆 哈尔滨:黑龙江 郑州:河南 厦门:福建 贵阳:贵州 南昌:江西 石家庄:河北 拉萨:西藏 "
    "海口:海南 无锡:江苏 东莞:广东"
)
STREETS = ("桂花里街", "青石巷", "望湖北路", "小满街", "梧桐弄", "南塘下街", "云杉大道", "麦田路")
PEOPLE = ("林小满", "周禾", "许知夏", "顾阿姨", "何一川", "苏木木", "江南星", "梁晚晴", "方大同学", "于果")
CARRIERS = ("中通", "圆通", "韵达", "申通", "极兔")
COLORS = {
    "clothing": ("米白", "黑色", "卡其", "雾蓝", "豆绿", "焦糖色", "酒红", "浅灰"),
    "appliance": ("白色", "奶油色", "墨绿", "浅灰", "粉色"),
    "food": ("红盒", "金盒", "蓝盒", "绿盒"),
}
SIZES = ("S", "M", "L", "XL", "2XL")
FLAVORS = ("原味", "奶油味", "盐焗", "蜂蜜黄油", "炭烧", "椒盐", "芥末味", "焦糖味")
GIFTS = {"clothing": "一双棉袜", "appliance": "一套硅胶铲", "food": "两包试吃装"}
TYPE_NAMES = ("NJ-40A", "NJ-52", "NJ-300S", "K7")


def telephone(rng: random.Random) -> str:
    """A telephone number that masking must find."""
    return f"{rng.choice(('138', '159', '186', '177'))}0000{rng.randrange(1000, 10000)}"


def order_number(shop: Shop, day: str, rng: random.Random) -> str:
    """An order number in the form of the shop's platform; ``day`` as 260831."""
    if shop.platform == "pdd":
        return f"{day}-{rng.randrange(10**14, 10**15)}"
    if shop.platform == "jd":
        return f"30{rng.randrange(10**9, 10**10)}"
    return f"29{rng.randrange(10**16, 10**17)}"


def _body(rng: random.Random) -> tuple[str, dict[str, object]]:
    number = rng.choices(range(5), (2, 4, 4, 3, 1))[0]
    weight = (88, 102, 116, 130, 145)[number] + rng.randrange(-6, 7)
    height = rng.randrange(152, 172)
    return SIZES[number], {"h": height, "w": weight, "waist": f"{rng.randrange(1, 4) + 60 + 5 * number}"}


def _goods(shop: Shop, rng: random.Random) -> dict[str, object]:
    color, color2 = rng.sample(COLORS[shop.trade], 2)
    flavor, flavor2 = rng.sample(FLAVORS, 2)
    return {
        "color": color,
        "color2": color2,
        "flavor": flavor,
        "flavor2": flavor2,
        "gram": rng.choice((100, 150, 210, 250, 500)),
        "model": rng.choice(TYPE_NAMES),
        "gift": GIFTS[shop.trade],
        "depot": shop.depot,
        "carrier": rng.choice(CARRIERS),
        "track": f"{rng.choice(('YT', 'JT', 'ZT'))}{rng.randrange(10**12, 10**13)}",
        "order": order_number(shop, f"26{rng.randrange(9, 12):02d}{rng.randrange(1, 28):02d}", rng),
    }


def _person(rng: random.Random) -> dict[str, object]:
    city, province = rng.choice(PLACES.split()).split(":")
    house = f"{rng.randrange(1, 20)}栋{rng.randrange(101, 2800)}室"
    size, body = _body(rng)
    return body | {
        "size": size,
        "size2": SIZES[min(SIZES.index(size) + 1, 4)],
        "city": city,
        "province": province,
        "addr": f"{city}市{rng.choice(STREETS)}{rng.randrange(1, 300)}号{house}",
        "name": rng.choice(PEOPLE),
        "phone": telephone(rng),
        "people": rng.choice(("两", "三", "四", "五", "3", "4")),
        "date": rng.choice(("周五", "周六", "下周三", "月底", "15号", "20号", "28号")),
        "days": rng.choice((2, 3, 3, 4, 5, 6)),
        "hour": rng.choice((3, 4, 5)),
    }


def fill_values(
    shop: Shop, item: Item, price: int, before_rise: int, agent: str, rng: random.Random
) -> dict[str, object]:
    """Every slot of the phrase files; ``before_rise`` is the price before a rise (without one, the same)."""
    risen = price > before_rise
    cut = price - before_rise if risen else max(2, round(price * rng.choice((0.05, 0.08, 0.1))))
    number = rng.choice((2, 2, 3, 3, 4, 5))
    money = {
        "price": price,
        "old": price - cut,
        "cut": cut,
        "cheap": max(9, round(price * rng.choice((0.8, 0.85, 0.9)))),
        "full": rng.choice((99, 199, 299, 300)),
        "coupon": rng.choice((5, 10, 20, 30, 40)),
        "freight": rng.choice((6, 8, 10, 12)),
        "n": number,
        "n2": number - 1,
        "bulk": rng.choice((30, 50, 80, 100, 200)),
    }
    names = {
        "shop": shop.name,
        "agent": agent,
        "item": item.name,
        "sku": item.item_id,
        "link": shop.link.format(item.item_id),
    }
    return {**_goods(shop, rng), **_person(rng), **money, **names}
