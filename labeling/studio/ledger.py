"""What stands in a project of Label Studio, held against what the store knows of it.

found = reconcile(store, studio, project=3)      # found.keys[17] == "0f3a…"

Every task carries its key in ``data.xundan_key``. The ledger (`Store.pushed`) says under which number a key
was seen; where the two differ, the project is read and the ledger follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xundan.labeling.store import Pushed, Store
from xundan.labeling.studio.client import Standing, Studio
from xundan.labeling.studio.task_data import KEY


@dataclass(frozen=True)
class Found:
    """A project as it is. ``keys``: of each task of ours, by its number; ``strangers``: tasks without a key;
    ``gone``: keys that stood there once and were deleted; ``doubles``: tasks removed, or to be removed."""

    standing: Mapping[int, Standing]
    keys: Mapping[int, str]
    strangers: tuple[int, ...]
    gone: frozenset[str]
    doubles: tuple[int, ...]

    @property
    def present(self) -> frozenset[str]:
        """The keys that stand there."""
        return frozenset(self.keys.values())


def look(store: Store, studio: Studio, project: int) -> Found:
    """Read what stands there; changes nothing."""
    known = {row.task: row.key for row in store.pushed(project)}
    standing = {one.task: one for page in studio.standing(project) for one in page}
    unknown = [task for task in standing if task not in known]
    keys = {task: key for task, key in known.items() if task in standing} | keys_of(studio, project, unknown)
    return Found(
        standing=standing,
        keys=keys,
        strangers=tuple(task for task in unknown if task not in keys),
        gone=frozenset(known.values()) - frozenset(keys.values()),
        doubles=superfluous(keys, standing),
    )


def reconcile(store: Store, studio: Studio, project: int) -> Found:
    """`look`, then remove the doubles and bring the ledger up to date; whatever interrupts it, the next call
    ends in the same state."""
    found = look(store, studio, project)
    keys = dict(found.keys)
    if found.doubles:
        studio.remove_untouched(project, found.doubles)
        for task in set(found.doubles) - studio.data(project, found.doubles).keys():
            del keys[task]
    note(store, project, keys)
    standing = {task: one for task, one in found.standing.items() if task in keys or task in found.strangers}
    return Found(standing, keys, found.strangers, found.gone, found.doubles)


def superfluous(keys: Mapping[int, str], standing: Mapping[int, Standing]) -> tuple[int, ...]:
    """The tasks to remove where a key stands more than once: kept are those that somebody answered, or, where
    nobody did, the one with the lowest number."""
    together: dict[str, list[int]] = {}
    for task in sorted(keys):
        together.setdefault(keys[task], []).append(task)
    remove: list[int] = []
    for tasks in together.values():
        answered = [task for task in tasks if standing[task].annotations + standing[task].cancelled]
        keep = answered or tasks[:1]
        remove += [task for task in tasks if task not in keep]
    return tuple(remove)


def note(store: Store, project: int, keys: Mapping[int, str]) -> None:
    """Write new numbers into the ledger; a key that stands twice keeps the number it has there."""
    before = {row.key: row.task for row in store.pushed(project)}
    first: dict[str, int] = {}
    for task in sorted(keys):
        first.setdefault(keys[task], task)
    moved = [(key, task) for key, task in first.items() if keys.get(before.get(key, 0)) != key]
    store.put_pushed(Pushed(key, project, task) for key, task in moved)


def keys_of(studio: Studio, project: int, tasks: list[int]) -> dict[int, str]:
    """The keys in the data of these tasks; a task without one is left out."""
    found = studio.data(project, tasks) if tasks else {}
    return {task: str(data[KEY]) for task, data in found.items() if data.get(KEY)}
