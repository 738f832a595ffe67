"""The tables of confusions, slices, certainty, calibration, minimal pairs and wanted leaves.

html = confusion_table(view)
"""

from __future__ import annotations

from xundan.page import Cell, Line, cell, count, folded, table, text
from xundan.training.evaluation.intervals import share
from xundan.training.evaluation.page.markup import figure, share_cell, turns
from xundan.training.evaluation.page.sentences import slice_name
from xundan.training.evaluation.page.view import FEW_LEAF_ROWS, View
from xundan.training.evaluation.slices import FEW
from xundan.training.pairs import MinimalPair

MOST_CONFUSIONS = 30
FIRST_PAIRS = 20


def confusion_table(view: View) -> str:
    """The most frequent confusions of the model, the other model's share of the same, and examples."""
    found = view.evaluation.model.confusions[:MOST_CONFUSIONS]
    if not found:
        return _none(view)
    others = [{(c.missed, c.instead): c.share for c in model.confusions} for model in view.models[1:]]
    lines = []
    for one in found:
        cells = [cell(view.leaf(one.missed)), cell(view.leaf(one.instead)), share_cell(one.share)]
        for other in others:
            there = other.get((one.missed, one.instead))
            cells.append(share_cell(there or share(0, one.share.n)))  # n: the same rows have the leaf
        said = "".join(f"<li>{text(view.evaluation.rows[row].text)}</li>" for row in one.rows)
        cells.append(Cell(folded(view.say("examples", n=len(one.rows)), f"<ul>{said}</ul>")))
        lines.append(Line(cells, one.share.n < FEW_LEAF_ROWS))
    heads = [
        view.words["missed"],
        view.words["instead"],
        *view.columns("of_missed"),
        view.words["example_head"],
    ]
    return table(heads, lines)


def slice_table(view: View) -> str:
    """Micro-F1 of each slice, for dimensions with at least two values in the rows."""
    slices = view.evaluation.model.slices
    several = {one.dimension for one in slices if one.n < len(view.evaluation.rows)}
    lines = []
    for at, one in enumerate(slices):
        if one.dimension in several:
            figures = [figure(model.slices[at].micro, one.n) for model in view.models]
            lines.append(Line([cell(slice_name(view, one)), count(one.n), *figures], one.n < FEW))
    return table([view.words["slice"], view.words["rows"], *view.columns("micro")], lines)


def certainty_table(view: View) -> str:
    """Share flagged uncertain, and wrong first leaves among the rest and among all."""
    found = [model.certainty for model in view.models]
    lines = [
        Line([cell(view.words[key]), *(share_cell(getattr(one, key)) for one in found)])
        for key in ("flagged", "wrong", "wrong_of_all")
    ]
    return table([view.words["measure"], *view.names], lines)


def calibration_table(view: View) -> str:
    """The expected calibration error of the first leaf and of all scores."""
    lines = []
    for key in ("first_leaf", "all_leaves"):
        found = [getattr(model.calibration, key) for model in view.models]
        lines.append(Line([cell(view.words[key]), *(figure(one.error, one.n) for one in found)]))
    return table([view.words["calibration_error"], *view.names], lines)


def pair_tables(view: View) -> str:
    """The pairs that a model fails, then, folded, those that all pass."""
    pairs = view.evaluation.pairs
    if not pairs:
        return _none(view)
    totals = table(
        [view.words["measure"], *view.names],
        [
            Line(
                [cell(view.words["pairs_passed"]), *(share_cell(model.pairs_passed) for model in view.models)]
            )
        ],
    )
    failed = [p for p in pairs if not all(model.judged.pairs[p.id] for model in view.models)]
    passed = [p for p in pairs if p not in failed]
    heads = [view.words["pair"], view.words["side_one"], view.words["side_two"], *view.names]
    shown = table(heads, [_pair(pair, view) for pair in failed[:FIRST_PAIRS]]) if failed else ""
    return (
        totals
        + shown
        + "".join(
            folded(view.say(key, n=len(rest)), table(heads, [_pair(pair, view) for pair in rest]))
            for key, rest in (("more_fail", failed[FIRST_PAIRS:]), ("all_pass", passed))
            if rest
        )
    )


def wanted_table(view: View) -> str:
    """The leaves that would profit most from more labels."""
    schooling = view.evaluation.schooling
    if schooling is None or not schooling.wanted:
        return _none(view)
    lines = [
        Line([cell(view.leaf(one.leaf)), count(one.train_rows), figure(one.f1, one.support)])
        for one in schooling.wanted
    ]
    return table([view.words["leaf"], view.words["train_rows"], view.words["f1"]], lines)


def _pair(pair: MinimalPair, view: View) -> Line:
    sides = (
        Cell(f"{turns(pair.context)}{text(said)}<br><small>{text(view.leaf(leaf))}</small>")
        for said, leaf in zip(pair.texts, pair.leaves, strict=True)
    )
    results = (model.judged.pairs[pair.id] for model in view.models)
    marks = (Cell(text(view.words["passed" if one else "failed"]), float(one)) for one in results)
    return Line([Cell(f"<code>{text(pair.id)}</code>"), *sides, *marks])


def _none(view: View) -> str:
    return f'<p class="hint">{text(view.words["none"])}</p>'
