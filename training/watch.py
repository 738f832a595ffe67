"""The live view of a training: a progress bar with rate and ETA, and a table of the epochs so far.

with Watch(quiet=False, total=100_000, batch=64) as watch:
    watch.start("fold 1 of 3", steps=140, epochs=5); watch.step(1, 200, 3.2); watch.epoch(1, 0.61)
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


@dataclass(frozen=True)
class Line:
    """One finished epoch of one run; ``f1`` is the held-out micro-F1, None where nothing is held out."""

    run: str
    epoch: int
    loss: float
    f1: float | None


class Watch:
    """What the person at the terminal sees; silent where ``quiet``, but it still remembers the lines.

    ``total`` counts row passes (rows × epochs) over all runs, so that one bar shows the whole; a step is
    ``batch`` of them.
    """

    def __init__(self, quiet: bool, total: int, batch: int) -> None:
        self.lines: list[Line] = []
        self._batch = batch
        self._run, self._rows, self._loss, self._seen, self._before = "", 0, 0.0, 0.0, 0.0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f}% {task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._task = self._progress.add_task("training", total=total, rate="")
        self._live = (
            None
            if quiet
            else Live(self._view(), console=Console(stderr=True), refresh_per_second=2, transient=True)
        )

    def __enter__(self) -> Watch:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def start(self, run: str, steps: int, epochs: int) -> None:
        """A run of ``epochs`` of ``steps`` each begins."""
        self._run, self._rows, self._before = run, steps * epochs * self._batch, self._seen

    def step(self, done: int, steps: int, loss: float) -> None:
        """One step of the current run is done."""
        self._loss = loss if done == 1 else 0.95 * self._loss + 0.05 * loss
        self._seen = self._before + self._rows * done / steps
        speed = self._progress.tasks[0].speed
        self._progress.update(
            self._task,
            completed=self._seen,
            description=self._run,
            rate=f"loss {self._loss:.3f}" + (f" {speed:,.0f} rows/s" if speed else ""),
        )
        if self._live:
            self._live.update(self._view())

    def epoch(self, number: int, f1: float | None) -> None:
        """An epoch of the current run is over."""
        self.lines.append(Line(self._run, number, self._loss, f1))

    def unmeasured(self, number: int, _: object) -> bool:
        """An epoch of a run that holds nothing out is over; it goes on."""
        self.epoch(number, None)
        return True

    def summary(self) -> list[str]:
        """The epochs of every run, one sentence a run, for when the table is gone."""
        runs: dict[str, list[Line]] = {}
        for line in self.lines:
            runs.setdefault(line.run, []).append(line)
        return [
            f"{run}: loss {lines[0].loss:.2f} -> {lines[-1].loss:.2f} in {len(lines)} epochs"
            + (
                f", held-out micro-F1 {' '.join(f'{line.f1:.3f}' for line in lines)}"
                if lines[0].f1 is not None
                else ""
            )
            for run, lines in runs.items()
        ]

    def finish(self) -> None:
        """The current run is over, perhaps early: count all of it as done."""
        self._seen = self._before + self._rows
        self._progress.update(self._task, completed=self._seen)

    def _view(self) -> Group:
        table = Table("run", "epoch", "loss", "held-out micro-F1")
        for line in self.lines[-12:]:
            table.add_row(
                line.run, str(line.epoch), f"{line.loss:.3f}", "" if line.f1 is None else f"{line.f1:.3f}"
            )
        return Group(table, self._progress)
