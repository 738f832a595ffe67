"""From the bytes of a text export to text: find the encoding, refuse binary files, notice mojibake.

>>> from xundan.chats.encoding import decode, is_damaged
>>> decode("你好".encode("gb18030"), "chats.csv")
'你好'
>>> is_damaged("锟斤拷锟斤拷")
True
"""

from __future__ import annotations

import re

from xundan.errors import BadInput

_SIGNATURES = {
    b"PK\x03\x04": "a zip or xlsx file",
    b"PAR1": "a parquet file",
    b"\xd0\xcf\x11\xe0": "an old xls file",
    b"%PDF": "a pdf file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a gz file",
}
# 锟斤拷 is what GBK makes of the replacement character, which itself stands for a lost one.
_LOST = re.compile("锟斤拷|\ufffd|烫烫烫")
# UTF-8 read as GBK: rare characters that the first two bytes of very common ones and of ，。！？ turn into.
_AS_GBK = re.compile("[锛銆鐨浣鎴鏄涓鍦鍚杩鍙鍟鍏浠璇鎮闂悗粈涔湁撼槸戠€]")
# UTF-8 read as Latin-1 or Windows-1252: a lead byte with a continuation byte behind it.
_AS_LATIN = re.compile("[\xc2-\xf4][\x80-\xbf\u0152-\u2122]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")


def decode(data: bytes, where: str) -> str:
    """Text of a file in UTF-8 (with or without BOM), UTF-16 with BOM or GB18030; else `BadInput`."""
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            raise BadInput(
                f"this is {kind}, not text", do="give the file its own extension or export csv", where=where
            )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _strict(data, "utf-16", where)
    if b"\x00" in data:
        raise BadInput(
            "this is a binary file, not text", do="export csv, xlsx, jsonl or parquet", where=where
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _strict(data, "gb18030", where)


def _strict(data: bytes, encoding: str, where: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        raise BadInput(
            f"byte {error.start} cannot be read as text",
            expected="UTF-8 or GB18030 (GBK)",
            do="export the file again as UTF-8",
            where=f"{where}:{row}",
        ) from None


def is_damaged(text: str) -> bool:
    """Whether a third or more of the characters outside ASCII are leftovers of a wrong decoding."""
    if text.isascii():
        return False
    lost = 3 * len(_LOST.findall(text)) + len(_AS_GBK.findall(text)) + 2 * len(_AS_LATIN.findall(text))
    return lost * 3 >= len(_NOT_ASCII.findall(text))
