"""Planted label errors are found from out-of-fold scores, listed, and come back as tasks.

pytest tests/labeling/test_label_errors.py
"""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from xundan.errors import BadInput, MissingExtra
from xundan.labeling.adjudication import adjudication_key, take_decisions
from xundan.labeling.freeze.collect import row_id
from xundan.labeling.freeze.label_errors import LabelErrors, as_tasks, find_label_errors, write_csv
from xundan.labeling.freeze.scored_rows import ScoredRow, fingerprint
from xundan.labeling.records import Annotation, Task, Turn, task_key
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.taxonomy.trees import load
from xundan.training import labels as training_labels
from xundan.training.lineage import write_rows

TREE = load("attention")
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
LEAVES = ("price_bargain", "promo_gift", "logistics_ship_time", "product_color")
WRONG, LACKING = 4, 9
"""Row 4 (a bargain) was labelled as colour; row 9 (gift and dispatch time) as gift alone."""


def text_of(n: int) -> str:
    return "=再便宜点第四位" if n == WRONG else f"第{n}位客人的一句话"


def folder_with(tmp_path: Path, rows: int = 120) -> tuple[Path, Path]:
    """A version's folder and the label file it was trained on, with one augmented row in it."""
    chooser = np.random.default_rng(3)
    true = [{n % 3} | ({2} if n == LACKING else set()) for n in range(rows)]
    given = [{3} if n == WRONG else {n % 3} for n in range(rows)]
    for n in range(0, rows, 10):
        true[n] = given[n] = {3}
    truth = np.array([[k in own for k in range(4)] for own in given], np.float32)
    scores = np.array([[0.9 if k in own else 0.06 for k in range(4)] for own in true], np.float32)
    scores += chooser.uniform(-0.05, 0.05, scores.shape).astype(np.float32)
    records = [
        {
            "id": f"花店:s{n}#m{n}",
            "source": "human",
            "part": "rare",
            "context": [f"客:第{n}位您好"],
            "text": text_of(n),
            "labels": [LEAVES[k] for k in sorted(own)],
        }
        for n, own in enumerate(given)
    ]
    records.insert(7, {**records[6], "id": "花店:s6#m6~1", "part": "augmented", "text": "另一种说法"})
    labels = tmp_path / "train.jsonl"
    labels.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), "utf-8")
    version = tmp_path / "v1"
    version.mkdir()
    np.savez_compressed(version / "out_of_fold.npz", scores=scores, truth=truth, folds=np.arange(rows) % 3)
    said = {"version": "attention-v1", "tree": "attention", "taxonomy_version": "1.0.0", "leaves": LEAVES}
    (version / "model.json").write_text(json.dumps(said), "utf-8")
    write_rows(version, training_labels.read_labels([labels], TREE))
    return version, labels


def found_in(tmp_path: Path, limit: int | None = None) -> LabelErrors:
    version, labels = folder_with(tmp_path)
    return find_label_errors(version, [labels], limit)


def test_planted_errors_come_first_with_what_is_suggested(tmp_path: Path) -> None:
    found = found_in(tmp_path)
    assert (found.rows, found.model_version, found.not_judged) == (120, "attention-v1", ())
    assert found.flagged == len(found.suspects)
    first = {one.row.id: one for one in found.suspects[:2]}
    wrong, lacking = first["花店:s4#m4"], first["花店:s9#m9"]
    assert (wrong.row.labels, wrong.suggested) == (("product_color",), ("promo_gift",))
    assert {leaf for leaf, _ in wrong.doubted} == {"product_color", "promo_gift"}
    assert wrong.quality < 0.15
    assert (lacking.row.labels, lacking.suggested) == (
        ("price_bargain",),
        ("price_bargain", "logistics_ship_time"),
    )
    assert [leaf for leaf, _ in lacking.doubted] == ["logistics_ship_time"]


def test_a_limit_keeps_the_worst_and_the_count(tmp_path: Path) -> None:
    found = found_in(tmp_path, limit=1)
    assert len(found.suspects) == 1
    assert found.flagged >= 2


def test_leaves_with_few_rows_accuse_nobody(tmp_path: Path) -> None:
    version, labels = folder_with(tmp_path, rows=30)
    found = find_label_errors(version, [labels])
    assert found.not_judged == ("product_color",)
    assert "product_color" not in {leaf for one in found.suspects for leaf, _ in one.doubted}


