"""What a postal address looks like: names of places one inside the other, then numbers of doors.

>>> from xundan.chats.places import ADDRESS
>>> ADDRESS.search("送到浙江省杭州市文三路12号3栋501室吧")["it"]
'浙江省杭州市文三路12号3栋501室'
"""

from __future__ import annotations

import re

_PROVINCE = (
    "(?:北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|"
    "贵州|云南|陕西|甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门)(?![东西南北中]{0,2}(?:路|街|大道))"
    "(?:省|市|(?:壮族|回族|维吾尔)?自治区|特别行政区)?"
)
# Words around an address ("寄到", "我住在", "改一下地址") must not be taken for a part of a name.
_NAME = "(?![我你您他她在是到发寄送住给吗呢吧请问没能以这那的了址改收件货])[一-鿿]"
# Atomic groups (?>…) and possessive {…}+ keep the search linear: names hold the characters that end names.
_PLACE = (
    f"(?>{_PROVINCE}|(?:{_NAME}){{1,8}}?(?:自治州|自治县|地区|街道|大道|大街|胡同|小区|花园|公寓|大厦|广场|新村|家园|"
    "[省市州盟区县旗乡路街巷弄]|[镇村道苑园城](?![路街道巷])))"
)
_GAP = r"[\s,、-]{0,2}"
_N = r"(?:[0-9]{1,5}[A-Za-z]?|[A-Za-z]|[一二三四五六七八九十百零〇]{1,4})\s?"
_DOOR = f"{_N}(?:号楼|号院|号|弄|栋|幢|座|单元|楼|层|室|房|户|组)"
_NO_UNIT = r"(?![0-9A-Za-z.元块件个天年月日点折%])"

ADDRESS_HINT = re.compile(
    r"[省市区县镇乡村路街巷弄道苑园城厦][\s,、-]{0,2}[0-9A-Za-z一二三四五六七八九十百]|[栋幢楼元座]"
)
# Two places or more, the last one a road, a village or a building, and a number: 西湖区文三路12号.
ADDRESS = re.compile(
    f"(?P<it>{_PLACE}(?:{_GAP}{_PLACE}){{1,7}}+(?:(?<=[路街道巷弄同园村镇寓厦场城苑])|(?<=小区)){_GAP}"
    rf"(?:{_DOOR}(?:{_GAP}{_DOOR}){{0,5}}(?:{_GAP}\d{{2,5}}{_NO_UNIT})?|\d{{1,5}}(?:-\d{{1,5}}){{0,3}}{_NO_UNIT}))"
)
# A door inside a building, with or without a place before it: 阳光花园3栋2单元501室, 小区3-2-501.
ROOM = re.compile(
    f"(?P<it>(?:{_PLACE}{_GAP}){{0,4}}+(?:"
    f"{_N}(?:号楼|号院|号|弄|栋|幢|座){_GAP}(?:{_N}(?:号楼|栋|幢|座){_GAP})?{_N}(?:单元|室)(?:{_GAP}{_DOOR}){{0,3}}"
    rf"(?:{_GAP}\d{{2,4}}{_NO_UNIT})?|"
    rf"{_N}(?:号楼|栋|幢|单元){_GAP}(?:{_DOOR}{_GAP})?\d{{3,4}}{_NO_UNIT}|"
    rf"{_N}单元{_GAP}{_N}(?:室|户|号)|"
    rf"(?<=[区园寓苑村])\d{{1,3}}-\d{{1,3}}-\d{{3,4}}{_NO_UNIT}))"
)
# Whatever follows 地址： up to the next mark, if it names a place and asks nothing.
ADDRESS_AFTER_CUE = re.compile(
    r"(?:地址|所在地区)(?:[\s:]|是|为|改成|改到|改为|换成|填|写){1,4}(?P<it>[^\s:,;!?。！？；\[\]][^:,;!?。！？；\n\[\]]{3,59})"
)
_NAMED = re.compile("[一-鿿]{2}(?:省|市|区|县|镇|乡|村|街道|路|街|小区|大厦)|" + _DOOR)
_ASKS = re.compile("[吗呢么哪不没错改填]|可以|怎|多少|的话|同一|这|那")


def is_address(text: str) -> bool:
    """Whether what follows an address cue is an address and no question or remark about one."""
    return bool(_NAMED.search(text)) and not _ASKS.search(text)
