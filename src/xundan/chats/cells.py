"""One cell of a file as text, identifier, time, whole number or money; a bad cell raises `RowError`.

>>> from xundan.chats.cells import time_of
>>> time_of("2026年9月13日 12:48", "发送时间").isoformat()
'2026-09-13T04:48:00+00:00'
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation

from xundan.settings import SHANGHAI

Cell = object
_NOTHING = frozenset({"", "-", "--", "/", "null", "none", "nan", "nat", "无", "0000-00-00 00:00:00"})
# Control characters and lone surrogates: no message means them, and Parquet and Excel cannot hold them.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff]")
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+\d+")
_TIME = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[ T]+(\d{1,2})[:时](\d{1,2})(?:[:分](?:(\d{1,2})(?:[.,](\d{1,6})\d*)?秒?)?)?)?"
    r" ?(?:(Z)|([+-]\d{2}):?(\d{2}))?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})")
_EPOCH = re.compile(r"\d{10}|\d{13}")
_YEARS = range(2000, 2100)


class RowError(Exception):
    """Why one row cannot be used: the column as the file names it, the value, the reason."""

    def __init__(self, column: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.value = value
        self.reason = reason


def text_of(cell: Cell) -> str:
    """The cell as typed, without outer blanks and control characters; empty for nothing."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = cell if isinstance(cell, str) else str(cell)
    if not text.isprintable():
        text = _UNWANTED.sub("", text.replace("\r\n", "\n"))
    return text.strip()


def id_of(cell: Cell, column: str) -> str | None:
    """An identifier, or None. Exports wrap long numbers as ="123" or '123 so that Excel keeps them."""
    text = text_of(cell).removeprefix("=").strip("\"'")
    if text.lower() in _NOTHING:
        return None
    if _ROUNDED.fullmatch(text):
        raise RowError(column, text, "a spreadsheet rounded this number; export it as text")
    return text


def time_of(cell: Cell, column: str, *, day_only: bool = False) -> datetime:
    """An instant in UTC. Times without a zone are Asia/Shanghai; 10 or 13 digits are epoch seconds or ms."""
    if isinstance(cell, datetime):
        return _utc(cell)
    if isinstance(cell, date):
        return _day(cell, column, day_only)
    text = text_of(cell)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if _EPOCH.fullmatch(text):
        found = datetime.fromtimestamp(int(text[:10]), UTC) + timedelta(milliseconds=int(text[10:] or 0))
        if found.year in _YEARS:
            return found
    match = _TIME.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None or int(match[1]) not in _YEARS:
        raise RowError(column, text, "is no date" if text else "the time is empty")
    if match[4] is None:
        try:
            return _day(date(int(match[1]), int(match[2]), int(match[3])), column, day_only)
        except ValueError:
            raise RowError(column, text, "is no date") from None
    return _from_match(match, text, column)


def _from_match(match: re.Match[str], text: str, column: str) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    micro, zulu, offset_hours, offset_minutes = (*match.groups()[6:], None, None, None, None)[:4]
    try:
        naive = datetime(year, month, day, hour, minute, second, int((micro or "0").ljust(6, "0")))
        if zulu:
            return naive.replace(tzinfo=UTC)
        if offset_hours:
            minutes = int(offset_minutes or 0) * (-1 if offset_hours.startswith("-") else 1)
            zone = timezone(timedelta(hours=int(offset_hours), minutes=minutes))
            return naive.replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        raise RowError(column, text, "is no date") from None
    return _utc(naive)


def _day(day: date, column: str, day_only: bool) -> datetime:
    if not day_only:
        raise RowError(column, day.isoformat(), "is a date without a time of day")
    return _utc(datetime.combine(day, time()))


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(UTC)


def maybe_time_of(cell: Cell, column: str) -> datetime | None:
    """Like `time_of`, with None for an empty cell and midnight for a bare date."""
    if cell is None or text_of(cell).lower() in _NOTHING:
        return None
    return time_of(cell, column, day_only=True)


def integer_of(cell: Cell, column: str) -> int | None:
    """A whole number that fits 32 bits, or None for an empty cell."""
    number = _decimal(cell, column)
    if number is None:
        return None
    if number != number.to_integral_value() or abs(number) >= 2**31:
        raise RowError(column, text_of(cell), "is no whole number")
    return int(number)


def money_of(cell: Cell, column: str) -> Decimal | None:
    """Yuan with two decimals, or None for an empty cell; ¥, 元 and thousands commas are accepted."""
    number = _decimal(cell, column)
    if number is None:
        return None
    if abs(number) >= 10**10:
        raise RowError(column, text_of(cell), "is no amount of money")
    return number.quantize(Decimal("0.01"))


def _decimal(cell: Cell, column: str) -> Decimal | None:
    text = unicodedata.normalize("NFKC", text_of(cell))
    if text.lower() in _NOTHING:
        return None
    try:
        number = Decimal(text.removeprefix("=").strip("\"'¥￥元 ").replace(",", ""))
    except InvalidOperation:
        raise RowError(column, text, "is no number") from None
    if not number.is_finite():
        raise RowError(column, text, "is no number")
    return number
