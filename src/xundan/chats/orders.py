"""Order exports of any supported kind to one table of orders.

>>> from xundan.chats.orders import read_orders
>>> read_orders([Path("orders.csv")], Settings(), salt="pepper").table.num_rows  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xundan.chats.cells import RowError, id_of, integer_of, maybe_time_of, money_of, text_of, time_of
from xundan.chats.files import Row, Sheet, load
from xundan.chats.headers import ORDER, locate, missing, platform_of
from xundan.chats.masking import hash_buyer
from xundan.chats.records import ORDERS, from_rows
from xundan.chats.rejects import Imported, Rejects
from xundan.errors import BadInput
from xundan.progress import Begin, silent, tracked
from xundan.settings import Settings


def read_orders(paths: Sequence[Path], settings: Settings, salt: str, begin: Begin = silent) -> Imported:
    """ORDERS of all files, sorted by creation; buyers are hashed as in the messages.

    One row per order and item. Of an order exported more than once the last row counts, as its state is the
    newest, and the others are duplicates: give the files from old to new.
    """
    if not paths:
        raise BadInput(
            "no order file was given", do="name at least one csv, tsv, jsonl, xlsx or parquet file"
        )
    rejects = Rejects()
    orders: dict[tuple[object, ...], dict[str, Any]] = {}
    rows_in = 0
    for path in paths:
        export = load(path)
        before, rows_of_file = len(rejects.rows), 0
        for sheet in export.sheets:
            columns = _columns(sheet, str(path.parent / sheet.file), settings)
            rows_of_file += len(sheet.rows) + len(sheet.bad)
            for number, error in sheet.bad:
                rejects.add(sheet.file, number, error)
            for number, row in tracked(sheet.rows, begin, f"read {sheet.file}"):
                try:
                    order = _order(row, sheet.header, columns, salt)
                except RowError as error:
                    rejects.add(sheet.file, number, error)
                else:
                    orders[(order["platform"], order["shop"], order["order_id"], order["item_id"])] = order
        rejects.check_file(export, path, rows_of_file, before)
        rows_in += rows_of_file
    table = from_rows(sorted(orders.values(), key=lambda row: (row["created_at"], row["order_id"])), ORDERS)
    return Imported(table, rejects.table(), rows_in, rows_in - table.num_rows - len(rejects.rows))


def _columns(sheet: Sheet, where: str, settings: Settings) -> dict[str, int]:
    """Columns of the fields; without a time of payment, a rule on payments would call all orders unpaid."""
    columns = locate(sheet.header, ORDER)
    required = ["order_id", "buyer", "created_at"]
    if settings.loss.numerator == "paid":
        required.append("paid_at")
    for field in required:
        if field not in columns:
            raise missing(field, sheet.header, ORDER, where)
    return columns


def _order(row: Row, header: list[str], columns: dict[str, int], salt: str) -> dict[str, Any]:
    cells = {field: row[index] for field, index in columns.items()}
    names = {field: header[index] for field, index in columns.items()}
    order: dict[str, Any] = dict.fromkeys(ORDERS.names)
    for field in ("order_id", "item_id"):
        order[field] = id_of(cells.get(field), names.get(field, ""))
    if order["order_id"] is None:
        raise RowError(names["order_id"], "", "is empty")
    buyer = text_of(cells["buyer"])
    if not buyer:
        raise RowError(names["buyer"], "", "is empty")
    order["buyer"] = hash_buyer(buyer, salt)
    order["platform"] = platform_of(text_of(cells.get("platform")))
    order["shop"] = text_of(cells.get("shop")) or None
    order["agent"] = text_of(cells.get("agent")) or None
    order["created_at"] = time_of(cells["created_at"], names["created_at"], day_only=True)
    for field in ("paid_at", "closed_at", "refunded_at"):
        order[field] = maybe_time_of(cells.get(field), names.get(field, ""))
    order["amount"] = money_of(cells.get("amount"), names.get("amount", ""))
    order["quantity"] = integer_of(cells.get("quantity"), names.get("quantity", ""))
    return order
