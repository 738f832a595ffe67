"""Platform exports: recognised by their headers, read in any encoding, refused with file and row.

pytest tests/inference/test_reconcile_read.py
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook

from xundan.errors import BadInput
from xundan.inference.reconcile.names import Names
from xundan.inference.reconcile.read import PlatformTable, read_platform

DAY = date(2026, 9, 10)
DAILY = "biz_day,询单人数,询单流失人数\n"


def read(folder: Path, text: str, platform: str | None = None, encoding: str = "utf-8") -> PlatformTable:
    path = folder / "export.csv"
    path.write_bytes(text.encode(encoding))
    return read_platform(path, platform)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_pdd_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    table = read(
        tmp_path,
        'biz_day,客服账号,咨询人数,询单人数,最终成团人数,询单流失人数\n20260910,店:小美,30,"1,020",20,1000\n合计,,30,1020,20,1000\n',
        encoding=encoding,
    )
    (row,) = table.rows
    assert (table.platform.name, table.lost_from) == ("pdd", "column")
    assert (row.day, row.agent, row.inquiries, row.lost) == (DAY, "店:小美", 1020, 1000)
    assert table.skipped == {"totals": 1, "blank": 0, "nameless": 0}


@pytest.mark.parametrize(
    ("head", "cells", "platform", "lost_from", "lost"),
    [
        ("日期,客服,询单人数,最终成团人数", "10,4", "pdd", "won", 6),
        ("日期,客服,询单人数,7天付款成功率", "11,45.45%", "chitu", "rate", 6),
        ("日期,客服,询单人数,7天付款成功率", "11,0.4545", "chitu", "rate", 6),
        ("日期,客服,询单人数,付款人数", "10,7", "chitu", "won", 3),
        ("日期,客服,询单人数,询单→次日付款成功率", "8,25", "taobao", "rate", 6),
        ("日期,客服,询单人数,7天付款成功率", "11,45.45％", "chitu", "rate", 6),
        ("日期,客服,询单人数,7天付款成功率", "11,45.45 %", "chitu", "rate", 6),
        ("日期,客服,询单流失人数,付款流失人数", "5,2", "jd", "unpaid", 7),
        ("日期,客服,询单人数,促成人数", "5,2", "jd", "won", 3),
    ],
)
def test_losses_come_from_the_columns_there_are(
    tmp_path: Path, head: str, cells: str, platform: str, lost_from: str, lost: int
) -> None:
    table = read(tmp_path, f"{head}\n2026-09-10,小美,{cells}\n")
    assert (table.platform.name, table.lost_from, table.rows[0].lost) == (platform, lost_from, lost)


def test_one_row_for_each_lost_inquiry_and_an_empty_table(tmp_path: Path) -> None:
    head = "startTime,endTime,buyerNick,psnNickName\n"
    table = read(tmp_path, head + "2026-09-10 23:59:00,2026-09-11 00:10:00,x**,小美\n")
    assert [(row.day, row.agent, row.lost) for row in table.rows] == [(DAY, "小美", 1)]
    assert table.masked == 1
    assert read(tmp_path, head).rows == ()


def test_a_workbook_with_another_sheet(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["说明", "导出人"])
    book.active.append(["客服绩效", "运营"])
    sheet = book.create_sheet("数据")
    sheet.append(["biz_day", "客服账号", "询单人数", "询单流失人数"])
    sheet.append([20260910, "小美", 5, 3])
    book.save(tmp_path / "a.xlsx")
    assert [(row.day, row.lost) for row in read_platform(tmp_path / "a.xlsx").rows] == [(DAY, 3)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "日期,客服,询单人数,询单流失人数\n2026-09-10,小美,5,3\n",
            "csv:1: the headers do not tell .*say --platform",
        ),
        (
            "客服账号,最终成团人数,询单人数\n小美,5,3\n",
            "csv:1: no column for day; got 客服账号.*one of biz_day",
        ),
        ("biz_day,接待数\n2026-09-10,5\n", "csv:1: no column for lost; .*询单流失人数.*rename the column"),
        ("biz_day,询单人数,咨询人数\n2026-09-10,5,9\n", "csv:1: no column for lost; .*最终成团人数"),
        (DAILY + "2026-09-10,5,3\n上周,5,3\n", "csv:3: biz_day is no date; got '上周'; correct the cell"),
        (DAILY + "2026-09-10,5,三\n", "csv:2: 询单流失人数 is no number; got '三'"),
        (DAILY + "2026-09-10,5,\n", "csv:2: the row has one number and lacks the other"),
        (DAILY + "2026-09-10,-,-\n", "the table has no row with numbers; export it again"),
        (DAILY + "2026-09-10,5,3\n20260910,5,3\n", "csv:3: 2026-09-10 stands in row 2 already"),
        (DAILY, "the table has no row with numbers"),
        ("biz_day,询单人数,最终成团人数\n2026-09-10,5,6\n", "csv:2: the row holds a number below zero"),
        (DAILY + "2026-09-01 ~ 2026-09-07,5,3\n", "csv:2: biz_day covers several days, and one row for each"),
        ("询单人数,付款成功率,日期\n5,140%,2026-09-10\n", "付款成功率 is no share between 0 and 100 %"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what_to_do(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        read(tmp_path, text)


def test_an_unknown_platform_and_one_that_is_said(tmp_path: Path) -> None:
    plain = "日期,询单人数,询单流失人数\n2026-09-10,5,3\n"
    assert read(tmp_path, plain, "jd").platform.name == "jd"
    with pytest.raises(BadInput, match="unknown platform; got pddd; expected pdd, taobao, chitu, jd"):
        read(tmp_path, plain, "pddd")


def test_names_are_compared_without_prefix_unless_that_makes_two_agents_one() -> None:
    names = Names({"甲店:小美", "乙店:小美", "甲店:Lily"}, {"甲店：小美", "小美", "LILY"})
    assert names.key("甲店：小美") == names.key("甲店:小美") == "甲店:小美"
    assert names.key("小美") == "小美"
    assert names.key("LILY") == names.key("甲店:Lily") == "Lily"
    assert names.key(None) == ""
    assert names.ambiguous == ("小美",)


HEAD = "biz_day,客服账号,询单人数,最终成团人数,询单流失人数\n"
ROWS = "2026-09-10,小美,5,2,3\n2026-09-11,小美,7,3,4\n"


@pytest.mark.parametrize(
    "above",
    [
        "客服绩效报表 2026-09-10至2026-09-11\n\n",
        "客服绩效,,,,\n统计日期：2026-09-10~2026-09-11,,,,\n,,,,\n",
        "sep=,\n",
        '"客服绩效;导出人;运营"\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_titles_may_stand_above_the_header(tmp_path: Path, above: str, encoding: str) -> None:
    table = read(tmp_path, above + HEAD + ROWS, encoding=encoding)
    assert [(row.day.day, row.agent, row.inquiries, row.lost) for row in table.rows] == [
        (10, "小美", 5, 3), (11, "小美", 7, 4)
    ]  # fmt: skip
    lines = above.count("\n")
    with pytest.raises(BadInput, match=f"csv:{lines + 2}: 询单流失人数 is no number; got '三'"):
        read(tmp_path, above + HEAD + "2026-09-10,小美,5,2,三\n", encoding=encoding)


def book_of(path: Path, *sheets: list[list[object]]) -> Path:
    book = Workbook()
    book.remove(book.active)
    for number, lines in enumerate(sheets):
        sheet = book.create_sheet(f"表{number}")
        for line in lines:
            sheet.append(line)
    book.save(path)
    return path


FLAT: list[object] = ["日期", "客服", "询单人数", "询单流失人数", "最终成团人数"]
GROUPS: list[object] = ["日期", "客服", "询单", None, "成团"]
BELOW: list[object] = [None, None, "人数", "流失人数", "最终成团人数"]


@pytest.mark.parametrize(
    "top",
    [
        [["客服绩效"], ["统计时间：2026-09-10至2026-09-11"], [], FLAT],
        [[], FLAT],
        [GROUPS, [None, None, *FLAT[2:]]],
        [GROUPS, BELOW],
        [["客服绩效"], GROUPS, BELOW],
    ],
)
def test_a_workbook_with_titles_or_a_header_of_two_lines(tmp_path: Path, top: list[list[object]]) -> None:
    path = book_of(tmp_path / "a.xlsx", [*top, [DAY, "小美", 5, 3, 2]])
    table = read_platform(path)
    assert (table.platform.name, table.by_agent) == ("pdd", True)
    assert [(row.day, row.agent, row.inquiries, row.lost) for row in table.rows] == [(DAY, "小美", 5, 3)]


def test_a_sheet_below_a_title_is_read_beside_one_without(tmp_path: Path) -> None:
    header: list[object] = ["biz_day", "客服账号", "询单人数", "询单流失人数"]
    one: list[list[object]] = [header, ["2026-09-10", "小美", 5, 3]]
    two: list[list[object]] = [["客服绩效"], header, ["2026-09-11", "小美", 7, 4]]
    table = read_platform(book_of(tmp_path / "a.xlsx", one, two))
    assert [(row.day.day, row.lost) for row in table.rows] == [(10, 3), (11, 4)]


def test_a_day_and_agent_in_two_sheets_are_refused_and_an_empty_sheet_is_not(tmp_path: Path) -> None:
    header: list[object] = ["biz_day", "客服账号", "询单人数", "询单流失人数"]
    one: list[list[object]] = [header, ["2026-09-10", "小美", 5, 3]]
    with pytest.raises(BadInput, match=r"a.xlsx#2:2: 2026-09-10 小美 stands in .*a.xlsx:2 already"):
        read_platform(book_of(tmp_path / "a.xlsx", one, one))
    without: list[list[object]] = [["biz_day", "客服账号", "询单流失人数"], ["2026-09-11", "小美", 3]]
    with pytest.raises(BadInput, match="the sheets hold different columns"):
        read_platform(book_of(tmp_path / "b.xlsx", one, without))
    assert len(read_platform(book_of(tmp_path / "c.xlsx", one, [header])).rows) == 1


def test_shares_of_a_column_are_all_percent_or_all_parts_of_one(tmp_path: Path) -> None:
    head = "日期,客服,询单人数,7天付款成功率\n"
    rows = "2026-09-10,小美,200,0.5\n2026-09-11,小美,200,1\n2026-09-12,小美,200,45.5\n"
    assert [row.lost for row in read(tmp_path, head + rows).rows] == [199, 198, 109]
    rows = "2026-09-10,小美,200,0.5\n2026-09-11,小美,200,1\n"
    assert [row.lost for row in read(tmp_path, head + rows).rows] == [100, 0]


def test_totals_remarks_and_rows_without_an_agent_are_no_numbers_of_agents(tmp_path: Path) -> None:
    head = "排名,日期,客服,询单人数,最终成团人数,询单流失人数\n"
    rows = "1,2026-09-10,小美,5,2,3\n合计,,,5,2,3\n,2026-09-10,团队均值,5,2,3\n,2026-09-10,-,5,2,3\n"
    table = read(tmp_path, head + rows + "注：询单人数不含售后,,,,,\n")
    assert [(row.agent, row.lost) for row in table.rows] == [("小美", 3)]
    assert table.skipped == {"totals": 2, "blank": 1, "nameless": 1}
    whole = read(tmp_path, HEAD + "2026-09-10,,5,2,3\n")
    assert (whole.by_agent, len(whole.rows), whole.skipped["nameless"]) == (False, 1, 0)
