"""Write the tables of the page: ranking of the latest week, reasons of loss, agents, examples, method.

html = rank_table(book, view, scope)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from xundan.inference.report.cards import quote_list
from xundan.inference.report.evidence import quotes_by_leaf
from xundan.inference.report.header import Header
from xundan.inference.report.scopes import Scope, View, cell, percent, points
from xundan.inference.report.tallies import (
    Book,
    agents,
    latest_full_week,
)
from xundan.inference.report.texts import method
from xundan.inference.trends.findings import IGNORED_GROUP

FIRST_ROWS = 12


def header_line(header: Header, view: View) -> str:
    """Return the facts above the report as HTML."""
    words = view.words
    sample = words["sample_value"].format(
        sessions=f"{header.n_sessions:,}",
        messages=f"{header.n_messages:,}",
        inquiries=f"{header.n_inquiries:,}",
    )
    facts = [
        ("shops", words["comma"].join(view.shop(shop) for shop in header.shops)),
        ("period", f"{header.start} {words['to']} {header.end}"),
        ("definition", header.loss_definition or words["none"]),
        ("sample", sample),
        ("coverage", percent(header.coverage)),
        ("unsure", _unsure_value(header, view)),
        ("model", header.model_version or words["none"]),
        ("taxonomy", header.taxonomy_version or words["none"]),
        ("open_share", percent(header.open_share)),
        ("unknown_share", percent(header.unknown_share)),
    ]
    return "".join(f"<div><dt>{cell(words[key])}</dt><dd>{cell(value)}</dd></div>" for key, value in facts)


def _unsure_value(header: Header, view: View) -> str:
    """Return the uncertain share of buyer and of agent messages, each with interval and n, as text."""
    said = [("unsure_buyer", header.unsure_buyer), ("unsure_agent", header.unsure_agent)]
    shares = (
        view.words[key].format(
            share=percent(unsure.share), low=percent(unsure.low), high=percent(unsure.high), n=f"{unsure.n:,}"
        )
        for key, unsure in said
        if unsure
    )
    return " · ".join(shares) or "—"


def rank_table(book: Book, view: View, scope: Scope) -> str:
    """Return the attention points of the latest full week, the most frequent first."""
    words, week = view.words, latest_full_week(book)
    rows = book.rows(
        "SELECT node, sessions, hits, share, share_low, share_high, change, change_low, change_high, verdict "
        "FROM trend WHERE tree = 'attention' AND level = 'leaf' AND grain = 'week' AND item_id IS NULL "
        "AND shop IS NOT DISTINCT FROM CAST($1 AS VARCHAR) AND period_start = CAST($2 AS DATE) "
        "AND sessions > 0 ORDER BY hits DESC, node",
        [scope.shop, week],
    )
    ignored = {
        leaf.id
        for group in view.taxonomies["attention"].groups
        if group.id == IGNORED_GROUP
        for leaf in group.leaves
    }
    lines = [_rank_row(row, view) for row in rows if row[0] not in ignored]
    if week is None or not lines:
        return f'<p class="note">{cell(words["rank_none"])}</p>'
    heads = ("leaf", "sessions", "share", "interval_head", "baseline", "change", "verdict")
    hint = words["rank_hint"].format(start=week, end=week + timedelta(days=6))
    rest = len(lines) - FIRST_ROWS
    more = table(view, heads, lines[FIRST_ROWS:]) if rest > 0 else ""
    folded = (
        f"<details><summary>{cell(words['more_rows'].format(n=rest))}</summary>{more}</details>"
        if more
        else ""
    )
    return f'<p class="hint">{cell(hint)}</p>{table(view, heads, lines[:FIRST_ROWS])}{folded}'


def _rank_row(row: tuple[Any, ...], view: View) -> list[str]:
    node, sessions, hits, share, low, high, change, change_low, change_high, verdict = row
    baseline = moved = "—"
    if change is not None:
        baseline = percent(share - change)
        moved = f"{points(change)} <small>[{points(change_low)}, {points(change_high)}]</small>"
    return [
        cell(view.name("attention", node)),
        f"{hits:,} <small>/ n={sessions:,}</small>",
        percent(share),
        f"{percent(low)} ~ {percent(high)}",
        baseline,
        moved,
        f'<span class="verdict {cell(verdict)}">{cell(view.words["verdict_" + verdict])}</span>',
    ]


def agent_table(book: Book, view: View, scope: Scope) -> str:
    """Return what each agent of a shop did."""
    heads = ("agent", "served", "inquiry_count", "lost_count", "won_share", "first_response", "unanswered")
    lines = []
    for agent in agents(book, scope.shop):
        lost = won = "—"  # where no outcome is known, "0 lost" would say too much
        if agent.won:
            value, low, high = agent.won
            lost = f"{agent.lost:,}"
            won = f"{percent(value)} <small>[{percent(low)}, {percent(high)}]</small>"
        first = "—" if agent.first_response_s is None else f"{agent.first_response_s:.0f}"
        name = agent.name or view.words["no_agent"]
        counts = [f"{count:,}" for count in (agent.sessions, agent.inquiries)]
        lines.append([cell(name), *counts, lost, won, first, f"{agent.unanswered:,}"])
    return table(view, heads, lines)


def examples(book: Book, view: View) -> str:
    """Return for each category a fold with up to three messages."""
    parts = []
    for tree in ("attention", "loss"):
        quotes = quotes_by_leaf(book, tree)
        for group in view.taxonomies[tree].groups:
            for leaf in group.leaves:
                if leaf.id in quotes:
                    name = f"{view.name(tree, group.id)} / {view.name(tree, leaf.id)}"
                    summary = f"{cell(name)} <small>{cell(view.words[tree])}</small>"
                    body = f'<p class="small">{cell(leaf.definition)}</p>{quote_list(quotes[leaf.id])}'
                    parts.append(f"<details><summary>{summary}</summary>{body}</details>")
    return "".join(parts)


def method_list(header: Header, view: View, min_n: int) -> str:
    """Return how the numbers are made, as a list."""
    definition = header.loss_definition or view.words["none"]
    lines = (line.format(min_n=min_n, definition=definition) for line in method(view.lang))
    return "".join(f"<li>{cell(line)}</li>" for line in lines)


def table(view: View, heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return an HTML table; ``heads`` are keys of words, the cells are HTML already."""
    head = "".join(f"<th>{cell(view.words[key])}</th>" for key in heads)
    body = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in line) + "</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
