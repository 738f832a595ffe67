"""Pieces of HTML: escaped text, figures with their interval and n, tables that sort on a click.

html = table(["叶子", "F1"], [Line((cell("包邮"), figure_cell(f1)), grey=False)])
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from xundan.labeling.agreement.figures import Figure


@dataclass(frozen=True)
class Cell:
    """HTML, and the number it is sorted by (None: by its text)."""

    html: str
    rank: float | None = None


@dataclass(frozen=True)
class Line:
    """A row of a table; grey where it rests on too little to decide from."""

    cells: Sequence[Cell]
    grey: bool = False


def text(value: object) -> str:
    """A value as escaped HTML text."""
    return escape(str(value), quote=True)


def cell(value: object) -> Cell:
    """A value as escaped text."""
    return Cell(text(value))


def count(value: int) -> Cell:
    """A number of things."""
    return Cell(f"{value:,}", value)


def figure_cell(found: Figure, bar: bool = False) -> Cell:
    """A figure with its interval and n, a dash where it is not defined; ``bar`` draws it between 0 and 1."""
    if math.isnan(found.value):
        return Cell(f"— <small>n={found.n:,}</small>", -2)
    note = f"[{found.low:.3f}, {found.high:.3f}] n={found.n:,}"
    places = ";".join(f"--{key}:{getattr(found, key):.3f}" for key in ("value", "low", "high"))
    drawn = f'<i class="bar" style="{places}"></i>' if bar else ""
    return Cell(f"{drawn}{found.value:.3f} <small>{note}</small>", found.value)


def share_cell(found: Figure, hits: int) -> Cell:
    """A share in percent with its interval and counts."""
    note = f"[{found.low:.1%}, {found.high:.1%}] {hits:,}/{found.n:,}"
    return Cell(f"{found.value:.1%} <small>{note}</small>", found.value)


def table(heads: Sequence[str], lines: Iterable[Line]) -> str:
    """A table whose columns are sorted by a click on their head; heads are plain text."""
    head = "".join(f'<th tabindex="0">{text(name)}</th>' for name in heads)
    body = "".join(_line(line) for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def folded(summary: str, html: str) -> str:
    """HTML that opens on a click."""
    return f"<details><summary>{text(summary)}</summary>{html}</details>"


def _line(line: Line) -> str:
    cells = "".join(
        f"<td>{c.html}</td>" if c.rank is None else f'<td data-v="{c.rank:.6g}">{c.html}</td>'
        for c in line.cells
    )
    return f'<tr class="grey">{cells}</tr>' if line.grey else f"<tr>{cells}</tr>"
