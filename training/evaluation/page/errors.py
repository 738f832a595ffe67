"""The rows where label and model differ most, with both readings side by side.

html = error_table(view)
"""

from __future__ import annotations

import numpy as np

from xundan.page import Cell, Line, table, text
from xundan.training.evaluation.page.markup import turns
from xundan.training.evaluation.page.view import View


def error_table(view: View) -> str:
    """The model's worst errors: the text with its previous turns, the label's leaves with the scores that the
    model gives them, and each model's chosen leaves with theirs."""
    lines = []
    for error in view.evaluation.model.worst:
        row = view.evaluation.rows[error.row]
        due = [view.evaluation.model.judged.leaves.index(label) for label in row.labels]
        readings = [Cell(_leaves(due, 0, error.row, view))]
        for at, model in enumerate(view.models):
            chosen = np.flatnonzero(model.judged.chosen[error.row])
            readings.append(Cell(_leaves([int(leaf) for leaf in chosen], at, error.row, view)))
        loss = Cell(f"{error.loss:.1f}", error.loss)
        name = Cell(f"<code>{text(row.id)}</code>")
        lines.append(Line([Cell(turns(row.context) + text(row.text)), *readings, loss, name]))
    if not lines:
        return f'<p class="hint">{text(view.words["none"])}</p>'
    heads = [view.words["message"], view.words["label_reading"], *view.columns("model_reading")]
    return table([*heads, view.words["loss"], view.words["row_id"]], lines)


def _leaves(leaves: list[int], model: int, row: int, view: View) -> str:
    judged = view.models[model].judged
    return "<br>".join(
        f"{text(view.leaf(judged.leaves[leaf]))} <small>{judged.scores[row, leaf]:.2f}</small>"
        for leaf in leaves
    )
