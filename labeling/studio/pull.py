"""Fetch what people answered in a project of Label Studio; only what changed since the last time is read.

report = pull(store, studio, project=3, taxonomy_version="2")

An answer given anew keeps the earlier one in its history, as far as a pull saw it (the open edition of Label
Studio keeps none). A skipped or deleted annotation, and one whose task was deleted, stays, marked withdrawn.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from xundan.errors import BadInput
from xundan.labeling.records import Annotation
from xundan.labeling.store import Store
from xundan.labeling.studio.client import DETAILED, Standing, Studio
from xundan.labeling.studio.ledger import Found, look, note
from xundan.labeling.studio.results import answer_of
from xundan.progress import Begin, silent

OVERLAP = timedelta(minutes=2)
"""How old a change must be to count as seen by a pull: a server takes a moment to show what it wrote."""


@dataclass(frozen=True)
class PullReport:
    """What a pull found: tasks in the project and those of them read; annotations new, changed, withdrawn and
    left as they were (of the tasks read); tasks without our key, and tasks that stand there twice."""

    tasks: int
    read: int
    new: int
    changed: int
    withdrawn: int
    same: int
    strangers: int
    doubles: int
    seconds: float

    @property
    def rate(self) -> float:
        """Tasks read a second."""
        return self.read / self.seconds if self.seconds else 0.0


def pull(
    store: Store,
    studio: Studio,
    project: int,
    *,
    taxonomy_version: str | None = None,
    begin: Begin = silent,
) -> PullReport:
    """Bring the annotations of a project into the store, by e-mail address of who made them.

    ``taxonomy_version`` is kept with each new answer. Can be killed and repeated: an annotation is replaced
    under its id ("studio:PROJECT:NUMBER"), and the next pull begins where the last *finished* one began.
    Who had an account once keeps the address, also when the account is no more. Raises `BadInput` where the
    numbers belong to another Label Studio than before.
    """
    began, now = time.monotonic(), datetime.now(UTC)
    found = look(store, studio, project)
    note(store, project, found.keys)
    merge = _Merge(store, project, taxonomy_version, studio.people())
    groups = _changed(found, merge.live(), _since(store, project))
    advance = begin("pull", sum(map(len, groups.values())))
    for keys, tasks in _chunks(groups):
        merge.take(keys, studio.annotations(project, tasks) if tasks else {}, found.keys)
        advance(len(tasks))
    if found.standing:
        # Not the newest stamp alone: it may come from the future (a bulk action in another time zone), and
        # what was written while the project was read may be older than it.
        newest = max(one.updated_at for one in found.standing.values())
        store.put_note(_name(project), min(newest, now - OVERLAP).isoformat())
    return PullReport(
        tasks=len(found.standing),
        read=sum(map(len, groups.values())),
        new=merge.counts["new"],
        changed=merge.counts["changed"],
        withdrawn=merge.counts["withdrawn"],
        same=merge.counts["same"],
        strangers=len(found.strangers),
        doubles=len(found.doubles),
        seconds=time.monotonic() - began,
    )


def _name(project: int) -> str:
    return f"studio:pulled:{project}"


def _since(store: Store, project: int) -> datetime | None:
    text = store.note(_name(project))
    return datetime.fromisoformat(text) if text else None


def _changed(found: Found, live: Mapping[str, int], since: datetime | None) -> dict[str, list[int]]:
    """The keys that may have changed, with their tasks: touched since, or with another number of answers than
    is known (a key may stand twice; of a deleted task there are none)."""
    tasks: dict[str, list[int]] = {}
    for task, key in found.keys.items():
        tasks.setdefault(key, []).append(task)

    def differs(key: str, rows: Sequence[Standing]) -> bool:
        answers = sum(row.annotations for row in rows)
        touched = since is None or any(row.updated_at >= since for row in rows)
        any_answer = answers or live.get(key) or any(row.cancelled for row in rows)
        return answers != live.get(key, 0) or bool(touched and any_answer)

    groups = {key: rows for key, rows in tasks.items() if differs(key, [found.standing[row] for row in rows])}
    return groups | {key: [] for key in live if key not in tasks}


def _chunks(groups: Mapping[str, list[int]]) -> Iterator[tuple[list[str], list[int]]]:
    keys: list[str] = []
    tasks: list[int] = []
    for key, rows in groups.items():
        keys.append(key)
        tasks += rows
        if len(tasks) >= DETAILED:
            yield keys, tasks
            keys, tasks = [], []
    if keys:
        yield keys, tasks


class _Merge:
    """Puts what was read beside what is known."""

    def __init__(
        self, store: Store, project: int, taxonomy_version: str | None, people: Mapping[int, str]
    ) -> None:
        self._store, self._version, self._people = store, taxonomy_version, people
        self._prefix = f"studio:{project}:"
        mine = (one for one in store.annotations() if one.id.startswith(self._prefix))
        self._known = {one.id: one for one in mine}
        self._of_key: dict[str, list[str]] = {}
        for one in self._known.values():
            self._of_key.setdefault(one.key, []).append(one.id)
        self.counts: Counter[str] = Counter()

    def live(self) -> dict[str, int]:
        """How many answers are known of each key, withdrawn ones left out."""
        return Counter(one.key for one in self._known.values() if not one.withdrawn)

    def take(
        self, keys: Iterable[str], tasks: Mapping[int, Iterable[Mapping[str, Any]]], key_of: Mapping[int, str]
    ) -> None:
        """Take over the annotations of these keys' tasks, all in one write."""
        write: list[Annotation] = []
        seen: set[str] = set()
        for task, rows in tasks.items():
            for row in rows:
                now = self._annotation(row, key_of[task])
                seen.add(now.id)
                write += self._beside_known(now)
        for key in keys:
            for one in (self._known[known] for known in self._of_key.get(key, [])):
                if one.id not in seen and not one.withdrawn:
                    write.append(replace(one, withdrawn=True))
                    self.counts["withdrawn"] += 1
        self._store.put_annotations(write)

    def _annotation(self, row: Mapping[str, Any], key: str) -> Annotation:
        answer = answer_of(row["result"] or [])
        name = f"{self._prefix}{row['id']}"
        return Annotation(
            id=name,
            key=key,
            by=self._person(row, self._known.get(name)),
            leaves=answer.leaves,
            at=datetime.fromisoformat(row["updated_at"]),
            stage=answer.stage,
            evidence=answer.evidence,
            unsure=answer.unsure,
            unreadable=answer.unreadable,
            seconds=row["lead_time"],
            comment=answer.comment,
            taxonomy_version=self._version,
            withdrawn=bool(row["was_cancelled"]),
        )

    def _person(self, row: Mapping[str, Any], before: Annotation | None) -> str:
        """Who answered: the address as long as there is an account, else as it was known, else a number (with
        the account goes the number too: two such people must not become one)."""
        person = row["completed_by"]
        if person in self._people:
            return self._people[person]
        if before is not None:
            return before.by
        return f"user {person}" if person is not None else f"user of answer {row['id']}"

    def _beside_known(self, now: Annotation) -> list[Annotation]:
        """What to write of an annotation: it, it with the earlier answer in its history, or nothing."""
        before = self._known.get(now.id)
        if before is None:
            self.counts["withdrawn" if now.withdrawn else "new"] += 1
            return [now]
        if before.key != now.key:
            raise BadInput(
                "an annotation belongs to another task than before",
                got=f"{now.id} of {now.key}, known as an answer to {before.key}",
                expected="the Label Studio that this store was used with",
                do="was its data folder replaced? Then use a new store: --home",
            )
        history = before.history if before.leaves == now.leaves else (*before.history, before.leaves)
        merged = replace(now, history=history)
        # With the same seconds no person touched it: a change of the taxonomy stamped it anew.
        if replace(merged, at=before.at, taxonomy_version=before.taxonomy_version) == before:
            self.counts["same"] += 1
            return []
        self.counts["withdrawn" if merged.withdrawn and not before.withdrawn else "changed"] += 1
        return [merged]
