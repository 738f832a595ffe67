"""Read a platform's own numbers: which platform made the table, and its rows by day and agent.

>>> from xundan.inference.reconcile.read import read_platform
>>> read_platform(Path("客服绩效.csv")).rows[0].lost  # doctest: +SKIP
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path

from xundan.chats.cells import Cell, RowError, integer_of, text_of, time_of
from xundan.chats.files import Row, Sheet
from xundan.chats.headers import fold, locate, missing
from xundan.errors import BadInput
from xundan.inference.reconcile.head import NUMBERS, load_tables
from xundan.inference.reconcile.platforms import PLATFORMS, Platform
from xundan.settings import SHANGHAI

_TOTAL = re.compile(r".*(合计|总计|汇总|小计|均值|平均值?|平均数)|全部|全店|total")
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SPAN = re.compile(r"(\d{4}\D.+?\d)\s*(?:~|～|至|到|--| - )\s*(\d{4}\D.+)")
_NO_SHARE = frozenset({"", "-", "--", "—", "——", "/", "无", "null", "nan"})


@dataclass(frozen=True)
class PlatformRow:
    """What the platform says of one agent on one day; None where the table has no such column or cell."""

    day: date
    agent: str | None
    shop: str | None
    inquiries: int | None
    lost: int


@dataclass(frozen=True)
class PlatformTable:
    """A platform's export, read.

    ``lost_from``: ``column`` (a column of lost inquiries), ``won`` or ``rate`` (inquiries less those won),
    ``unpaid`` (lost before the order and before the payment, added), or ``rows`` (one row a lost inquiry).
    ``skipped`` counts rows left out: ``totals``, ``blank`` ones, and in a table of agents those without an
    agent (``nameless``), which are the shop's totals. ``masked`` counts nicks like x**.
    """

    file: str
    platform: Platform
    lost_from: str
    rows: tuple[PlatformRow, ...]
    by_agent: bool
    has_inquiries: bool
    skipped: dict[str, int]
    masked: int


def read_platform(path: Path, platform: str | None = None) -> PlatformTable:
    """The table in a CSV or Excel file (UTF-8, GBK); ``platform`` is a key of `PLATFORMS`, None: by headers.

    Raises `BadInput` with file and row for a column that is missing and for a cell that cannot be read.
    A detail table without rows is allowed: it says nothing.
    """
    sheets = load_tables(path)
    if platform is not None and platform not in PLATFORMS:
        raise BadInput("unknown platform", got=platform, expected=", ".join(PLATFORMS), where="--platform")
    chosen = PLATFORMS[platform] if platform else _recognise(sheets, path)
    usable = [sheet for sheet in sheets if locate(sheet.header, _numbers(chosen))] or list(sheets[:1])
    seen: dict[tuple[object, ...], str] = {}
    tables = [_read(sheet, chosen, str(path.parent / sheet.file), seen) for sheet in usable]
    first = next((table for table in tables if table.rows), tables[0])
    tables = [table for table in tables if table.rows] or tables[:1]
    if len({(table.lost_from, table.by_agent, table.has_inquiries) for table in tables}) > 1:
        raise BadInput("the sheets hold different columns", do="keep one sheet in the file", where=str(path))
    rows = tuple(row for table in tables for row in table.rows)
    if not rows and first.lost_from != "rows":
        raise BadInput("the table has no row with numbers", do="export it again", where=str(path))
    skipped = {name: sum(table.skipped[name] for table in tables) for name in first.skipped}
    masked = sum(table.masked for table in tables)
    return PlatformTable(
        path.name, chosen, first.lost_from, rows, first.by_agent, first.has_inquiries, skipped, masked
    )


def _numbers(platform: Platform) -> dict[str, tuple[str, ...]]:
    return {name: platform.columns[name] for name in NUMBERS if name in platform.columns}


def _recognise(sheets: Sequence[Sheet], path: Path) -> Platform:
    """The one platform whose own headers the file has."""
    found = [
        platform
        for platform in PLATFORMS.values()
        if any(locate(sheet.header, {"mark": platform.marks}) for sheet in sheets)
    ]
    if len(found) == 1:
        return found[0]
    marks = "; ".join(f"{platform.name}: {', '.join(platform.marks[:3])}" for platform in PLATFORMS.values())
    raise BadInput(
        "the headers do not tell which platform made this table",
        got=", ".join(name for name in sheets[0].header if name) or "no column names",
        expected=f"a header of one of them ({marks})",
        do=f"say --platform {'|'.join(PLATFORMS)}",
        where=f"{path}:1",
    )


def _read(sheet: Sheet, platform: Platform, where: str, seen: dict[tuple[object, ...], str]) -> PlatformTable:
    columns = locate(sheet.header, platform.columns)
    lost_from = _lost_from(columns, sheet, platform, where)
    reader = _RowReader(sheet, columns, lost_from)
    if sheet.bad:
        number, error = sheet.bad[0]
        raise _bad_row(error, f"{where}:{number}")
    rows: list[PlatformRow] = []
    for number, row in sheet.rows:
        try:
            found = reader.read(row)
        except RowError as error:
            raise _bad_row(error, f"{where}:{number}") from None
        if found is None:
            continue
        if lost_from != "rows":
            _only_once(seen, found, f"{where}:{number}")
        rows.append(found)
    by_agent = any(row.agent for row in rows) if rows else "agent" in columns
    if by_agent and lost_from != "rows":
        named = [row for row in rows if row.agent]
        reader.skipped["nameless"], rows = len(rows) - len(named), named
    return PlatformTable(
        sheet.file, platform, lost_from, tuple(rows), by_agent, "inquiries" in columns,
        reader.skipped, reader.masked,
    )  # fmt: skip


def _lost_from(columns: dict[str, int], sheet: Sheet, platform: Platform, where: str) -> str:
    """From which column the lost inquiries come; `BadInput` where a needed column is missing."""
    detail = "start" in columns and not {"inquiries", "lost"} & columns.keys()
    for field in ("start", "agent", "buyer") if detail else ("day",):
        if field not in columns:
            raise missing(field, sheet.header, platform.columns, where)
    if detail:
        return "rows"
    if "lost" in columns:
        return "unpaid" if "unpaid" in columns else "column"
    if "inquiries" not in columns:
        names = {"lost": (*platform.columns["lost"], *platform.columns["inquiries"])}
        raise missing("lost", sheet.header, names, where)
    for field in ("won", "rate"):
        if field in columns:
            return field
    names = {"lost": tuple(name for key in ("lost", "won", "rate") for name in platform.columns[key])}
    raise missing("lost", sheet.header, names, where)


def _only_once(seen: dict[tuple[object, ...], str], row: PlatformRow, where: str) -> None:
    """Remember where a row stands; `BadInput` where one of the same day and agent stands before it."""
    key = (row.day, row.agent, row.shop)
    if key in seen:
        before = seen[key].rpartition(":")
        place = f"row {before[2]}" if where.startswith(f"{before[0]}:") else seen[key]
        raise BadInput(
            f"{' '.join([str(row.day), *filter(None, [row.agent])])} stands in {place} already",
            do="keep one row for each day and agent",
            where=where,
        )
    seen[key] = where


def _bad_row(error: RowError, where: str) -> BadInput:
    return BadInput(
        f"{error.column or 'the row'} {error.reason}",
        got=repr(error.value),
        do="correct the cell or export the table again; nothing was written",
        where=where,
    )


class _RowReader:
    """One row of a sheet to a `PlatformRow`; None for a row of totals and a row without numbers."""

    def __init__(self, sheet: Sheet, columns: dict[str, int], lost_from: str) -> None:
        self.header = sheet.header
        self.columns = columns
        self.lost_from = lost_from
        self.skipped = {"totals": 0, "blank": 0, "nameless": 0}
        self.masked = 0
        index = columns.get("rate")
        self.hundred = index is not None and _out_of_hundred([row[index] for _, row in sheet.rows])

    def read(self, row: Row) -> PlatformRow | None:
        agent, shop = (_name(self._cell(row, field)) for field in ("agent", "shop"))
        first = "start" if self.lost_from == "rows" else "day"
        places = (row[0], *(self._cell(row, field) for field in (first, "agent", "shop")))
        if any(_TOTAL.fullmatch(fold(text_of(place))) for place in places):
            self.skipped["totals"] += 1
            return None
        try:
            day = _day(self._cell(row, first), self.header[self.columns[first]])
        except RowError:
            if sum(text_of(cell) != "" for cell in row) > 1:
                raise
            self.skipped["blank"] += 1  # a remark below the table
            return None
        if self.lost_from == "rows":
            self.masked += "*" in text_of(self._cell(row, "buyer"))
            return PlatformRow(day, agent, shop, None, 1)
        asked, lost = self._count(row, "inquiries"), self._lost(row)
        if asked is None and lost is None:
            self.skipped["blank"] += 1
            return None
        if lost is None or (asked is None and "inquiries" in self.columns):
            raise RowError("", "", "has one number and lacks the other")
        if min(lost, asked or 0) < 0:
            raise RowError("", f"{asked} inquiries, {lost} lost", "holds a number below zero")
        return PlatformRow(day, agent, shop, asked, lost)

    def _lost(self, row: Row) -> int | None:
        """The lost inquiries of a row from the columns there are; None where they are empty."""
        if self.lost_from in ("column", "unpaid"):
            lost, unpaid = self._count(row, "lost"), self._count(row, "unpaid")
            return None if lost is None else lost + (unpaid or 0)
        asked = self._count(row, "inquiries")
        if self.lost_from == "won":
            won = self._count(row, "won")
            return None if asked is None or won is None else asked - won
        share = _share_of(self._cell(row, "rate"), self.header[self.columns["rate"]], self.hundred)
        if asked is None or share is None:
            return asked if asked == 0 else None
        return asked - int((asked * share).to_integral_value(ROUND_HALF_UP))

    def _count(self, row: Row, field: str) -> int | None:
        index = self.columns.get(field)
        return None if index is None else integer_of(row[index], self.header[index])

    def _cell(self, row: Row, field: str) -> Cell:
        index = self.columns.get(field)
        return None if index is None else row[index]


def _name(cell: Cell) -> str | None:
    """A name, or None for an empty cell and for a dash."""
    text = text_of(cell)
    return text if fold(text).strip("—/") else None


def _day(cell: Cell, column: str) -> date:
    """The day in Asia/Shanghai; besides dates and times, 20260913 and a span from a day to the same day."""
    text = text_of(cell)
    if span := _SPAN.fullmatch(text):
        first, last = (_day(part, column) for part in span.groups())
        if first != last:
            raise RowError(column, text, "covers several days, and one row for each day is needed")
        return first
    match = _EIGHT_DIGITS.fullmatch(text)
    value = "-".join(match.groups()) if match else cell
    return time_of(value, column, day_only=True).astimezone(SHANGHAI).date()


def _out_of_hundred(cells: Sequence[Cell]) -> bool:
    """Whether the shares of a column that have no % are percent: then one of them is above 1."""
    plain = [text for cell in cells if "%" not in (text := _plain_share(cell))]
    return any(_is_number(text) and Decimal(text) > 1 for text in plain)


def _share_of(cell: Cell, column: str, hundred: bool) -> Decimal | None:
    """A share between 0 and 1 from 45.2%, 0.452 or (``hundred``) 45.2; None for an empty cell."""
    text = _plain_share(cell)
    if text.lower() in _NO_SHARE:
        return None
    percent = text.endswith("%")
    number = text.removesuffix("%").strip()
    if not _is_number(number):
        raise RowError(column, text_of(cell), "is no share")
    share = Decimal(number) / 100 if percent or hundred else Decimal(number)
    if not 0 <= share <= 1:
        raise RowError(column, text_of(cell), "is no share between 0 and 100 %")
    return share


def _plain_share(cell: Cell) -> str:
    return unicodedata.normalize("NFKC", text_of(cell)).strip()


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
