"""Bring tasks into a project of Label Studio, each exactly once, however often the command is killed and run.

report = push(store, studio, project=3, tasks=store.tasks("attention"), taxonomy=load("attention"))
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from filelock import FileLock

from xundan.errors import Refused
from xundan.labeling.records import Suggestion, Task
from xundan.labeling.store import Store
from xundan.labeling.studio.client import Studio
from xundan.labeling.studio.ledger import Found, reconcile
from xundan.labeling.studio.sending import SETTLES_S, Sender
from xundan.labeling.studio.task_data import task_data
from xundan.progress import Begin, silent
from xundan.taxonomy.trees import Taxonomy

BATCH = 400


@dataclass(frozen=True)
class PushReport:
    """What a push did: tasks brought in, there already, deleted in the project before (and left so), doubles
    removed, and the seconds that it took."""

    pushed: int
    already: int
    gone: int
    doubles: int
    seconds: float

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.pushed / self.seconds if self.seconds else 0.0


def push(
    store: Store,
    studio: Studio,
    project: int,
    tasks: Sequence[Task],
    taxonomy: Taxonomy,
    *,
    suggestions: Mapping[str, Suggestion] | None = None,
    again: bool = False,
    batch: int = BATCH,
    settles_s: float = SETTLES_S,
    begin: Begin = silent,
) -> PushReport:
    """Bring the tasks in, with their prediction or, where there is one, the suggestion of their key.

    A task that stands in the project is left as it is; one that was deleted there stays so, unless ``again``.
    Of two pushes from one store one waits. Run after a crash, it goes on where it was. Raises `BadInput`
    where the server is silent or refuses, `Refused` where it answers without taking the tasks.
    """
    began = time.monotonic()
    new = {task.key: task for task in tasks}
    with FileLock(store.folder / "push.lock"):
        sender = Sender(store, studio, project, settles_s)
        sender.settle()
        before = reconcile(store, studio, project)
        skipped = before.present if again else before.present | before.gone
        keys = [key for key in new if key not in skipped]
        sender.send(
            keys,
            lambda key: task_data(new[key], taxonomy, (suggestions or {}).get(key)),
            after=max(before.standing, default=0),
            batch=batch,
            advance=begin("push", len(keys)),
        )
        after = reconcile(store, studio, project) if keys else before
    _check(keys, after)
    return PushReport(
        pushed=len(keys),
        already=len(before.present & new.keys()),
        gone=0 if again else len(before.gone & new.keys()),
        doubles=len(before.doubles) + (len(after.doubles) if keys else 0),
        seconds=time.monotonic() - began,
    )


def _check(keys: Iterable[str], after: Found) -> None:
    missing = set(keys) - after.present
    if missing:
        raise Refused(
            f"{len(missing)} tasks were taken and do not stand in the project any more",
            do="run the same command with --again if nobody deleted them on purpose",
        )
