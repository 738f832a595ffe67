"""The register: what people write in the workbook counts, survives, and is never lost.

pytest tests/inference/test_loss_register.py
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from openpyxl import Workbook, load_workbook

from xundan.errors import BadInput
from xundan.inference.loss.corrections import corrected_loss, read_log
from xundan.inference.loss.reason import sentences
from xundan.inference.loss.register import Collected, collect
from xundan.inference.report.excel import write_loss_table_xlsx
from xundan.inference.report.tallies import loss_reasons, open_book
from xundan.lake import Lake
from xundan.settings import Settings
from xundan.taxonomy.trees import load

Tables = dict[str, pa.Table]
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
HEADS = "会话ID,日期,店铺,客服,商品ID,机器判断,证据消息,一句话说明,机器得分,人工原因,登记人,备注"
REASON, BY, NOTE = 10, 11, 12  # columns of the sheet, from 1
Written = dict[str, tuple[str | None, str | None, str | None]]


@pytest.fixture(scope="module")
def tables(make_shops: Callable[..., Tables]) -> Tables:
    return make_shops(weeks=2, per_week=15)


@pytest.fixture
def lake(tables: Tables, tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    lake.write(tables)
    return lake


@pytest.fixture
def book(lake: Lake) -> Path:
    path = lake.folder / "table.xlsx"
    write_loss_table_xlsx(lake, path)
    return path


def lost(lake: Lake) -> list[str]:
    rows = lake.read("sessions").select(["session_id", "outcome"]).to_pylist()
    return sorted(row["session_id"] for row in rows if row["outcome"] == "lost_no_order")


def edit(path: Path, written: Written) -> None:
    """Write (reason, by, note) into the rows of these sessions, as a person does."""
    book = load_workbook(path)
    sheet = book["登记"]
    for row in range(2, sheet.max_row + 1):
        for column, text in zip((REASON, BY, NOTE), written.get(sheet.cell(row, 1).value, ()), strict=False):
            sheet.cell(row, column).value = text
    book.save(path)


def rows(path: Path, sheet: str = "登记") -> dict[str, tuple[Any, ...]]:
    return {row[0]: row for row in load_workbook(path)[sheet].iter_rows(min_row=2, values_only=True)}


def rerun(lake: Lake, path: Path, at: datetime = NOW, lang: str = "zh") -> Collected:
    taken = collect(lake, path, now=at)
    write_loss_table_xlsx(lake, path, lang, before_replace=taken.ensure_unchanged)
    return taken


def other_leaf(lake: Lake, session: str) -> str:
    said = {row["session_id"]: row["leaf"] for row in lake.read("loss").to_pylist()}
    return "loss_stock_out" if said[session] != "loss_stock_out" else "loss_promo_wait"


def primary(loss: pa.Table, session: str) -> tuple[str, str]:
    (row,) = (r for r in loss.to_pylist() if r["session_id"] == session and r["rank"] == 1)
    return row["leaf"], row["model_version"]


def test_one_row_for_each_lost_session_with_a_drop_down(lake: Lake, book: Path) -> None:
    sheet = load_workbook(book)["登记"]
    assert ",".join(cell.value for cell in sheet[1]) == HEADS
    found = rows(book)
    assert sorted(found) == lost(lake)
    row = found[lost(lake)[0]]
    assert row[5] == load("loss").name_of(primary(lake.read("loss"), row[0])[0])
    assert (row[2], row[8], row[9:]) == ("A店", 0.8, (None, None, None))
    assert row[6].startswith("这款")
    with open_book(lake) as opened:
        why = sentences(opened, list(found), Settings(), "zh")
    assert {name: line[7] for name, line in found.items()} == why
    (choice,) = sheet.data_validations.dataValidation
    assert (choice.type, choice.formula1) == ("list", "'原因名单'!$A$1:$A$41")
    assert str(choice.sqref) == f"J2:J{len(found) + 1}"
    names = load_workbook(book)["原因名单"]
    assert names.sheet_state == "hidden"
    assert [cell.value for cell in names["A"]] == [leaf.name for leaf in load("loss").leaves]


def test_what_a_person_wrote_wins_in_every_count_and_stays(lake: Lake, book: Path) -> None:
    session = lost(lake)[0]
    leaf = other_leaf(lake, session)
    with open_book(lake) as before:
        counts = {reason.leaf: reason.sessions for reason in loss_reasons(before, None)}
    model = primary(lake.read("loss"), session)[0]
    name = load("loss").name_of(leaf)
    edit(book, {session: (name, "小李", "=电话里说的")})
    taken = rerun(lake, book)
    assert (taken.lines, taken.new, taken.changed, taken.withdrawn, taken.moved) == (1, 1, 0, 0, True)
    with open_book(lake) as after:
        counted = {reason.leaf: reason.sessions for reason in loss_reasons(after, None)}
    assert counted[leaf] == counts.get(leaf, 0) + 1
    assert counted.get(model, 0) == counts[model] - 1
    assert sum(counted.values()) == sum(counts.values())
    row = rows(book)[session]
    assert row[5] == load("loss").name_of(model)  # the model's word stays beside the person's
    assert "人工选定" not in row[7]  # and so does what it rests on
    assert row[9:] == (name, "小李", "=电话里说的")
    assert load_workbook(book)["登记"].cell(2, NOTE).data_type != "f"
    again = rerun(lake, book, NOW + timedelta(days=1))
    assert (again.lines, again.new + again.changed + again.withdrawn, again.moved) == (1, 0, False)
    assert read_log(lake).num_rows == 1


def test_it_survives_a_new_import_and_another_language(tables: Tables, lake: Lake, book: Path) -> None:
    session = lost(lake)[0]
    leaf = other_leaf(lake, session)
    edit(book, {session: (leaf, "小李", None)})  # an id is understood as well as a name
    rerun(lake, book, lang="en")
    lake.write(tables, drop=("orders", "attention", "action", "loss", "trend"))
    sheet = {row[0]: row for row in load_workbook(book)["Register"].iter_rows(values_only=True)}
    assert sheet[session][9:] == (load("loss").name_of(leaf, "en"), "小李", None)
    assert rerun(lake, book).new == 0
    assert primary(corrected_loss(lake), session) == (leaf, "person")


def test_changing_and_emptying_cells_changes_and_withdraws_and_nothing_is_forgotten(
    lake: Lake, book: Path
) -> None:
    session = lost(lake)[0]
    model = primary(lake.read("loss"), session)
    edit(book, {session: ("断货缺码", "小李", "一")})
    rerun(lake, book)
    edit(book, {session: ("断货缺码", "小李", "二")})
    changed = rerun(lake, book, NOW + timedelta(days=1))
    assert (changed.changed, changed.moved) == (1, False)
    edit(book, {session: (None, None, None)})
    withdrawn = rerun(lake, book, NOW + timedelta(days=2))
    assert (withdrawn.lines, withdrawn.withdrawn, withdrawn.moved) == (0, 1, True)
    assert primary(corrected_loss(lake), session) == model
    assert [row["note"] for row in read_log(lake).to_pylist()] == ["一", "二", None]


def test_a_deleted_row_withdraws_nothing_and_comes_back(lake: Lake, book: Path) -> None:
    session = lost(lake)[0]
    edit(book, {session: (None, "小李", "只是备注")})
    assert rerun(lake, book).moved is False
    workbook = load_workbook(book)
    workbook["登记"].delete_rows(2, 2)
    workbook.save(book)
    assert rerun(lake, book).withdrawn == 0
    assert rows(book)[session][9:] == (None, "小李", "只是备注")


def test_an_unknown_session_is_kept_aside_and_reported(lake: Lake, book: Path) -> None:
    workbook = load_workbook(book)
    workbook["登记"].append(["elsewhere", *[None] * 8, "断货缺码", "小李", None])
    workbook.save(book)
    assert rerun(lake, book).unknown == ("elsewhere",)
    assert rows(book)["elsewhere"][9:] == ("断货缺码", "小李", None)
    assert "elsewhere" not in corrected_loss(lake)["session_id"].to_pylist()
    assert rerun(lake, book).unknown == ("elsewhere",)


def refused(lake: Lake, book: Path) -> str:
    """Collect what cannot be taken up; check that workbook and lake stay as they were."""
    before = book.read_bytes()
    with pytest.raises(BadInput) as caught:
        collect(lake, book)
    assert book.read_bytes() == before
    assert not lake.has("corrections")
    return str(caught.value)


def test_an_unknown_leaf_is_refused_with_its_row(lake: Lake, book: Path) -> None:
    edit(book, {name: ("断货", None, None) for name in rows(book) if name == list(rows(book))[1]})
    message = refused(lake, book)
    assert message.startswith(f"{book}: the register has 1 row(s) that cannot be read:")
    assert "登记:3: no loss point is called '断货' (near: 断货缺码" in message


def test_two_words_about_one_session_and_a_row_without_one_are_refused(lake: Lake, book: Path) -> None:
    name = next(iter(rows(book)))
    edit(book, {name: ("断货缺码", None, None)})
    workbook = load_workbook(book)
    workbook["登记"].append([name, *[None] * 8, "等待大促"])
    workbook["登记"].append([*[None] * 11, "谁说的"])
    workbook.save(book)
    last = workbook["登记"].max_row
    message = refused(lake, book)
    assert f"登记:{last - 1}: says something else about {name} than 登记:2" in message
    assert f"登记:{last}: the row has no session id" in message


@pytest.mark.parametrize("mark", ["~${}", ".~{}", ".~lock.{}#"])
def test_an_open_workbook_is_refused(mark: str, lake: Lake, book: Path) -> None:
    mark = mark.format(book.name)
    (book.parent / mark).touch()
    message = refused(lake, book)
    assert "the workbook is open in another program" in message
    assert f"if nobody has it open, delete {mark}" in message


def test_a_damaged_workbook_is_refused(lake: Lake, book: Path) -> None:
    whole = book.read_bytes()
    for damaged in (
        b"",
        b"not a workbook",
        whole[: len(whole) // 2],
        whole[:600] + b"\0" * 600 + whole[1200:],
    ):
        book.write_bytes(damaged)
        assert "the workbook cannot be read" in refused(lake, book)


def test_a_register_without_a_column_is_refused(lake: Lake, book: Path) -> None:
    workbook = load_workbook(book)
    workbook["登记"].cell(1, REASON).value = "原因"
    workbook.save(book)
    assert "登记:1: the register has 0 columns 人工原因 (Person says)" in refused(lake, book)


def test_a_workbook_saved_meanwhile_is_left_alone(lake: Lake, book: Path) -> None:
    taken = collect(lake, book)
    edit(book, {lost(lake)[0]: ("断货缺码", "小李", None)})
    saved = book.read_bytes()
    with pytest.raises(BadInput, match="saved while this ran, and was left as it is"):
        write_loss_table_xlsx(lake, book, before_replace=taken.ensure_unchanged)
    assert book.read_bytes() == saved
    assert [path.name for path in book.parent.glob("*.tmp")] == []


@pytest.mark.parametrize("place", ["own sheet", "own column", "below a table"])
def test_a_workbook_with_more_is_copied_aside(place: str, lake: Lake, book: Path) -> None:
    workbook = load_workbook(book)
    if place == "own sheet":
        workbook.create_sheet("我的").append(["记录"])
    elif place == "own column":
        workbook["登记"].cell(2, 14).value = "记录"
    else:
        workbook["原因汇总"].cell(workbook["原因汇总"].max_row + 2, 1).value = "记录"
    workbook.save(book)
    saved = book.read_bytes()
    taken = rerun(lake, book)
    assert taken.aside is not None
    assert taken.aside.read_bytes() == saved
    assert rerun(lake, book).aside is None


def test_without_a_workbook_nothing_happens(lake: Lake) -> None:
    path = lake.folder / "table.xlsx"
    assert collect(lake, path) == Collected(path)
    assert not lake.has("corrections")


def test_a_workbook_of_somebody_elses_is_copied_and_has_no_lines(lake: Lake) -> None:
    path = lake.folder / "table.xlsx"
    workbook = Workbook()
    workbook.active.append(["a"])
    workbook.save(path)
    taken = collect(lake, path)
    assert (taken.lines, taken.aside is not None) == (0, True)