def test_other_files_than_those_trained_on_are_refused(tmp_path: Path) -> None:
    version, labels = folder_with(tmp_path)
    lines = labels.read_text("utf-8").splitlines(keepends=True)
    labels.write_text("".join(lines[:-1]), "utf-8")
    with pytest.raises(BadInput, match=r"other label files .*got 119 rows, 4 leaves; expected 120 rows of 4"):
        find_label_errors(version, [labels])
    labels.write_text("".join([lines[1], lines[0], *lines[2:]]), "utf-8")
    with pytest.raises(
        BadInput, match=r"train\.jsonl:1: not the row that was scored; expected a row with prod"
    ):
        find_label_errors(version, [labels])
    other = lines[20].replace("一句话", "两句话")
    labels.write_text("".join([*lines[:20], other, *lines[21:]]), "utf-8")
    with pytest.raises(BadInput, match=r"train\.jsonl:21: not the row that was scored"):
        find_label_errors(version, [labels])


def test_a_folder_without_scores_is_said(tmp_path: Path) -> None:
    version, labels = folder_with(tmp_path)
    (version / "out_of_fold.npz").write_bytes(b"none")
    with pytest.raises(BadInput, match=r"out_of_fold\.npz: no out-of-fold scores"):
        find_label_errors(version, [labels])
    with pytest.raises(BadInput, match="not a model's folder"):
        find_label_errors(tmp_path, [labels])


def test_rows_are_known_by_the_fingerprint_training_writes() -> None:
    row = ScoredRow("a#1", "這款　ＸＬ有貨嗎", ("客:在的",), ("x",), "", "")
    same = training_labels.LabelledMessage("b#2", row.text, row.context, ("y",))
    assert fingerprint(row) == training_labels.fingerprint(same)


def test_the_table_is_for_people_and_runs_no_formula(tmp_path: Path) -> None:
    found = found_in(tmp_path)
    path = tmp_path / "errors.csv"
    write_csv(found.suspects, TREE, path)
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert len(rows) == len(found.suspects)
    wrong = next(row for row in rows if row["编号"] == "花店:s4#m4")
    assert (wrong["已标"], wrong["建议"], wrong["文本"]) == ("颜色色差", "赠品", "'=再便宜点第四位")
    assert wrong["上下文"] == "客:第4位您好"
    qualities = [float(row["可信度"]) for row in rows]
    assert qualities == sorted(qualities)


def test_a_suspect_goes_to_the_adjudicator_and_the_decision_wins(tmp_path: Path) -> None:
    turns = (Turn("m0", "buyer", "更早的一句"), Turn("m1", "agent", "第4位您好"))
    key = task_key("attention", text_of(WRONG), turns)
    kept = Task(key, "attention", "s4", "m4", "花店", "b4", text_of(WRONG), turns, weight=3.0)
    assert row_id(kept) == "花店:s4#m4"
    found = found_in(tmp_path)
    with Store.open(tmp_path / "labels") as store:
        store.add_tasks([kept])
        store.put_annotations([Annotation("1", key, "小周", ("product_color",), NOW)])
        (task,) = as_tasks(found, TREE, store)
        assert (task.key, task.purpose, task.predicted) == (adjudication_key(key), "disputed", ())
        assert (task.turns, task.buyer, task.weight) == (turns, "b4", None)
        assert task.why.startswith("疑似标错：已标 颜色色差；模型认为是 赠品")
        answer = Annotation("2", task.key, "组长", ("promo_gift",), NOW, comment="问的是送什么")
        store.put_annotations([answer])
        assert take_decisions(store).new == 1
        assert [(one.leaves, one.how) for one in settle(store, "attention")] == [
            (("promo_gift",), "decision")
        ]


def test_without_the_library_the_command_that_installs_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, labels = folder_with(tmp_path)
    monkeypatch.setitem(sys.modules, "cleanlab.multilabel_classification.filter", None)
    with pytest.raises(MissingExtra, match=r'pip install "xundan\[label\]"'):
        find_label_errors(version, [labels])


def test_of_a_message_read_twice_the_task_that_is_frozen_is_decided_again(tmp_path: Path) -> None:
    first = Task("k1", "attention", "s4", "m4", "花店", "b4", text_of(WRONG), ())
    with Store.open(tmp_path / "labels") as store:
        store.add_tasks([first, replace(first, key="k2", turns=(Turn("m1", "agent", "您好"),))])
        assert [task.key for task in as_tasks(found_in(tmp_path), TREE, store)] == [adjudication_key("k1")]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("out_of_fold.npz", b"", "no out-of-fold scores"),
        ("model.json", b"[]", "not a model's folder"),
        ("rows.txt", b"\xff\xfe", "no list of the rows"),
        ("train.jsonl", "编号".encode("gbk"), "the label file cannot be read"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    version, labels = folder_with(tmp_path)
    (tmp_path if name == labels.name else version).joinpath(name).write_bytes(content)
    with pytest.raises(BadInput, match=said):
        find_label_errors(version, [labels])
