"""What every verb prints with: two streams, JSON, a progress bar with rate and ETA.

with progress() as begin: advance = begin("classify", 1000); advance(10)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from xundan.errors import BadInput
from xundan.progress import Advance, Begin

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

Lang = Annotated[str, typer.Option("--lang", help="Language of page and Excel: zh or en")]
Registry = Annotated[Path, typer.Option("--registry", help="Folder of your own models")]
Tree = Annotated[str, typer.Option("--tree", help="attention, action, or the name of your own")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON")]


def checked_lang(value: str) -> str:
    """``zh`` or ``en``; anything else is `BadInput`."""
    if value not in ("zh", "en"):
        raise BadInput("unknown language", got=value, expected="zh or en", where="--lang")
    return value


def print_json(value: Any) -> None:
    """One JSON value on the standard output, Chinese as it is."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=str))


class _Rate(ProgressColumn):
    """Rows done and rows a second, where rows are counted."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text("")
        rate = task.finished_speed or task.speed or 0
        return Text(f"{task.completed:,.0f}/{task.total:,.0f} {rate:,.0f}/s")


@contextmanager
def progress() -> Iterator[Begin]:
    """One bar at a time on the error stream, gone when all is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)

    def begin(what: str, total: int) -> Advance:
        for task in bars.task_ids:
            bars.remove_task(task)
        bars.start()
        bar = bars.add_task(what, total=total or None)
        return lambda rows: bars.advance(bar, rows)

    try:
        yield begin
    finally:
        if bars.live.is_started:
            bars.stop()
