"""The final word on each task that anybody answered, and where it comes from.

final = settle(store, "attention")
print(counts(final, tasks=len(store.tasks("attention"))))

In this order: a decision; all who named leaves agree; of three or more who do not, a set of leaves that both
the majority and Dawid-Skene arrive at; else undecided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from xundan.labeling.agreement.poll import Poll, poll, secondary
from xundan.labeling.agreement.votes import Vote, dispute_of, read_votes, standing_decisions
from xundan.labeling.records import Annotation, Task
from xundan.labeling.store import Store

How = Literal["decision", "agreement", "vote", "single", "tag", "unreadable", "undecided"]
"""``agreement``: two or more people named the same leaves; ``single``: one person, nobody else; ``vote``:
three or more differ, but majority and Dawid-Skene agree; ``tag``: no person, but an agent or quality checker;
``unreadable``: all who answered say 看不懂, or it was decided that no leaf fits; ``undecided``: it
waits for a decision."""


@dataclass(frozen=True)
class Settled:
    """The final leaves of a task (of a session the primary first), none where it has none; ``votes``: how
    many people named leaves."""

    key: str
    leaves: tuple[str, ...]
    how: How
    votes: int


def settle(store: Store, tree: str, tags: bool = False) -> list[Settled]:
    """Every task of a tree that was answered or decided, in the order of the tasks.

    ``tags``: also tasks that no person answered while an agent or a quality checker tagged them; their word
    is weaker, so it is taken only when asked for, and only where all tags of the task agree.
    """
    votes = read_votes(store, tree)
    decided = {one.key: one.leaves for one in standing_decisions(store) if one.key in votes.tasks}
    polls = poll(votes)
    tagged = _tagged(store, tree) if tags else {}
    found = []
    for key, task in votes.tasks.items():
        given = votes.by_task.get(key, ())
        if key in decided:
            how: How = "decision" if decided[key] else "unreadable"
            found.append(Settled(key, decided[key], how, len(votes.labels(key))))
        elif given:
            found.append(_of_votes(task, given, polls.get(key)))
        elif key in tagged:
            found.append(Settled(key, tagged[key], "tag", 0))
    return found


def counts(final: Sequence[Settled], tasks: int) -> dict[str, int]:
    """How many tasks are settled in each way; with ``unanswered`` they add up to ``tasks``."""
    found = Counter(one.how for one in final)
    return {**{how: found[how] for how in get_args(How)}, "unanswered": tasks - len(final)}


def _of_votes(task: Task, given: Sequence[Vote], found: Poll | None) -> Settled:
    labels = [vote for vote in given if vote.kind == "labels"]
    dispute = dispute_of(given, task)
    if dispute is None and not labels:
        return Settled(task.key, (), "unreadable", 0)
    if dispute is None:
        how: How = "agreement" if len(labels) >= 2 else "single"
        return Settled(task.key, _agreed(labels, task), how, len(labels))
    if found and found.alike:
        return Settled(task.key, found.majority, "vote", len(labels))
    return Settled(task.key, (), "undecided", len(labels))


def _agreed(labels: Sequence[Vote], task: Task) -> tuple[str, ...]:
    """The leaves of people who agree; of a session with them the secondary ones that more than half name."""
    if not task.is_session or len(labels) == 1:
        return labels[0].leaves
    return (labels[0].leaves[0], *secondary(labels, labels[0].leaves[0]))


def _tagged(store: Store, tree: str) -> dict[str, tuple[str, ...]]:
    """The leaves of the tasks whose tags all say the same, of a session also as the primary one."""
    whole = {task.key for task in store.tasks(tree) if task.is_session}
    tags: dict[str, list[Annotation]] = defaultdict(list)
    for one in store.annotations(tree):
        if one.source != "human" and not one.withdrawn and one.leaves:
            tags[one.key].append(one)
    return {
        key: ones[0].leaves
        for key, ones in tags.items()
        if len({(one.leaves[0] if key in whole else "", frozenset(one.leaves)) for one in ones}) == 1
    }
