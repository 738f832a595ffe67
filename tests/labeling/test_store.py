"""The store says what is wrong with its file, and what cannot be done with it now.

pytest tests/labeling/test_store.py
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.labeling.store import Store


def test_a_file_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.db").write_bytes(b"not a database" * 100)
    with pytest.raises(BadInput, match=r"labels\.db: not a store of labels"), Store.open(tmp_path):
        pass


def test_a_place_where_no_store_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="no store of labels can be here"), Store.open(tmp_path / "file"):
        pass
    (tmp_path / "labels.db").mkdir()
    with pytest.raises(BadInput, match="labels can"), Store.open(tmp_path):
        pass


def test_a_store_that_cannot_be_written_now_is_not_called_damaged(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.put_note("a", "1")
    full = "the labels cannot be read or written now; got database or disk is full"
    with pytest.raises(BadInput, match=full), Store.open(tmp_path) as store:
        _fill(store)
    with Store.open(tmp_path) as store:
        assert (store.note("a"), store.note("long")) == ("1", None)


def test_labels_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "labels.db") as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(BadInput, match="labels of a newer xundan; got 99"), Store.open(tmp_path):
        pass


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_only_its_owner_reads_a_store(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.put_note("a", "1")
        closed = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.iterdir()}
    assert closed == dict.fromkeys(closed, 0)
    assert "labels.db" in closed


def _fill(store: Store) -> None:
    store._connection.execute("pragma max_page_count = 1")
    store.put_note("long", "x" * 100_000)
