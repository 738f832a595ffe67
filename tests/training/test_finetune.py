"""Fine-tuning end to end on a tiny BERT: learn, export, register, and run without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xundan.errors import BadInput
from xundan.models.registry import champion, promote, versions
from xundan.models.runtime import Model
from xundan.taxonomy.trees import load
from xundan.training import few_shot, finetune
from xundan.training.finetune import FinetuneSettings
from xundan.training.labels import fold_of, log_odds, read_labels, split, target_matrix
from xundan.training.train import TrainJob, train

QUICK = FinetuneSettings(
    epochs=12, batch=8, learning_rate=3e-3, head_learning_rate=1e-2, folds=2, patience=12
)
SHORT = replace(QUICK, epochs=1)


def job(labels: Path, registry: Path, base: Path, settings: FinetuneSettings = QUICK) -> TrainJob:
    return TrainJob((labels,), registry, base=base, settings=settings, quiet=True)


@pytest.fixture(autouse=True, scope="module")
def _sixty_rows_are_many() -> Iterator[None]:
    """Sixty rows would be tried several ways; here fine-tuning itself is the matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_shot, "FEW_ROWS", 0)
        patch.setattr(few_shot, "FEW_A_LEAF", 0)
        yield


@pytest.fixture(scope="module")
def registry(tiny_bert: Path, label_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry")
    train(job(label_file, folder, tiny_bert))
    promote(folder, "attention", "v1")
    return folder


def test_training_begins_at_the_odds_of_the_leaves(label_file: Path, tiny_bert: Path) -> None:
    rows = read_labels([label_file], load("attention"))
    leaves = ["logistics_freight", "price_bargain", "dialog_ack", "product_color"]
    kept = [row for row in rows if set(row.labels) <= set(leaves)]
    targets = target_matrix(kept, leaves)
    run = finetune._Run(kept, targets, tiny_bert, QUICK, None)
    counts = targets.sum(axis=0)
    expected = np.log((counts + 0.5) / (len(kept) - counts + 0.5))
    assert np.allclose(run.net.head.bias.detach().numpy(), expected, atol=1e-5)
    assert np.allclose(
        log_odds(np.array([[1, 0], [1, 0], [1, 0]], dtype=np.float32)), [np.log(7), -np.log(7)]
    )


def test_a_trained_version_is_the_champion_and_knows_its_lesson(registry: Path) -> None:
    assert versions(registry, "attention") == ["v1"]
    model = Model.load(champion("attention", registry))
    assert model.description.version == "attention-v1"
    scores = model.score(["这件包邮吗", "能便宜点吗", "好的谢谢"], [(), (), ()])
    leaves = [model.description.leaves[i] for i in scores.argmax(axis=1)]
    assert leaves == ["logistics_freight", "price_bargain", "dialog_ack"]


def test_the_card_gives_each_leaf_with_its_interval(registry: Path) -> None:
    card = (champion("attention", registry) / "card.md").read_text(encoding="utf-8")
    assert "| price_bargain | 议价砍价 |" in card
    assert "95 % interval" in card


def test_scores_do_not_depend_on_the_batch(registry: Path) -> None:
    model = Model.load(champion("attention", registry))
    texts = ["这件包邮吗", "能便宜点吗", "好的谢谢", "邮费多少钱呀亲", "这件包邮吗"]
    together = model.score(texts, [("客:在的亲",)] * 5)
    alone = np.concatenate([model.score([text], [("客:在的亲",)]) for text in texts])
    assert np.array_equal(together[0], together[4])
    assert np.allclose(together, alone, atol=1e-6)


def test_progress_counts_every_message_once(registry: Path) -> None:
    model = Model.load(champion("attention", registry))
    seen: list[int] = []
    model.score(["好的谢谢"] * 7 + ["包邮吗"], [()] * 8, seen.append)
    assert sum(seen) == 8


def test_every_message_gets_a_leaf(registry: Path) -> None:
    model = Model.load(champion("attention", registry))
    chosen = model.choose(np.full((2, 71), 1e-6, dtype=np.float32))
    assert chosen.any(axis=1).all()


def test_a_second_version_follows_and_a_failed_one_leaves_nothing(
    registry: Path, tiny_bert: Path, label_file: Path, tmp_path: Path
) -> None:
    home = tmp_path / "registry"
    shutil.copytree(registry, home)
    few = tmp_path / "few.jsonl"
    few.write_text('{"id": "a#1", "text": "包邮吗", "labels": ["logistics_freight"]}\n', encoding="utf-8")
    with pytest.raises(BadInput, match="too few labelled sessions"):
        train(job(few, home, tiny_bert))
    assert versions(home, "attention") == ["v1"]
    assert train(job(label_file, home, tiny_bert, SHORT)).version == "attention-v2"
    assert champion("attention", home).name == "v1", "a candidate must not replace the champion by itself"


def test_any_hugging_face_bert_can_be_the_base(plain_bert: Path, label_file: Path, tmp_path: Path) -> None:
    trained = train(job(label_file, tmp_path, plain_bert))
    scores = Model.load(trained.folder).score(["能便宜点吗"], [()])
    assert scores.shape == (1, 71)


def test_no_session_stands_on_both_sides(label_file: Path) -> None:
    inside, outside = split(read_labels([label_file], load("attention")), 0.3, 0)
    assert inside
    assert outside
    assert not {row.session for row in inside} & {row.session for row in outside}
    assert fold_of("s1", 5, 0) == fold_of("s1", 5, 0)


def test_a_folder_without_a_model_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"not a model folder.*xundan train"):
        Model.load(tmp_path)


def test_nothing_is_reported_when_openvino_is_imported_or_converts(tmp_path: Path) -> None:
    code = (
        "import torch; from xundan.models.engine import openvino; "
        "openvino.convert_model(torch.nn.Linear(2, 2), example_input=torch.ones(1, 2))"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "HOME": str(tmp_path)}, check=True)
    assert not (tmp_path / "intel").exists(), "its telemetry keeps an id in the home folder"
