"""What the tests ask of a real Label Studio: what stands in it, and that people answer.

annotate(person, [1, 2, 3], seed=0); assert answers(store) == answered(access, project)
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.labeling.own_tasks import LEAVES, message_tasks
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import connect, library

TASKS = message_tasks(200)
KEYS = sorted(task.key for task in TASKS)
Make = Callable[[str], int]


def standing(access: Access, project: int) -> dict[int, dict[str, Any]]:
    """Every task of the project with its data and annotations, as the server has it."""
    studio = connect(access)
    numbers = [one.task for page in studio.standing(project) for one in page]
    answers = studio.annotations(project, numbers)
    return {
        number: {"data": data, "annotations": answers[number]}
        for number, data in studio.data(project, numbers).items()
    }


def assert_once(store: Store, access: Access, project: int) -> None:
    """Every key stands exactly once, and the ledger says so."""
    there = standing(access, project)
    assert sorted(task["data"]["xundan_key"] for task in there.values()) == KEYS
    assert {row.task: row.key for row in store.pushed(project)} == {
        number: task["data"]["xundan_key"] for number, task in there.items()
    }


def annotate(person: Access, tasks: Sequence[int], seed: int) -> dict[int, str]:
    """One person answers the tasks; which leaf each got."""
    client, rng = library(person), random.Random(seed)
    chosen = {number: rng.choice(LEAVES) for number in tasks}

    def answer(number: int) -> None:
        client.annotations.create(
            number,
            result=[result(chosen[number])],
            lead_time=3.0 + number % 5,
            request_options={"max_retries": 0},
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(answer, tasks))
    return chosen


def result(leaf: str) -> dict[str, Any]:
    return {
        "id": f"r-{leaf}",
        "from_name": "quick",
        "to_name": "text",
        "type": "choices",
        "value": {"choices": [leaf]},
    }


def answers(store: Store) -> Counter[tuple[str, str, tuple[str, ...]]]:
    """Who answered which task how, of the store."""
    return Counter((one.key, one.by, one.leaves) for one in store.annotations() if not one.withdrawn)


def answered(access: Access, project: int) -> Counter[tuple[str, str, tuple[str, ...]]]:
    """The same, of the server."""
    people = connect(access).people()
    return Counter(
        (
            task["data"]["xundan_key"],
            people[row["completed_by"]],
            tuple(row["result"][0]["value"]["choices"]),
        )
        for task in standing(access, project).values()
        for row in task["annotations"]
        if not row["was_cancelled"]
    )
