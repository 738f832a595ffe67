"""Put the weekly report together: one HTML file that works offline, in Chinese or English.

write_page(lake, find(...), make_header(lake), Path("report.html"), "zh")
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from xundan.inference.report import charts, sections
from xundan.inference.report.cards import finding_cards
from xundan.inference.report.header import Header
from xundan.inference.report.loss_charts import loss_figures
from xundan.inference.report.loss_facts import LossFacts, read_loss_facts
from xundan.inference.report.loss_sections import loss_part
from xundan.inference.report.scopes import Scope, View, cell, make_view
from xundan.inference.report.tallies import Book, open_book, stage_by_reason
from xundan.inference.trends.findings import Finding
from xundan.lake import Lake
from xundan.settings import Settings
from xundan.taxonomy.trees import Taxonomy, load

TREES = ("attention", "loss")
_PLAIN = (
    "title",
    "shop_label",
    "findings_hint",
    "attention_head",
    "attention_hint",
    "rank_head",
    "loss_head",
    "loss_hint",
    "loss_trend_head",
    "loss_trend_hint",
    "agents_head",
    "agents_hint",
    "quotes_head",
    "quotes_hint",
    "method_head",
    "footer",
    "close",
)
_LINKS = ("findings", "attention", "loss", "agents", "quotes", "method")


def write_page(
    lake: Lake,
    findings: Sequence[Finding],
    header: Header,
    out: Path,
    lang: str = "zh",
    taxonomies: Mapping[str, Taxonomy] | None = None,
    min_n: int = 30,
    settings: Settings | None = None,
) -> None:
    """Write the report of a lake that has messages, sessions, attention, loss and trend.

    ``taxonomies`` are the trees the lake was classified with (default: the shipped ones); ``min_n`` is the
    smallest n that is not shown grey; ``settings`` (default: those of a shop that sets nothing) have the loss
    window and the limits of slow answers. The file appears whole or not at all. `BadInput` for another
    language than "zh" or "en".
    """
    trees = taxonomies or {tree: load(tree) for tree in TREES}
    with open_book(lake) as book:
        view = make_view(book, lang, trees)
        losses = read_loss_facts(book, view, settings or Settings())
        parts = _parts(book, view, findings, header, min_n)
        parts["losses"] = _each_scope(
            view, lambda at, _: loss_part(losses[at], view, at, settings or Settings())
        )
        data = _data(book, view, findings, losses, min_n)
    parts["data"] = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parts |= {"style": _resource("style.css"), "script": _resource("script.html"), "plotly": get_plotlyjs()}
    page = Template(_resource("page.html")).substitute(parts)
    temporary = out.with_name(out.name + ".tmp")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, out)


def _parts(book: Book, view: View, findings: Sequence[Finding], header: Header, min_n: int) -> dict[str, str]:
    """Return the HTML of each placeholder of the page."""
    words = view.words
    return {key: cell(words[key]) for key in _PLAIN} | {
        "lang": "zh-CN" if view.lang == "zh" else view.lang,
        "facts": sections.header_line(header, view),
        "links": "".join(f'<a href="#{key}">{cell(words["nav_" + key])}</a>' for key in _LINKS),
        "shop_options": _options([(str(at), scope.name) for at, scope in enumerate(view.scopes)]),
        "shops_note": cell(" " + words["shops_cut"].format(n=len(view.scopes) - 1)) if view.shops_cut else "",
        "findings_head": cell(words["findings"]),
        "findings": finding_cards(book, findings, view, min_n),
        "attention_controls": _controls("attention", view),
        "loss_controls": _controls("loss", view),
        "ranks": _each_scope(view, lambda at, scope: sections.rank_table(book, view, scope)),
        "agents": _each_scope(view, lambda at, scope: sections.agent_table(book, view, scope)),
        "quotes": sections.examples(book, view),
        "method": sections.method_list(header, view, min_n),
    }


def _data(
    book: Book, view: View, findings: Sequence[Finding], losses: Sequence[LossFacts], min_n: int
) -> dict[str, Any]:
    """Return what the page's script draws from; series and figures are keyed by place in the selector."""
    words = view.words
    letters = {letter: words["verdict_" + name] for name, letter in charts.VERDICT_LETTERS.items()}
    return {
        "words": {
            "verdicts": letters,
            "all_leaves": words["all_leaves"],
            "group_total": words["group_total"],
        },
        "min_n": min_n,
        "trees": {tree: charts.tree_names(view, tree) for tree in TREES},
        "first_group": _first_groups(view, findings),
        "series": {str(at): charts.trend_series(book, scope) for at, scope in enumerate(view.scopes)},
        "figures": {
            str(at): loss_figures(losses[at], stage_by_reason(book, scope.shop), view, at)
            for at, scope in enumerate(view.scopes)
        },
    }


def _first_groups(view: View, findings: Sequence[Finding]) -> dict[str, str]:
    """Return the group each trend chart opens with: that of the first finding of its tree, else the first."""
    first = {tree: view.taxonomies[tree].groups[0].id for tree in TREES}
    for finding in reversed(findings):
        if leaf := view.leaf(finding.tree, finding.headline_node):
            first[finding.tree] = leaf.group
    return first


def _each_scope(view: View, part: Callable[[int, Scope], str]) -> str:
    """Return a part once for each choice of the shop selector; the script shows the chosen one."""
    blocks = (
        f'<div data-scope="{at}"{" hidden" if at else ""}>{part(at, scope)}</div>'
        for at, scope in enumerate(view.scopes)
    )
    return "".join(blocks)


def _controls(tree: str, view: View) -> str:
    words = view.words
    grains = _options([("week", words["week"]), ("day", words["day"])])
    selects = (
        f'<label>{cell(words["group"])}<select id="{tree}-group"></select></label>',
        f'<label>{cell(words["leaf"])}<select id="{tree}-leaf"></select></label>',
        f'<label>{cell(words["grain"])}<select id="{tree}-grain">{grains}</select></label>',
    )
    return f'<div class="controls">{"".join(selects)}</div>'


def _options(choices: Sequence[tuple[str, str]]) -> str:
    return "".join(f'<option value="{cell(value)}">{cell(name)}</option>' for value, name in choices)


def _resource(name: str) -> str:
    return files("xundan.inference.report").joinpath(name).read_text(encoding="utf-8")
