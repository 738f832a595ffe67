"""What is labelled, as rows that a data set is made of, and what is not, counted by reason.

collected = collect(store, load("attention"), settle(store, "attention"))
collected.tasks == len(collected.rows) + sum(collected.left.values())
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xundan.chats.masking import mask
from xundan.chats.text import ROLE_MARKS
from xundan.labeling.agreement.votes import adjudicated, is_adjudication
from xundan.labeling.freeze.session_label import session_record
from xundan.labeling.records import Annotation, Task
from xundan.labeling.settle import Settled
from xundan.labeling.store import Store
from xundan.labeling.studio.moves import moved_leaves
from xundan.taxonomy.trees import Taxonomy

CONTEXT_TURNS = 2
"""Previous turns a row keeps: as many as the models read."""
UNDECIDED, UNREADABLE, DECISION, TAG = "undecided", "unreadable", "decision", "tag"
NO_ANSWER = "no answer"
TWICE = "the same message again"
_MARKS = {role: f"{mark[1]}:" for role, mark in ROLE_MARKS.items()}
# What an id is cut at: the parts of an id must not hold them.
_ESCAPES = str.maketrans({"%": "%25", "#": "%23", "~": "%7E"})


@dataclass(frozen=True)
class Row:
    """One labelled reading. ``session`` and ``buyer`` (None: not known) are what a split must not cut.

    ``id``: ``shop:session#message``; ``part``: the purpose it was drawn for; ``weight``: how many of the pool
    it stands for; ``record``: the line of labels.jsonl; ``version``: of the taxonomy it was labelled under
    ("" where it was not noted). A session's ``text`` is all of it, one turn a line.
    """

    id: str
    key: str
    session: str
    buyer: str | None
    text: str
    context: tuple[str, ...]
    labels: tuple[str, ...]
    source: str
    part: str
    how: str
    weight: float | None
    record: Mapping[str, Any]
    version: str = ""

    @property
    def natural(self) -> bool:
        """Whether the row was drawn at random and labelled by a person: what one may measure on."""
        return self.part == "random" and self.source == "human"


@dataclass(frozen=True)
class Collected:
    """``tasks`` of the tree = ``rows`` + those left out, by reason (``left``); ``problems`` forbid freezing.

    ``drawn``: the tasks by purpose.
    """

    rows: tuple[Row, ...]
    tasks: int
    drawn: Mapping[str, int]
    left: Mapping[str, int]
    problems: tuple[str, ...]


def collect(
    store: Store, taxonomy: Taxonomy, settled: Sequence[Settled], migration: Mapping[str, str] | None = None
) -> Collected:
    """The settled tasks of a tree as rows sorted by id, all text masked (once more).

    ``migration``: old leaf ids to new ones (empty: nothing moved), applied to labels given under another
    version of the taxonomy; without it such labels are a problem, as is a leaf that the taxonomy does not
    have.
    """
    tasks = {task.key: task for task in store.tasks(taxonomy.tree) if not is_adjudication(task.key)}
    answers, judged = answers_of(store, taxonomy.tree), adjudicated(store)
    final = {one.key: one for one in settled if one.key in tasks}
    left: Counter[str] = Counter()
    left[NO_ANSWER] = len(tasks) - len(final)
    check = _Versions(taxonomy, migration)
    rows: dict[str, Row] = {}
    twice: Counter[str] = Counter()
    for key, one in final.items():
        if one.how in (UNDECIDED, UNREADABLE):
            left[one.how] += 1
            continue
        behind = _behind(one, answers.get(key, ()), judged.get(key))
        version, moved = check.moves(tasks[key], one, behind)
        leaves = check.leaves(one, moved)
        said = [replace(answer, leaves=moved_leaves(answer.leaves, moved)) for answer in behind]
        row = replace(row_of(tasks[key], leaves, said, one.how), version=version)
        if rows.setdefault(row.id, row) is not row:  # the same message, read with more or fewer turns
            left[TWICE] += 1
            twice[row.id] += set(rows[row.id].labels) != set(leaves)
    problems = [*check.problems(), *(f"{name} stands twice, with other leaves" for name in +twice)]
    ordered = tuple(rows[name] for name in sorted(rows))
    drawn = Counter(task.purpose for task in tasks.values())
    return Collected(ordered, len(tasks), drawn, dict(+left), tuple(problems))


def answers_of(store: Store, tree: str) -> Mapping[str, list[Annotation]]:
    """The annotations that stand, by task; of several of one person the latest."""
    latest = {(one.key, one.source, one.by): one for one in store.annotations(tree) if not one.withdrawn}
    answers: dict[str, list[Annotation]] = defaultdict(list)
    for one in latest.values():
        answers[one.key].append(one)
    return answers


def _behind(final: Settled, answers: Sequence[Annotation], judged: Annotation | None) -> Sequence[Annotation]:
    """The answers that final leaves were taken from: the adjudicator's, people's, or where there are none
    tags; a tag beside people's answers has no say, and neither has who was unsure."""
    if final.how == DECISION and judged is not None:
        return [judged]
    found = [
        one
        for one in answers
        if (one.source == "human") == (final.how != TAG) and one.leaves and not (one.unsure or one.unreadable)
    ]
    return found or answers


