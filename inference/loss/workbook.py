"""Read the register sheet of a workbook as people left it; refuse one that is open or damaged.

found = read_workbook(Path("out/询单流失原因统计表.xlsx"))
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from xundan.errors import BadInput
from xundan.inference.loss.register_sheet import COLUMNS, register_heads, register_words
from xundan.inference.report.texts import LANGUAGES, texts

_EDITABLE = ("reason", "by", "note")
# What Excel and WPS, and LibreOffice, put beside a workbook while somebody has it open.
_MARKS = ("~${name}", ".~{name}", ".~lock.{name}#")
_DAMAGE = (
    BadZipFile,
    InvalidFileException,
    ParseError,
    zlib.error,
    KeyError,
    ValueError,
    TypeError,
    EOFError,
)


@dataclass(frozen=True)
class Line:
    """One row of the register; ``place`` says where, as in "登记:12". Cells are trimmed; blank is None."""

    place: str
    session_id: str | None
    reason: str | None
    by: str | None
    note: str | None


@dataclass(frozen=True)
class Found:
    """The rows of the register, and whether the workbook holds more of somebody's than these."""

    lines: tuple[Line, ...]
    has_more: bool


@dataclass(frozen=True)
class Stamp:
    """The state of a file: its size in bytes, and when it was saved, in nanoseconds since 1970."""

    size: int
    saved_ns: int


def stamp_of(path: Path) -> Stamp | None:
    """The state of a workbook, None where there is none; `BadInput` where somebody has it open."""
    marks = (path.with_name(mark.format(name=path.name)) for mark in _MARKS)
    mark = next((mark for mark in marks if mark.exists()), None)
    if mark is not None:
        raise _open(path, f"; if nobody has it open, delete {mark.name}")
    try:
        with open(path, "r+b"):  # Windows refuses this for a workbook that is open
            state = path.stat()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise _open(path, "") from None
    return Stamp(state.st_size, state.st_mtime_ns)


def _open(path: Path, more: str) -> BadInput:
    return BadInput(
        "the workbook is open in another program or may not be written, and was left as it is",
        do=f"save and close it, then run this again{more}",
        where=str(path),
    )


def read_workbook(path: Path) -> Found:
    """The register rows of a workbook, in either language; one without the sheet has none.

    `BadInput` where the file is damaged, or a register lacks one of its columns.
    """
    try:
        book = load_workbook(path, read_only=True)
    except (*_DAMAGE, OSError) as error:
        raise _damaged(path, error) from error
    try:
        sheets = [(sheet.title, list(sheet.iter_rows(values_only=True))) for sheet in book.worksheets]
        more = len(book.sheetnames) > len(sheets)  # a sheet that is all chart
    except (*_DAMAGE, OSError) as error:
        raise _damaged(path, error) from error
    finally:
        book.close()
    lines: list[Line] = []
    for title, rows in sheets:
        if _is_register(title):
            columns = _columns(title, rows[0] if rows else (), path)
            lines.extend(_lines(title, rows[1:], columns))
            more = more or _has_own_columns(rows)
        else:
            more = more or not _is_ours(title) or _has_notes(rows)
    return Found(tuple(lines), more)


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(
        f"the workbook cannot be read ({type(error).__name__}: {error}), and was left as it is",
        do="repair it in Excel, or move it away if nobody wrote in it",
        where=str(path),
    )


def _is_register(title: str) -> bool:
    """A long register goes on on further sheets, whose titles end in a number."""
    return any(title == name or title.startswith(f"{name} ") for name in _words("sheet"))


def _is_ours(title: str) -> bool:
    ours = {texts(lang)[key] for lang in LANGUAGES for key in ("sheet_stage", "sheet_reason")}
    return title in ours | set(_words("names"))


def _words(key: str) -> tuple[str, ...]:
    return tuple(register_words(lang)[key] for lang in LANGUAGES)


def _columns(title: str, heads: Sequence[Any], path: Path) -> dict[str, int]:
    """The place of each column that matters, by its head in either language."""
    given = [_text(head) for head in heads]
    columns = {}
    for column in ("session", *_EDITABLE):
        names = [register_heads(lang)[COLUMNS.index(column)] for lang in LANGUAGES]
        places = [place for place, head in enumerate(given) if head in names]
        if len(places) != 1:
            raise BadInput(
                f"the register has {len(places)} columns {names[0]} ({names[1]})",
                expected="one",
                do="put the heads back as they were; the workbook was left as it is",
                where=f"{path}, {title}:1",
            )
        columns[column] = places[0]
    return columns


def _lines(title: str, rows: Sequence[Sequence[Any]], columns: dict[str, int]) -> Iterator[Line]:
    for number, row in enumerate(rows, start=2):
        cells = {name: _text(row[at]) if at < len(row) else None for name, at in columns.items()}
        if any(cells.values()):
            reason, by, note = (cells[name] for name in _EDITABLE)
            yield Line(f"{title}:{number}", cells["session"], reason, by, note)


def _has_own_columns(rows: Sequence[Sequence[Any]]) -> bool:
    """Something stands in a column that the register does not have."""
    ours = {head for lang in LANGUAGES for head in register_heads(lang)}
    own = [place for place, head in enumerate(rows[0]) if _text(head) not in ours]
    return any(_text(row[place]) for row in rows for place in own if place < len(row))


def _has_notes(rows: Sequence[Sequence[Any]]) -> bool:
    """Somebody wrote beside or below a table of counts, or under its head 登记原因, made for free notes."""
    heads = [_text(head) for head in rows[0]] if rows else []
    ends = {texts(lang)[key] for lang in LANGUAGES for key in ("lost_n", "mature_n")}
    last = max((at for at, row in enumerate(rows) if row and _text(row[0]) in ends), default=len(rows))
    free = {at for at, head in enumerate(heads) if head is None or head in _words("hand_column")}
    return any(
        _text(cell)
        for at, row in enumerate(rows)
        for place, cell in enumerate(row)
        if at > last or (at > 0 and place in free) or place >= len(heads)
    )


def _text(value: Any) -> str | None:
    """A cell as trimmed text, None where it is blank."""
    text = "" if value is None else str(value).strip()
    return text or None
