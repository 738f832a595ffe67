r"""What private data looks like in Chinese shop chats: one rule per way of writing it, tried in order.

``\b`` is of no use here, as Chinese characters count as word characters: borders are "no letter or digit".

>>> from xundan.chats.entities import RULES
>>> RULES[0].token
'[邮箱]'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from xundan.chats.places import ADDRESS, ADDRESS_AFTER_CUE, ADDRESS_HINT, ROOM, is_address


@dataclass(frozen=True)
class Rule:
    """``pattern`` names the part to replace ``it``; ``hint`` must be there; ``holds`` has the last word."""

    token: str
    pattern: re.Pattern[str]
    hint: re.Pattern[str] | None = None
    holds: Callable[[str], bool] | None = None


_B = r"(?<![0-9A-Za-z])"  # begins here
_E = r"(?![0-9A-Za-z])"  # ends here
_NO_UNIT = r"(?!\s?[元块件个张条双米克])(?!\.\d)"  # a quantity or a price, not an identifier
_SEP = r"(?:[\s:;,=#(\[「【]|是|为|叫|就是|号码|账号|帐号|编号|号|码|id|no\.?){0,6}"
_CARRIER = (
    "(?:顺丰|中通|圆通|申通|韵达|极兔|百世(?:汇通)?|邮政|EMS|德邦|天天快递|丹鸟|菜鸟|京东(?:快递|物流))"
    "(?:快递|速运|快运|物流|速递)?"
)
# Within the digits of a mobile number people put blanks, dots and dashes after the third and the seventh.
_MOBILE = (
    r"(?:(?:\+|00)?86[ -]?)?1[3-9]\d"
    r"(?:\d{8}|[ .-]{1,2}\d{4}[ .-]{0,2}\d{4}|\d{4}[ .-]{1,2}\d{4}|[ .-]{1,2}\d{8}|\*{4}\d{4})"
)
_AREA = r"0(?:10|2\d|[3-9]\d\d)"
_ACCOUNT = r"[A-Za-z][-_A-Za-z0-9]{5,19}"
_ACCOUNT_WITH_DIGIT = r"(?=[-_A-Za-z]*[0-9])" + _ACCOUNT
_WECHAT = rf"(?:微信|威信|薇信|维信|微❤|{_B}(?:v信|wechat|weixin|vx|wx)|(?:加|\+)\s?v(?![A-Za-z]))"
_STATED = r"\s?(?:号码?|账号|帐号|id|是|为|叫|加|搜)?\s?(?:[:;=]|号码?|id|是|为|叫|加|搜)\s*"

WORTH_A_LOOK = re.compile(
    r"[0-9０-９][^一-鿿]{0,2}[0-9０-９]{2}|[@＠]|地址|地区|[栋幢室号]|单元|微信|威信|薇信|维信|微❤|[vVｖＶwWｗＷ][xXｘＸ信eE]|"
    r"[加+＋]\s?[vVｖＶ]"
)


def is_id_card(text: str) -> bool:
    """Checksum of an 18-digit identity number (GB 11643-1999; ISO 7064 MOD 11-2)."""
    digits = re.sub("[ -]", "", text).upper()
    total = sum(int(digit) * 2 ** (17 - place) for place, digit in enumerate(digits[:17]))
    return "10X98765432"[total % 11] == digits[17]


def is_old_id_card(text: str) -> bool:
    """A 15-digit identity number has no checksum: its province and its date of birth must exist."""
    try:
        date(1900 + int(text[6:8]), int(text[8:10]), int(text[10:12]))
    except ValueError:
        return False
    return text[:2] in _PROVINCES


_PROVINCES = frozenset(
    # GB/T 2260: the first two digits
    [str(code) for code in (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55))]
    + [str(code) for code in range(61, 66)]
)


def is_bank_card(text: str) -> bool:
    """16 to 19 digits with a valid check digit (Luhn, ISO/IEC 7812-1); beyond 16 they begin with 6 or 9."""
    digits = re.sub("[ -]", "", text)
    if not 16 <= len(digits) <= 19 or (len(digits) > 16 and digits[0] not in "69"):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _rule(
    token: str, pattern: str, hint: str | None = None, holds: Callable[[str], bool] | None = None
) -> Rule:
    compiled = re.compile(hint, re.IGNORECASE) if hint else None
    return Rule(f"[{token}]", re.compile(pattern, re.IGNORECASE), compiled, holds)


RULES: tuple[Rule, ...] = (
    _rule(
        "邮箱",
        r"(?<![A-Za-z0-9._%+-])(?P<it>[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@"
        r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,3}\.[A-Za-z]{2,12})",
        "@",
    ),
    _rule(
        "快递单号",
        rf"{_B}(?P<it>(?:SF|YTO?|ZTO?|STO|YD|JD[A-Z]{{0,3}}|JT|DP[KL]?|EMS|HT(?:KY)?|LP|TT|UC)\d{{10,18}}"
        rf"(?:-\d{{1,3}}){{0,2}}|[A-Z]{{2}}\d{{9}}[A-Z]{{2}}){_E}",
        r"[A-Z]\d{9}",
    ),
    _rule(
        "快递单号",
        r"(?:快递单号?|快递号|运单号?|物流单号?|物流号|tracking(?: ?(?:no\.?|number))?)"
        rf"{_SEP}(?:{_CARRIER})?{_SEP}(?P<it>[A-Z]{{0,4}}\d{{8,20}}){_E}",
        "快递|运单|物流|tracking",
    ),
    _rule("快递单号", rf"{_CARRIER}(?:单号|运单号?)?{_SEP}(?P<it>\d{{10,15}}){_E}", r"\d{10}"),
    _rule("订单号", rf"{_B}(?P<it>\d{{6}}-\d{{15}}){_E}", r"\d-\d{15}"),
    _rule(
        "订单号",
        r"(?:订单(?:编号|号码|号)|单号|交易号|order[ _]?(?:no\.?|id|number|sn))"
        rf"{_SEP}(?P<it>[A-Z]{{0,4}}\d{{6,20}}){_E}",
        "单|交易号|order",
    ),
    _rule("订单号", rf"(?:订单|order){_SEP}(?P<it>[A-Z]{{0,4}}\d{{10,20}}){_E}", "订单|order"),
    _rule("订单号", rf"{_B}(?P<it>\d{{10,20}})(?=\s?(?:这个|这笔|这|此|的)?(?:订单|单号|单子))", "单"),
    _rule(
        "身份证",
        rf"{_B}(?P<it>[1-9]\d{{5}}[ -]?(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
        rf"[ -]?\d{{3}}[\dX]){_E}",
        r"\d{3}[\dX]",
        is_id_card,
    ),
    _rule("身份证", rf"身份证(?:件)?{_SEP}(?P<it>\d{{14,17}}[\dX]){_E}", "身份证"),
    _rule("身份证", rf"{_B}(?P<it>[1-6]\d{{14}}){_E}", r"\d{15}", is_old_id_card),
    _rule(
        "银行卡",
        rf"(?:银行卡|卡号|储蓄卡|信用卡|账号|帐号|账户){_SEP}"
        rf"(?P<it>\d{{4}}(?:[ -]?\d{{4}}){{3}}(?:[ -]?\d{{1,3}})?){_E}",
        "[卡账帐]",
    ),
    _rule(
        "银行卡",
        rf"{_B}(?P<it>(?:6\d|4\d|5[1-5]|35|9\d)\d\d(?:[ -]?\d{{4}}){{3}}(?:[ -]?\d{{1,3}})?){_E}",
        r"\d{4}[ -]?\d{4}",
        is_bank_card,
    ),
    _rule(
        "手机",
        rf"(?:tel|phone|mobile|mob|vx|wx|{_B}v)[ :.]*(?P<it>{_MOBILE})(?!\d)",
        "[telmobvwx][ :.]*[+01]",
    ),
    _rule(
        "手机",
        rf"{_B}(?<!\d\.)(?P<it>{_MOBILE}(?:[-转#]\d{{2,4}}(?!\d))?)(?:(?=vx?|wx|tel|qq)|{_E}){_NO_UNIT}",
        r"1[3-9]\d",
    ),
    _rule(
        "电话",
        rf"{_B}(?P<it>(?:\({_AREA}\)|{_AREA})[ -]?[2-9]\d{{6,7}}(?:[-转]\d{{1,6}})?|"
        rf"[48]00-\d{{3,4}}-?\d{{3,4}}|[48]00\d{{7}}|\+(?:852|853|886)[ -]?\d{{6,10}}){_E}",
        r"\d{3}-?\d{3}|\) ?\d{7}",
    ),
    _rule(
        "电话",
        rf"(?:电话|座机|固话|热线|tel){_SEP}(?P<it>[2-9]\d{{2,3}}[ -]?\d{{4}}){_E}{_NO_UNIT}",
        "电话|座机|固话|热线|tel",
    ),
    _rule("微信", rf"{_B}(?P<it>wxid_[A-Za-z0-9]{{6,30}})", "wxid_"),
    _rule("微信", rf"{_WECHAT}{_STATED}(?P<it>{_ACCOUNT}|[1-9]\d{{5,11}}){_E}{_NO_UNIT}", "微|威|薇|维|v|w"),
    _rule("微信", rf"{_WECHAT}\s{{0,3}}(?<![A-Za-z])(?P<it>{_ACCOUNT_WITH_DIGIT}){_E}", "微|威|薇|维|v|w"),
    _rule("微信", rf"(?:微信|威信|薇信|维信)\s{{0,3}}(?P<it>[1-9]\d{{5,11}}){_E}{_NO_UNIT}", "信"),
    _rule(
        "QQ",
        rf"(?:{_B}QQ|扣扣|企鹅号|球球|{_B}Q(?=\s?[:号]))群?{_SEP}(?P<it>[1-9]\d{{4,11}}){_E}{_NO_UNIT}",
        "Q|扣扣|企鹅|球球",
    ),
    _rule("订单号", rf"{_B}(?<!\.)(?P<it>\d{{15,20}}){_E}", r"\d{15}"),
    Rule("[地址]", ADDRESS, ADDRESS_HINT),
    Rule("[地址]", ROOM, ADDRESS_HINT),
    Rule("[地址]", ADDRESS_AFTER_CUE, re.compile("地址|地区"), is_address),
)
