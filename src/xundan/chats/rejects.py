"""Rows that cannot be used: kept with their reason, and an error when they are most of a file.

>>> from xundan.chats.rejects import Rejects
>>> Rejects().table().num_rows
0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from xundan.chats.cells import RowError
from xundan.chats.files import Export
from xundan.chats.masking import mask
from xundan.chats.records import REJECTS, from_rows
from xundan.errors import BadInput

_SHOWN = 200  # characters of a bad value worth keeping


@dataclass(frozen=True)
class Imported:
    """What a reader hands on: every row that came in is in the table, in the rejects, or a duplicate."""

    table: pa.Table
    rejects: pa.Table
    rows_in: int
    duplicates: int

    def __post_init__(self) -> None:
        accounted = self.table.num_rows + self.rejects.num_rows + self.duplicates
        assert self.rows_in == accounted, f"{self.rows_in} rows came in, {accounted} are accounted for"


@dataclass
class Rejects:
    """Collects bad rows over several files."""

    rows: list[dict[str, object]] = field(default_factory=list)

    def add(self, file: str, row: int, error: RowError) -> None:
        value = mask(error.value[: 10 * _SHOWN])[:_SHOWN]
        self.rows.append(
            {"file": file, "row": row, "column": error.column, "value": value, "reason": error.reason}
        )

    def check_file(self, export: Export, path: Path, rows: int, since: int) -> None:
        """Raise `BadInput` citing the first bad row if more than half of a file's rows were set aside."""
        new = self.rows[since:]
        if 2 * len(new) <= rows:
            return
        first = new[0]
        raise BadInput(
            f"{len(new)} of {rows} rows cannot be used; the first: "
            f"{first['column'] or 'the row'} {first['reason']}",
            got=repr(first["value"]),
            do="correct the file; nothing was written",
            where=f"{path.parent / str(first['file'])}:{first['row']}",
        )

    def table(self) -> pa.Table:
        """The REJECTS table."""
        return from_rows(self.rows, REJECTS)
