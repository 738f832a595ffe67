"""A project follows its taxonomy: what was labelled under leaves that moved is then labelled under the new.

done = migrate(client, number, load("attention"), {"price_bulk": "price_bargain"}); print(done.left)

Every step can be repeated: after a crash the same call ends in the same state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xundan.labeling.store import Store
from xundan.labeling.studio.config import hotkeys_in, labeling_config, leaves_in, most_common
from xundan.labeling.studio.moves import Moves, moved_leaves, moved_result, named_in, plan
from xundan.labeling.studio.task_data import KEY
from xundan.progress import Begin, silent
from xundan.taxonomy.trees import Taxonomy

if TYPE_CHECKING:
    from label_studio_sdk import LabelStudio

AGAIN: Any = {"max_retries": 5}
"""For calls to Label Studio that do no harm when they are made twice."""
_PAGE = 100
_BY_NUMBER = '{"ordering": ["tasks:id"]}'


@dataclass(frozen=True)
class Migration:
    """What was done.

    ``annotations`` and ``predictions``: how many were rewritten. ``left``: for each leaf that is no more but
    still named by annotations or drafts, the keys of their tasks; they keep it, seen under 已停用, until a
    person chooses another.
    """

    moves: Moves
    annotations: int = 0
    predictions: int = 0
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def migrate(
    client: LabelStudio,
    number: int,
    taxonomy: Taxonomy,
    moved: Mapping[str, str],
    *,
    first: Sequence[str] = (),
    begin: Begin = silent,
) -> Migration:
    """Bring a project's configuration and answers to a taxonomy.

    ``moved``: old leaf ids to new ones. ``first``: the leaves to have keys from now on; without, each keeps
    its key. A leaf that went nowhere is offered, as 已停用, for as long as an answer names it. `BadInput`
    before anything is changed, where ``moved`` does not lead to a leaf.
    """
    project = client.projects.get(number, request_options=AGAIN)
    config = project.label_config or ""
    offered = leaves_in(config)
    moves = plan(offered, taxonomy, moved)
    keys = tuple(first) or _kept_keys(config, taxonomy, moves.to)
    if not moves.any:
        _put_config(client, number, config, labeling_config(taxonomy, keys))
        return Migration(moves)
    known = {leaf.id for leaf in taxonomy.leaves}
    names = {leaf: shown.name for leaf, shown in offered.items() if leaf not in known}
    # From here to the end the page knows old and new leaves, so that a crash hides no answer.
    between = labeling_config(taxonomy, keys, names)
    _put_config(client, number, config, between)
    annotations, predictions, left = _rewrite(client, number, taxonomy, moves.to, begin)
    retired = {leaf: names.get(leaf, leaf) for leaf in left}
    _put_config(client, number, between, labeling_config(taxonomy, keys, retired))
    return Migration(moves, annotations, predictions, left)


def move_store(store: Store, taxonomy: Taxonomy, to: Mapping[str, str]) -> int:
    """Put the annotations, decisions and suggestions that the store holds for this tree into the newer words;
    returns how many changed. Earlier answers of an annotation (its history) stay as they were given."""
    if not to:
        return 0
    tree = taxonomy.tree
    annotations = [
        replace(one, leaves=moved_leaves(one.leaves, to), taxonomy_version=taxonomy.version)
        for one in store.annotations(tree)
        if to.keys() & set(one.leaves)
    ]
    store.put_annotations(annotations)
    keys = {task.key for task in store.tasks(tree)}
    decisions = [
        replace(one, leaves=moved_leaves(one.leaves, to))
        for one in store.decisions()
        if one.key in keys and to.keys() & set(one.leaves)
    ]
    store.put_decisions(decisions)
    suggestions = [
        replace(one, leaves=moved_leaves(one.leaves, to))
        for one in store.suggestions()
        if one.key in keys and to.keys() & set(one.leaves)
    ]
    store.put_suggestions(suggestions)
    return len(annotations) + len(decisions) + len(suggestions)


def _kept_keys(config: str, taxonomy: Taxonomy, to: Mapping[str, str]) -> tuple[str, ...]:
    """The leaves with a key as they are now, in the newer words; freed keys go to the next leaves."""
    known = {leaf.id for leaf in taxonomy.leaves}
    keyed = moved_leaves(hotkeys_in(config), to)
    count = len(most_common({}, taxonomy))
    kept = [leaf for leaf in keyed if leaf in known]
    spare = [leaf.id for leaf in taxonomy.leaves if leaf.id not in kept]
    return tuple([*kept, *spare][:count])


def _put_config(client: LabelStudio, number: int, now: str, wanted: str) -> None:
    if now != wanted:
        client.projects.update(number, label_config=wanted, request_options=AGAIN)


def _rewrite(
    client: LabelStudio, number: int, taxonomy: Taxonomy, to: Mapping[str, str], begin: Begin
) -> tuple[int, int, dict[str, tuple[str, ...]]]:
    """Rewrite every answer and prediction that changes; how many of each, and who names what is no more."""
    known = {leaf.id for leaf in taxonomy.leaves}
    left: dict[str, dict[str, None]] = {}
    annotations = predictions = 0
    advance = begin("migrate", client.projects.get(number, request_options=AGAIN).task_number or 0)
    listing: Any = client.tasks.list(
        project=number, fields="all", query=_BY_NUMBER, page_size=_PAGE, request_options=AGAIN
    )
    for task in listing:
        named: set[str] = set()
        for annotation in task.annotations or ():
            result = moved_result(annotation["result"], taxonomy, to)
            if result != annotation["result"]:
                # Its person may have changed it since the page was read.
                now = client.annotations.get(annotation["id"], request_options=AGAIN).result or []
                result = moved_result(now, taxonomy, to)
                client.annotations.update(annotation["id"], result=result, request_options=AGAIN)
                annotations += 1
            named |= named_in(result)
        for prediction in task.predictions or ():
            result = moved_result(prediction.result, taxonomy, to)
            if result != prediction.result:
                client.predictions.update(prediction.id, result=result, request_options=AGAIN)
                predictions += 1
        # A draft is somebody's unfinished work and stays as it is: its leaves stay to be seen.
        for draft in task.drafts or ():
            named |= named_in(draft["result"])
        for leaf in sorted(named - known):
            left.setdefault(leaf, {})[str(task.data.get(KEY, task.id))] = None
        advance(1)
    return annotations, predictions, {leaf: tuple(keys) for leaf, keys in left.items()}
