"""The workspace on disk: Parquet tables that appear together or not at all, and the salt of its hashes.

>>> from xundan.lake import Lake
>>> Lake(Path("lake")).write({"messages": messages, "rejects": rejects})  # doctest: +SKIP
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from xundan.chats.records import SCHEMAS, check
from xundan.disk import create_once, sync_folder
from xundan.errors import BadInput

MADE_BY = {
    "messages": "xundan import",
    "orders": "xundan import",
    "sessions": "xundan import",
    "rejects": "xundan import",
    "attention": "xundan classify",
    "action": "xundan classify",
    "loss": "xundan classify",
    "corrections": "xundan report",
    "trend": "xundan trends",
}
SALT_FILE = ".buyer-salt"
_JOURNAL = "commit.json"
_TEMPORARY = ".xundan-tmp"


class Lake:
    """A folder of tables. One process writes at a time; readers never see half of a `write`.

    A write first puts every file under a temporary name and syncs it, then puts the list of names into
    a journal, then renames. A crash before the journal changes nothing; after it, whoever opens the
    folder next finishes the renames.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise BadInput("the lake must be a folder", got="a file", where=str(folder))

    def path(self, name: str) -> Path:
        """Where the table lies, whether it exists or not."""
        if name not in SCHEMAS:
            raise BadInput(f"no table is called {name}", expected=f"one of {', '.join(SCHEMAS)}")
        self._finish_commit()
        return self.folder / f"{name}.parquet"

    def has(self, name: str) -> bool:
        """Whether the table was written."""
        return self.path(name).is_file()

    def read(self, name: str) -> pa.Table:
        """The table; `BadInput` with the command that makes it, where it is missing or damaged."""
        path = self.path(name)
        make = f"run: {MADE_BY[name]}"
        if not path.is_file():
            raise BadInput(f"there is no table {name} yet", do=make, where=str(self.folder))
        try:
            table = pa.parquet.read_table(path)
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"the table cannot be read ({error})", do=make, where=str(path)) from error
        try:
            check(table, name)
        except BadInput as error:
            raise BadInput(f"another version made this table: {error}", do=make, where=str(path)) from None
        return table

    def write(self, tables: Mapping[str, pa.Table], drop: Collection[str] = ()) -> None:
        """Replace these tables, all or none; each must have exactly the columns and types of its schema.

        Rejected rows are also written as rejects.csv, which a spreadsheet opens. ``drop`` names tables that
        the new ones make stale; they vanish in the same commit.
        """
        for name, table in tables.items():
            check(table, name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._finish_commit()
        self._drop_left_overs()
        try:
            names = []
            for name, table in tables.items():
                names.append(self._stage(f"{name}.parquet", _parquet(table.cast(SCHEMAS[name]))))
                if name == "rejects":
                    names.append(self._stage("rejects.csv", _csv(table)))
            stale = [f"{name}.parquet" for name in drop if name not in tables]
            self._stage(_JOURNAL, json.dumps({"put": names, "drop": stale}).encode())
            os.replace(self.folder / (_JOURNAL + _TEMPORARY), self.folder / _JOURNAL)
        except BaseException:
            self._drop_left_overs()
            raise
        sync_folder(self.folder)
        self._finish_commit()

    def _drop_left_overs(self) -> None:
        for path in self.folder.glob(f"*{_TEMPORARY}"):
            path.unlink(missing_ok=True)

    def _stage(self, name: str, content: bytes | pa.Buffer) -> str:
        with open(self.folder / (name + _TEMPORARY), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return name

    def _finish_commit(self) -> None:
        """Rename what a journal lists. A name already renamed, here or by another process, is skipped."""
        journal = self.folder / _JOURNAL
        try:
            commit = json.loads(journal.read_text())
        except FileNotFoundError:
            return
        for name in commit["drop"]:
            (self.folder / name).unlink(missing_ok=True)
        for name in commit["put"]:
            with suppress(FileNotFoundError):
                os.replace(self.folder / (name + _TEMPORARY), self.folder / name)
        sync_folder(self.folder)
        journal.unlink(missing_ok=True)
        sync_folder(self.folder)


def _parquet(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pa.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _csv(table: pa.Table) -> bytes:
    """UTF-8 with a byte order mark: without it Excel reads Chinese as mojibake."""
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink)
    return b"\xef\xbb\xbf" + bytes(sink.getvalue().to_pybytes())


def workspace_salt(folder: Path) -> str:
    """The random salt of this workspace: made once, readable by its owner only, the same ever after."""
    path = folder / SALT_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        create_once(path, secrets.token_hex(32).encode())
    return path.read_text()
