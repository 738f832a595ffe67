"""The plots as Plotly JSON: reliability, certainty, learning curve, changes of leaves.

data = plots(view)          # place on the page -> {data, layout}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xundan.training.evaluation.intervals import Interval
from xundan.training.evaluation.page.view import FEW_LEAF_ROWS, View

Json = dict[str, Any]
INK, MUTED, LINE = "#1f2a37", "#8a94a3", "#e4e8ee"
COLOURS = ("#2f5d8a", "#b7791f")


def plots(view: View) -> dict[str, Json]:
    """The plots of an evaluation; those of a second model or of train labels only where these are given."""
    found = {"reliability": _reliability(view), "certainty": _certainty(view)}
    if view.evaluation.schooling:
        found["learning"] = _learning(view)
    if view.evaluation.paired and (changes := _changes(view)):
        found["changes"] = changes
    return found


def _reliability(view: View) -> Json:
    diagonal = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip"}
    traces = [{**diagonal, "line": {"color": MUTED, "dash": "dot", "width": 1}, "showlegend": False}]
    for at, model in enumerate(view.models):
        bins = model.calibration.first_leaf.bins
        shares = [Interval(one.share, one.share_low, one.share_high) for one in bins]
        x, sizes = [one.mean_score for one in bins], [one.n for one in bins]
        traces.append(_trace(x, shares, sizes, at, view))
    return {"data": traces, "layout": _layout(view, "score", "share_right", x_format=".1f")}


def _certainty(view: View) -> Json:
    traces = []
    for at, model in enumerate(view.models):
        curve = model.certainty.curve
        x, wrong = [one.coverage for one in curve], [one.wrong for one in curve]
        traces.append(_trace(x, wrong, [one.n for one in wrong], at, view))
    return {"data": traces, "layout": _layout(view, "kept", "wrong_axis")}


def _learning(view: View) -> Json:
    assert view.evaluation.schooling
    curve = view.evaluation.schooling.curve
    points = [point.micro for point in curve.points]
    trace = _trace([point.rows for point in curve.points], points, [curve.n] * len(points), 0, view)
    last, gain = curve.points[-1], curve.doubling
    ahead = Interval(*(last.micro.value + step for step in (gain.value, gain.low, gain.high)))
    guess = _trace([2 * last.rows], [ahead], [curve.n], 1, view)
    layout = _layout(view, "train_rows", "micro", x_format=",d", y_format=".3f")
    ticks = [*(point.rows for point in curve.points), 2 * last.rows]
    layout["xaxis"] |= {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,}" for tick in ticks]}
    names = (view.words["measured"], view.words["expected"])
    return {
        "data": [{**t, "name": name} for t, name in zip((trace, guess), names, strict=True)],
        "layout": layout,
    }


def _changes(view: View) -> Json:
    """Leaves with enough rows whose F1 moved, most improved on top."""
    assert view.evaluation.paired
    moved = [c for c in view.evaluation.paired.leaves if c.support >= FEW_LEAF_ROWS and c.change.value]
    if not moved:
        return {}
    moved.sort(key=lambda c: c.change.value)
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [c.change.value for c in moved],
        "y": [view.leaf(c.leaf) for c in moved],
        "error_x": _whiskers([c.change for c in moved]),
        "marker": {"color": COLOURS[0], "size": 8},
        "customdata": [f"{c.change:+.3f} n={c.support}" for c in moved],
        "hovertemplate": "%{y}<br>%{customdata}<extra></extra>",
        "showlegend": False,
    }
    layout = _layout(view, "difference", "", x_format="+.2f") | {"height": 120 + 22 * len(moved)}
    layout["xaxis"] |= {"zeroline": True, "zerolinecolor": MUTED}
    layout["yaxis"] = {"automargin": True, "gridcolor": LINE}
    return {"data": [trace], "layout": layout}


def _trace(x: Sequence[float], y: Sequence[Interval], sizes: Sequence[int], at: int, view: View) -> Json:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": view.names[min(at, len(view.names) - 1)],
        "x": list(x),
        "y": [one.value for one in y],
        "error_y": _whiskers(y),
        "line": {"color": COLOURS[at], "width": 2},
        "marker": {"size": 7},
        "customdata": [f"{one:.3f} n={n:,}" for one, n in zip(y, sizes, strict=True)],
        "hovertemplate": "%{x}<br>%{customdata}<extra></extra>",
    }


def _whiskers(found: Sequence[Interval]) -> Json:
    return {
        "type": "data",
        "symmetric": False,
        "array": [one.high - one.value for one in found],
        "arrayminus": [one.value - one.low for one in found],
        "thickness": 1,
        "width": 3,
    }


def _layout(view: View, x: str, y: str, x_format: str = ".0%", y_format: str = ".0%") -> Json:
    def axis(word: str, shape: str) -> Json:
        title = str(view.words[word]) if word else ""
        return {"title": {"text": title}, "tickformat": shape, "gridcolor": LINE, "automargin": True}

    return {
        "height": 340,
        "margin": {"l": 60, "r": 24, "t": 16, "b": 56},
        "font": {"family": "inherit", "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#c3cad4", "activecolor": MUTED},
        "legend": {"orientation": "h", "y": 1.12, "x": 0},
        "showlegend": len(view.models) > 1,
        "xaxis": axis(x, x_format),
        "yaxis": axis(y, y_format),
    }
