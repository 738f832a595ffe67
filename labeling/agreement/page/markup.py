"""Figures with their interval and n, as cells of a table.

html = table(["叶子", "F1"], [Line((cell("包邮"), figure_cell(f1)))])
"""

from __future__ import annotations

import math

from xundan.labeling.agreement.figures import Figure
from xundan.page import Cell, note


def figure_cell(found: Figure, bar: bool = False) -> Cell:
    """A figure with its interval and n, a dash where it is not defined; ``bar`` draws it between 0 and 1."""
    if math.isnan(found.value):
        return Cell(f"— {note(f'n={found.n:,}')}", -2)
    beside = f"[{found.low:.3f}, {found.high:.3f}] n={found.n:,}"
    places = ";".join(f"--{key}:{getattr(found, key):.3f}" for key in ("value", "low", "high"))
    drawn = f'<i class="bar" style="{places}"></i>' if bar else ""
    return Cell(f"{drawn}{found.value:.3f} {note(beside)}", found.value)


def share_cell(found: Figure, hits: int) -> Cell:
    """A share in percent with its interval and counts."""
    beside = f"[{found.low:.1%}, {found.high:.1%}] {hits:,}/{found.n:,}"
    return Cell(f"{found.value:.1%} {note(beside)}", found.value)
