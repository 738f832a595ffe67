"""The lake: tables appear together or not at all, whichever step of a write fails."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xundan.chats.records import LOSS, REJECTS, SCHEMAS, empty, from_rows
from xundan.errors import BadInput
from xundan.lake import Lake, workspace_salt


def _rejects(reason: str) -> pa.Table:
    row = {"file": "聊天.csv", "row": 3, "column": "角色", "value": "a,b", "reason": reason}
    return from_rows([row], REJECTS)


def _loss(leaf: str) -> pa.Table:
    row = {
        "session_id": "s1",
        "day": date(2026, 9, 13),
        "leaf": leaf,
        "rank": 1,
        "score": 0.5,
        "evidence": ["m"],
    }
    return from_rows([row], LOSS)


def _state(folder: Path) -> tuple[str, str]:
    lake = Lake(folder)
    return lake.read("rejects")["reason"][0].as_py(), lake.read("loss")["leaf"][0].as_py()


def test_every_table_comes_back_as_written(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write({name: empty(schema) for name, schema in SCHEMAS.items()})
    for name, schema in SCHEMAS.items():
        assert lake.has(name)
        assert lake.read(name).schema.equals(schema)


def test_values_come_back_and_nothing_else_is_left(tmp_path: Path) -> None:
    Lake(tmp_path).write({"loss": _loss("loss_price"), "rejects": _rejects("old")})
    assert Lake(tmp_path).read("loss").to_pylist() == _loss("loss_price").to_pylist()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "loss.parquet",
        "rejects.csv",
        "rejects.parquet",
    ]


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Lake(tmp_path / name).write({"loss": _loss("loss_price")})
    assert (tmp_path / "a/loss.parquet").read_bytes() == (tmp_path / "b/loss.parquet").read_bytes()


def test_rejects_open_in_a_spreadsheet(tmp_path: Path) -> None:
    Lake(tmp_path).write({"rejects": _rejects("is no date")})
    data = (tmp_path / "rejects.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert '"聊天.csv",3,"角色","a,b","is no date"' in data.decode("utf-8-sig")


def test_a_missing_table_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no table messages yet; run: xundan import"):
        Lake(tmp_path).read("messages")
    with pytest.raises(BadInput, match="run: xundan classify"):
        Lake(tmp_path).read("attention")
    assert not Lake(tmp_path).has("loss")


def test_unknown_tables_wrong_columns_and_types_are_refused(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(BadInput, match="no table is called lost; expected one of messages"):
        lake.read("lost")
    with pytest.raises(BadInput, match="table loss has other columns"):
        lake.write({"loss": _loss("x").drop_columns(["rank"])})
    wrong = _loss("x").set_column(3, "rank", pa.array([1], pa.int64()))
    with pytest.raises(BadInput, match="column rank has another type; got int64; expected int8"):
        lake.write({"loss": wrong})
    without = _loss("x").set_column(0, "session_id", pa.array([None], pa.string()))
    with pytest.raises(BadInput, match="column session_id has 1 empty cells"):
        lake.write({"rejects": _rejects("new"), "loss": without})
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_says_how_to_make_it_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write({"loss": _loss("loss_price")})
    path = lake.path("loss")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"the table cannot be read.*run: xundan classify"):
        lake.read("loss")


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("x")
    with pytest.raises(BadInput, match="the lake must be a folder"):
        Lake(tmp_path / "lake")


class _PowerCut(OSError):
    pass


def _fail_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Callable[[], int]:
    """Let the ``step``-th sync or rename fail, and every one after it, as when the machine stops."""
    done = 0

    def wrap(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if done >= step:
                raise _PowerCut(f"step {step}")
            return real(*args, **options)

        return call

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, wrap(getattr(os, name)))
    return lambda: done


def test_whichever_step_fails_all_tables_are_old_or_all_are_new(tmp_path: Path) -> None:
    new = {"rejects": _rejects("new"), "loss": _loss("loss_new")}
    seen = set()
    for step in range(1, 100):
        folder = tmp_path / str(step)
        Lake(folder).write({"rejects": _rejects("old"), "loss": _loss("loss_old")})
        with pytest.MonkeyPatch.context() as patch:
            steps = _fail_at(patch, step)
            try:
                Lake(folder).write(new)
            except _PowerCut:
                finished = False
            else:
                finished = True
        state = _state(folder)
        assert state in {("old", "loss_old"), ("new", "loss_new")}, f"step {step}"
        seen.add(state)
        if finished:
            assert state == ("new", "loss_new")
            assert steps() == step - 1
            break
        Lake(folder).write(new)
        assert _state(folder) == ("new", "loss_new")
        assert not [path for path in folder.iterdir() if path.suffix not in {".parquet", ".csv"}]
    assert len(seen) == 2
    assert step > 8


def test_the_salt_of_a_workspace_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "workspace"
    salt = workspace_salt(folder)
    assert len(salt) == 64
    assert workspace_salt(folder) == salt
    assert workspace_salt(tmp_path / "other") != salt
    files = list(folder.iterdir())
    assert len(files) == 1
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
