"""Where the labeling stands: tasks by tree, batch and purpose, answers, disputed, decided.

for line in status(store): print(line.tree, line.batch, line.purpose, line.tasks, line.people)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from xundan.labeling.agreement.votes import is_adjudication, read_votes, standing_decisions
from xundan.labeling.settle import How, settle
from xundan.labeling.store import Store
from xundan.labeling.tag_sources import NO_TASK


@dataclass(frozen=True)
class Line:
    """The tasks of one draw and purpose.

    ``people``: tasks that 0, 1, 2, and 3 or more people answered; the four add up to ``tasks``. ``disputed``
    wait for a decision, ``decided`` have one, ``usable`` have final leaves.
    """

    tree: str
    batch: str
    purpose: str
    tasks: int
    people: tuple[int, int, int, int]
    disputed: int
    decided: int
    usable: int


@dataclass(frozen=True)
class Loose:
    """Answers that stand in no line: adjudicators' answers, tags of messages that are no task (``tags``), and
    human answers to tasks the store does not have (``strangers``)."""

    adjudication: int
    tags: int
    strangers: int


def status(store: Store) -> list[Line]:
    """One line a tree, batch and purpose, in the order in which their first tasks were added."""
    places = {
        task.key: (task.tree, task.batch, task.purpose)
        for task in store.tasks()
        if not is_adjudication(task.key)
    }
    people: dict[tuple[str, str, str], Counter[int]] = defaultdict(Counter)
    ends: dict[tuple[str, str, str], Counter[How]] = defaultdict(Counter)
    usable: Counter[tuple[str, str, str]] = Counter()
    decided = Counter(places[one.key] for one in standing_decisions(store) if one.key in places)
    for tree in dict.fromkeys(place[0] for place in places.values()):
        votes = read_votes(store, tree)
        for key in votes.tasks:
            people[places[key]][min(len(votes.by_task.get(key, ())), 3)] += 1
        for one in settle(store, tree):
            ends[places[one.key]][one.how] += 1
            usable[places[one.key]] += bool(one.leaves)
    return [
        Line(
            *place,
            tasks=people[place].total(),
            people=(people[place][0], people[place][1], people[place][2], people[place][3]),
            disputed=ends[place]["undecided"],
            decided=decided[place],
            usable=usable[place],
        )
        for place in dict.fromkeys(places.values())
    ]


def loose(store: Store) -> Loose:
    """What was answered beside the tasks of the store."""
    keys = {task.key for task in store.tasks()}
    beside = [one for one in store.annotations() if one.key not in keys or is_adjudication(one.key)]
    adjudication = sum(is_adjudication(one.key) for one in beside)
    tags = sum(one.source != "human" or one.key.startswith(NO_TASK) for one in beside)
    return Loose(adjudication, tags, len(beside) - adjudication - tags)
