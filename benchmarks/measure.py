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
from xundan.errors import BadInput, MissingExtra
from xundan.models.thresholds import Chosen
from xundan.taxonomy.trees import Taxonomy
from xundan.training.evaluation.figures import Figures, Interval, compare, evaluate
from xundan.training.labels import LabelledMessage
from xundan.training.lineage import leaked, trained_on

REFERENCE = "tfidf"
"""The floor that every later row is compared with, on the same test rows."""


@dataclass(frozen=True)
class Data:
    """Rows to train on and to measure on, which share no session, and the tree of both."""

    train: list[LabelledMessage]
    test: list[LabelledMessage]
    taxonomy: Taxonomy

    @classmethod
    def of(cls, train: list[LabelledMessage], test: list[LabelledMessage], taxonomy: Taxonomy) -> Data:
        """Without the augmented test rows, on which nothing is measured; `BadInput` where no test row is left
        or a session stands on both sides."""
        real = [row for row in test if not row.augmented]
        if not real:
            raise BadInput("no test row to measure on", expected="rows that are not augmented")
        both = trained_on(train).sessions & trained_on(real).sessions
        if both:
            named = next(row.session for row in real if trained_on([row]).sessions & both)
            raise BadInput(
                "train and test rows share sessions",
                got=f"{len(both)} of them, such as {named}",
                expected="each session on one side",
                do="take the rows of these sessions out of one of the two",
            )
        return cls(train, real, taxonomy)


@dataclass(frozen=True)
class Line:
    """One line of the table; ``ahead`` are the paired differences to `REFERENCE` in micro, macro and group
    where that was measured before (a floor of a few rows says nothing of a model trained elsewhere),
    ``train_rows`` None for what was trained elsewhere, ``seen`` the test rows that it learnt from, or from
    others of their session (None: not known)."""

    row: str
    title: str
    train_rows: int | None
    figures: Figures
    ahead: dict[str, Interval] | None
    cross_validated: Interval | None
    messages_a_second: float
    megabytes: float
    train_seconds: float | None
    seen: int | None


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
            made.choose(data.test[:8])  # the first call may still load or compile something
            started = time.perf_counter()
            chosen = made.choose(data.test)
            seconds = time.perf_counter() - started
        except (BadInput, MissingExtra) as error:  # one line that cannot be had leaves the others
            yield Skipped(name, contender.title, str(error))
            continue
        ahead = None
        if reference is not None and (contender.sized or len(setting.train) == len(data.train)):
            ahead = compare(reference, chosen, data.test, data.taxonomy)
        leak = leaked(data.test, made.learnt) if made.learnt else None
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
            seen=leak.seen + leak.same_session if leak else None,
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
