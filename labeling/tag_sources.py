"""Tags that agents set while serving (客服打标), and those of quality checkers, as a source of their own.

taken = import_tags(store, Path("客服打标.xlsx"), load("attention"), places=places_of(pool.candidates))
print(*taken.sentences(), sep="\\n")

They are weaker than what people label with the guideline before them, so they never count as human answers.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from xundan.chats.masking import mask
from xundan.errors import BadInput
from xundan.labeling.agreement.votes import is_adjudication
from xundan.labeling.records import Annotation, Source
from xundan.labeling.store import Store
from xundan.labeling.studio.config import labels_sessions
from xundan.labeling.tag_file import Rejected, Row, read_tags
from xundan.labeling.tag_names import TagNames, Unknown
from xundan.taxonomy.trees import Taxonomy

NO_TASK = "place:"
"""What the key of a tag begins with while no task or message of the pool is known for it."""
_SOURCES = ("agent_tag", "qa_import")
_MOST_SAID = 10

Place = tuple[str, str | None]
"""A session, or a message of it."""


class Reading(Protocol):
    """What can be labelled, such as a task or a candidate of the pool."""

    @property
    def key(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def message_id(self) -> str | None: ...


@dataclass(frozen=True)
class TagsTaken:
    """What an import did: ``rows`` = ``taken`` + ``rejected``; the rows became ``annotations`` (several tags
    of one person on one message are one), of these ``new``, ``changed`` and ``same`` as before.

    ``with_leaf`` and ``without``: annotations that have a leaf, and that only have tags nobody mapped (kept
    in their comment) or that are ignored. ``unplaced``: annotations whose message is not known yet.
    """

    source: Source
    rows: int
    taken: int
    rejected: tuple[Rejected, ...]
    annotations: int
    new: int
    changed: int
    same: int
    with_leaf: int
    without: int
    unplaced: int
    unknown: tuple[Unknown, ...]

    def sentences(self) -> list[str]:
        """What a person should hear of it; every count adds up."""
        said = [
            f"{self.rows:,} rows = {self.taken:,} taken + {len(self.rejected):,} rejected",
            f"{self.annotations:,} {self.source} answers = {self.new:,} new + {self.changed:,} changed + "
            f"{self.same:,} as before; {self.with_leaf:,} with a leaf, {self.without:,} without",
        ]
        if self.unplaced:
            said.append(f"{self.unplaced:,} belong to no task or message of the pool yet; they are kept")
        if self.unknown:
            rows = sum(one.rows for one in self.unknown)
            said.append(f"{len(self.unknown):,} tags ({rows:,} times) have no leaf; they are kept as text:")
        said += [
            f"  {one.tag} ({one.rows:,}): nearest {one.nearest} {one.nearest_name}"
            for one in self.unknown[:_MOST_SAID]
        ]
        return said + [f"  rejected {one.where}: {one.reason}" for one in self.rejected[:_MOST_SAID]]


def import_tags(
    store: Store,
    path: Path,
    taxonomy: Taxonomy,
    source: Source = "agent_tag",
    mapping: Path | None = None,
    places: Mapping[Place, str] | None = None,
    now: datetime | None = None,
) -> TagsTaken:
    """Read a table of tags (.csv .xlsx .jsonl .parquet) into the store. Can be repeated, also with a fuller
    ``mapping`` (see `TagNames`): an answer is replaced under its id, the earlier leaves go to its history.

    ``places``: the keys of what can be labelled (see `places_of`), beside the tasks in the store; other tags
    wait for a later import or `link_tags`. A row without a time gets ``now``. `BadInput` for another source,
    and for a file without the columns (see `read_tags`).
    """
    if source not in _SOURCES:
        raise BadInput("not a source of tags", got=source, expected=" or ".join(_SOURCES))
    rows, rejected = read_tags(path)
    names, keys = TagNames.of(taxonomy, mapping), _keys(store, taxonomy.tree, places or {})
    known = {one.id: one for one in store.annotations()}
    job = _Job(taxonomy, source, names, keys, known, now or datetime.now(UTC))
    groups = _grouped(rows, labels_sessions(taxonomy)).items()
    found = [job.annotation(*place, rows_of_one) for place, rows_of_one in groups]
    kinds = Counter(job.kind(one) for one in found)
    store.put_annotations(one for one in found if job.kind(one) != "same")
    return TagsTaken(
        source=source,
        rows=len(rows) + len(rejected),
        taken=len(rows),
        rejected=rejected,
        annotations=len(found),
        new=kinds["new"],
        changed=kinds["changed"],
        same=kinds["same"],
        with_leaf=sum(bool(one.leaves) for one in found),
        without=sum(not one.leaves for one in found),
        unplaced=sum(one.key.startswith(NO_TASK) for one in found),
        unknown=_unknown(rows, names),
    )


def places_of(readings: Iterable[Reading]) -> dict[Place, str]:
    """The keys of tasks or of candidates of the pool, by session and message."""
    return {(one.session_id, one.message_id): one.key for one in readings}


def link_tags(store: Store, tree: str, places: Mapping[Place, str] | None = None) -> int:
    """Give tags that were imported before their message was known its key; returns how many were linked."""
    keys = _keys(store, tree, places or {})
    waiting = {_unplaced(tree, place): key for place, key in keys.items()}
    linked = [replace(one, key=waiting[one.key]) for one in store.annotations() if one.key in waiting]
    store.put_annotations(linked)
    return len(linked)


@dataclass(frozen=True)
class _Job:
    """What the answers of one import are made with."""

    taxonomy: Taxonomy
    source: Source
    names: TagNames
    keys: Mapping[Place, str]
    known: Mapping[str, Annotation]
    now: datetime

    def annotation(self, session: str, message: str | None, by: str, rows: Sequence[Row]) -> Annotation:
        """All that one person said of one message or session, beside what they had said before."""
        tree = self.taxonomy.tree
        digest = hashlib.blake2b(json.dumps([tree, session, message, by]).encode(), digest_size=8).hexdigest()
        before = self.known.get(f"{self.source}:{digest}")
        times = [row.at for row in rows if row.at is not None]
        leaves = (self.names.leaf(tag) for row in rows for tag in row.tags)
        said = tuple(dict.fromkeys(leaf for leaf in leaves if leaf))
        history = before.history if before else ()
        if before and before.leaves and before.leaves != said:
            history = (*history, before.leaves)
        evidence = (row.message_id for row in rows if row.message_id is not None and message is None)
        return Annotation(
            id=f"{self.source}:{digest}",
            key=self.keys.get((session, message))
            or (before.key if before else _unplaced(tree, (session, message))),
            by=by or self.source,
            leaves=said,
            at=max(times) if times else before.at if before else self.now,
            source=self.source,
            evidence=tuple(dict.fromkeys(evidence)),
            comment=mask("；".join(dict.fromkeys(tag for row in rows for tag in row.tags))),
            taxonomy_version=self.taxonomy.version,
            history=history,
        )

    def kind(self, one: Annotation) -> str:
        """Whether an answer is new, changed or the same as before."""
        before = self.known.get(one.id)
        if before is None:
            return "new"
        return "same" if replace(before, taxonomy_version=one.taxonomy_version) == one else "changed"


def _keys(store: Store, tree: str, places: Mapping[Place, str]) -> dict[Place, str]:
    """The keys by place: what can be labelled, and above all what is a task. A message that stands in one
    session alone also has its key under no session."""
    tasks = [task for task in store.tasks(tree) if not is_adjudication(task.key)]
    keys = {**places, **places_of(tasks)}
    sessions = Counter(message for _, message in keys)
    alone: dict[Place, str] = {
        ("", message): key for (_, message), key in keys.items() if message and sessions[message] == 1
    }
    return {**keys, **alone}


def _grouped(rows: Sequence[Row], by_session: bool) -> dict[tuple[str, str | None, str], list[Row]]:
    """The rows of one person about one message, or in a tree of sessions about one session."""
    groups: dict[tuple[str, str | None, str], list[Row]] = defaultdict(list)
    for row in rows:
        message = None if by_session and row.session_id else row.message_id
        groups[row.session_id or "", message, row.by].append(row)
    return groups


def _unplaced(tree: str, place: Place) -> str:
    return f"{NO_TASK}{tree}:{json.dumps(place, ensure_ascii=False)}"


def _unknown(rows: Sequence[Row], names: TagNames) -> tuple[Unknown, ...]:
    """The tags that nothing maps, the most frequent first."""
    seen: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for tag in row.tags:
            if not names.knows(tag):
                seen[tag].append(row)
    ordered = sorted(seen.items(), key=lambda found: (-len(found[1]), found[0]))
    return tuple(
        Unknown(mask(tag), len(where), where[0].message_id or where[0].session_id or "", *names.nearest(tag))
        for tag, where in ordered
    )
