"""Read a table of tags: which session or message, which tags, who set them, when.

rows, rejected = read_tags(Path("客服打标.xlsx"))
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from xundan.chats.cells import Cell, RowError, id_of, maybe_time_of, text_of
from xundan.chats.files import Sheet, load
from xundan.chats.headers import CHAT, locate, missing

FIELDS = {
    "session_id": CHAT["session_id"],
    "message_id": CHAT["message_id"],
    "tag": ("标签", "tag", "标签名称", "标签名", "打标", "会话标签", "消息标签", "质检标签", "tags"),
    "by": ("打标人", "质检员", *CHAT["agent"], *CHAT["account"]),
    "at": ("打标时间", "标记时间", "质检时间", "at", *CHAT["sent_at"]),
}
"""Our name of each column of a file of tags, and the names it may have."""
_BETWEEN = re.compile(r"[;；,，、|\n]")


@dataclass(frozen=True)
class Row:
    """One row of a file of tags; ``where`` is file and row, ``tags`` are as written."""

    where: str
    session_id: str | None
    message_id: str | None
    tags: tuple[str, ...]
    by: str
    at: datetime | None


@dataclass(frozen=True)
class Rejected:
    """A row that says nothing that can be kept, and why."""

    where: str
    reason: str


def read_tags(path: Path) -> tuple[list[Row], tuple[Rejected, ...]]:
    """The rows of all sheets of a .csv, .xlsx, .jsonl or .parquet file, and those that say nothing.

    A row needs a session or message id and a tag; several tags stand in one cell with ; or 、 between them.
    `BadInput` for a file without a column for these.
    """
    rejected: list[Rejected] = []
    rows = [row for sheet in load(path).sheets for row in _rows(sheet, path, rejected)]
    return rows, tuple(rejected)


def _rows(sheet: Sheet, path: Path, rejected: list[Rejected]) -> Iterator[Row]:
    columns = locate(sheet.header, FIELDS)
    if "tag" not in columns:
        raise missing("tag", sheet.header, FIELDS, str(path))
    if "session_id" not in columns and "message_id" not in columns:
        raise missing("session_id", sheet.header, FIELDS, str(path))
    rejected.extend(Rejected(f"{path.name}:{number}", str(error)) for number, error in sheet.bad)
    for number, cells in sheet.rows:
        where = f"{path.name}:{number}"
        try:
            yield _row({field: cells[at] for field, at in columns.items()}, sheet, columns, where)
        except RowError as error:
            rejected.append(Rejected(where, f"{error.column} {error.reason}".strip()))


def _row(cells: Mapping[str, Cell], sheet: Sheet, columns: Mapping[str, int], where: str) -> Row:
    def head(field: str) -> str:
        return sheet.header[columns[field]] if field in columns else field

    session, message = (id_of(cells.get(field), head(field)) for field in ("session_id", "message_id"))
    tags = tuple(filter(None, (tag.strip() for tag in _BETWEEN.split(text_of(cells["tag"])))))
    if session is None and message is None:
        raise RowError("", "", "no session or message id")
    if not tags:
        raise RowError("", "", "no tag")
    at = maybe_time_of(cells.get("at"), head("at"))
    return Row(where, session, message, tags, text_of(cells.get("by")), at)
