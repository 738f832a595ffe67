"""Pieces of HTML: escaped text, figures with their interval and n, tables that sort on a click.

html = table(["叶子", "F1"], [Line((cell("包邮"), figure(f1, 12)), grey=False)])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from xundan.training.evaluation.intervals import Interval, Share


@dataclass(frozen=True)
class Cell:
    """HTML, and the number it is sorted by (None: by its text)."""

    html: str
    rank: float | None = None


@dataclass(frozen=True)
class Line:
    """A row of a table; grey where it rests on too few rows to decide from."""

    cells: Sequence[Cell]
    grey: bool = False


def cell(value: object) -> Cell:
    """A value as escaped text."""
    return Cell(text(value))


def text(value: object) -> str:
    """A value as escaped HTML text."""
    return escape(str(value), quote=True)


def count(value: int) -> Cell:
    """A number of rows."""
    return Cell(f"{value:,}", value)


def figure(found: Interval, n: int) -> Cell:
    """A figure between 0 and 1, such as an F1, with its interval and n."""
    return Cell(f"{found.value:.3f} {_note(f'[{found.low:.3f}, {found.high:.3f}] n={n:,}')}", found.value)


def bar(found: Interval, n: int) -> Cell:
    """A figure as in `figure`, with a stroke for its interval and a dot for its value."""
    places = ";".join(f"--{key}:{getattr(found, key):.3f}" for key in ("value", "low", "high"))
    return Cell(f'<i class="bar" style="{places}"></i>{figure(found, n).html}', found.value)


def change(found: Interval, n: int) -> Cell:
    """A difference of two figures, with its interval and n; marked where the interval leaves out 0."""
    kind = "better" if found.low > 0 else "worse" if found.high < 0 else "level"
    note = _note(f"[{found.low:+.3f}, {found.high:+.3f}] n={n:,}")
    return Cell(f'<span class="{kind}">{found.value:+.3f}</span> {note}', found.value)


def share_cell(found: Share) -> Cell:
    """A share with its interval and its counts; a dash where there was nothing to count."""
    if not found.n:
        return Cell(f"— {_note('n=0')}", -1)
    note = _note(f"[{found.low:.1%}, {found.high:.1%}] {found.hits:,}/{found.n:,}")
    return Cell(f"{found.value:.1%} {note}", found.value)


def table(heads: Sequence[str], lines: Iterable[Line]) -> str:
    """A table whose columns are sorted by a click on their head; heads are plain text."""
    head = "".join(f'<th tabindex="0">{text(name)}</th>' for name in heads)
    body = "".join(_line(line) for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def turns(context: Sequence[str]) -> str:
    """The turns before a message, one a line."""
    return "".join(f'<div class="turn">{text(turn)}</div>' for turn in context)


def folded(summary: str, html: str) -> str:
    """HTML that opens on a click."""
    return f"<details><summary>{text(summary)}</summary>{html}</details>"


def _line(line: Line) -> str:
    cells = "".join(
        f"<td>{c.html}</td>" if c.rank is None else f'<td data-v="{c.rank:.6g}">{c.html}</td>'
        for c in line.cells
    )
    return f'<tr class="grey">{cells}</tr>' if line.grey else f"<tr>{cells}</tr>"


def _note(value: str) -> str:
    return f"<small>{value}</small>"
