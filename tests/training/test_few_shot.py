"""Few labels: heads on a frozen encoder, contrast, and the choice between the ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from xundan.models.encoder import TextEncoder, load_base_tokenizer
from xundan.models.runtime import Model
from xundan.progress import Advance
from xundan.taxonomy.trees import UNGROUPED, Leaf, from_leaves
from xundan.training.contrast import ContrastSettings, pair_loss
from xundan.training.export import Made, export
from xundan.training.few_shot import (
    CONTRAST,
    FINETUNE,
    WAYS,
    FewShotSettings,
    fit,
    is_few,
    tuning_for,
    ways,
)
from xundan.training.finetune import FinetuneSettings, score
from xundan.training.heads import HEADS, Head, Linear, centroids, logistic, pools, with_head
from xundan.training.labels import LabelledMessage, target_matrix
from xundan.training.own_labels import choose_thresholds
from xundan.training.selective import Cutoff

TEXTS = {
    "freight": ["这件包邮吗", "邮费多少钱", "运费贵不贵", "满多少包邮", "寄到新疆邮费多少", "运费谁出"],
    "bargain": ["能便宜点吗", "再少点我就拍了", "打个折吧", "价格能再低点不", "优惠一点嘛", "少十块行吗"],
    "thanks": ["好的谢谢", "嗯嗯知道了", "谢谢亲", "好的好的", "嗯好的", "知道啦谢谢"],
}
LEAVES = list(TEXTS)
TUNING = FinetuneSettings(epochs=2, batch=8, learning_rate=3e-3, head_learning_rate=1e-2)
QUICK = FewShotSettings(least_steps=4, contrast=ContrastSettings(steps=6, batch=8), tuning=TUNING)


@pytest.fixture(scope="module")
def rows() -> list[LabelledMessage]:
    """Thirty-six messages of their own sessions, a few with a second leaf."""
    pairs = [(text, leaf) for leaf, texts in TEXTS.items() for text in (*texts, *(t + "呀" for t in texts))]
    return [
        LabelledMessage(f"s{i}", text, ("客:在的亲",) if i % 2 else (), (leaf,))
        for i, (text, leaf) in enumerate(pairs)
    ]


@pytest.fixture(scope="module")
def features(tiny_bert: Path, rows: list[LabelledMessage]) -> torch.Tensor:
    return pools(TextEncoder.from_folder(tiny_bert), load_base_tokenizer(tiny_bert), rows, TUNING)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_learns_the_leaves_and_says_the_same_inside_the_network(
    head: Head, tiny_bert: Path, rows: list[LabelledMessage], features: torch.Tensor
) -> None:
    targets = torch.from_numpy(target_matrix(rows, LEAVES))
    linear = head(features, targets)
    logits = linear.logits(features)
    assert (logits.argmax(1) == targets.argmax(1)).float().mean() > 0.8
    net = with_head(TextEncoder.from_folder(tiny_bert), linear)
    scores = score(net, load_base_tokenizer(tiny_bert), rows, TUNING)
    assert np.allclose(scores, torch.sigmoid(logits).numpy(), atol=1e-4)


def test_centroids_follow_the_nearer_mean_and_the_prior() -> None:
    features = torch.tensor([[0.0, 0.0], [0.2, 0.1], [5.0, 5.0], [5.1, 4.9], [4.9, 5.2]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    logits = centroids(features, targets).logits(torch.tensor([[0.5, 0.4], [4.0, 4.2]]))
    assert logits[0, 0] > 0 > logits[0, 1]
    assert logits[1, 1] > 0 > logits[1, 0]


def test_a_leaf_without_rows_is_never_likely() -> None:
    features, targets = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(30, 2)
    targets[:15, 0] = 1
    for head in (centroids, HEADS["logistic 1"]):
        assert torch.sigmoid(head(features, targets).logits(features)[:, 1]).max() < 0.1


def test_a_stronger_penalty_makes_smaller_weights(
    features: torch.Tensor, rows: list[LabelledMessage]
) -> None:
    targets = torch.from_numpy(target_matrix(rows, LEAVES))
    weak, strong = (logistic(features, targets, strength).weight.norm() for strength in (0.01, 1.0))
    assert strong < weak


def test_the_pair_loss_is_least_where_kin_are_together_and_strangers_apart() -> None:
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    differ = ~torch.eye(4, dtype=torch.bool)
    apart = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    mixed = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    assert pair_loss(apart, targets, differ) == pytest.approx(0.0, abs=1e-6)
    assert pair_loss(mixed, targets, differ) > 1


def test_the_rule_tries_what_the_labels_and_the_minutes_allow(rows: list[LabelledMessage]) -> None:
    many = [replace(row, id=f"{row.id}-{i}") for row in rows for i in range(70)]
    assert is_few(rows)
    assert not is_few(many)
    assert ways(many, 1.0, QUICK) == (FINETUNE,)
    assert set(ways(rows, 0.01, QUICK)) == set(WAYS)
    assert set(ways(rows, 1e4, QUICK)) == set(WAYS) - {CONTRAST, FINETUNE}


def test_few_rows_get_more_epochs() -> None:
    settings = FewShotSettings(least_steps=300, tuning=FinetuneSettings(epochs=7, batch=64))
    assert tuning_for(640, settings).epochs == 30
    assert tuning_for(10_000, settings).epochs == 7


def test_the_best_way_is_kept_with_its_held_out_scores(tiny_bert: Path, rows: list[LabelledMessage]) -> None:
    told: list[tuple[str, int]] = []
    steps: list[int] = []

    def begin(what: str, total: int) -> Advance:
        told.append((what, total))
        return steps.append

    best = fit(rows, LEAVES, tiny_bert, seed=1, settings=QUICK, begin=begin)
    assert {trial.way for trial in best.trials} == set(WAYS)
    assert best.chosen == max(best.trials, key=lambda trial: trial.micro).way
    assert max(trial.micro for trial in best.trials) > 0.5
    assert best.out_of_fold.scores.shape == (len(rows), len(LEAVES))
    assert (f"{CONTRAST}, fold 1", 6) in told
    assert sum(steps) == sum(total for _, total in told)
    again = fit(rows, LEAVES, tiny_bert, seed=1, settings=QUICK, only=("centroids",))
    assert again.chosen == "centroids"
    assert again.out_of_fold.scores.min() >= 0


def test_augmented_rows_teach_but_are_not_measured(tiny_bert: Path, rows: list[LabelledMessage]) -> None:
    more = [*rows, replace(rows[0], id="s0~1", part="augmented")]
    best = fit(more, LEAVES, tiny_bert, settings=QUICK, only=("centroids",))
    assert best.out_of_fold.rows == rows


def test_the_best_way_is_exported_like_any_other(
    tiny_bert: Path, rows: list[LabelledMessage], tmp_path: Path
) -> None:
    best = fit(rows, LEAVES, tiny_bert, settings=QUICK, only=("logistic 0.1",))
    thresholds = choose_thresholds(best.out_of_fold.scores, target_matrix(rows, LEAVES))
    made = Made(best.net, best.tokenizer, thresholds, Cutoff(0.5, 1.0, 0.1, 0.1, 36), best.settings)
    taxonomy = from_leaves("mine", (Leaf(leaf, leaf, "", UNGROUPED) for leaf in LEAVES))
    export(made, taxonomy, "mine-v1", tmp_path, check=rows)
    model = Model.load(tmp_path)
    chosen = model.choose(model.score(["邮费多少钱", "谢谢亲"], [(), ()]))
    assert chosen.sum(axis=1).tolist() == [1, 1]
    assert model.description.leaves == tuple(LEAVES)


@pytest.mark.parametrize("way", ["words", "logistic 0.1 + words"])
def test_a_way_with_words_is_the_network_its_scores_came_from(
    way: str, tiny_bert: Path, rows: list[LabelledMessage]
) -> None:
    best = fit(rows, LEAVES, tiny_bert, settings=QUICK, only=(way,))
    assert best.chosen == way
    assert best.net.wide is not None
    said = score(best.net, best.tokenizer, rows, best.settings)
    truth = target_matrix(rows, LEAVES)
    assert (said.argmax(1) == truth.argmax(1)).mean() > 0.9
    without = with_head(best.net.encoder, Linear(best.net.head.weight.detach(), best.net.head.bias.detach()))
    silent = score(without, best.tokenizer, rows, best.settings)
    assert (way == "words") == bool((silent == 0.5).all())
