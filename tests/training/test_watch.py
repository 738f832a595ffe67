"""The plan and the live view: one bar over all runs, rate and epochs as they were."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from xundan.models.encoder import load_base_tokenizer
from xundan.taxonomy.trees import load
from xundan.training.finetune import FinetuneSettings
from xundan.training.labels import read_labels
from xundan.training.plan import Plan, make_plan
from xundan.training.watch import Watch


def test_the_bar_counts_all_runs_and_an_early_stop_counts_as_done() -> None:
    watch = Watch(quiet=True, total=3 * 4 * 10 * 8, batch=8)
    for run in range(3):
        watch.start(f"fold {run + 1}", steps=10, epochs=4)
        for step in range(1, 21):
            watch.step(step, 40, 1.0 / step)
        watch.epoch(2, 0.5 + run / 10)
        watch.finish()
    task = watch._progress.tasks[0]
    assert task.completed == task.total
    assert [line.f1 for line in watch.lines] == pytest.approx([0.5, 0.6, 0.7])
    said = watch.summary()
    assert said[0].startswith("fold 1: loss ")
    assert said[0].endswith("held-out micro-F1 0.500")


def test_the_table_shows_loss_and_held_out_f1() -> None:
    watch = Watch(quiet=True, total=100, batch=10)
    watch.start("all rows", steps=5, epochs=2)
    watch.step(1, 10, 0.25)
    watch.step(5, 10, 0.25)
    watch.unmeasured(1, None)
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(watch._view())
    shown = console.export_text()
    assert "held-out micro-F1" in shown
    assert "0.250" in shown
    assert "50%" in shown


def test_the_plan_says_what_will_be_done_and_how_long(tiny_bert: Path, label_file: Path) -> None:
    taxonomy = load("attention")
    rows = read_labels([label_file], taxonomy)
    settings = FinetuneSettings(epochs=4, batch=8, folds=3)
    leaves = [leaf.id for leaf in taxonomy.leaves]
    plan = make_plan(rows, leaves, tiny_bert, load_base_tokenizer(tiny_bert), settings)
    assert plan.row_passes == 8 * 8 * 4 * 3  # 60 rows in 8 batches; 3 runs on two thirds and one on all
    assert plan.rows_a_second > 0
    told = str(Plan(60, 71, settings, 96_000, 160.0))
    assert "then one on all 60 rows; 4 epochs at most, 160 rows/s: about 10 minutes" in told
