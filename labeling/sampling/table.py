"""The draw and what it is expected to bring, as tables for the terminal.

for part in render(drawn, gain, load("attention")):
    out.print(part)
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from xundan.labeling.sampling.drawn import Drawn
from xundan.labeling.sampling.expected_gain import STEP, ExpectedGain, Narrowing
from xundan.taxonomy.trees import Taxonomy

_LEAVES = 10


def render(drawn: Drawn, gain: ExpectedGain, taxonomy: Taxonomy) -> Iterator[Table | Text]:
    """What was drawn and why, what was left out and why, what further labels are expected to narrow."""
    if drawn.again:
        yield Text(
            f"{drawn.batch} was drawn before and nothing was added; another --seed draws further tasks"
        )
    yield _draw_table(drawn, taxonomy)
    yield from (Text(line) for line in _sums(drawn))
    yield _gain_table(gain, taxonomy)
    yield from (Text(line) for line in _micro(gain))


def _draw_table(drawn: Drawn, taxonomy: Taxonomy) -> Table:
    title = f"{drawn.batch}: {drawn.tasks:,} tasks"
    table = Table("purpose", "why, and for which leaf", title=title, title_justify="left")
    for name in ("drawn", "candidates"):
        table.add_column(name, justify="right")
    for purpose in drawn.purposes:
        drawn_of = f"{purpose.drawn:,} of {purpose.asked:,}"
        short = purpose.asked - purpose.drawn
        note = "; ".join(part for part in (f"{short:,} short" if short else "", purpose.note) if part)
        shown, others = purpose.leaves[:_LEAVES], purpose.leaves[_LEAVES:]
        table.add_row(purpose.purpose, note, drawn_of, f"{purpose.candidates:,}", end_section=not shown)
        for leaf in shown:
            last = leaf is shown[-1] and not others
            cells = (f"{leaf.drawn:,}", f"{leaf.candidates:,}")
            table.add_row("", _name(leaf.leaf, taxonomy), *cells, end_section=last)
        if others:
            drawn_there = sum(leaf.drawn for leaf in others)
            there = sum(leaf.candidates for leaf in others)
            cells = (f"{drawn_there:,}", f"{there:,}")
            table.add_row("", f"{len(others)} other leaves", *cells, end_section=True)
    return table


def _name(leaf: str, taxonomy: Taxonomy) -> str:
    known = {one.id: one.name for one in taxonomy.leaves}
    return f"{leaf} {known[leaf]}" if leaf in known else leaf or "(none)"


def _sums(drawn: Drawn) -> Iterator[str]:
    """Where every message or session of the lake is, and what the random part stands for."""
    left = "".join(f" + {n:,} {reason}" for reason, n in drawn.left_out.items())
    yield (
        f"{drawn.rows:,} {drawn.unit} = {drawn.tasks:,} drawn + {drawn.alike:,} nearly the same as one drawn "
        f"+ {drawn.not_drawn:,} not drawn{left}"
    )
    audit = drawn.audit
    if audit.tasks:
        yield (
            f"random: {audit.tasks:,} tasks stand for {audit.rows:,} {drawn.unit}, each for "
            f"{audit.least:.1f} to {audit.most:.1f} of them (worth at least {audit.effective:.0f} of equal "
            f"weight); for {audit.known:,} more, {len(audit.stands_for):,} tasks or labels from before stand"
        )
    for reason, n in drawn.skipped.items():
        yield f"label files: {n:,} rows not used ({reason})"


def _gain_table(gain: ExpectedGain, taxonomy: Taxonomy) -> Table:
    title = (
        f"Width of the 95 % interval in points, to that expected after {STEP} further random labels kept for "
        f"measuring [95 % of what may come]; known from {gain.source}; the {_LEAVES} leaves that narrow most"
    )
    table = Table("leaf", "precision", "recall", "share", title=title, title_justify="left")
    for one in gain.leaves[:_LEAVES]:
        cells = (_cell(figure) for figure in (one.precision, one.recall, one.share))
        table.add_row(_name(one.leaf, taxonomy), *cells)
    return table


def _cell(one: Narrowing) -> str:
    value = "?" if one.value is None else f"{one.value:.0%}"
    return (
        f"{value} [{one.low:.0%}, {one.high:.0%}] n={one.rows}\n"
        f"{100 * one.width:.1f} to {100 * one.after:.1f} [{100 * one.best:.1f}, {100 * one.worst:.1f}]"
    )


def _micro(gain: ExpectedGain) -> Iterator[str]:
    if not gain.micro:
        yield (
            "micro-F1: no learning curve; xundan evaluate --train labels.jsonl writes one into metrics.json"
        )
    for one in gain.micro:
        gained = f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]"
        yield f"micro-F1 after {one.labels:,} further labels: {gained}"
    if gain.micro:
        yield "as the curve of a cheap probe has it, for labels drawn as the training labels were"
