"""Test rows that a candidate was trained on are found, and what everyone says is not held against it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xundan.errors import BadInput
from xundan.taxonomy.trees import load
from xundan.training.labels import LabelledMessage, fingerprint, read_labels
from xundan.training.lineage import Leak, TrainedOn, data_sha256, leaked, read_rows, write_rows

LONG = "这款羽绒服可以机洗吗"


def row(id: str, text: str, *context: str, label: str = "product_usage") -> LabelledMessage:
    return LabelledMessage(id, text, context, (label,))


def trained_on(tmp_path: Path, *rows: LabelledMessage) -> TrainedOn:
    write_rows(tmp_path, rows)
    found = read_rows(tmp_path)
    assert found is not None
    return found


def test_a_fingerprint_is_of_the_content_alone() -> None:
    assert fingerprint(row("a#1", "這款　ＸＬ", "客:在")) == fingerprint(row("b#9", "这款 xl", "客:在"))
    assert fingerprint(row("a#1", LONG)) != fingerprint(row("a#1", LONG, "客:在"))


def test_rows_are_written_sorted_and_without_text(tmp_path: Path) -> None:
    rows = [row("a#1", LONG), row("b#1", "好的"), row("c#1", "有货吗", "客:在的")]
    write_rows(tmp_path, rows)
    lines = (tmp_path / "rows.txt").read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines)
    assert [line.split(" ")[0] for line in lines] == sorted(map(fingerprint, rows))
    assert read_rows(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("test", "found"),
    [
        (row("t#1", LONG), Leak(1, 1, 0)),
        (row("t#1", LONG, "客:亲"), Leak(1, 0, 0)),
        (row("t#1", "好的"), Leak(1, 0, 0)),
        (row("t#1", "有货吗", "客:在的"), Leak(1, 1, 0)),
        (row("a#7", "还有别的颜色吗"), Leak(1, 0, 1)),
        (row("a#7", LONG), Leak(1, 1, 0)),
        (row("t#1", "还有别的颜色吗"), Leak(1, 0, 0)),
    ],
)
def test_what_was_seen_is_counted(test: LabelledMessage, found: Leak, tmp_path: Path) -> None:
    known = trained_on(tmp_path, row("a#1", LONG), row("b#1", "好的"), row("c#1", "有货吗", "客:在的"))
    assert leaked([test], known) == found


def test_rows_without_an_id_share_no_session(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    lines = [{"text": text, "labels": ["dialog_ack"]} for text in ("好的", "知道了呢", "好的")]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    rows = read_labels([path], load("attention"))
    assert leaked(rows[2:], trained_on(tmp_path, *rows[:2])) == Leak(1, 0, 0)


def test_a_broken_list_of_rows_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("abc\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"rows\.txt:1: not a row's and a session's fingerprint"):
        read_rows(tmp_path)


def test_the_hash_of_a_data_set_does_not_depend_on_its_order() -> None:
    one, two = row("a#1", LONG), row("b#1", "好的")
    assert data_sha256([one, two]) == data_sha256([two, one])
    assert data_sha256([one]) != data_sha256([row("a#1", LONG, label="product_quality")])
