"""A task of ours as Label Studio imports it: what is read, our key, and the leaves filled in beforehand.

row = task_data(task, load("attention"))      # {"data": {"xundan_key": …}, "predictions": [...]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xundan.labeling.records import Suggestion, Task
from xundan.labeling.studio.config_parts import (
    MOST_SECONDARY,
    OBJECT,
    PRIMARY,
    QUICK,
    SECONDARY,
    no_key,
)
from xundan.labeling.studio.task_html import filled_html, message_html, session_head, session_turns
from xundan.taxonomy.trees import UNGROUPED, Taxonomy

KEY = "xundan_key"
UNREAD = (KEY, "dialogue", "head", "turns", "model")
"""Columns of ``data`` that nobody reads in a list of tasks."""
SUGGESTED = "suggestion:"
"""With this begins the version of a prediction that a language model proposed."""


def task_data(task: Task, taxonomy: Taxonomy, suggestion: Suggestion | None = None) -> dict[str, Any]:
    """One row for the import of Label Studio; the same task gives the same row.

    ``data``: the key, what the page shows, and columns to filter by. ``predictions``: none, or one with the
    leaves of ``task.predicted`` (its score is that of the least certain leaf) or, where one is given, those
    of ``suggestion`` (no score; its version begins with `SUGGESTED`). A leaf that the taxonomy does not
    know is not filled in.
    """
    scores: dict[str, float | None] = dict(task.predicted)
    version = task.model_version or "unknown"
    if suggestion is not None:
        scores = dict.fromkeys(suggestion.leaves)
        version = f"{SUGGESTED}{suggestion.model}/{suggestion.prompt_version}"
    leaves = fitting(scores, taxonomy, task.is_session)
    shown = [(taxonomy.leaf(leaf).name, scores[leaf]) for leaf in leaves]
    data = {KEY: task.key, "text": task.text, **_read(task)}
    data["model"] = filled_html(shown, suggested=suggestion is not None)
    columns = {
        "item": task.item,
        "shop": task.shop,
        "purpose": task.purpose,
        "batch": task.batch,
        "why": task.why,
    }
    data |= {name: value or "" for name, value in columns.items()}
    if not leaves:
        return {"data": data, "predictions": []}
    prediction: dict[str, Any] = {"model_version": version}
    known = [score for leaf in leaves if (score := scores[leaf]) is not None]
    if known:
        prediction["score"] = min(known)
    prediction["result"] = filled_in(task.key, leaves, taxonomy, task.is_session)
    return {"data": data, "predictions": [prediction]}


def fitting(leaves: Sequence[str] | dict[str, Any], taxonomy: Taxonomy, session: bool) -> list[str]:
    """Those that can be filled in, in their order: known ones, each once; of a session the first three."""
    known = {leaf.id for leaf in taxonomy.leaves}
    kept = [leaf for leaf in dict.fromkeys(leaves) if leaf in known]
    return kept[: 1 + MOST_SECONDARY] if session else kept


def filled_in(key: str, leaves: Sequence[str], taxonomy: Taxonomy, session: bool) -> list[dict[str, Any]]:
    """The result items that show these leaves: of a message ticked boxes, of a session the first as the
    primary loss point and the others as secondary ones."""
    if not session:
        return [_result(key, QUICK, "choices", list(leaves))]
    paths = [path(taxonomy, leaf) for leaf in leaves]
    results = [_result(key, PRIMARY, "taxonomy", paths[:1])]
    return [*results, _result(key, SECONDARY, "taxonomy", paths[1:])] if len(paths) > 1 else results


def path(taxonomy: Taxonomy, leaf_id: str) -> list[str]:
    """A leaf's place in the tree of the page: [group id, leaf id]; in a tree without groups [leaf id]."""
    group = taxonomy.group_of(leaf_id).id
    return [leaf_id] if group == UNGROUPED else [group, leaf_id]


def _read(task: Task) -> dict[str, Any]:
    if not task.is_session:
        return {"dialogue": message_html(task)}
    # An id is its own value: were the text the value, "2" could be taken for the message with the id 2.
    turns = [
        {"value": message_id, "html": html, "hotkey": no_key(number)}
        for number, (message_id, html) in enumerate(session_turns(task))
    ]
    return {"head": session_head(task), "turns": turns}


def _result(key: str, name: str, kind: str, value: list[Any]) -> dict[str, Any]:
    return {
        "id": f"{key}-{name}",
        "from_name": name,
        "to_name": OBJECT,
        "type": kind,
        "value": {kind: value},
    }
