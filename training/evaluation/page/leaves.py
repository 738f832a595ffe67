"""The tables of totals, groups and leaves.

html = leaf_table(view)
"""

from __future__ import annotations

from xundan.page import Cell, Line, count, table, text
from xundan.training.evaluation.figures import MIN_SUPPORT, LeafFigures
from xundan.training.evaluation.page.markup import bar, change, figure, share_cell
from xundan.training.evaluation.page.view import FEW_LEAF_ROWS, View

_MEASURES = ("micro", "macro", "group")


def total_table(view: View) -> str:
    """Micro, macro and group F1 of each model, and the difference."""
    paired = view.evaluation.paired
    heads = [view.words["measure"], *view.names, *([view.words["difference"]] if paired else [])]
    lines = []
    for measure in _MEASURES:
        cells = [Cell(text(view.say(measure, least=MIN_SUPPORT)))]
        cells += [figure(getattr(model.figures, measure), model.figures.rows) for model in view.models]
        if paired:
            cells.append(change(paired.difference[measure], paired.rows))
        lines.append(Line(cells))
    return table(heads, lines)


def group_table(view: View) -> str:
    """Each group, the model's figures first."""
    lines = [
        Line(_figures(found, view, "groups", at), found.support < FEW_LEAF_ROWS)
        for at, found in enumerate(view.evaluation.model.figures.groups)
        if _concerns(view, "groups", at)
    ]
    return table([view.words["group_name"], *_heads(view)], lines)


def leaf_table(view: View) -> str:
    """Each leaf that occurs or is chosen, with the change of its F1 where there are two models."""
    paired = view.evaluation.paired
    lines = []
    for at, found in enumerate(view.evaluation.model.figures.leaves):
        if not _concerns(view, "leaves", at):
            continue
        cells = _figures(found, view, "leaves", at)
        if paired:
            cells.append(change(paired.leaves[at].change, found.support))
        lines.append(Line(cells, found.support < FEW_LEAF_ROWS))
    heads = [view.words["leaf"], *_heads(view), *([view.words["difference"]] if paired else [])]
    return table(heads, lines)


def absent(view: View) -> int:
    """How many leaves neither occur in the rows nor are chosen by a model."""
    leaves = view.evaluation.model.figures.leaves
    return sum(not _concerns(view, "leaves", at) for at in range(len(leaves)))


def _concerns(view: View, level: str, at: int) -> bool:
    found = [getattr(model.figures, level)[at] for model in view.models]
    return any(one.support or one.precision.n for one in found)


def _heads(view: View) -> list[str]:
    words = view.words
    return [words["rows"], *view.columns("f1"), *view.columns("precision"), *view.columns("recall")]


def _figures(found: LeafFigures, view: View, level: str, at: int) -> list[Cell]:
    every: list[LeafFigures] = [getattr(model.figures, level)[at] for model in view.models]
    name = f"{text(view.leaf(found.leaf))} <small><code>{text(found.leaf)}</code></small>"
    return [
        Cell(name),
        count(found.support),
        *(bar(one.f1, one.support) for one in every),
        *(share_cell(one.precision) for one in every),
        *(share_cell(one.recall) for one in every),
    ]
