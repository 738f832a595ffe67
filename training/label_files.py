"""Open label files of any kind: JSON lines, CSV or Excel become records under our field names.

for where, record in records(Path("labels.csv")): ...
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xundan.chats.cells import Cell, text_of
from xundan.chats.files import Sheet, load
from xundan.errors import BadInput

FIELDS = {
    "id": ("id", "编号"),
    "text": ("text", "文本"),
    "labels": ("labels", "label", "标签"),
    "context": ("context", "上下文"),
    "source": ("source", "来源"),
    "part": ("part",),
}
"""Our name of each field, and the names a file may give it."""
_OURS = {name: field for field, names in FIELDS.items() for name in names}
_TABLES = (".csv", ".tsv", ".xlsx")
_BETWEEN_LABELS = re.compile(r"[;,；，|]")


def records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row's place (``file:row``) and fields; ``labels`` and ``context`` are lists.

    In CSV and Excel a cell holds several labels with ; or , between them, and one turn of the context a line.
    Raises `BadInput` for a missing file, a broken row, or a table without a column for text or labels.
    """
    if not path.is_file():
        raise BadInput(
            "no such label file", got=path, expected="JSON lines, .csv or .xlsx with text and labels"
        )
    if path.suffix.lower() not in _TABLES:
        yield from _json_lines(path)
        return
    for sheet in load(path).sheets:
        yield from _table(sheet, path)


def _json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise BadInput("the label file is not UTF-8", do="save it as UTF-8", where=str(path)) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            raw = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadInput("not a JSON object", got=line[:40], where=where) from error
        if not isinstance(raw, dict):
            raise BadInput("not a JSON object", got=line[:40], where=where)
        record = {_OURS[key]: value for key, value in raw.items() if key in _OURS}
        for field in ("labels", "context"):
            if isinstance(record.get(field), str | int):
                record[field] = [record[field]]
        yield where, record


def _table(sheet: Sheet, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    header = [_OURS.get(name.strip().lower(), "") for name in sheet.header]
    for field in ("text", "labels"):
        if field not in header:
            raise BadInput(
                f"no column for the {field}",
                got=", ".join(sheet.header),
                expected=" or ".join(FIELDS[field]),
                where=f"{path}:1",
            )
    for number, error in sheet.bad:
        raise BadInput(f"the row {error.reason}", got=error.value[:40], where=f"{path}:{number}")
    for number, row in sheet.rows:
        yield f"{path}:{number}", _record(header, row)


def _record(header: list[str], row: list[Cell]) -> dict[str, Any]:
    record: dict[str, Any] = {
        field: text_of(cell) for field, cell in zip(header, row, strict=True) if field and cell is not None
    }
    between = _BETWEEN_LABELS.split(record.get("labels", ""))
    record["labels"] = [label.strip() for label in between if label.strip()]
    record["context"] = [turn for turn in record.get("context", "").split("\n") if turn]
    return record