def row_of(task: Task, leaves: tuple[str, ...], answers: Sequence[Annotation], how: str) -> Row:
    """A task with its final leaves, as training reads it."""
    turns = [f"{_MARKS[turn.role]}{mask(turn.text)}" for turn in task.turns]
    text, context = mask(task.text), tuple(turns[-CONTEXT_TURNS:])
    if task.is_session:
        text, context = "\n".join(turns), ()
    name, source = row_id(task), _source(answers, how)
    said: dict[str, Any] = {"source": source, "part": task.purpose}
    if task.weight is not None:
        said["weight"] = round(task.weight, 3)
    record = (
        {**session_record(task, leaves, answers), **said}
        if task.is_session
        else {"id": name, **said, "context": list(context), "text": text, "labels": list(leaves)}
    )
    return Row(
        name,
        task.key,
        task.session_id,
        task.buyer,
        text,
        context,
        leaves,
        source,
        task.purpose,
        how,
        task.weight,
        record,
    )


def row_id(task: Task) -> str:
    """``shop:session#message``, of a session ``shop:session``; what would cut an id is written as %23."""
    session = f"{(task.shop or 'chat').translate(_ESCAPES)}:{task.session_id.translate(_ESCAPES)}"
    return session if task.message_id is None else f"{session}#{task.message_id.translate(_ESCAPES)}"


def _source(answers: Sequence[Annotation], how: str) -> str:
    """``human`` where a person labelled or decided; else what the label was taken from (agent_tag …)."""
    sources = {one.source for one in answers}
    return "human" if how == DECISION or not sources or "human" in sources else min(sources)


class _Versions:
    """Move leaves to the taxonomy's version, and remember what cannot be moved."""

    def __init__(self, taxonomy: Taxonomy, migration: Mapping[str, str] | None) -> None:
        self.taxonomy, self.migration = taxonomy, migration
        self.known = {leaf.id for leaf in taxonomy.leaves}
        self.older: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    def moves(
        self, task: Task, final: Settled, behind: Sequence[Annotation]
    ) -> tuple[str, Mapping[str, str]]:
        """The version of the answers ``behind`` that the final leaves were taken from, and what of them moves
        to which leaf."""
        versions = {one.taxonomy_version or task.taxonomy_version or "" for one in behind}
        older = versions - {self.taxonomy.version, ""}
        current = self.taxonomy.version if self.taxonomy.version in versions else ""
        if older and self.migration is None:
            self.older.update(older)
        moved = self.migration or {} if older else {}
        if final.how == DECISION:  # it may be in the newer words already, which must not be moved once more
            moved = {leaf: to for leaf, to in moved.items() if leaf not in self.known}
        return ", ".join(sorted(older)) or current, moved

    def leaves(self, final: Settled, moved: Mapping[str, str]) -> tuple[str, ...]:
        """The final leaves in the taxonomy's words."""
        leaves = moved_leaves(final.leaves, moved)
        self.unknown.update(leaf for leaf in leaves if leaf not in self.known)
        return leaves

    def problems(self) -> list[str]:
        now = f"{self.taxonomy.tree} {self.taxonomy.version}"
        said = [
            f"{n:,} rows were labelled under version {version}, the taxonomy is {now}: "
            "give --migration old-to-new.yaml, or --nothing-moved if every leaf still means the same"
            for version, n in sorted(self.older.items())
        ]
        return said + [
            f"{n:,} rows have the leaf {leaf!r}, which {now} does not have"
            for leaf, n in sorted(self.unknown.items())
        ]
