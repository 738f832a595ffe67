"""A real Label Studio: 200 messages go in once, two people answer, everything they do comes back.

pytest tests/labeling/test_studio_round.py        (starts Label Studio; minutes)
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks import labeling as benchmark
from tests.labeling.own_tasks import LEAVES, session_task
from tests.labeling.real_studio import (
    TASKS,
    Make,
    annotate,
    answered,
    answers,
    assert_once,
    result,
    standing,
)
from xundan.labeling.store import Store
from xundan.labeling.studio.access import Access
from xundan.labeling.studio.client import connect, library
from xundan.labeling.studio.pull import pull
from xundan.labeling.studio.push import push
from xundan.taxonomy.trees import load

pytestmark = [pytest.mark.slow, pytest.mark.studio]


def test_200_messages_two_people_there_and_back(
    own_store: Store, access: Access, annotators: tuple[Access, Access], studio_project: Make
) -> None:
    project = studio_project("attention")
    studio = connect(access)
    assert push(own_store, studio, project, TASKS, load("attention")).pushed == 200
    assert push(own_store, studio, project, TASKS, load("attention")).pushed == 0
    assert_once(own_store, access, project)
    predictions = library(access).predictions.list(project=project)
    assert len(predictions) == 200
    assert {row.model_version for row in predictions} == {"attention-test-1"}

    numbers = sorted(row.task for row in own_store.pushed(project))
    first = annotate(annotators[0], numbers, seed=1)
    annotate(annotators[1], numbers[:60], seed=2)
    report = pull(own_store, studio, project, taxonomy_version="1")
    assert (report.tasks, report.read, report.new) == (200, 200, 260)
    assert answers(own_store) == answered(access, project)
    by = Counter(one.by for one in own_store.annotations())
    assert by == {annotators[0].email: 200, annotators[1].email: 60}
    assert {one.seconds for one in own_store.annotations()} == {3.0, 4.0, 5.0, 6.0, 7.0}
    assert pull(own_store, studio, project).new == 0
    assert_changes_follow(own_store, access, annotators[0], project, first)


def assert_changes_follow(
    own_store: Store, access: Access, person: Access, project: int, first: dict[int, str]
) -> None:
    """Change, skip and delete answers, delete a task and take another's key away; pull it all."""
    numbers, studio = sorted(first), connect(access)
    of_task = {number: task["annotations"] for number, task in standing(access, project).items()}
    client = library(person)
    changed, skipped, deleted, task_deleted, renamed = numbers[-5:]
    new_leaf = next(leaf for leaf in LEAVES if leaf != first[changed])
    client.annotations.update(of_task[changed][0]["id"], result=[result(new_leaf)])
    client.annotations.update(of_task[skipped][0]["id"], was_cancelled=True)
    client.annotations.delete(of_task[deleted][0]["id"])
    library(access).tasks.delete(str(task_deleted))
    library(access).tasks.update(
        str(renamed), data={**standing(access, project)[renamed]["data"], "xundan_key": ""}
    )
    client.annotations.update(of_task[renamed][0]["id"], result=[result(LEAVES[0]), result(LEAVES[1])])

    report = pull(own_store, studio, project)
    assert (report.tasks, report.new, report.withdrawn, report.strangers) == (199, 0, 3, 0)
    found = {one.id: one for one in own_store.annotations()}
    assert len(found) == 260
    one = found[f"studio:{project}:{of_task[changed][0]['id']}"]
    assert (one.leaves, one.history) == ((new_leaf,), ((first[changed],),))
    for number in (skipped, deleted, task_deleted):
        assert found[f"studio:{project}:{of_task[number][0]['id']}"].withdrawn
    assert found[f"studio:{project}:{of_task[renamed][0]['id']}"].leaves == (LEAVES[0], LEAVES[1])
    assert push(own_store, studio, project, TASKS, load("attention")).gone == 1


def test_a_session_there_and_back(
    own_store: Store, access: Access, annotators: tuple[Access, Access], studio_project: Make
) -> None:
    project, task, loss = studio_project("loss"), session_task(), load("loss")
    own_store.add_tasks([task])
    push(own_store, connect(access), project, [task], loss)
    first, second = loss.leaves[0], loss.leaves[-1]

    def item(name: str, kind: str, value: list[Any]) -> dict[str, Any]:
        return {"from_name": name, "to_name": "text", "type": kind, "value": {kind: value}}

    library(annotators[0]).annotations.create(
        own_store.pushed(project)[0].task,
        result=[
            item("primary", "taxonomy", [[first.group, first.id]]),
            item("secondary", "taxonomy", [[second.group, second.id]]),
            item("stage", "choices", ["stage_negotiate"]),
            item("evidence", "choices", ["t2"]),
        ],
    )
    pull(own_store, connect(access), project)
    (found,) = own_store.annotations("loss")
    assert found.leaves == (first.id, second.id)
    assert (found.stage, found.evidence) == ("stage_negotiate", ("t2",))


def test_the_benchmark_deals_with_every_task(
    studio_home: Path, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "OVERLAP", timedelta(0))
    steps = benchmark.measure(studio_home, access, 30)
    assert [(step.step, step.done) for step in steps] == [
        ("push", 30),
        ("push again", 30),
        ("pull", 30),
        ("pull again", 30),
    ]
    assert all(step.rate > 0 for step in steps)
