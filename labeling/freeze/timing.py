"""How long the machine takes from drawing a sample to a frozen set; what people do in between is not counted.

steps = [Step("draw", draw), Step("label", answer, person=True), Step("freeze", lambda: freeze(store, job))]
print(draw_to_frozen(steps).machine)                         # seconds
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One thing to run; ``person``: it stands for people's work."""

    name: str
    run: Callable[[], object]
    person: bool = False


@dataclass(frozen=True)
class Took:
    """Seconds by step, and those of the steps that are the machine's (``machine``) together."""

    seconds: Mapping[str, float]
    machine: float


def draw_to_frozen(steps: Sequence[Step], clock: Callable[[], float] = time.perf_counter) -> Took:
    """Run the steps in order, each once; an error of one is the caller's."""
    seconds: dict[str, float] = {}
    machine = 0.0
    for step in steps:
        began = clock()
        step.run()
        took = clock() - began
        seconds[step.name] = seconds.get(step.name, 0.0) + took
        machine += 0.0 if step.person else took
    return Took(seconds, machine)
