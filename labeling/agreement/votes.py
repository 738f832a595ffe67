"""The answers that stand: of each task the latest human one of each person, and what was left out, counted.

votes = read_votes(store, "attention")
print(votes.counts)                            # every annotation of the tree is in exactly one of them
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xundan.labeling.records import Annotation, Decision, Task
from xundan.labeling.store import Store

Kind = Literal["labels", "unsure", "unreadable", "empty"]
Dispute = Literal["differ", "unsure", "unreadable"]
ADJUDICATION = "adjudicate."
"""What the key of an adjudication task begins with; the key of the disputed task follows."""


@dataclass(frozen=True)
class Vote:
    """One person's standing answer to one task.

    ``kind``: only "labels" is counted as a label; 不确定, 看不懂 and an answer without a leaf are counted by
    themselves. ``changed``: the person had answered otherwise before.
    """

    key: str
    by: str
    kind: Kind
    leaves: tuple[str, ...]
    seconds: float | None = None
    comment: str | None = None
    changed: bool = False


@dataclass(frozen=True)
class Counts:
    """Where each annotation of a tree went: ``annotations`` is the sum of all the others."""

    annotations: int
    labels: int
    unsure: int
    unreadable: int
    empty: int
    superseded: int
    withdrawn: int
    agent_tag: int
    qa_import: int


@dataclass(frozen=True)
class Votes:
    """The tasks of a tree by key, the standing votes of those that have any, and the counts."""

    tree: str
    tasks: Mapping[str, Task]
    by_task: Mapping[str, tuple[Vote, ...]]
    counts: Counts

    def labels(self, key: str) -> tuple[Vote, ...]:
        """The votes of a task that name leaves."""
        return tuple(vote for vote in self.by_task.get(key, ()) if vote.kind == "labels")


def read_votes(store: Store, tree: str) -> Votes:
    """Read a tree's votes. Of several answers of one person to one task the latest stands: people answer a
    task twice where it stands in two projects, or where they press 提交 again."""
    tasks = {task.key: task for task in store.tasks(tree) if not is_adjudication(task.key)}
    found = [one for one in store.annotations(tree) if one.key in tasks]
    human = [one for one in found if one.source == "human" and not one.withdrawn]
    latest = {(one.key, one.by): one for one in human}  # they come by time: the last one stays
    earlier = defaultdict(list)
    for one in human:
        earlier[one.key, one.by].append(one)
    by_task: dict[str, list[Vote]] = defaultdict(list)
    for place, one in latest.items():
        by_task[one.key].append(_vote(one, earlier[place]))
    votes = {key: tuple(sorted(by_task[key], key=lambda v: v.by)) for key in tasks if key in by_task}
    kinds = [vote.kind for several in votes.values() for vote in several]
    return Votes(tree, tasks, votes, _counts(found, kinds, len(human) - len(latest)))


def is_adjudication(key: str) -> bool:
    """Whether a task or annotation belongs to the adjudication of another."""
    return key.startswith(ADJUDICATION)


def adjudicated(store: Store) -> dict[str, Annotation | None]:
    """By the key of the disputed task, the adjudicators' latest answer, None where all are withdrawn."""
    found = [one for one in store.annotations() if one.source == "human" and is_adjudication(one.key)]
    keys = [one.key.removeprefix(ADJUDICATION) for one in found]
    standing = {key: one for key, one in zip(keys, found, strict=True) if not one.withdrawn}
    return {key: standing.get(key) for key in keys}


def decides(answer: Annotation) -> bool:
    """Whether an adjudicator's answer decides: it names leaves for sure, or says 看不懂 (that none fits)."""
    return answer.unreadable or bool(answer.leaves and not answer.unsure)


def standing_decisions(store: Store) -> list[Decision]:
    """The decisions that were not taken back: an adjudicator who withdraws the answer, or changes it to
    不确定, opens the dispute again."""
    answers = adjudicated(store)
    back = {key for key, answer in answers.items() if answer is None or not decides(answer)}
    return [one for one in store.decisions() if one.key not in back]


def chosen(vote: Vote, task: Task) -> tuple[str, ...]:
    """The leaves on which people are compared leaf by leaf: of a message all, of a session the primary."""
    return vote.leaves[:1] if task.is_session else vote.leaves


def dispute_of(votes: Sequence[Vote], task: Task) -> Dispute | None:
    """Whether a task is disputed, and why. This is the one rule, for agreement, adjudication and settling.

    "differ": two people name other leaves (of a session: another primary leaf). Where all leaves named are
    the same, 不确定 or 看不懂 beside them leaves the task open unless two people named them; an answer
    without leaves counts as 不确定. If all who answered say 看不懂, that is settled and no dispute.
    """
    labels = [vote for vote in votes if vote.kind == "labels"]
    if len({frozenset(chosen(vote, task)) for vote in labels}) > 1:
        return "differ"
    others = {vote.kind for vote in votes} - {"labels"}
    if not others or len(labels) >= 2 or (others == {"unreadable"} and not labels):
        return None
    return "unreadable" if others == {"unreadable"} else "unsure"


def _vote(one: Annotation, given: Sequence[Annotation]) -> Vote:
    before = [*one.history, *(other.leaves for other in given if other is not one)]
    return Vote(
        one.key,
        one.by,
        _kind(one),
        tuple(dict.fromkeys(one.leaves)),
        one.seconds,
        one.comment,
        changed=any(set(leaves) != set(one.leaves) for leaves in before),
    )


def _kind(one: Annotation) -> Kind:
    if one.unreadable:
        return "unreadable"
    if one.unsure:
        return "unsure"
    return "labels" if one.leaves else "empty"


def _counts(found: Sequence[Annotation], kinds: Iterable[Kind], superseded: int) -> Counts:
    standing = list(kinds)
    others = [one.source for one in found if one.source != "human" and not one.withdrawn]
    return Counts(
        annotations=len(found),
        labels=standing.count("labels"),
        unsure=standing.count("unsure"),
        unreadable=standing.count("unreadable"),
        empty=standing.count("empty"),
        superseded=superseded,
        withdrawn=sum(one.withdrawn for one in found),
        agent_tag=others.count("agent_tag"),
        qa_import=others.count("qa_import"),
    )
