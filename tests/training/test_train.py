"""What a training refuses before it has cost any time, and what it leaves in the version's folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from xundan.errors import BadInput, Refused
from xundan.models.encoder import TextEncoder
from xundan.models.runtime import Model
from xundan.taxonomy.trees import load
from xundan.training import few_shot
from xundan.training import train as train_module
from xundan.training.few_shot import FewShotSettings
from xundan.training.finetune import FinetuneSettings
from xundan.training.labels import read_labels
from xundan.training.train import Trained, TrainJob, train

SETTINGS = FinetuneSettings(epochs=1, batch=8, folds=2)


def job(labels: Path, registry: Path, base: Path) -> TrainJob:
    return TrainJob(
        (labels,), registry, base=base, settings=SETTINGS, few=FewShotSettings(minutes=0), quiet=True
    )


@pytest.fixture(scope="module")
def trained(tiny_bert: Path, label_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(job(label_file, tmp_path_factory.mktemp("registry"), tiny_bert))


def test_a_version_carries_all_that_is_needed_to_run_judge_and_go_on(trained: Trained) -> None:
    names = {path.name for path in trained.folder.iterdir()}
    assert {"model.xml", "model.json", "manifest.json", "rows.txt", "out_of_fold.npz", "card.md"} <= names
    assert TextEncoder.from_folder(trained.folder).width == 64, "fine-tuning can go on from it"
    kept = np.load(trained.folder / "out_of_fold.npz")
    assert kept["scores"].shape == kept["truth"].shape == (60, 71)
    measured = json.loads((trained.folder / "metrics.json").read_text(encoding="utf-8"))
    assert measured["micro"]["n"] == 60
    text = "".join(path.read_text(encoding="utf-8") for path in trained.folder.glob("*.json"))
    assert "能便宜点吗" not in text, "no message stands in a version's records"


def test_the_promised_risk_is_the_asked_one(trained: Trained) -> None:
    said = Model.load(trained.folder).description
    assert said.uncertain_risk in (0.0, 0.10)  # 0: nothing could be promised


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"risk": 0.0}, "risk out of range"),
        ({"precision": 1.5}, "precision out of range"),
        ({"tree": "topics.yaml"}, "--taxonomy topics.yaml"),
        ({"precision": 0.9}, "every row has one label"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    change: dict[str, float], message: str, label_file: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=message):
        train(replace(job(label_file, tmp_path, tiny_bert), **change))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["learning_rate", "augmented_share"])
def test_a_setting_out_of_range_is_named(name: str) -> None:
    with pytest.raises(BadInput, match=f"{name} out of range"):
        FinetuneSettings(**{name: -1.0})  # type: ignore[arg-type]


def test_the_same_training_twice_at_once_is_refused(
    label_file: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    asked = job(label_file, tmp_path, tiny_bert)
    work = train_module._work(asked, train_module._task(asked))
    work.mkdir(parents=True)
    with (
        FileLock(work.with_suffix(".lock")),
        pytest.raises(Refused, match="the same training runs already"),
    ):
        train(asked)


def test_the_same_rows_in_another_order_are_another_training(
    label_file: Path, tiny_bert: Path, tmp_path: Path
) -> None:
    turned = tmp_path / "turned.jsonl"
    turned.write_text(
        "\n".join(reversed(label_file.read_text(encoding="utf-8").splitlines())), encoding="utf-8"
    )
    asked = [job(path, tmp_path, tiny_bert) for path in (label_file, turned)]
    first, second = (train_module._work(one, train_module._task(one)) for one in asked)
    assert first != second, "held-out scores are kept by position"


def test_a_base_that_changed_is_another_training(label_file: Path, tiny_bert: Path, tmp_path: Path) -> None:
    base = tmp_path / "bert"
    shutil.copytree(tiny_bert, base)
    asked = job(label_file, tmp_path, base)
    before = train_module._work(asked, train_module._task(asked))
    (base / "pretrain.json").write_text("{}", encoding="utf-8")
    assert train_module._work(asked, train_module._task(asked)) != before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "包邮不", "labels": ["logistics_freight"], "part": "augmented"}, "must name the row"),
        ({"id": "#5", "text": "包邮不", "labels": ["logistics_freight"]}, "an id without a session"),
    ],
)
def test_rows_that_would_leak_between_folds_are_refused(
    row: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        read_labels([path], load("attention"))


def test_a_training_of_augmented_rows_alone_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    path = tmp_path / "copies.jsonl"
    rows = [
        {"id": f"s{i}#1~1", "text": "包邮不", "labels": [leaf], "part": "augmented"}
        for i, leaf in enumerate(["logistics_freight", "price_bargain"] * 5)
    ]
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    with pytest.raises(BadInput, match="no row to measure on"):
        train(job(path, tmp_path / "registry", tiny_bert))
    assert few_shot.is_few(read_labels([path], load("attention")))
