"""Draw the losses of a shop: Pareto of loss points by sessions and by yuan, and stage x reason.

figures = loss_figures(facts, stage_by_reason(book, scope.shop), view, at=0)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go

from xundan.inference.loss.cost import Stake
from xundan.inference.report.loss_facts import LossFacts
from xundan.inference.report.scopes import View
from xundan.inference.report.tallies import Reason

INK, MUTED, ACCENT, PALE = "#1f2a37", "#8a94a3", "#2f5d8a", "#b4c3d3"
MOST_BARS = 15
MOST_COLUMNS = 12
Json = dict[str, Any]


def why_id(at: int, facts: LossFacts, leaf: str) -> str:
    """Return the id of the text behind a loss point; leaf ids of one's own tree may hold any character."""
    return f"why-{at}-{[reason.leaf for reason in facts.reasons].index(leaf)}"


def loss_figures(
    facts: LossFacts, cells: Sequence[tuple[str, str, int]], view: View, at: int
) -> dict[str, Json]:
    """Return the figures sessions, yuan (where amounts are known) and heat; none where nothing was lost.

    ``cells`` are (stage, reason, sessions); ``at`` is the place of the shop in the selector.
    """
    if not facts.reasons:
        return {}
    lost = sum(reason.sessions for reason in facts.reasons)
    counted = [_session_bar(reason, lost, view, why_id(at, facts, reason.leaf)) for reason in facts.reasons]
    figures = {"sessions": _pareto(counted, view, "by_sessions")}
    worth = [stake for stake in facts.stakes.leaves if stake.amount is not None]
    if worth:
        bars = [_yuan_bar(stake, view, why_id(at, facts, stake.node)) for stake in worth]
        figures["yuan"] = _pareto(bars, view, "by_yuan")
    figures["heat"] = _heat(cells, [reason.leaf for reason in facts.reasons], view)
    return {name: json.loads(figure.to_json()) for name, figure in figures.items()}


@dataclass(frozen=True)
class _Bar:
    """One bar with its interval, what is said of it, the id of the text behind it, and its colour."""

    name: str
    value: float
    low: float
    high: float
    note: str
    why: str
    colour: str = ACCENT


def _session_bar(reason: Reason, lost: int, view: View, why: str) -> _Bar:
    """Return a reason's bar; the interval is that of its share, in sessions."""
    value, low, high = reason.of_lost
    note = f"{reason.sessions} / n={lost} · {value:.1%} [{low:.1%}, {high:.1%}]"
    return _Bar(view.name("loss", reason.leaf), reason.sessions, low * lost, high * lost, note, why)


def _yuan_bar(stake: Stake, view: View, why: str) -> _Bar:
    """Return the bar of an estimate; pale where no evidence goes with it."""
    amount, low, high = stake.amount or 0.0, stake.low or 0.0, stake.high or 0.0
    note = f"¥{amount:,.0f} [{low:,.0f}, {high:,.0f}] · n={stake.sessions} · {view.words['causal_no']}"
    colour = PALE if stake.evidence.strength == "none" else ACCENT
    return _Bar(view.name("loss", stake.node), amount, low, high, note, why, colour)


def _pareto(bars: Sequence[_Bar], view: View, unit: str) -> go.Figure:
    words, total = view.words, sum(bar.value for bar in bars) or 1.0
    cumulative = [value / total for value in accumulate(bar.value for bar in bars)][:MOST_BARS]
    shown = bars[:MOST_BARS]
    line = go.Scatter(
        x=[bar.name for bar in shown],
        y=cumulative,
        yaxis="y2",
        name=words["cumulative" if unit == "by_sessions" else "cumulative_yuan"],
        mode="lines+markers",
        line={"color": "#b7791f", "width": 2},
        marker={"size": 5},
        hovertemplate="%{x}<br>%{y:.1%}<extra></extra>",
    )
    figure = plain(go.Figure([_bars(shown, words, unit), line]), 400)
    right = {"overlaying": "y", "side": "right", "range": [0, 1.05], "dtick": 0.2}
    left = {"title": {"text": words[unit]}, "gridcolor": "#eef1f5", "rangemode": "tozero"}
    figure.update_layout(
        yaxis={**left, "tickformat": ",", "automargin": True},
        yaxis2={**right, "tickformat": ".0%", "showgrid": False},
        legend={"orientation": "h", "y": 1.12, "x": 0},
        xaxis={"tickangle": -32, "automargin": True},
    )
    return figure


def _bars(shown: Sequence[_Bar], words: Mapping[str, str], unit: str) -> go.Bar:
    whiskers = {
        "array": [bar.high - bar.value for bar in shown],
        "arrayminus": [bar.value - bar.low for bar in shown],
    }
    return go.Bar(
        x=[bar.name for bar in shown],
        y=[bar.value for bar in shown],
        name=words[unit],
        showlegend=False,
        marker={"color": [bar.colour for bar in shown]},
        customdata=[[bar.note, bar.why] for bar in shown],
        hovertemplate="%{x}<br>%{customdata[0]}<extra></extra>",
        error_y={"type": "data", **whiskers, "color": MUTED, "thickness": 1, "width": 3},
    )


def _heat(cells: Sequence[tuple[str, str, int]], reasons: Sequence[str], view: View) -> go.Figure:
    counts = {(stage, reason): count for stage, reason, count in cells}
    known = [key for key in view.words if key.startswith("stage_")]
    stages = [stage for stage in [*known, ""] if any(stage == row for row, _ in counts)]
    columns, others = list(reasons[:MOST_COLUMNS]), set(reasons[MOST_COLUMNS:])
    names = [view.name("loss", reason) for reason in columns]
    values = [[counts.get((stage, reason), 0) for reason in columns] for stage in stages]
    if others:  # so that every row adds up to what was lost at its stage
        names.append(view.words["other_reasons"].format(n=len(others)))
        for stage, row in zip(stages, values, strict=True):
            row.append(sum(n for (one, reason), n in counts.items() if one == stage and reason in others))
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=names,
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
    figure = plain(figure, 150 + 44 * len(stages))
    figure.update_layout(
        xaxis={"tickangle": -32, "automargin": True}, yaxis={"autorange": "reversed", "automargin": True}
    )
    return figure


def plain(figure: go.Figure, height: int) -> go.Figure:
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
