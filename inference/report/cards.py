"""Write each finding as one sentence and as a card with its numbers, its items and its messages.

lines = [sentence(finding, view) for finding in findings]
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from xundan.inference.report.evidence import Quote, quotes_of
from xundan.inference.report.scopes import View, cell, percent, points
from xundan.inference.report.tallies import Book
from xundan.inference.trends.changes import UP
from xundan.inference.trends.findings import Finding

MOST_RELATED = 6


def sentence(finding: Finding, view: View) -> str:
    """Return the finding in one line of plain text."""
    return view.words["rise_sentence"].format(
        shop=view.shop(finding.shop),
        tree=view.words[finding.tree],
        name=view.name(finding.tree, finding.headline_node),
        direction=view.words[finding.direction],
        before=percent(finding.share_before),
        after=percent(finding.share_after),
        change=points(finding.change),
    )


def finding_cards(book: Book, findings: Sequence[Finding], view: View, min_n: int) -> str:
    """Return the cards as HTML, or the card that says that nothing changed or nothing could be tested."""
    if not findings:
        query = (
            "SELECT count(change) FROM trend WHERE grain = 'week' AND shop IS NOT NULL AND item_id IS NULL"
        )
        key = "no_findings" if book.one(query)[0] else "untested"
        hint = view.words[key + "_hint"].format(min_n=min_n)
        return f'<div class="card calm"><h3>{cell(view.words[key])}</h3><p>{cell(hint)}</p></div>'
    (last_day,) = book.one("SELECT max(day) FROM dated")
    return "".join(_card(book, finding, view, last_day) for finding in findings)


def _card(book: Book, finding: Finding, view: View, last_day: date) -> str:
    words = view.words
    weeks = words["weeks"].format(start=finding.start, end=min(finding.end, last_day))
    change = f'<span class="before">{percent(finding.share_before)}</span><span class="arrow">→</span>'
    change += f'<span class="after">{percent(finding.share_after)}</span>'
    interval = words["interval"].format(low=points(finding.change_low), high=points(finding.change_high))
    sizes = words["sizes"].format(
        before=f"{finding.n_before:,}", after=f"{finding.n_after:,}", week=finding.peak_start
    )
    return (
        f'<article class="card {finding.direction}"><div class="card-head">'
        f"<h3>{cell(view.name(finding.tree, finding.headline_node))}"
        f'<span class="verdict {finding.direction}">{cell(words["verdict_" + finding.direction])}</span></h3>'
        f'<p class="where">{cell(view.shop(finding.shop))} · {cell(words[finding.tree])} · {cell(weeks)} · '
        f"{cell(_state(finding, view, last_day))}</p></div>"
        f'<div class="figures">{change}<span class="delta">{points(finding.change)}</span></div>'
        f'<p class="small">{cell(interval)}<br>{cell(sizes)}</p>'
        f"{_facts(finding, view)}{_quotes(quotes_of(book, finding.evidence), view)}</article>"
    )


def _state(finding: Finding, view: View, last_day: date) -> str:
    """Say whether the change is over; within the last full week counts as still going on."""
    if finding.reverted:
        return view.words["reverted" if finding.direction == UP else "recovered"]
    return view.words["lasting" if finding.end >= last_day - timedelta(days=6) else "ended"]


def _facts(finding: Finding, view: View) -> str:
    words, rows = view.words, []
    if finding.items:
        items = [(item, words["times"].format(n=hits)) for item, hits in finding.items]
        rows.append((words["items"], _listed(items, view)))
    if finding.related:
        related = [(view.name(tree, node), words[tree]) for tree, node in finding.related[:MOST_RELATED]]
        rows.append((words["related"], _listed(related, view)))
    if owners := _owners(finding, view):
        rows.append((words["owner"], words["comma"].join(owners)))
    return "<dl>" + "".join(f"<dt>{cell(key)}</dt><dd>{cell(value)}</dd>" for key, value in rows) + "</dl>"


def _listed(pairs: Sequence[tuple[str, str]], view: View) -> str:
    noted = view.words["noted"]
    return view.words["comma"].join(noted.format(name=name, note=note) for name, note in pairs)


def _owners(finding: Finding, view: View) -> list[str]:
    """Return the departments named by the loss points of a finding, the headline's first."""
    nodes = [(finding.tree, finding.headline_node), *finding.related]
    leaves = [view.leaf(tree, node) for tree, node in nodes if tree == "loss"]
    return list(dict.fromkeys(view.department(leaf) for leaf in leaves if leaf and leaf.owner))


def _quotes(quotes: Sequence[Quote], view: View) -> str:
    if not quotes:
        return f'<p class="small">{cell(view.words["no_evidence"])}</p>'
    return f'<p class="label">{cell(view.words["evidence"])}</p>{quote_list(quotes)}'


def quote_list(quotes: Sequence[Quote]) -> str:
    """Return quotes as HTML, each with its date, shop and message id."""
    items = (
        f"<li><q>{cell(quote.text)}</q><cite>{cell(quote.day)} · {cell(quote.shop)} · "
        f"<code>{cell(quote.message_id)}</code></cite></li>"
        for quote in quotes
    )
    return f'<ul class="quotes">{"".join(items)}</ul>'
