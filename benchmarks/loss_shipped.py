"""The judge in force: how fast it is, and which pairs of sessions it tells apart.

shipped = measure_shipped(cases, pairs, registry=None)
shipped.sessions_a_second
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xundan.models.loss.case import Case
from xundan.models.loss.runtime import LossModel
from xundan.models.registry import champion
from xundan.settings import Limits
from xundan.training.loss.pairs import PairsTold, SessionPair, run_pairs

CORES = 2
_WARM = 8


@dataclass(frozen=True)
class Shipped:
    """A version of the judge on ``sessions`` sessions, the leaves of their messages known."""

    version: str
    sessions: int
    sessions_a_second: float
    cores: int
    pairs: PairsTold


def measure_shipped(cases: Sequence[Case], pairs: Sequence[SessionPair], registry: Path | None) -> Shipped:
    """Load, warm up, judge once; `BadInput` where no judge is in force."""
    with _few_cores() as cores:
        model = LossModel.load(champion("loss", registry))
        model.judge(cases[:_WARM], Limits())
        started = time.perf_counter()
        model.judge(cases, Limits())
        seconds = time.perf_counter() - started
    return Shipped(
        model.description.version, len(cases), len(cases) / seconds, cores, run_pairs(model, pairs)
    )


@contextmanager
def _few_cores() -> Iterator[int]:
    """Hold this process to `CORES` cores where the system can; yields how many it has."""
    if not hasattr(os, "sched_setaffinity"):
        yield os.cpu_count() or 1
        return
    before = os.sched_getaffinity(0)
    few = set(sorted(before)[:CORES])
    os.sched_setaffinity(0, few)
    try:
        yield len(few)
    finally:
        os.sched_setaffinity(0, before)
