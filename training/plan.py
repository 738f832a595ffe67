"""What a training is going to do and how long it takes on this machine, told before it begins.

plan = make_plan(rows, leaves, base, tokenizer, settings)
print(plan)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from xundan.training.batches import steps_an_epoch
from xundan.training.finetune import FinetuneSettings, train_network
from xundan.training.labels import LabelledMessage

_TIMED_STEPS = 6


@dataclass(frozen=True)
class Plan:
    """``row_passes``: rows × epochs over all runs; ``rows_a_second`` as timed just now."""

    rows: int
    leaves: int
    settings: FinetuneSettings
    row_passes: int
    rows_a_second: float

    def __str__(self) -> str:
        minutes = self.row_passes / self.rows_a_second / 60
        return (
            f"{self.settings.folds} runs, each without one part of the sessions (for honest figures, "
            f"thresholds and calibration), then one on all {self.rows:,} rows; "
            f"{self.settings.epochs} epochs at most, {self.rows_a_second:,.0f} rows/s: "
            f"about {minutes:.0f} minutes, less if runs stop early"
        )


def make_plan(
    rows: Sequence[LabelledMessage],
    leaves: Sequence[str],
    base: Path | str,
    tokenizer: Tokenizer,
    settings: FinetuneSettings,
) -> Plan:
    """Time a few steps on every so-manieth row; the reading of held-out rows is counted as a tenth more."""
    taken = _TIMED_STEPS * settings.batch
    sample = list(rows[:: max(1, len(rows) // taken)])[:taken]
    clock: list[float] = []
    train_network(
        sample,
        leaves,
        base,
        tokenizer,
        replace(settings, epochs=1, wide=0.0),
        on_step=lambda *_: clock.append(time.perf_counter()),
    )
    rows_a_second = float("inf")
    if len(clock) > 2:  # the first steps warm up
        rows_a_second = (len(clock) - 2) * min(settings.batch, len(sample)) / (clock[-1] - clock[1])
    passes = steps_an_epoch(rows, settings) * settings.batch * settings.epochs * settings.folds
    return Plan(len(rows), len(leaves), settings, passes, rows_a_second / 1.1)
