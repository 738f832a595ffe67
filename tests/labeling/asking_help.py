"""Tasks, settings and a run in one call, for the tests that ask a model.

report = ask(store, server.url, n=3)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.labeling.model_server import Asked, Said, answer
from xundan.labeling.records import Task, Turn, task_key
from xundan.labeling.store import Store
from xundan.labeling.suggest import Asking, Examples, Plan, Report, make_plan, run
from xundan.taxonomy.trees import load

ATTENTION = load("attention")
KEY = "sk-own-key-of-this-test"
FAST = {"per_minute": 600_000, "concurrent": 1, "backoff_s": 0.01, "timeout_s": 30}


def task(text: str, number: int = 1, tree: str = "attention", **changes: Any) -> Task:
    """A message to label, in a session of its own."""
    session = f"s{number}"
    turns = (Turn(f"{session}-0", "agent", "您好 在的"),)
    body = Task(
        task_key(tree, text, turns), tree, session, f"{session}-1", "demo", f"b_{number}", text, turns
    )
    return replace(body, **changes)


def freight(asked: Asked, number: int) -> Said:
    """Always the same proper answer."""
    return answer(["logistics_freight"])


def in_turn(*said: Said) -> Callable[[Asked, int], Said]:
    """One after the other, the last for ever."""
    return lambda asked, number: said[min(number, len(said) - 1)]


def asking(url: str, **changes: Any) -> Asking:
    """Fast settings."""
    return Asking(url, "qwen-test", **{**FAST, **changes})


def plan_of(store: Store, url: str, n: int = 1, examples: Examples | None = None, **changes: Any) -> Plan:
    """Add ``n`` tasks and plan to ask about them."""
    store.add_tasks([task(f"第{i}件包邮吗", i) for i in range(n)])
    return make_plan(store, ATTENTION, asking(url, **changes), examples or Examples())


def ask(store: Store, url: str, n: int = 1, **changes: Any) -> Report:
    """Add ``n`` tasks and ask about them."""
    return run(plan_of(store, url, n, **changes), store, KEY)


def endings(report: Report) -> dict[str, int]:
    """How many tasks ended how; they add up."""
    assert sum(count for _, count in report.endings) == report.tasks
    return dict(report.endings)
