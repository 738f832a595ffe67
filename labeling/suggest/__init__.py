"""Pre-annotation by a large language model at an address the user names; a suggestion is never a label.

asking = Asking("http://127.0.0.1:11434/v1", "qwen3:8b")
plan = make_plan(store, load("attention"), asking, Examples.read(Path("labels.jsonl"), load("attention")))
print("\\n".join(plan.lines())); report = run(plan, store, key=None)

How far it agrees with people: `suggest.compare`, shown by `suggest.show`.
"""

from __future__ import annotations

from xundan.labeling.suggest.asking import KEY_VARIABLE, Asking, Prices
from xundan.labeling.suggest.examples import Examples
from xundan.labeling.suggest.plan import WHICH, Plan, make_plan
from xundan.labeling.suggest.run import Report, run

__all__ = [
    "KEY_VARIABLE",
    "WHICH",
    "Asking",
    "Examples",
    "Plan",
    "Prices",
    "Report",
    "make_plan",
    "run",
]
