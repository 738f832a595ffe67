"""Order exports become ORDERS with hashed buyers; the newest state of an order counts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from xundan.chats.masking import hash_buyer
from xundan.chats.orders import read_orders
from xundan.chats.records import ORDERS
from xundan.errors import BadInput
from xundan.settings import PRESETS, Settings

HEADER = (
    "订单编号,买家会员名,店铺名称,商品ID,买家实际支付金额,宝贝总数量,"
    "订单创建时间,订单付款时间,订单关闭时间,退款时间"
)
ROW = '="2987654321012345678",ｚhang ,小店,521521942026,"¥1,280.5",2,' + (
    "2026-09-13 12:00:00,2026-09-13 12:01:00,,--"
)


def _file(folder: Path, *lines: str, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER, *lines]), encoding="gb18030")
    return path


def test_an_order_is_read_with_money_times_and_the_hash_of_the_chat(tmp_path: Path) -> None:
    imported = read_orders([_file(tmp_path, ROW)], Settings(), "pepper")
    assert imported.table.schema.equals(ORDERS)
    (order,) = imported.table.to_pylist()
    assert order["order_id"] == "2987654321012345678"
    assert order["buyer"] == hash_buyer("zhang", "pepper")
    assert (order["amount"], order["quantity"]) == (Decimal("1280.50"), 2)
    assert order["created_at"] == datetime(2026, 9, 13, 4, tzinfo=UTC)
    assert order["paid_at"] == datetime(2026, 9, 13, 4, 1, tzinfo=UTC)
    assert (order["closed_at"], order["refunded_at"], order["platform"]) == (None, None, None)


def test_the_last_export_of_an_order_counts_and_items_are_rows_of_their_own(tmp_path: Path) -> None:
    unpaid = _file(tmp_path, "1,zhang,小店,a,10,1,2026-09-13 12:00:00,,,", name="1.csv")
    paid = _file(
        tmp_path,
        "1,zhang,小店,a,10,1,2026-09-13 12:00:00,2026-09-14 12:00:00,,",
        "1,zhang,小店,b,20,1,2026-09-13 12:00:00,2026-09-14 12:00:00,,",
        name="2.csv",
    )
    imported = read_orders([unpaid, paid], Settings(), "pepper")
    assert (imported.rows_in, imported.table.num_rows, imported.duplicates) == (3, 2, 1)
    assert imported.table["paid_at"].null_count == 0


def test_bad_rows_are_kept_with_their_reasons(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        *[f"{n},zhang,小店,a,10,1,2026-09-13,,," for n in range(6)],
        ",zhang,小店,a,10,1,2026-09-13,,,",
        "7,,小店,a,10,1,2026-09-13,,,",
        "8,zhang,小店,a,十元,1,2026-09-13,,,",
        "9,zhang,小店,a,10,1.5,2026-09-13,,,",
        "10,zhang,小店,a,10,1,没有,,,",
        "2.98765E+18,zhang,小店,a,10,1,2026-09-13,,,",
    )
    imported = read_orders([path], Settings(), "pepper")
    rejects = [
        (row["row"], row["column"], row["reason"].split(";")[0]) for row in imported.rejects.to_pylist()
    ]
    assert rejects == [
        (8, "订单编号", "is empty"),
        (9, "买家会员名", "is empty"),
        (10, "买家实际支付金额", "is no number"),
        (11, "宝贝总数量", "is no whole number"),
        (12, "订单创建时间", "is no date"),
        (13, "订单编号", "a spreadsheet rounded this number"),
    ]
    assert imported.rows_in == 12


def test_most_rows_bad_refuses_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "1,zhang,小店,a,10,1,没有,,,")
    with pytest.raises(
        BadInput, match=r"orders\.csv:2: 1 of 1 rows cannot be used; the first: 订单创建时间 is no date"
    ):
        read_orders([path], Settings(), "pepper")


def test_a_rule_on_payments_needs_the_time_of_payment(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("订单号,买家,下单时间\n1,zhang,2026-09-13 12:00:00\n", encoding="utf-8")
    with pytest.raises(
        BadInput, match="no column for paid_at; got 订单号, 买家, 下单时间; expected one of 订单付款时间"
    ):
        read_orders([path], Settings(), "pepper")
    assert read_orders([path], Settings(loss=PRESETS["jd"]), "pepper").table.num_rows == 1


def test_missing_columns_and_files_are_said(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("买家,下单时间,付款时间\nzhang,2026-09-13,\n", encoding="utf-8")
    with pytest.raises(BadInput, match="no column for order_id"):
        read_orders([path], Settings(), "pepper")
    with pytest.raises(BadInput, match="no order file was given"):
        read_orders([], Settings(), "pepper")
