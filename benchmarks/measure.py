"""Measure contenders on the same test rows: figures with intervals, speed, size, training time.

for line in measure(["tfidf", "shipped"], data, Setting(data.train, data.taxonomy)): print(line)
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.contenders import CONTENDERS, Setting
from xundan.errors import MissingExtra
from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.figures import Figures, Interval, compare, evaluate
from xundan.training.labels import LabelledMessage

REFERENCE = "tfidf"
"""The floor that every later row is compared with, on the same test rows."""


@dataclass(frozen=True)
class Data:
    """Rows to train on and to measure on, which share no session, and the tree of both."""

    train: list[LabelledMessage]
    test: list[LabelledMessage]
    taxonomy: Taxonomy


@dataclass(frozen=True)
class Line:
    """One line of the table; ``ahead`` is the paired difference in micro-F1 to `REFERENCE` where that was
    measured before, ``train_rows`` None for what was trained elsewhere."""

    row: str
    title: str
    train_rows: int | None
    figures: Figures
    ahead: Interval | None
    cross_validated: Interval | None
    messages_a_second: float
    megabytes: float
    train_seconds: float | None


@dataclass(frozen=True)
class Skipped:
    """A line that could not be measured, and why."""

    row: str
    title: str
    why: str


def measure(names: Sequence[str], data: Data, setting: Setting) -> Iterator[Line | Skipped]:
    """The lines of these rows, in this order, each trained on ``setting.train``."""
    reference: Chosen | None = None
    for name in names:
        contender = CONTENDERS[name]
        try:
            made = contender.make(setting)
        except MissingExtra as error:
            yield Skipped(name, contender.title, str(error))
            continue
        made.choose(data.test[:8])  # the first call may still load or compile something
        started = time.perf_counter()
        chosen = made.choose(data.test)
        seconds = time.perf_counter() - started
        ahead = None if reference is None else compare(reference, chosen, data.test, data.taxonomy)["micro"]
        reference = chosen if name == REFERENCE else reference
        yield Line(
            row=name,
            title=contender.title,
            train_rows=len(setting.train) if contender.sized else None,
            figures=evaluate(chosen, data.test, data.taxonomy),
            ahead=ahead,
            cross_validated=made.cross_validated,
            messages_a_second=len(data.test) / seconds,
            megabytes=made.megabytes,
            train_seconds=made.seconds,
        )


def at_most(rows: Sequence[LabelledMessage], per_leaf: int, seed: int = 0) -> list[LabelledMessage]:
    """Rows in random order, each taken while one of its leaves has fewer than ``per_leaf``."""
    order, taken = list(rows), []
    random.Random(seed).shuffle(order)
    counts: Counter[str] = Counter()
    for row in order:
        if any(counts[label] < per_leaf for label in row.labels):
            taken.append(row)
            counts.update(row.labels)
    return taken
