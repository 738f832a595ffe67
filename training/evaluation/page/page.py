"""Put the page together: one HTML file that works offline, verdict first.

html = page_of(evaluation, "zh")
"""

from __future__ import annotations

import json
from importlib.resources import files
from string import Template

from plotly.offline import get_plotlyjs

from xundan.page import script, text
from xundan.training.evaluation.page import errors, leaves, sections
from xundan.training.evaluation.page.plots import plots
from xundan.training.evaluation.page.sentences import sentences
from xundan.training.evaluation.page.view import FEW_LEAF_ROWS, View
from xundan.training.evaluation.result import Evaluation
from xundan.training.evaluation.slices import FEW

_FACTS = ("model", "against", "tree", "sample", "digest")


def page_of(evaluation: Evaluation, lang: str = "zh") -> str:
    """The whole page as HTML; `BadInput` for another language than "zh" or "en"."""
    view = View.of(evaluation, lang)
    drawn = plots(view)
    found = _sections(view, set(drawn))
    data = json.dumps(drawn, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "lang": "zh-CN" if lang == "zh" else lang,
        "title": text(view.say("title", model=view.names[0])),
        "facts": _facts(view),
        "links": "".join(f'<a href="#{key}">{text(view.words[f"{key}_head"])}</a>' for key in found),
        "sections": "".join(_section(key, html, view) for key, html in found.items()),
        "style": _resource("style.css"),
        "data": data,
        "plotly": get_plotlyjs(),
        "script": script(),
    }
    return Template(_resource("page.html")).substitute(parts)


def _sections(view: View, drawn: set[str]) -> dict[str, str]:
    """The body of each section by its key, in the order of reading."""
    said = "".join(f"<li>{text(line)}</li>" for line in sentences(view.evaluation, view.lang))
    method = "".join(f"<li>{text(line)}</li>" for line in view.words["method"])
    absent = view.say("absent", n=leaves.absent(view))
    changes = _plot("changes") if "changes" in drawn else ""
    found = {
        "verdict": f'<ol class="said">{said}</ol>{leaves.total_table(view)}',
        "groups": leaves.group_table(view) if len(view.evaluation.taxonomy.groups) > 1 else "",
        "leaves": f'{changes}{leaves.leaf_table(view)}<p class="hint">{text(absent)}</p>',
        "confusions": sections.confusion_table(view),
        "slices": sections.slice_table(view),
        "certainty": sections.certainty_table(view) + _plot("certainty"),
        "calibration": sections.calibration_table(view) + _plot("reliability"),
        "pairs": sections.pair_tables(view),
        "learning": _plot("learning") + sections.wanted_table(view) if "learning" in drawn else "",
        "errors": errors.error_table(view),
        "method": f"<ol>{method}</ol>",
    }
    return {key: html for key, html in found.items() if html}


def _section(key: str, html: str, view: View) -> str:
    few = {"few_leaf": FEW_LEAF_ROWS, "few_slice": FEW}
    hint = view.words.get(f"{key}_hint", "").format(**few)
    return (
        f'<section id="{key}"><h2>{text(view.words[f"{key}_head"])}</h2>'
        f'<p class="hint">{text(hint)}</p><div class="panel">{html}</div></section>'
    )


def _plot(name: str) -> str:
    return f'<div class="plot" data-plot="{name}"></div>'


def _facts(view: View) -> str:
    evaluation = view.evaluation
    sample = view.say("sample_value", rows=len(evaluation.rows), sessions=evaluation.sessions)
    values = {
        "model": view.names[0],
        "against": view.names[1] if evaluation.against else "",
        "tree": f"{evaluation.taxonomy.tree} {evaluation.taxonomy.version}",
        "sample": sample,
        "digest": evaluation.digest[:12],
    }
    shown = ((view.words[f"fact_{key}"], values[key]) for key in _FACTS if values[key])
    return "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in shown)


def _resource(name: str) -> str:
    return files("xundan.training.evaluation.page").joinpath(name).read_text(encoding="utf-8")
