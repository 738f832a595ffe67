"""How far a language model agrees with people, leaf by leaf, beside our own model on the same rows.

for comparison in compare(store, load("attention")): print(comparison.suggested.micro.f1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xundan.errors import BadInput
from xundan.labeling.agreement.figures import Figure
from xundan.labeling.agreement.votes import is_adjudication
from xundan.labeling.records import PURPOSES, Suggestion, Task
from xundan.labeling.settle import settle
from xundan.labeling.store import Store
from xundan.labeling.suggest.figures import Figures, Flags, difference, measure
from xundan.taxonomy.trees import Taxonomy

Leaves = tuple[str, ...]
NO_SUGGESTION = "without a suggestion"


@dataclass(frozen=True)
class Ours:
    """Both on the rows that our model scored: ``figures`` is ours, ``suggested`` the language model's;
    ``micro`` and ``macro``: the language model's F1 minus ours, over the same resamples."""

    versions: tuple[str, ...]
    figures: Figures
    suggested: Figures
    micro: Figure
    macro: Figure


@dataclass(frozen=True)
class Comparison:
    """One model with one prompt version. ``counts`` adds up to ``answered``, the tasks that people answered
    (of the purpose, where one was asked for); ``leaves`` are the columns of the figures; ``random``: how many
    of the compared are of the unbiased draw; ``yuan`` and ``tokens``: what their suggestions have cost."""

    tree: str
    model: str
    prompt_version: str
    answered: int
    counts: Mapping[str, int]
    leaves: Leaves
    suggested: Figures
    ours: Ours | None
    random: int
    yuan: float | None
    tokens: int


def compare(
    store: Store,
    taxonomy: Taxonomy,
    *,
    model: str | None = None,
    purpose: str | None = None,
) -> list[Comparison]:
    """One comparison for each model and prompt version that suggested leaves for tasks that people settled,
    the latest first. ``purpose`` "random" keeps the unbiased draw alone. `BadInput` where there is nothing to
    compare."""
    if purpose is not None and purpose not in PURPOSES:
        raise BadInput("unknown purpose", got=purpose, expected=", ".join(PURPOSES), where="--purpose")
    tasks = {
        task.key: task
        for task in store.tasks(taxonomy.tree)
        if not is_adjudication(task.key) and purpose in (None, task.purpose)
    }
    truth, left = _truth(store, taxonomy.tree, tasks)
    found: dict[tuple[str, str], dict[str, Suggestion]] = {}
    for one in sorted(store.suggestions(), key=lambda one: one.at, reverse=True):
        if one.key in truth and model in (None, one.model):
            found.setdefault((one.model, one.prompt_version), {})[one.key] = one
    if not found:
        raise BadInput(
            "nothing to compare",
            got=f"{len(truth)} tasks settled by people, none with a suggestion",
            do="ask about them: xundan label suggest --which labelled",
            where=str(store.folder),
        )
    return [_comparison(taxonomy, name, ones, truth, left, tasks) for name, ones in found.items()]


def _truth(store: Store, tree: str, tasks: Mapping[str, Task]) -> tuple[dict[str, Leaves], Counter[str]]:
    """The leaves that people settled, by key, and how many answered tasks have none, by reason."""
    final = [one for one in settle(store, tree) if one.key in tasks]
    truth = {one.key: one.leaves for one in final if one.leaves}
    return truth, Counter(one.how for one in final if not one.leaves)


def _comparison(
    taxonomy: Taxonomy,
    name: tuple[str, str],
    suggestions: Mapping[str, Suggestion],
    truth: Mapping[str, Leaves],
    left: Counter[str],
    tasks: Mapping[str, Task],
) -> Comparison:
    rows = [tasks[key] for key in suggestions]
    real = [truth[task.key] for task in rows]
    said = [suggestions[task.key].leaves for task in rows]
    columns = _columns(taxonomy, [*real, *said, *map(_predicted, rows)])
    prices = [one.price for one in suggestions.values() if one.price is not None]
    counts = {"compared": len(rows), NO_SUGGESTION: len(truth) - len(rows), **dict(sorted(left.items()))}
    return Comparison(
        tree=taxonomy.tree,
        model=name[0],
        prompt_version=name[1],
        answered=sum(counts.values()),
        counts={reason: count for reason, count in counts.items() if count},
        leaves=columns,
        suggested=_figures(rows, real, said, columns),
        ours=_ours(rows, real, said, columns),
        random=sum(task.purpose == "random" for task in rows),
        yuan=sum(prices) if len(prices) == len(rows) else None,
        tokens=sum(
            int(one.details.get(kind, 0))
            for one in suggestions.values()
            for kind in ("tokens_in", "tokens_out")
        ),
    )


def _ours(
    rows: Sequence[Task], truth: Sequence[Leaves], said: Sequence[Leaves], columns: Leaves
) -> Ours | None:
    scored = [index for index, task in enumerate(rows) if task.predicted]
    if not scored:
        return None
    some, real = [rows[index] for index in scored], [truth[index] for index in scored]
    theirs = _figures(some, real, [said[index] for index in scored], columns)
    ours = _figures(some, real, [_predicted(task) for task in some], columns)
    return Ours(
        versions=tuple(sorted({task.model_version or "unknown" for task in some})),
        figures=ours,
        suggested=theirs,
        micro=difference(theirs.micro.f1, theirs.micro_draws, ours.micro.f1, ours.micro_draws),
        macro=difference(theirs.macro, theirs.macro_draws, ours.macro, ours.macro_draws),
    )


def _predicted(task: Task) -> Leaves:
    return tuple(leaf for leaf, _ in task.predicted)


def _columns(taxonomy: Taxonomy, chosen: Sequence[Leaves]) -> Leaves:
    """The leaves that anyone chose, in the tree's order; those the tree no longer has come last."""
    some = {leaf for leaves in chosen for leaf in leaves}
    known = tuple(leaf.id for leaf in taxonomy.leaves if leaf.id in some)
    return known + tuple(sorted(some - set(known)))


def _figures(
    rows: Sequence[Task], truth: Sequence[Leaves], said: Sequence[Leaves], columns: Leaves
) -> Figures:
    sessions = [f"{task.shop or ''}:{task.session_id}" for task in rows]
    return measure(_matrix(truth, columns), _matrix(said, columns), sessions)


def _matrix(chosen: Sequence[Leaves], columns: Leaves) -> Flags:
    column = {leaf: index for index, leaf in enumerate(columns)}
    matrix = np.zeros((len(chosen), len(columns)), dtype=bool)
    for row, leaves in enumerate(chosen):
        matrix[row, [column[leaf] for leaf in leaves]] = True
    return matrix
