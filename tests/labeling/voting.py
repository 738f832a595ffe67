"""Votes written down briefly, as a store: what each person answered to each task.

fill(store, {"k1": "ann:fee ann2:fee,time", "k2": "ann:? ann2:!"})      # ? 不确定, ! 看不懂, nothing: no leaf
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from xundan.labeling.records import Annotation, Task, Turn
from xundan.labeling.store import Store
from xundan.taxonomy.trees import Exclusion, Leaf, Taxonomy, from_leaves

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
NAMES = {"fee": "运费", "time": "发货时间", "size": "尺码", "stock": "库存", "thanks": "寒暄"}
TREE: Taxonomy = from_leaves(
    "parcel",
    [
        Leaf(
            leaf,
            name,
            leaf.title(),
            "all",
            includes=("包邮",) if leaf == "fee" else (),
            excludes=(Exclusion("无"),),
        )
        for leaf, name in NAMES.items()
    ],
    version="7",
)


def task(key: str, session: str | None = None, whole: bool = False, **more: Any) -> Task:
    """A message task of its own session; ``whole``: a session task."""
    turns = (Turn("m1", "buyer", f"在吗 {key}"), Turn("m2", "agent", "在的亲"))
    basis = Task(
        key=key,
        tree=TREE.tree,
        session_id=session or f"s-{key}",
        message_id=None if whole else f"m-{key}",
        shop="杂货铺",
        buyer=None,
        text="" if whole else f"到云南要加钱吗 {key}",
        turns=turns,
        batch="w10",
    )
    return Task(**{**vars(basis), **more})


def annotation(key: str, said: str, number: int = 0, **more: Any) -> Annotation:
    """ "ann:fee,time" as an annotation, one minute after the one numbered before."""
    by, _, what = said.partition(":")
    leaves = tuple(part for part in what.split(",") if part not in ("", "?", "!"))
    basis = Annotation(
        id=f"studio:1:{key}-{number}",
        key=key,
        by=by,
        leaves=leaves,
        at=AT + timedelta(minutes=number),
        unsure="?" in what,
        unreadable="!" in what,
    )
    return Annotation(**{**vars(basis), **more})


def fill(
    store: Store, said: Mapping[str, str], sessions: Mapping[str, str] | None = None, whole: bool = False
) -> None:
    """Add a task for each key and its annotations."""
    store.add_tasks(task(key, (sessions or {}).get(key), whole) for key in said)
    store.put_annotations(
        annotation(key, one, number) for key, line in said.items() for number, one in enumerate(line.split())
    )
