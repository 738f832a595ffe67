"""Pieces of HTML: escaped text, cells that sort, tables.

>>> from xundan.page.markup import cell, count
>>> cell("<包邮>").html, count(1200)
('&lt;包邮&gt;', Cell(html='1,200', rank=1200))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape


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


def note(value: str) -> str:
    """What stands small beside a figure; ``value`` is HTML."""
    return f"<small>{value}</small>"


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
