"""Lines of a benchmark as a person reads them.

show(Console(width=170), lines, data)
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.measure import REFERENCE, Data, Line, Skipped
from xundan.training.evaluation.figures import MIN_SUPPORT, Interval

_NONE = "–"


def show(console: Console, lines: Sequence[Line | Skipped], data: Data) -> None:
    """One line a row; an interval is the 95 % one, over whole sessions of the test rows."""
    grouped = len(data.taxonomy.groups) > 1
    table = Table(
        "row",
        *("", "train rows", "micro-F1", f"macro-F1 (leaves with ≥ {MIN_SUPPORT})", "group micro-F1"),
        *(f"ahead of {REFERENCE}", "micro on train, cross-validated", "messages/s", "MB", "training"),
        title=f"{data.taxonomy.tree}, {len(data.test)} test messages",
        caption="training: of ours, with its cross-validation and export",
    )
    before = None
    for line in lines:
        if isinstance(line, Skipped):
            table.add_row(line.row, line.title, _NONE, line.why)
            continue
        if before not in (None, line.train_rows) and line.train_rows:
            table.add_section()
        before = line.train_rows or before
        figures = line.figures
        table.add_row(
            line.row,
            line.title + (f" (saw {line.seen} of the {len(data.test)} test rows)" if line.seen else ""),
            _NONE if line.train_rows is None else f"{line.train_rows:,}",
            *(str(figures.micro), str(figures.macro), str(figures.group) if grouped else _NONE),
            *(_ahead(line, grouped), _or_none(line.cross_validated)),
            f"{line.messages_a_second:,.0f}",
            f"{line.megabytes:.1f}",
            _NONE if line.train_seconds is None else f"{line.train_seconds:,.1f} s",
        )
    console.print(table)


def show_leaves(console: Console, lines: Sequence[Line | Skipped]) -> None:
    """Each leaf that the test rows have: precision, recall and F1 of each line."""
    measured = [line for line in lines if isinstance(line, Line)]
    table = Table("leaf", "rows", *(f"{line.row} {line.train_rows or ''}: P / R / F1" for line in measured))
    for of_leaf in zip(*(line.figures.leaves for line in measured), strict=True):
        if of_leaf[0].support:
            cells = (f"{x.precision.value:.2f} / {x.recall.value:.2f} / {x.f1}" for x in of_leaf)
            table.add_row(of_leaf[0].leaf, str(of_leaf[0].support), *cells)
    console.print(table)


def _ahead(line: Line, grouped: bool) -> str:
    """The paired differences, one a line; of a single group there is nothing to say."""
    if line.ahead is None:
        return _NONE
    measures = [name for name in line.ahead if grouped or name != "group"]
    return "\n".join(f"{name} {line.ahead[name]:+.3f}" for name in measures)


def _or_none(interval: Interval | None) -> str:
    return _NONE if interval is None else str(interval)
