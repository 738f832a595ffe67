"""From labels to a registered model: fine-tune, measure, export, write the card.

folder = train(TrainJob(labels=(Path("labels.jsonl"),), tree="attention", registry=Path("registry")))
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from xundan.models.registry import SHIPPED_ENCODER, new_version
from xundan.models.thresholds import decide
from xundan.taxonomy.trees import load
from xundan.training.card import write_card
from xundan.training.evaluate import Figures, evaluate
from xundan.training.export import export
from xundan.training.finetune import FinetuneSettings, OnStep, finetune
from xundan.training.labels import read_labels


@dataclass(frozen=True)
class TrainJob:
    """What to train on, from which BERT, and where the version goes."""

    labels: tuple[Path, ...]
    tree: str
    registry: Path
    base: Path | str = SHIPPED_ENCODER
    settings: FinetuneSettings = field(default_factory=FinetuneSettings)
    sources: tuple[str, ...] = ()
    quiet: bool = False


@dataclass(frozen=True)
class Trained:
    """Where the new version stands, and what it reaches on the sessions held out for its thresholds."""

    folder: Path
    version: str
    figures: Figures


def train(job: TrainJob) -> Trained:
    """Fine-tune and register; nothing is left behind when any step fails."""
    taxonomy = load(job.tree)
    rows = read_labels(job.labels, taxonomy)
    leaves = [leaf.id for leaf in taxonomy.leaves]
    with _Bar(job.quiet) as bar:
        finetuned = finetune(rows, leaves, job.base, job.settings, bar.on_step)
    figures = evaluate(decide(finetuned.held_out_scores, finetuned.thresholds), finetuned.held_out, taxonomy)
    with new_version(job.registry, taxonomy.tree) as (name, folder):
        version = f"{taxonomy.tree}-{name}"
        export(finetuned, taxonomy, version, job.settings, folder)
        settings = json.dumps({**asdict(job.settings), "base": str(job.base)}, indent=1)
        (folder / "settings.json").write_text(settings + "\n", encoding="utf-8")
        write_card(folder, version, taxonomy, figures, len(rows), job.sources)
    return Trained(job.registry / taxonomy.tree / name, version, figures)


class _Bar:
    """A progress bar over both runs of a fine-tuning."""

    def __init__(self, quiet: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps {task.fields[loss]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            disable=quiet,
        )
        self._task = self._progress.add_task("to choose thresholds", total=None, loss="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def on_step(self) -> OnStep:
        def update(step: int, steps: int, loss: float) -> None:
            if step == 1 and self._progress.tasks[0].completed:
                self._progress.reset(self._task, description="on all rows")
            self._progress.update(self._task, completed=step, total=steps, loss=f"loss {loss:.3f}")

        return update
