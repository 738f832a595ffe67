"""Makes a clean wording look typed on a phone: split sends, lost blanks, slang, slips of the finger, emoji.

>>> import random
>>> from xundan.examples.noise import as_typed
>>> as_typed("我165 110斤 | 穿M还是L", random.Random(3), tidy=True)
['我165 110斤', '穿M还是L']
"""

from __future__ import annotations

import random
from functools import cache

from opencc import OpenCC

SLANG = (
    ("什么", "啥"), ("怎么", "咋"), ("有没有", "有木有"), ("没有", "木有"), ("多少钱", "多钱"), ("吗", "嘛"),
    ("吗", "么"), ("这个", "介个"), ("可以", "阔以"), ("的", "滴"), ("是不是", "是不"), ("知道", "造"),
)  # fmt: skip
SLIPS = (
    ("尺码", "尺马"), ("快递", "快弟"), ("优惠", "优会"), ("便宜", "便易"), ("客服", "客府"),
    ("收到", "受到"), ("现在", "现再"), ("已经", "以经"), ("发货", "法货"), ("退款", "退宽"),
    ("合适", "和适"), ("颜色", "颜涩"), ("价格", "价各"), ("包邮", "包油"), ("在", "再"),
    ("活动", "活冻"), ("质量", "质两"),
)  # fmt: skip
ENDINGS = ("啊", "呀", "呢", "哈", "哦", "～", "…", "。", "！", "？", "??", "!!", "，")
NO_ENDING = "？?！!。呀啊呢哈吧了嘛么吗哦啦呗嗯滴"
EMOJI = ("😂", "😭", "🙏", "😊", "😅", "🤔", "❤️", "👌", "😡", "🥺")
OPENINGS = ("亲 ", "请问", "那", "那个 ", "你好 ", "老板 ", "问下 ", "哎 ")


@cache
def _converter() -> OpenCC:
    return OpenCC("s2t")


def traditional(text: str) -> str:
    """The text as a buyer from Hong Kong or Taiwan types it."""
    return str(_converter().convert(text))


def _swapped(text: str, pairs: tuple[tuple[str, str], ...], rng: random.Random) -> str:
    fitting = [pair for pair in pairs if pair[0] in text]
    return text.replace(*rng.choice(fitting), 1) if fitting else text


def _rough(text: str, rng: random.Random) -> str:
    if rng.random() < 0.12:
        text = _swapped(text, SLANG, rng)
    if rng.random() < 0.05:
        text = _swapped(text, SLIPS, rng)
    if rng.random() < 0.3:
        text = text.replace(" ", rng.choice(("", "", "，")))
    if rng.random() < 0.06:
        text = rng.choice(OPENINGS) + text
    if rng.random() < 0.14 and text[-1] not in NO_ENDING:
        text += rng.choice(ENDINGS)
    if rng.random() < 0.04:
        text += rng.choice(EMOJI)
    return text


def as_typed(text: str, rng: random.Random, *, tidy: bool = False) -> list[str]:
    """One wording as the one or more messages a buyer sends; ``tidy`` keeps every character as written."""
    pieces = [piece.strip() for piece in text.split("|")]
    if tidy:
        return pieces
    if len(pieces) == 1 and " " in text and len(text) > 9 and rng.random() < 0.15:
        pieces = text.rsplit(" ", 1)
    elif len(pieces) > 1 and rng.random() < 0.4:
        pieces = [" ".join(pieces)]
    return [_rough(piece, rng) for piece in pieces if piece]
