"""One spelling of a message for every model: width, case, script, placeholders, long numbers.

>>> normalize("這款 ＸＬ 有貨嗎？訂單[数字x]")
'这款 xl 有货吗?订单[数字]'
"""

from __future__ import annotations

import functools
import re
import unicodedata

# What masking writes, what exports write for media, and what public chat corpora write in place of
# private text: each is one token for a model, whatever the exact spelling ("[数字x]", "<图片>").
# fmt: off
PLACEHOLDERS = (
    "手机", "电话", "身份证", "银行卡", "邮箱", "地址", "微信", "qq", "订单号",
    "快递单号", "数字", "姓名", "链接", "图片", "表情", "时间", "日期", "金额",
    "商品", "视频", "语音", "站点", "编号", "红包", "卡片",
)
# fmt: on
# Role marks, as sessions are written out for pretraining.
ROLE_MARKS = {"buyer": "[买]", "agent": "[客]", "bot": "[机]", "system": "[系]"}
_ALIASES = {
    "QQ": "qq",
    "订单编号": "订单号",
    "订单": "订单号",
    "运单号": "快递单号",
    "组织机构": "姓名",
    "身份证号": "身份证",
    "商品快照": "商品",
    "ORDERID_": "订单号",
    "USERID_": "姓名",
}
_PLACEHOLDER = re.compile(
    r"[\[<](" + "|".join(sorted([*PLACEHOLDERS, *_ALIASES], key=len, reverse=True)) + r")[xX]?\d*[\]>]"
)
_FACE = re.compile(r"#E-[a-z]\d+|\[[一-鿿]{1,3}\]|/:[^\s一-鿿]{2,3}")
_URL = re.compile(r"https?://[!-~]+")
_LONG_NUMBER = re.compile(r"(?<![0-9a-z])[0-9]{8,}(?![0-9a-z])")
_SPACE = re.compile(r"\s+")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


@functools.cache
def _to_simplified() -> dict[int, str]:
    """Character by character traditional-to-simplified table, from OpenCC's t2s dictionary."""
    from opencc import OpenCC

    characters = [chr(code) for code in range(0x3400, 0xA000)]
    converted = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    return {
        ord(old): new for old, new in zip(characters, converted, strict=True) if old != new and len(new) == 1
    }


def _face_or_placeholder(match: re.Match[str]) -> str:
    name = match.group()[1:-1]
    kept = name in PLACEHOLDERS or match.group() in ROLE_MARKS.values()
    return match.group() if kept else "[表情]"


def normalize(text: str) -> str:
    """The spelling that models read: NFKC, lower, simplified; placeholders and long numbers are tokens."""
    text = _HALF_CHARACTER.sub("\ufffd", text)
    text = _PLACEHOLDER.sub(lambda m: f"[{_ALIASES.get(m.group(1), m.group(1))}]", text)
    text = _FACE.sub(_face_or_placeholder, text)
    text = unicodedata.normalize("NFKC", text).lower().translate(_to_simplified())
    text = _URL.sub("[链接]", text)
    text = _LONG_NUMBER.sub("[编号]", text)
    return _SPACE.sub(" ", text).strip()
