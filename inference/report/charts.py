"""Make the charts: Plotly figures for losses, and the compact series that the page draws trends from.

figures = loss_figures(book, view, scope)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go

from xundan.inference.report.scopes import Scope, View
from xundan.inference.report.tallies import Book, Reason, funnel, loss_reasons, stage_by_reason

INK, MUTED, ACCENT, SOFT = "#1f2a37", "#8a94a3", "#2f5d8a", "#edf1f5"
MOST_BARS = 15
MOST_COLUMNS = 12
WEEKS_SHOWN, DAYS_SHOWN = 53, 92
VERDICT_LETTERS = {
    "up": "u",
    "down": "d",
    "no_change": "n",
    "too_few": "t",
    "gap": "g",
    "break": "b",
    "no_baseline": "x",
}
Json = dict[str, Any]


def loss_figures(book: Book, view: View, scope: Scope) -> dict[str, Json]:
    """Return the figures pareto, funnel and heat of a shop as Plotly JSON; none where nothing was lost."""
    reasons = loss_reasons(book, scope.shop)
    if not reasons:
        return {}
    figures = {
        "pareto": _pareto(reasons, view),
        "funnel": _funnel(funnel(book, scope.shop), view),
        "heat": _heat(stage_by_reason(book, scope.shop), [reason.leaf for reason in reasons], view),
    }
    return {name: json.loads(figure.to_json()) for name, figure in figures.items()}


def trend_series(book: Book, scope: Scope) -> Json:
    """Return tree -> grain -> {x, n, nodes}; a node has hits, low and high (ten thousandths), verdicts.

    The trend table is dense, so the nodes of one tree, grain and shop share their periods.
    """
    rows = book.rows(
        "WITH kept AS (SELECT *, dense_rank() OVER (PARTITION BY grain ORDER BY period_start DESC) AS age "
        "FROM trend WHERE item_id IS NULL AND shop IS NOT DISTINCT FROM CAST($1 AS VARCHAR)) "
        "SELECT tree, grain, node, list(strftime(period_start, '%Y-%m-%d') ORDER BY period_start), "
        "list(sessions ORDER BY period_start), list(hits ORDER BY period_start), "
        "list(round(share_low * 10000)::INTEGER ORDER BY period_start), "
        "list(round(share_high * 10000)::INTEGER ORDER BY period_start), "
        "list(verdict ORDER BY period_start) "
        f"FROM kept WHERE age <= CASE grain WHEN 'week' THEN {WEEKS_SHOWN} ELSE {DAYS_SHOWN} END "
        "GROUP BY 1, 2, 3",
        [scope.shop],
    )
    series: Json = {}
    for tree, grain, node, periods, sessions, hits, low, high, verdicts in rows:
        part = series.setdefault(tree, {}).setdefault(grain, {"x": periods, "n": sessions, "nodes": {}})
        letters = "".join(VERDICT_LETTERS[verdict] for verdict in verdicts)
        part["nodes"][node] = [hits, low, high, letters]
    return series


def tree_names(view: View, tree: str) -> list[list[Any]]:
    """Return [group id, name, [[leaf id, name], ...]] of a tree, in the order of its file."""
    return [
        [
            group.id,
            view.name(tree, group.id),
            [[leaf.id, view.name(tree, leaf.id)] for leaf in group.leaves],
        ]
        for group in view.taxonomies[tree].groups
    ]


def _pareto(reasons: Sequence[Reason], view: View) -> go.Figure:
    words, names = view.words, [view.name("loss", reason.leaf) for reason in reasons]
    lost = sum(reason.sessions for reason in reasons)
    cumulative = [count / lost for count in accumulate(reason.sessions for reason in reasons)]
    line = go.Scatter(
        x=names[:MOST_BARS],
        y=cumulative[:MOST_BARS],
        yaxis="y2",
        name=words["cumulative"],
        mode="lines+markers",
        line={"color": "#b7791f", "width": 2},
        marker={"size": 5},
        hovertemplate="%{x}<br>%{y:.1%}<extra></extra>",
    )
    figure = _plain(go.Figure([_bars(reasons[:MOST_BARS], names[:MOST_BARS], lost, words), line]), 400)
    right = {"overlaying": "y", "side": "right", "range": [0, 1.05], "dtick": 0.2}
    figure.update_layout(
        yaxis={"title": {"text": words["lost_sessions"]}, "gridcolor": "#eef1f5", "rangemode": "tozero"},
        yaxis2={**right, "tickformat": ".0%", "showgrid": False},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"tickangle": -32, "automargin": True},
    )
    return figure


def _bars(reasons: Sequence[Reason], names: Sequence[str], lost: int, words: Mapping[str, str]) -> go.Bar:
    """Return the bars with the interval of each reason's share, in sessions."""
    above = [(reason.of_lost[2] - reason.of_lost[0]) * lost for reason in reasons]
    below = [(reason.of_lost[0] - reason.of_lost[1]) * lost for reason in reasons]
    whiskers = {"type": "data", "array": above, "arrayminus": below}
    return go.Bar(
        x=list(names),
        y=[reason.sessions for reason in reasons],
        name=words["lost_sessions"],
        marker={"color": ACCENT},
        customdata=[_note(reason, lost) for reason in reasons],
        hovertemplate="%{x}<br>%{customdata}<extra></extra>",
        error_y={**whiskers, "color": MUTED, "thickness": 1, "width": 3},
    )


def _note(reason: Reason, lost: int) -> str:
    value, low, high = reason.of_lost
    return f"{reason.sessions} / n={lost} · {value:.1%} [{low:.1%}, {high:.1%}]"


def _funnel(steps: Sequence[tuple[str, int]], view: View) -> go.Figure:
    figure = go.Figure(
        go.Funnel(
            y=[view.words[step] for step, _ in steps],
            x=[count for _, count in steps],
            textinfo="value+percent previous",
            marker={"color": ["#8fa9c4", "#6d8fb3", "#4f78a2", ACCENT, "#1f4468"]},
            connector={"fillcolor": SOFT, "line": {"width": 0}},
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    )
    figure = _plain(figure, 340)
    figure.update_layout(yaxis={"automargin": True})
    return figure


def _heat(cells: Sequence[tuple[str, str, int]], reasons: Sequence[str], view: View) -> go.Figure:
    counts = {(stage, reason): count for stage, reason, count in cells}
    known = [key for key in view.words if key.startswith("stage_")]
    stages = [stage for stage in [*known, ""] if any(stage == row for row, _ in counts)]
    columns = list(reasons[:MOST_COLUMNS])
    values = [[counts.get((stage, reason), 0) for reason in columns] for stage in stages]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[view.name("loss", reason) for reason in columns],
            y=[view.words[stage or "no_stage"] for stage in stages],
            colorscale=[[0, "#f6f8fb"], [1, ACCENT]],
            text=[[str(value) if value else "" for value in row] for row in values],
            texttemplate="%{text}",
            xgap=2,
            ygap=2,
            showscale=False,
            hovertemplate="%{y} × %{x}: %{z}<extra></extra>",
        )
    )
    figure = _plain(figure, 150 + 44 * len(stages))
    figure.update_layout(
        xaxis={"tickangle": -32, "automargin": True}, yaxis={"autorange": "reversed", "automargin": True}
    )
    return figure


def _plain(figure: go.Figure, height: int) -> go.Figure:
    """Give a figure the look of the page; without Plotly's template, which would be repeated in each."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 64, "r": 48, "t": 24, "b": 64},
        font={"family": "inherit", "size": 13, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hoverlabel={"bgcolor": "#ffffff", "font": {"color": INK}},
    )
    return figure
