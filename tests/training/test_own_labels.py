"""Labels of any task, with and without a taxonomy file: pytest tests/training/test_own_labels.py"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from xundan.errors import BadInput
from xundan.models.thresholds import decide
from xundan.training.labels import LabelledMessage, read_labels, session_folds
from xundan.training.own_labels import choose_thresholds, load_task, taxonomy_from_labels

TOPICS = [
    ("座椅太硬了", "内饰"),
    ("高速上油耗很低", "油耗"),
    ("起步有点肉", "动力"),
    ("方向盘手感好", "内饰"),
]


def lines(tmp_path: Path, rows: Sequence[Mapping[str, object]], name: str = "topics.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_labels_alone_make_a_task(tmp_path: Path) -> None:
    task = load_task([lines(tmp_path, [{"text": text, "label": label} for text, label in TOPICS])])
    assert task.leaves == ["内饰", "动力", "油耗"]
    assert task.taxonomy.tree == "own"
    assert [row.labels for row in task.rows] == [("内饰",), ("油耗",), ("动力",), ("内饰",)]
    assert task.review.single
    assert task.review.notes()[0] == "4 rows, 3 leaves, one label a row"


def test_the_version_follows_the_labels_not_their_order() -> None:
    rows = [LabelledMessage(f"{i}", text, (), (label,)) for i, (text, label) in enumerate(TOPICS)]
    assert taxonomy_from_labels(rows).version == taxonomy_from_labels(rows[::-1]).version
    assert taxonomy_from_labels(rows).version != taxonomy_from_labels(rows[:2]).version


def test_a_list_of_labels_and_a_number_are_labels_too(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"text": "省油又有劲", "labels": ["油耗", "动力"]}]
    rows.append({"text": "还行", "label": 0})
    task = load_task([lines(tmp_path, rows)])
    assert [row.labels for row in task.rows] == [("油耗", "动力"), ("0",)]
    assert not task.review.single


def test_a_table_is_read_with_chinese_headers(tmp_path: Path) -> None:
    table = tmp_path / "topics.csv"
    table.write_text("文本,标签\n座椅太硬了,内饰\n省油又有劲,油耗；动力\n", encoding="utf-8-sig")
    book = Workbook()
    assert book.active is not None
    for row in (["标签", "文本", "编号"], ["内饰;外观", "颜色和座椅都喜欢", "s1#2"]):
        book.active.append(row)
    book.save(tmp_path / "topics.xlsx")
    rows = read_labels([table, tmp_path / "topics.xlsx"], None)
    assert [row.labels for row in rows] == [("内饰",), ("油耗", "动力"), ("内饰", "外观")]
    assert (rows[2].id, rows[2].session) == ("s1#2", "s1")


def test_a_taxonomy_file_checks_ids_and_knows_names(tmp_path: Path) -> None:
    taxonomy = tmp_path / "cars.yaml"
    taxonomy.write_text("leaves:\n- {id: seat, name: 内饰}\n- {id: fuel, name: 油耗}\n", encoding="utf-8")
    rows = [{"text": "座椅太硬了", "label": "内饰"}, {"text": "油耗低", "label": "fuel"}]
    assert [row.labels for row in load_task([lines(tmp_path, rows)], taxonomy).rows] == [("seat",), ("fuel",)]
    bad = lines(tmp_path, [*rows, {"text": "油箱小", "label": "feul"}], "bad.jsonl")
    with pytest.raises(BadInput, match=r"bad.jsonl:3: no such label in the cars tree.*nearest is fuel"):
        load_task([bad], taxonomy)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "好", "labels": {"a": 1}}, r"rows.jsonl:1: labels are no list of texts"),
        ({"text": "好", "labels": [["a"]]}, r"rows.jsonl:1: labels are no list of texts"),
        ({"text": " ", "label": "a"}, r"rows.jsonl:1: a row without text"),
        ({"text": "好", "label": " "}, r"rows.jsonl:1: a row without a label"),
        ({"text": "好", "label": "a", "context": [1]}, r"rows.jsonl:1: context is no list of texts"),
        ({"text": "好"}, r"rows.jsonl:1: field 'labels' is missing"),
    ],
)
def test_a_bad_row_is_named(row: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        read_labels([lines(tmp_path, [row], "rows.jsonl")], None)


def test_a_table_without_a_label_column_is_named(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("文本,类别\n好,内饰\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"t.csv:1: no column for the labels; got 文本, 类别; expected .*标签"):
        read_labels([table], None)


def test_what_is_odd_about_the_labels_is_said(tmp_path: Path) -> None:
    odd = [("座椅太硬了", "外观"), ("座椅太硬了", "内饰"), ("声音大", "其他")]
    task = load_task([lines(tmp_path, [{"text": text, "label": label} for text, label in [*TOPICS, *odd]])])
    notes = task.review.notes()
    assert notes[1] == "2 rows repeat the text of an earlier row"
    assert notes[2] == "1 repeated texts have contradictory labels, such as '座椅太硬了': 内饰 / 外观"
    assert "fewer than 2 rows, kept all the same: 其他 (1), 动力 (1), 外观 (1), 油耗 (1)" in notes[3]
    assert "其他" in task.leaves


def test_equal_texts_without_ids_stay_on_one_side(tmp_path: Path) -> None:
    task = load_task([lines(tmp_path, [{"text": text, "label": label} for text, label in TOPICS * 5])])
    assert len({row.id for row in task.rows}) == 20
    assert len({row.session for row in task.rows}) == 4
    fold = session_folds(task.rows, 2, seed=0)
    for text, _ in TOPICS:
        assert len({its for row, its in zip(task.rows, fold, strict=True) if row.text == text}) == 1


def test_folds_keep_sessions_whole_and_spread_each_leaf() -> None:
    rows = [
        LabelledMessage(f"s{i // 2}#{i % 2}", "好", (), ("rare",) if i < 6 else ("common",))
        for i in range(60)
    ]
    fold = session_folds(rows, 3, seed=0)
    assert (fold[::2] == fold[1::2]).all()
    assert [sum(fold[:6] == k) for k in range(3)] == [2, 2, 2]
    assert [sum(fold == k) for k in range(3)] == [20, 20, 20]
    with pytest.raises(BadInput, match="too few labelled sessions"):
        session_folds(rows[:4], 3, seed=0)


def test_one_label_a_row_means_one_leaf_an_answer() -> None:
    truth = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    scores = np.array([[0.9, 0.8, 0.1], [0.2, 0.3, 0.1], [0.9, 0.1, 0.95], [1, 0, 0]], np.float32)
    chosen = decide(scores, choose_thresholds(scores, truth))
    assert np.array_equal(chosen, truth.astype(bool))
    truth[0, 1] = 1
    assert choose_thresholds(scores, truth).max() < 1
