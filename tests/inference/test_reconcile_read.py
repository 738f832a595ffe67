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
    assert table.skipped == {"totals": 1, "blank": 0}


@pytest.mark.parametrize(
    ("head", "cells", "platform", "lost_from", "lost"),
    [
        ("日期,客服,询单人数,最终成团人数", "10,4", "pdd", "won", 6),
        ("日期,客服,询单人数,7天付款成功率", "11,45.45%", "chitu", "rate", 6),
        ("日期,客服,询单人数,7天付款成功率", "11,0.4545", "chitu", "rate", 6),
        ("日期,客服,询单人数,付款人数", "10,7", "chitu", "won", 3),
        ("日期,客服,询单人数,询单→次日付款成功率", "8,25", "taobao", "rate", 6),
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
