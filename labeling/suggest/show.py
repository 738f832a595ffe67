"""A comparison as tables for the terminal and as JSON.

for table in tables(comparison, load("attention")): out.print(table)
"""

from __future__ import annotations

from math import isnan
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from xundan.labeling.agreement.figures import Figure
from xundan.labeling.suggest.compare import Comparison
from xundan.labeling.suggest.figures import Figures, Rates
from xundan.taxonomy.trees import Taxonomy

_FEW = 30
"""Below so many rows a leaf's figures are marked: they say little."""


def tables(comparison: Comparison, taxonomy: Taxonomy) -> list[Table | str]:
    """Head lines, then one row a leaf, the commonest first."""
    head = _head(comparison)
    table = Table(
        Column("leaf", overflow="fold"),
        "name",
        "n",
        "suggested",
        "precision",
        "recall",
        "F1",
        title=escape(comparison.model),
    )
    if comparison.ours:
        table.add_column("F1 of our model")
    known = {leaf.id: leaf.name for leaf in taxonomy.leaves}
    for index in _by_frequency(comparison.suggested):
        rates, leaf = comparison.suggested.leaves[index], comparison.leaves[index]
        few = "*" if rates.n < _FEW else ""
        cells = [
            escape(leaf),
            escape(known.get(leaf, "(not in the tree)")),
            f"{rates.n:,}{few}",
            f"{rates.said:,}",
            *_cells(rates),
        ]
        if comparison.ours:
            ours = comparison.ours.figures.leaves[index]
            cells.append(_text(ours.f1))
        table.add_row(*cells)
    return [*head, table, f"n: rows where people chose the leaf; * fewer than {_FEW}; [ ]: 95 % interval"]


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Everything the tables show."""
    ours = comparison.ours
    return {
        "tree": comparison.tree,
        "model": comparison.model,
        "prompt_version": comparison.prompt_version,
        "answered": comparison.answered,
        "counts": dict(comparison.counts.items()),
        "random": comparison.random,
        "yuan": comparison.yuan,
        "tokens": comparison.tokens,
        "suggested": _plain(comparison.suggested, comparison.leaves),
        "ours": None
        if ours is None
        else {
            "model_versions": list(ours.versions),
            "figures": _plain(ours.figures, comparison.leaves),
            "suggested_on_the_same_rows": _plain(ours.suggested, comparison.leaves),
            "micro_f1_difference": _bounds(ours.micro),
            "macro_f1_difference": _bounds(ours.macro),
        },
    }


def _head(comparison: Comparison) -> list[str]:
    figures = comparison.suggested
    counts = " + ".join(f"{count:,} {reason}" for reason, count in comparison.counts.items())
    money = "price unknown" if comparison.yuan is None else f"{comparison.yuan:.4f} yuan"
    lines = [
        f"{comparison.model}, prompt {comparison.prompt_version}, tree {comparison.tree}",
        f"answered tasks: {comparison.answered:,} = {counts}",
        f"of the compared, {comparison.random:,} are of the random draw",
        _line("language model", figures),
        f"cost of the suggestions compared: {comparison.tokens:,} tokens, {money}",
    ]
    if comparison.ours:
        ours = comparison.ours
        lines += [
            f"on the {ours.figures.same.n:,} of them that our model scored ({', '.join(ours.versions)}):",
            _line("  language model", ours.suggested),
            _line("  our model", ours.figures),
            f"  language model minus ours: micro-F1 {ours.micro:+.3f}, macro-F1 {ours.macro:+.3f}",
        ]
    return lines


def _line(who: str, figures: Figures) -> str:
    return (
        f"{who}: micro-F1 {_text(figures.micro.f1)}, macro-F1 {figures.macro:.3f}, "
        f"same leaves {figures.same:.3f}, n {figures.same.n:,} in {figures.same.sessions:,} sessions"
    )


def _by_frequency(figures: Figures) -> list[int]:
    return sorted(range(len(figures.leaves)), key=lambda index: (-figures.leaves[index].n, index))


def _cells(rates: Rates) -> list[str]:
    return [_text(rates.precision), _text(rates.recall), _text(rates.f1)]


def _text(figure: Figure) -> str:
    return "-" if isnan(figure.value) else f"{figure:.3f} n {figure.n:,}"


def _plain(figures: Figures, leaves: tuple[str, ...]) -> dict[str, Any]:
    named = zip(leaves, figures.leaves, strict=True)
    return {
        "micro": _rates(figures.micro),
        "macro_f1": _bounds(figures.macro),
        "same_leaves": _bounds(figures.same),
        "leaves": [{"leaf": leaf, **_rates(rates)} for leaf, rates in named],
    }


def _rates(rates: Rates) -> dict[str, Any]:
    return {
        "n": rates.n,
        "suggested": rates.said,
        "hits": rates.hits,
        "precision": _bounds(rates.precision),
        "recall": _bounds(rates.recall),
        "f1": _bounds(rates.f1),
    }


def _bounds(figure: Figure) -> dict[str, float | int | None]:
    value = None if isnan(figure.value) else figure.value
    return {
        "value": value,
        "low": figure.low,
        "high": figure.high,
        "n": figure.n,
        "sessions": figure.sessions,
    }
