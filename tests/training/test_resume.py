"""A killed training goes on where it was and ends as it would have; the same seed gives the same model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from xundan.models.encoder import load_base_tokenizer
from xundan.models.runtime import Model
from xundan.models.thresholds import Scores
from xundan.taxonomy.trees import load
from xundan.training import few_shot
from xundan.training import finetune as finetune_module
from xundan.training.finetune import FinetuneSettings, train_network
from xundan.training.labels import read_labels
from xundan.training.resume import Resume
from xundan.training.train import Trained, TrainJob, train

SETTINGS = FinetuneSettings(epochs=3, batch=8, learning_rate=3e-3, folds=2, patience=9)
TEXTS = ["这件包邮吗", "能便宜点吗", "好的谢谢"]


class _Killed(BaseException):
    """Stands for a signal: nothing but the outermost handler may catch it."""


@pytest.fixture(autouse=True)
def _few_rows_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_shot, "FEW_ROWS", 0)
    monkeypatch.setattr(few_shot, "FEW_A_LEAF", 0)


def run(registry: Path, label_file: Path, base: Path) -> Trained:
    return train(TrainJob((label_file,), registry, base=base, settings=SETTINGS, quiet=True))


def scores_of(trained: Trained) -> Scores:
    return Model.load(trained.folder).score(TEXTS, [()] * len(TEXTS))


@pytest.fixture(scope="module")
def whole(tiny_bert: Path, label_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_shot, "FEW_ROWS", 0)
        patch.setattr(few_shot, "FEW_A_LEAF", 0)
        yield run(tmp_path_factory.mktemp("whole"), label_file, tiny_bert)


def test_the_same_seed_gives_the_same_model_and_figures(
    whole: Trained, tiny_bert: Path, label_file: Path, tmp_path: Path
) -> None:
    again = run(tmp_path, label_file, tiny_bert)
    assert np.array_equal(scores_of(again), scores_of(whole))
    assert (again.folder / "metrics.json").read_text() == (whole.folder / "metrics.json").read_text()


@pytest.mark.parametrize("killed_at", [1, 2, 4, 5, 7])
def test_a_training_killed_after_any_epoch_ends_the_same(
    killed_at: int,
    whole: Trained,
    tiny_bert: Path,
    label_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saves = 0
    save = Resume.save

    def kill(self: Resume, parts: dict[str, object], epochs: int, go_on: bool = True) -> None:
        nonlocal saves
        save(self, parts, epochs, go_on)  # type: ignore[arg-type]
        saves += 1
        if saves == killed_at:
            raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(Resume, "save", kill)
        with pytest.raises(_Killed):
            run(tmp_path, label_file, tiny_bert)
    assert not list((tmp_path / "attention").glob("v*")), "a killed training leaves no version"
    steps = 0
    step = finetune_module._Run.step

    def count(self: object, chosen: list[int], inputs: list[object]) -> float:
        nonlocal steps
        steps += 1
        return step(self, chosen, inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(finetune_module._Run, "step", count)
    ended = run(tmp_path, label_file, tiny_bert)
    assert np.array_equal(scores_of(ended), scores_of(whole))
    kept = json.loads((ended.folder / "metrics.json").read_text())
    assert kept == json.loads((whole.folder / "metrics.json").read_text())
    monkeypatch.undo()
    assert not list((tmp_path / "attention").glob(".unfinished*")), (
        "checkpoints are gone once the version stands"
    )


def test_a_resumed_training_does_not_repeat_finished_epochs(
    tiny_bert: Path, label_file: Path, tmp_path: Path
) -> None:
    resume = Resume(tmp_path / "run.pt")
    taxonomy = load("attention")
    rows = read_labels([label_file], taxonomy)
    leaves = [leaf.id for leaf in taxonomy.leaves]
    seen: list[int] = []

    def epoch(number: int, _: object) -> bool:
        seen.append(number)
        if seen == [1, 2, 3]:
            raise _Killed
        return True

    arguments = (rows, leaves, tiny_bert, load_base_tokenizer(tiny_bert), SETTINGS)
    with pytest.raises(_Killed):
        train_network(*arguments, on_epoch=epoch, resume=resume)
    train_network(*arguments, on_epoch=epoch, resume=resume)
    assert seen == [1, 2, 3, 3]


def test_a_run_that_stopped_early_stays_stopped(tiny_bert: Path, label_file: Path, tmp_path: Path) -> None:
    resume = Resume(tmp_path / "run.pt")
    seen: list[int] = []

    def stop_at_two(number: int, _: object) -> bool:
        seen.append(number)
        return number < 2

    taxonomy = load("attention")
    rows = read_labels([label_file], taxonomy)
    leaves = [leaf.id for leaf in taxonomy.leaves]
    arguments = (rows, leaves, tiny_bert, load_base_tokenizer(tiny_bert), SETTINGS)
    train_network(*arguments, on_epoch=stop_at_two, resume=resume)
    train_network(*arguments, on_epoch=stop_at_two, resume=resume)
    assert seen == [1, 2]


def test_a_damaged_checkpoint_counts_as_none(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "run.pt")
    resume.file.write_bytes(b"PK\x03\x04 cut off")
    assert resume.load({}) == (0, True)
