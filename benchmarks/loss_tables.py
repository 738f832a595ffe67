"""Figures of judges of lost sessions as a person reads them.

show(Console(width=200), lines, results)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from benchmarks.loss_measure import REFERENCE, Across, Line, Point, Result
from benchmarks.loss_parts import JUDGES
from benchmarks.loss_shipped import Shipped
from xundan.training.evaluation.figures import LeafFigures
from xundan.training.evaluation.intervals import Share
from xundan.training.loss.sessions import REAL, WRITTEN

_NONE = "–"


def show(console: Console, lines: Sequence[Line], results: Sequence[Result]) -> None:
    """One line a row and part; an interval is the 95 % one, over sessions."""
    took = {result.row: result for result in results}
    table = Table(
        *("sessions", "row", "primary leaf", "group", "macro-F1", f"{REFERENCE} is ahead by"),
        *("evidence hit", "pairs told apart", "seconds"),
        title="why sessions were lost: each judged by one that had seen neither it nor one made from it",
        caption="; ".join(f"{result.row}: {JUDGES[result.row].title}" for result in results)
        + "\npairs: after learning from all sessions; seconds: of all folds and of that",
    )
    for part, its in groupby(lines, key=lambda line: line.part):
        for line in its:
            table.add_row(
                f"{part}, {line.figures.n:,}",
                line.row,
                *(str(figure) for figure in (line.figures.leaf, line.figures.group, line.figures.macro)),
                "\n".join(f"{name} {gain:+.3f}" for name, gain in line.ahead.items())
                if line.ahead
                else _NONE,
                share_of(line.evidence),
                share_of(took[line.row].pairs.share),
                f"{took[line.row].seconds:,.1f}",
            )
        table.add_section()
    console.print(table)


def show_leaves(console: Console, lines: Sequence[Line]) -> None:
    """A table for each part: each leaf that occurs in it, precision / recall / F1 of each row."""
    for part, its in groupby(lines, key=lambda line: line.part):
        rows = list(its)
        support = {leaf.leaf: leaf.support for line in rows for leaf in line.figures.leaves if leaf.support}
        found = [{leaf.leaf: leaf for leaf in line.figures.leaves} for line in rows]
        table = Table("leaf", "sessions", *(f"{line.row}: P / R / F1" for line in rows), title=part)
        for leaf, n in support.items():
            cells = (f"{f.precision.value:.2f} / {f.recall.value:.2f} / {f.f1:.2f}" for f in _of(found, leaf))
            table.add_row(leaf, str(n), *cells)
        console.print(table)


def _of(found: Sequence[dict[str, LeafFigures]], leaf: str) -> Iterable[LeafFigures]:
    return (figures[leaf] for figures in found)


def show_curve(console: Console, points: Sequence[Point]) -> None:
    """The primary leaf's accuracy after a share of the labelled sessions."""
    table = Table(
        "row", "share", "labelled sessions", REAL, WRITTEN, title="primary leaf, by number of labels"
    )
    for _, its in groupby(points, key=lambda point: point.row):
        for point in its:
            accuracies = (point.parts.get(part) for part in (REAL, WRITTEN))
            cells = (str(figures.leaf) if figures else _NONE for figures in accuracies)
            table.add_row(point.row, f"{point.share:.0%}", f"{point.sessions:,}", *cells)
        table.add_section()
    console.print(table)


def show_across(console: Console, found: Sequence[Across]) -> None:
    """Learnt from one author's written sessions, measured on the other's."""
    table = Table(
        "row", "learnt from", "measured on", "primary leaf", "group", "macro-F1", title="across authors"
    )
    for each in found:
        figures = each.figures
        table.add_row(
            *(each.row, f"{each.inside}, {each.learnt:,}", f"{each.outside}, {figures.n:,}"),
            *(str(figure) for figure in (figures.leaf, figures.group, figures.macro)),
        )
    console.print(table)


def shipped_line(shipped: Shipped) -> str:
    """What the judge in force reaches, in one sentence, with the pairs that it does not tell apart."""
    failed = [name for name, passed in shipped.pairs.passed.items() if not passed]
    return (
        f"{shipped.version}: {shipped.sessions_a_second:,.0f} sessions a second on {shipped.cores} cores "
        f"({shipped.sessions:,} sessions, the leaves of their messages known); it tells "
        f"{share_of(shipped.pairs.share)} pairs apart"
        + (f"; not these: {', '.join(failed)}" if failed else "")
    )


def share_of(found: Share | None) -> str:
    """The share with its interval, and of how many; or a dash."""
    return f"{found:.2f} of {found.n:,}" if found else _NONE
