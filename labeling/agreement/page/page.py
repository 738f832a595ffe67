"""Put agreement.html together: one file that works offline, the verdict first, a part for each tree.

write_page([measure(store, load("attention"))], Path("xundan-labels/agreement.html"), "zh")
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from xundan.disk import replace_file
from xundan.labeling.agreement.page import sections
from xundan.labeling.agreement.page.heat_map import heat_map
from xundan.labeling.agreement.page.sentences import sentences
from xundan.labeling.agreement.page.view import View, resource, words_of
from xundan.labeling.agreement.result import FEW, Agreement
from xundan.page import script, text

FILE_NAME = "agreement.html"


def write_page(found: Sequence[Agreement], out: Path, lang: str = "zh") -> None:
    """Write the page of these trees; the file appears whole or not at all. Texts on it are masked, as in the
    store. `BadInput` for another language than "zh" or "en"."""
    replace_file(out, page_of(found, lang).encode())


def page_of(found: Sequence[Agreement], lang: str = "zh") -> str:
    """The page as HTML."""
    words = words_of(lang)
    views = [View.of(one, lang) for one in found]
    drawn = {view.found.tree: heat_map(view) for view in views if view.found.confused}
    method = "".join(f"<li>{text(line)}</li>" for line in words["method"])
    parts = {
        "lang": "zh-CN" if lang == "zh" else lang,
        "title": text(words["title"]),
        "facts": "".join(_facts(view) for view in views),
        "links": "".join(_links(view) for view in views)
        + f'<a href="#method">{text(words["method_head"])}</a>',
        "parts": "".join(_part(view) for view in views),
        "method_head": text(words["method_head"]),
        "method": f"<ol>{method}</ol>",
        "style": resource("style.css"),
        "data": json.dumps(drawn, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "plotly": get_plotlyjs(),
        "script": script(),
    }
    return Template(resource("page.html")).substitute(parts)


def _part(view: View) -> str:
    """All sections of one tree."""
    said = "".join(f"<li>{text(line)}</li>" for line in sentences(view))
    compared = bool(view.found.ballots.keys)
    total = sections.total_table(view) if compared else ""
    plot = f'<div class="plot" data-plot="{text(view.found.tree)}"></div>' if view.found.confused else ""
    bodies = {
        "verdict": f'<ol class="said">{said}</ol>{total}',
        "counts": sections.count_table(view),
        "leaves": sections.leaf_table(view) if compared else "",
        "confusions": plot + sections.confusion_table(view) if view.found.confused else "",
        "pairs": sections.pair_table(view) if compared else "",
        "people": sections.people_table(view) if view.found.speeds else "",
        "votes": sections.vote_table(view),
    }
    shown = "".join(_section(key, html, view) for key, html in bodies.items() if html)
    return f'<section id="{text(view.found.tree)}"><h1>{text(view.tree)}</h1>{shown}</section>'


def _section(key: str, html: str, view: View) -> str:
    hint = text(view.say(f"{key}_hint", few=FEW))
    head = text(view.words[f"{key}_head"])
    name = f"{text(view.found.tree)}-{key}"
    return f'<h2 id="{name}">{head}</h2><p class="hint">{hint}</p><div class="panel">{html}</div>'


def _facts(view: View) -> str:
    found: Any = view.found
    values = view.say(
        "fact_value",
        tasks=len(found.votes.tasks),
        answered=len(found.votes.by_task),
        compared=len(found.ballots.keys),
        people=len(found.speeds),
    )
    name = f"{view.tree} {found.taxonomy.version}"
    return f"<div><dt>{text(name)}</dt><dd>{text(values)}</dd></div>"


def _links(view: View) -> str:
    return f'<a href="#{text(view.found.tree)}">{text(view.tree)}</a>'
