"""Open an export, whatever its format: CSV, TSV, JSONL, XLSX or Parquet become a header and rows of cells.

>>> from xundan.chats.files import load
>>> load(Path("chats.csv")).sheets[0].header  # doctest: +SKIP
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from xundan.chats.cells import Cell, RowError, text_of
from xundan.chats.encoding import decode, is_damaged
from xundan.errors import BadInput

csv.field_size_limit(2**31 - 1)  # one message may be longer than the library's 128 KiB

Row = list[Cell]


@dataclass
class Sheet:
    """One table of a file. Rows carry the number a person sees; the header of a sheet is row 1.

    JSONL and Parquet have no header row, so their first record is row 1.
    """

    file: str
    header: list[str]
    rows: list[tuple[int, Row]] = field(default_factory=list)
    bad: list[tuple[int, RowError]] = field(default_factory=list)

    def add(self, number: int, row: Row) -> None:
        """Keep a row, padded to the header; skip a blank one; set aside one with too many cells."""
        if not any(cell is not None and cell != "" for cell in row):
            return
        width = len(self.header)
        extra = [text for cell in row[width:] if (text := text_of(cell))]
        if extra:
            reason = f"has {len(row)} cells where the header has {width}"
            self.bad.append((number, RowError("", extra[0], reason)))
            return
        row = row[:width]
        self.rows.append((number, row + [None] * (width - len(row))))


@dataclass(frozen=True)
class Export:
    """A file read: its name, a digest of its bytes, and its sheets (one, except for workbooks)."""

    file: str
    digest: str
    sheets: tuple[Sheet, ...]


def load(path: Path, empty_ok: bool = False) -> Export:
    """Read a file by its extension; `BadInput` where it is missing, empty, binary or of an unknown kind.

    So is a file with a header and no row, unless ``empty_ok``.
    """
    where = str(path)
    if path.is_dir():
        raise BadInput("this is a folder", do="list the files in it", where=where)
    if not path.is_file():
        raise BadInput("no such file", where=where)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(
            "unknown kind of file",
            got=path.suffix or "no extension",
            expected=", ".join(_READERS),
            do="save an old .xls as .xlsx" if path.suffix.lower() == ".xls" else "",
            where=where,
        )
    data = path.read_bytes()
    if not data.strip():
        raise BadInput("the file is empty", where=where)
    sheets = reader(data, path.name, where)
    if not empty_ok and not any(sheet.rows or sheet.bad for sheet in sheets):
        raise BadInput("the file has a header but no rows", where=where)
    for sheet in sheets:
        if any(is_damaged(name) for name in sheet.header):
            raise damaged(f"{where}:1")
    return Export(path.name, hashlib.blake2b(data, digest_size=16).hexdigest(), tuple(sheets))


def damaged(where: str) -> BadInput:
    """The error for text that an earlier program decoded wrongly."""
    return BadInput(
        "the text is damaged (it was saved in a wrong encoding before)",
        do="export the file again and do not open it in between",
        where=where,
    )


def _text_table(data: bytes, file: str, where: str) -> list[Sheet]:
    text = decode(data, where)
    first_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max("\t,;", key=first_line.count)
    records = _records(text, delimiter, where)
    top = next(index for index, record in enumerate(records) if any(record))
    sheet = Sheet(file, [text_of(name) for name in records[top]])
    for number, record in enumerate(records[top + 1 :], start=top + 2):
        sheet.add(number, list(record))
    return [sheet]


def _records(text: str, delimiter: str, where: str) -> list[list[str]]:
    """Rows by the quoting rules of CSV; where a stray quote mark breaks them, by delimiters alone."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(reader)
    except csv.Error:
        broken = len(records) + 1
        plain = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE))
        if {len(record) for record in plain if record} != {len(plain[0])}:
            raise BadInput(
                "a quotation mark is opened and not closed, or closed in mid cell",
                do='write a quotation mark inside a quoted cell twice: ""',
                where=f"{where}:{broken}",
            ) from None
        records = plain
    return records


def _json_lines(data: bytes, file: str, where: str) -> list[Sheet]:
    sheet = Sheet(file, [])
    objects: list[tuple[int, dict[str, object]]] = []
    for number, line in enumerate(decode(data, where).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            objects.append((number, value))
        else:
            sheet.bad.append((number, RowError("", line.strip()[:200], "is no JSON object")))
    sheet.header.extend(dict.fromkeys(key for _, value in objects for key in value))
    for number, value in objects:
        sheet.rows.append((number, [_flat(value.get(key)) for key in sheet.header]))
    if not objects:
        raise BadInput("no line is a JSON object", got=f"{len(sheet.bad)} other lines", where=f"{where}:1")
    return [sheet]


def _flat(value: object) -> Cell:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _workbook(data: bytes, file: str, where: str) -> list[Sheet]:
    """Each sheet with a header; the second is named file#2 and so on, as its own name may be a buyer's."""
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheets = []
        for index, page in enumerate(book.worksheets, start=1):
            page.reset_dimensions()  # some exporters declare a size of one cell
            rows = list(page.iter_rows(values_only=True))
            if not rows or not any(cell is not None for cell in rows[0]):
                continue
            sheet = Sheet(file if index == 1 else f"{file}#{index}", [text_of(cell) for cell in rows[0]])
            for number, row in enumerate(rows[1:], start=2):
                sheet.add(number, list(row))
            sheets.append(sheet)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, SyntaxError) as error:
        raise BadInput(
            f"this is no xlsx workbook ({error})", do="save it as .xlsx or .csv", where=where
        ) from None
    if not sheets:
        raise BadInput("the file is empty", where=where)
    return sheets


def _parquet(data: bytes, file: str, where: str) -> list[Sheet]:
    try:
        table = pa.parquet.read_table(pa.BufferReader(data))
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"this is no parquet file ({error})", where=where) from None
    columns = [column.to_pylist() for column in table.columns]
    rows: list[tuple[int, Row]] = [
        (number, [_flat(cell) for cell in row])
        for number, row in enumerate(zip(*columns, strict=True), start=1)
    ]
    return [Sheet(file, list(table.column_names), rows)]


_READERS: dict[str, Callable[[bytes, str, str], list[Sheet]]] = {
    ".csv": _text_table,
    ".tsv": _text_table,
    ".txt": _text_table,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".xlsx": _workbook,
    ".parquet": _parquet,
}
