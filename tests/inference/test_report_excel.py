"""The Excel files: headers people know, totals that add up, and no text that runs as a formula.

pytest tests/inference/test_report_excel.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from openpyxl import load_workbook

from xundan.inference.loss.reason import sentences
from xundan.inference.report.excel import write_loss_table_xlsx, write_sessions_xlsx
from xundan.inference.report.tallies import open_book
from xundan.inference.trends.intervals import wilson
from xundan.lake import Lake
from xundan.settings import Settings

Tables = dict[str, pa.Table]
MakeShops = Callable[..., Tables]
HEADERS = (
    "会话ID,日期,平台,店铺,买家(脱敏),客服,商品ID,环节,首响(s),均响(s),答问比,是否询单,结果,流失主因,流失次因,"
    "最后关注点,证据消息,一句话说明,涉及金额,责任部门,流失口径,模型版本,拿不准的消息数"
)


def rows_of(path: Path, sheet: str) -> list[tuple[Any, ...]]:
    return list(load_workbook(path)[sheet].iter_rows(values_only=True))


@pytest.fixture
def lake(make_shops: MakeShops, tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    lake.write(make_shops(shops=("A店", "B店"), weeks=2, per_week=60))
    return lake


def test_every_session_is_a_row_under_chinese_headers(lake: Lake, tmp_path: Path) -> None:
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx")
    heads, *rows = rows_of(tmp_path / "sessions.xlsx", "会话")
    assert ",".join(heads) == HEADERS
    sessions = lake.read("sessions")
    assert {row[0] for row in rows} == set(sessions["session_id"].to_pylist())
    place = {head: at for at, head in enumerate(heads)}
    lost = [row for row in rows if row[place["结果"]] == "未下单"]
    with open_book(lake) as book:
        why = sentences(book, [row[0] for row in rows], Settings(), "zh")
    assert {row[0]: row[place["一句话说明"]] for row in rows if row[place["一句话说明"]]} == why
    assert set(why) == {row[0] for row in lost}
    assert len(lost) == sessions["outcome"].to_pylist().count("lost_no_order")
    for row in lost:
        assert row[place["流失主因"]] in ("价格超预算", "价格变动不满", "断货缺码", "犹豫拖延", "静默离开")
        assert row[place["证据消息"]].startswith(f"{row[0]}-m0 这款")
        assert row[place["责任部门"]]
    won = next(row for row in rows if row[place["结果"]] == "成交")
    assert (won[place["涉及金额"]], won[place["是否询单"]], won[place["环节"]]) == (99, "是", "已付款")


def test_the_sheet_can_be_filtered_and_its_head_stays(lake: Lake, tmp_path: Path) -> None:
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx")
    sheet = load_workbook(tmp_path / "sessions.xlsx")["会话"]
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:W241"
    assert sheet.column_dimensions["Q"].width > sheet.column_dimensions["I"].width


@pytest.mark.parametrize("text", ['=HYPERLINK("http://a","b")', "+1+1", "-2", "@SUM(A1)"])
def test_no_text_becomes_a_formula(text: str, make_shops: MakeShops, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write(make_shops(shops=(text,), weeks=1, per_week=5))
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx")
    cells = [row[3] for row in load_workbook(tmp_path / "sessions.xlsx")["会话"].iter_rows(min_row=2)]
    assert {(cell.value, cell.data_type, cell.quotePrefix) for cell in cells} == {(text, "s", True)}


def test_signs_that_excel_forbids_are_left_out(make_shops: MakeShops, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write(make_shops(weeks=1, per_week=20, message_text="铃\x07声 {leaf}"))
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx")
    quotes = [row[16] for row in rows_of(tmp_path / "sessions.xlsx", "会话")[1:] if row[16]]
    assert quotes
    assert all("铃声" in quote for quote in quotes)


def test_stage_by_reason_adds_up_to_the_lost_sessions(lake: Lake, tmp_path: Path) -> None:
    write_loss_table_xlsx(lake, tmp_path / "loss.xlsx")
    heads, *rows = rows_of(tmp_path / "loss.xlsx", "环节×原因")
    lost = lake.read("sessions")["outcome"].to_pylist().count("lost_no_order")
    columns = heads.index("合计")
    by_name = {row[0]: row for row in rows}
    stages = rows[: list(by_name).index("合计")]
    for at in range(1, columns + 1):
        assert sum(row[at] for row in stages) == by_name["合计"][at]
    assert sum(by_name["合计"][1:columns]) == by_name["合计"][columns] == by_name["n（流失会话）"][1] == lost
    assert sum(by_name["占流失"][1:columns]) == pytest.approx(1)
    low, high = wilson([by_name["合计"][1]], [lost])
    assert (by_name["区间下限"][1], by_name["区间上限"][1]) == pytest.approx((low[0], high[0]))


def test_reasons_carry_group_shares_interval_and_owner(lake: Lake, tmp_path: Path) -> None:
    write_loss_table_xlsx(lake, tmp_path / "loss.xlsx")
    heads, *rows = rows_of(tmp_path / "loss.xlsx", "原因汇总")
    by_name = {row[0]: dict(zip(heads, row, strict=True)) for row in rows}
    total, inquiries = by_name["合计"]["流失会话"], by_name["n（已成熟询单）"]["流失会话"]
    reasons = rows[: list(by_name).index("合计")]
    assert sum(row[2] for row in reasons) == total
    row = by_name["断货缺码"]
    assert (row["一级类"], row["责任部门"]) == ("库存", "供应链")
    assert row["占询单"] == pytest.approx(row["流失会话"] / inquiries)
    assert 0 < row["占流失下限"] < row["占流失"] < row["占流失上限"] < 1


def test_english_headers(lake: Lake, tmp_path: Path) -> None:
    write_sessions_xlsx(lake, tmp_path / "sessions.xlsx", "en")
    write_loss_table_xlsx(lake, tmp_path / "loss.xlsx", "en")
    assert rows_of(tmp_path / "sessions.xlsx", "Sessions")[0][0] == "Session ID"
    assert {row[0] for row in rows_of(tmp_path / "loss.xlsx", "Reasons")} >= {"Out of stock", "Total"}


def test_without_losses_the_tables_are_empty_and_say_zero(make_shops: MakeShops, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write(make_shops(weeks=1, per_week=10, with_orders=False))
    write_loss_table_xlsx(lake, tmp_path / "loss.xlsx")
    rows = rows_of(tmp_path / "loss.xlsx", "原因汇总")[1:]
    assert [(row[0], row[2]) for row in rows] == [("合计", 0), ("n（流失会话）", 0), ("n（已成熟询单）", 0)]
