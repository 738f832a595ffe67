"""Figures with their interval and n, as cells of a table.

html = table(["叶子", "F1"], [Line((cell("包邮"), figure(f1, 12)))])
"""

from __future__ import annotations

from collections.abc import Sequence

from xundan.page import Cell, note, text
from xundan.training.evaluation.intervals import Interval, Share


def figure(found: Interval, n: int) -> Cell:
    """A figure between 0 and 1, such as an F1, with its interval and n."""
    return Cell(f"{found.value:.3f} {note(f'[{found.low:.3f}, {found.high:.3f}] n={n:,}')}", found.value)


def bar(found: Interval, n: int) -> Cell:
    """A figure as in `figure`, with a stroke for its interval and a dot for its value."""
    places = ";".join(f"--{key}:{getattr(found, key):.3f}" for key in ("value", "low", "high"))
    return Cell(f'<i class="bar" style="{places}"></i>{figure(found, n).html}', found.value)


def change(found: Interval, n: int) -> Cell:
    """A difference of two figures, with its interval and n; marked where the interval leaves out 0."""
    kind = "better" if found.low > 0 else "worse" if found.high < 0 else "level"
    beside = note(f"[{found.low:+.3f}, {found.high:+.3f}] n={n:,}")
    return Cell(f'<span class="{kind}">{found.value:+.3f}</span> {beside}', found.value)


def share_cell(found: Share) -> Cell:
    """A share with its interval and its counts; a dash where there was nothing to count."""
    if not found.n:
        return Cell(f"— {note('n=0')}", -1)
    beside = note(f"[{found.low:.1%}, {found.high:.1%}] {found.hits:,}/{found.n:,}")
    return Cell(f"{found.value:.1%} {beside}", found.value)


def turns(context: Sequence[str]) -> str:
    """The turns before a message, one a line."""
    return "".join(f'<div class="turn">{text(turn)}</div>' for turn in context)
