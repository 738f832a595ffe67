"""The confusion heat map as Plotly JSON: when one person chose the row, the other chose the column.

plot = heat_map(view)          # {data, layout}
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xundan.labeling.agreement.ballots import Flags
from xundan.labeling.agreement.confusion import ConfusionMatrix
from xundan.labeling.agreement.figures import wilson
from xundan.labeling.agreement.page.view import View

Json = dict[str, Any]
_INK, _RED, _GREEN = "#1f2a37", "#b42318", "#1f7a55"
_LEAST_SHOWN = 0.05  # smaller shares have no number in their cell: the map would be all digits


def heat_map(view: View) -> Json:
    """Confusions red, agreement on the diagonal green; a cell's interval and counts on hovering."""
    matrix = view.found.matrix
    names = _distinct([view.leaf(leaf) for leaf in matrix.leaves])
    columns = [*names, str(view.words["nothing"])]
    own = np.eye(len(names), len(columns), dtype=bool)
    hover = [[_hover(matrix, row, at, view) for at in range(len(columns))] for row in range(len(names))]
    shared: Json = {
        "type": "heatmap",
        "x": columns,
        "y": names,
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
        "zmin": 0,
        "zmax": 1,
        "xgap": 1,
        "ygap": 1,
        "texttemplate": "%{text}",
        "textfont": {"size": 11},
        "showscale": False,
    }
    top = max(float(matrix.share[~own].max(initial=0.0)), 0.2)
    return {
        "data": [
            {
                **shared,
                **_cells(matrix, ~own, _LEAST_SHOWN),
                "colorscale": [[0, "#fff"], [1, _RED]],
                "zmax": top,
            },
            {**shared, **_cells(matrix, own, 0.0), "colorscale": [[0, "#fff"], [1, _GREEN]]},
        ],
        "layout": _layout(len(names)),
    }


def _layout(rows: int) -> Json:
    return {
        "height": 190 + 26 * rows,
        "margin": {"l": 10, "r": 60, "t": 10, "b": 10},
        "font": {"family": "inherit", "size": 12, "color": _INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#c3cad4", "activecolor": "#8a94a3"},
        "xaxis": {"side": "top", "tickangle": -45, "automargin": True, "showgrid": False},
        "yaxis": {"autorange": "reversed", "automargin": True, "showgrid": False},
    }


def _cells(matrix: ConfusionMatrix, shown: Flags, least: float) -> Json:
    """Shares and their text where ``shown`` [leaves, leaves + 1], nothing elsewhere."""
    shares = np.where(shown, matrix.share, np.nan)
    return {
        "z": [[None if np.isnan(share) else float(share) for share in row] for row in shares],
        "text": [[f"{share:.0%}" if share >= least else "" for share in row] for row in shares],
    }


def _hover(matrix: ConfusionMatrix, row: int, column: int, view: View) -> str:
    hits, n = int(matrix.hits[row, column]), int(matrix.totals[row])
    low, high = wilson(hits, n)
    named = view.leaf(matrix.leaves[column]) if column < len(matrix.leaves) else view.words["nothing"]
    key = "hover_same" if row == column else "hover"
    share = f"{hits / max(n, 1):.1%} [{low:.1%}, {high:.1%}]"
    return view.say(key, one=view.leaf(matrix.leaves[row]), other=named, share=share, hits=hits, n=n)


def _distinct(names: list[str]) -> list[str]:
    """The names, with a number behind one that comes again: Plotly would lay namesakes on each other."""
    return [
        f"{name} ({names[:at].count(name) + 1})" if name in names[:at] else name
        for at, name in enumerate(names)
    ]
