"""Invents buyers' account names in the style of each platform, none twice.

>>> import random
>>> from xundan.examples.people import Names
>>> Names("pdd", random.Random(1)).new() != Names("pdd", random.Random(2)).new()
True
"""

from __future__ import annotations

import random

FIRST = (
    "小鹿 晚风 橘子 阿布 青柠 豆包 芒种 糯米 半夏 星河 麦兜 老王 果果妈 木棉 南瓜 云朵 七七 鱼儿 海盐 团子 "
    "土豆 米粒 晴天 大白 小满 奶茶 柚子 花卷 桃桃 葡萄 一诺 冬瓜 茉莉 珊珊 阿珍 石头 安安 春生 露露 冰糖"
)
SECOND = (
    "爱吃鱼 不熬夜 在路上 要早睡 的日常 与猫 同学 去远方 大人 本人 是也 家的 很忙 慢慢来 不迷路 吃西瓜 看海 "
    "种花 的妈 爱喝汤 2号 要暴富 在线 很可爱 没睡醒 今天也开心 呀 听雨 晒太阳 买买买"
)


class Names:
    """Gives out account names of one platform."""

    def __init__(self, platform: str, rng: random.Random) -> None:
        self._platform = platform
        self._rng = rng
        self._first, self._second = FIRST.split(), SECOND.split()
        self._given: set[str] = set()

    def new(self) -> str:
        """A name nobody has yet."""
        while True:
            name = self._invent()
            if name not in self._given:
                self._given.add(name)
                return name

    def _invent(self) -> str:
        rng = self._rng
        if self._platform == "taobao" and rng.random() < 0.35:
            return f"tb{rng.randrange(10**7, 10**9)}"
        if self._platform == "jd" and rng.random() < 0.5:
            return f"jd_{rng.randrange(16**8, 16**9):x}"
        return (
            rng.choice(self._first) + rng.choice(self._second) + rng.choice(("", str(rng.randrange(1, 1000))))
        )
